"""Write the generated parts of the documentation.

    python docs/generate.py               tables of the READMEs, and the networks' table that `decanet models` prints
    python docs/generate.py reference     docs/reference: the help of all commands, and the Python interface
    python docs/generate.py course        the numbers of the course, from results, counts and facts
    python docs/generate.py experiments   docs/experiments.md and its Chinese version, with their figures
    python docs/generate.py images        images in docs/images that need no training
    python docs/generate.py images RUN    also those of a finished run, for instance of `decanet train quick`

tests/test_readme.py, test_experiments_page.py and test_reference_pages.py fail where a file differs from what this
would write.
"""

import json
import sys
from pathlib import Path
from typing import Any

from decanet.anatomy import table as models_table
from decanet.core.files import write_json
from decanet.core.plotting import save_figure
from decanet.core.texts import Texts
from decanet.experiments.measured import FILE as MEASURED
from decanet.experiments.measured import measured
from decanet.experiments.report import build_markdown, figure_of, outcomes, progress, summary
from decanet.experiments.report import markdown_table as markdown_rows
from decanet.lineage.table import markdown_table
from decanet.lineage.timeline import lineage
from decanet.training.recipes import load_recipe

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
COURSE_NUMBERS = ROOT / "src" / "decanet" / "course" / "numbers.json"
WHOLE_RUN = "benchmarks/results/tutorial_bf16-seed0.json"
READMES = {"README.md": "en", "README.zh.md": "zh"}
EXPERIMENTS = {"docs/experiments.md": ("en", ""), "docs/experiments.zh.md": ("zh", "-zh")}
TEXTS = {
    "en": {
        "head": "| recipe | seeds | test accuracy | training time | whole command | speed-up over the tutorial |",
        "about": (
            "Means over the seeds (± standard deviation), {date}, {processor}, {threads} threads, torch {torch}; "
            "the whole training time, data cached. The tutorial's step, float32, took {step:.0f} ms there: "
            "{tutorial:.0f} minutes for its ten epochs, extrapolated from {timed} steps timed between the trainings."
        ),
        "whole": (
            "`tutorial_bf16` is the tutorial's own recipe, AlexNet for 32x32 images, in bfloat16 arithmetic. Run "
            "whole on the same machine, it reached **{accuracy:.2f}%** in {seconds:.0f} s (seed {seed}; `{file}`): "
            "{ratios}."
        ),
        "ratio": "{times:.0f} times as long as `{recipe}`",
        "comma": ", ",
    },
    "zh": {
        "head": "| 配方 | 随机种子数 | 测试准确率 | 训练时间 | 端到端耗时 | 相对教程配方的加速 |",
        "about": (
            "各随机种子的平均值（± 标准差），{date}，{processor}，{threads} 线程，torch {torch}；"
            "时间是完整的训练时间，数据已缓存。教程的训练步（float32）在同一机器上每步 {step:.0f} 毫秒，"
            "十轮约 {tutorial:.0f} 分钟，由各次训练之间测得的 {timed} 步外推。"
        ),
        "whole": (
            "`tutorial_bf16` 就是教程自己的配方（用于 32x32 图像的 AlexNet），采用 bfloat16 运算。"
            "在同一机器上完整运行一次，用 {seconds:.0f} 秒达到 **{accuracy:.2f}%**（随机种子 {seed}；`{file}`），"
            "所用时间{ratios}。"
        ),
        "ratio": "是 `{recipe}` 的 {times:.0f} 倍",
        "comma": "、",
    },
}


def speed_table(language: str) -> str:
    """Return the newest result of ``decanet benchmark train`` as a table with its conditions."""
    # Until November 2026 the files were called training-DATE.json.
    paths = sorted([*RESULTS.glob("training-*.json"), *RESULTS.glob("*-train.json")])
    measured = max((json.loads(path.read_text(encoding="utf-8")) for path in paths), key=lambda m: m["date"])
    texts = TEXTS[language]
    lines = [texts["head"], "|---|---:|---:|---:|---:|---:|"]
    for recipe, s in measured["summary"].items():
        std = "" if s["test_top1_pct_std"] is None else f" ± {s['test_top1_pct_std']:.2f}"
        accuracy = f"{s['test_top1_pct_mean']:.2f}{std} %"
        times = f"{s['train_seconds_mean']:.1f} s | {s['shell_seconds_mean']:.1f} s"
        lines.append(
            f"| `{recipe}` | {s['seeds']} | {accuracy} | {times} | {s['times_faster_than_tutorial']:.0f} × |"
        )
    environment, tutorial = measured["environment"], measured["tutorial"]
    about = texts["about"].format(
        date=measured["date"],
        processor=environment["processor"],
        threads=environment["threads"],
        torch=environment["torch"],
        step=1000 * tutorial["step_seconds_median"],
        tutorial=tutorial["extrapolated_seconds"] / 60,
        timed=tutorial["timed_steps"],
    )
    return "\n".join(lines) + f"\n\n{about}\n\n{_whole_run(texts, measured)}\n"


def _whole_run(texts: dict[str, str], measured: dict[str, Any]) -> str:
    """Return the accuracy and time of the one whole training by the tutorial's recipe, beside the others."""
    result = json.loads((ROOT / WHOLE_RUN).read_text(encoding="utf-8"))
    times = {
        name: result["train_seconds"] / s["train_seconds_mean"] for name, s in measured["summary"].items()
    }
    # "1 times as long" would say nothing.
    ratios = [
        texts["ratio"].format(recipe=name, times=ratio) for name, ratio in times.items() if ratio >= 1.5
    ]
    return texts["whole"].format(
        accuracy=100 * result["test_top1"],
        seconds=result["train_seconds"],
        seed=result["seed"],
        file=WHOLE_RUN,
        ratios=texts["comma"].join(ratios),
    )


def generated(name: str, text: str) -> str:
    """Return a README's ``text`` with its generated parts written anew."""
    language = READMES[name]
    parts = {
        "speed": speed_table(language),
        "experiments": experiments_table(language),
        "lineage": markdown_table(lineage()),
    }
    for part, content in parts.items():
        begin, end = f"<!-- {part}:begin -->\n", f"<!-- {part}:end -->"
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        text = before + begin + content + end + after
    return text


def course_numbers() -> dict[str, str]:
    """Return the numbers that the chapters of the course insert, by key."""
    from decanet.core import facts

    measured = json.loads(max(RESULTS.glob("*-train.json")).read_text(encoding="utf-8"))
    numbers = {
        "tutorial.step": f"{1000 * measured['tutorial']['step_seconds_median']:.0f}",
        "tutorial.minutes": f"{measured['tutorial']['extrapolated_seconds'] / 60:.0f}",
    }
    for name, s in measured["summary"].items():
        numbers[f"{name}.accuracy"] = f"{s['test_top1_pct_mean']:.1f}"
        numbers[f"{name}.std"] = f"{s['test_top1_pct_std']:.2f}"
        seconds = s["train_seconds_mean"]
        numbers[f"{name}.seconds"] = f"{seconds:.1f}" if seconds < 100 else f"{seconds:,.0f}"
    counted = {row["name"]: row for row in models_table.table()}
    macs = {run["recipe"]: run["macs"] for run in measured["runs"]}
    epochs = load_recipe("tutorial").epochs / load_recipe("flash").epochs
    numbers["flash.speedup"] = f"{measured['summary']['flash']['times_faster_than_tutorial']:.0f}"
    numbers["flash.fewer_macs"] = f"{counted['alexnet_cifar']['macs'] / macs['flash']:.0f}"
    numbers["flash.fewer_images"] = f"{epochs:.0f}"
    two_tower = json.loads((RESULTS / "two_tower.json").read_text(encoding="utf-8"))
    numbers["two_tower.p"] = f"{two_tower['comparison']['p_value']:.3f}"
    found = {experiment.name: outcome for experiment, outcome in outcomes(RESULTS / "experiments")}
    if (outcome := found["convolution"]) is not None:
        for short, group in (("mlp", "fully connected"), ("cnn", "convolutional")):
            for count in (500, 5000, 50000):
                arm = outcome.arm(f"{group} {count}")
                numbers[f"convolution.{short}{count}"] = f"{arm.middle('test_error'):.1f}"
                numbers[f"convolution.gap_{short}{count}"] = f"{arm.middle('gap'):.1f}"
    if (outcome := found["activation"]) is not None:
        for arm in outcome.arms:
            numbers[f"activation.{arm.arm.name}"] = f"{arm.middle('epochs_to_target'):.1f}"
            numbers[f"activation.{arm.arm.name}_lr"] = f"{arm.lr:g}"
            shared = RESULTS / "experiments/activation/tuning" / f"{arm.arm.name}-lr0.01-seed1000.json"
            error = json.loads(shared.read_text(encoding="utf-8"))["measured"]["train_error"]
            numbers[f"activation.{arm.arm.name}_shared"] = f"{error:.1f}"
    if (outcome := found["data_quality"]) is not None:
        for arm in outcome.arms:
            numbers[f"data_quality.{arm.arm.name.replace('%', '').replace(' ', '_')}"] = (
                f"{arm.middle('test_error'):.1f}"
            )
    for name, outcome in found.items():
        for number, compared in enumerate(outcome.compared if outcome else (), start=1):
            if (d := compared.difference) is not None:
                numbers[f"{name}.difference{number}"] = f"{d.mean:+.1f} ({d.low:+.1f}, {d.high:+.1f})"
    for name, row in counted.items():
        numbers[f"anatomy.{name}.params"] = f"{row['params']:,}"
        numbers[f"anatomy.{name}.macs"] = f"{row['macs']:,}"
    results = facts.competition()
    errors = {
        "alexnet_error": (2012, 1), "second_2012": (2012, 2), "googlenet_error": (2014, 1),
        "resnet_error": (2015, 1), "senet_error": (2017, 1),
    }  # fmt: skip
    for key, (year, rank) in errors.items():
        entry = next(e for e in results if (e.year, e.rank, e.task) == (year, rank, "classification"))
        numbers[f"facts.{key}"] = f"{entry.top5_error_pct:.1f}"
    numbers["facts.human_error"] = f"{facts.human().top5_error_pct:.1f}"
    numbers["facts.googlenet_params"] = f"{counted['googlenet']['params'] / 1e6:.0f}"
    return numbers


def experiments_table(language: str) -> str:
    """Return the verdict of every experiment that has results, and how many wait for theirs."""
    found = outcomes(RESULTS / "experiments")
    texts = Texts("decanet.experiments", language)
    done = [(experiment, outcome) for experiment, outcome in found if outcome is not None]
    return f"{markdown_rows(*summary(done, texts))}\n\n{progress(found, texts)}\n"


def experiments_pages() -> dict[Path, str]:
    """Return the pages on the experiments by their paths."""
    found = outcomes(RESULTS / "experiments")
    return {
        ROOT / name: build_markdown(found, language, f"images/experiments/{{name}}{suffix}.png")
        for name, (language, suffix) in EXPERIMENTS.items()
    }


def write_experiments() -> None:
    """Write the pages on the experiments, and their figures."""
    (ROOT / "docs" / "images" / "experiments").mkdir(parents=True, exist_ok=True)
    found = outcomes(RESULTS / "experiments")
    for experiment, outcome in found:
        for language, suffix in EXPERIMENTS.values():
            figure = figure_of(experiment, outcome, found, language)
            if figure is not None:
                _save_small(figure, f"experiments/{experiment.name}{suffix}.png", 80)
    for path, text in experiments_pages().items():
        path.write_text(text, encoding="utf-8")


def draw_images(run: Path | None = None) -> None:
    """Draw the README's figures as the commands draw them, small, in full color.

    Without the folder of a finished run, the images of a run stay as they are.
    """
    from skimage.data import chelsea

    from decanet.convolution.figures.comparison import draw_contact_sheet
    from decanet.convolution.figures.signals import draw_echo_sheet
    from decanet.convolution.figures.statistics import draw_statistics
    from decanet.convolution.filtering import Setting
    from decanet.convolution.impulse_responses import ExponentialDecay
    from decanet.convolution.kernel_lookup import find_kernel
    from decanet.convolution.kernels import KERNELS
    from decanet.convolution.signals import TUTORIAL_ALPHAS, convolve_recursion, sine, tutorial_times
    from decanet.convolution.statistics import measure, noise_like
    from decanet.core import facts
    from decanet.data.image_io import gray_of
    from decanet.lineage import figures as lineage_figures

    kernels = [ExponentialDecay(alpha) for alpha in TUTORIAL_ALPHAS]
    echoes = convolve_recursion(sine, kernels, tutorial_times())
    _save_small(draw_echo_sheet(TUTORIAL_ALPHAS, echoes), "echo.png", 110)
    cat, setting = gray_of(chelsea()), Setting()
    results = [setting.result(name, cat, find_kernel(name)) for name in KERNELS]
    sheet = draw_contact_sheet(cat, results, setting, f"One image under {len(results)} kernels")
    _save_small(sheet, "kernels.png", 71)
    _save_small(draw_statistics(measure(cat), measure(noise_like(cat))), "statistics.png", 90)
    _save_small(
        lineage_figures.error_over_years(facts.competition(), facts.human()), "error-over-years.png", 150
    )
    _save_small(lineage_figures.depth_against_parameters(lineage()), "depth-against-parameters.png", 150)
    if run:
        for name in ("curves.png", "most_confident.png"):
            _write_small(run / "figures" / name, name.replace("_", "-"))


def _save_small(figure: Any, name: str, dpi: int) -> None:
    _write_small(save_figure(figure, ROOT / "docs" / "images" / name, dpi=dpi), name)


def _write_small(drawn: Path, name: str) -> None:
    from PIL import Image

    with Image.open(drawn) as image:
        image.convert("RGB").save(ROOT / "docs" / "images" / name, optimize=True)


def main() -> None:
    """Rewrite the tables, the reference or the images."""
    if sys.argv[1:2] == ["reference"]:
        sys.path.insert(0, str(Path(__file__).parent))
        import reference_pages

        reference_pages.write()
        return
    if sys.argv[1:2] == ["experiments"]:
        write_experiments()
        results = measured(outcomes(RESULTS / "experiments"))
        write_json(ROOT / "src/decanet/experiments" / MEASURED, {"experiments": results})
        return
    if sys.argv[1:2] == ["course"]:
        write_json(COURSE_NUMBERS, course_numbers())
        return
    if sys.argv[1:2] == ["images"]:
        draw_images(*map(Path, sys.argv[2:]))
        return
    models_table.FILE.write_text(models_table.as_text(models_table.computed()), encoding="utf-8")
    for name in READMES:
        path = ROOT / name
        path.write_text(generated(name, path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
