"""``decanet experiment``: which idea of the decade was worth what, under equal conditions."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, Parameter

from decanet.cli._shared import FIGURE, DataDir, JsonFlag, Source, clock, console, print_json, table

if TYPE_CHECKING:
    from decanet.experiments.declaration import Experiment
    from decanet.experiments.outcome import Outcome

command = App(name="experiment", help="Controlled experiments: which idea of the decade was worth what?")

Name = Annotated[str, Parameter(help="An experiment; decanet experiment list shows them.")]
Folder = Annotated[
    Path | None,
    Parameter(
        name="--results",
        help="Folder of the results (default: benchmarks/results/experiments in a checkout, else experiments).",
    ),
]
Language = Annotated[Literal["en", "zh"], Parameter(help="Language of the texts.")]


@command.command(name="list")
def list_(*, results: Folder = None, lang: Language = "en", json: JsonFlag = False) -> None:
    """List the experiments, what they are predicted to take, and what came of them.

    For example:

    ```
    decanet experiment list
    decanet experiment list --lang zh
    ```
    """
    from decanet.core.texts import Texts
    from decanet.experiments.figures import PACKAGE
    from decanet.experiments.plan import predicted_minutes
    from decanet.experiments.report import outcomes, verdicts

    texts = Texts(PACKAGE, lang)
    rows = [
        {
            "number": experiment.number,
            "name": experiment.name,
            "question": texts(f"claims.{experiment.name}.title"),
            "minutes": round(predicted_minutes(experiment)) if experiment.arms else 0,
            "verdict": verdicts(outcome, texts),
        }
        for experiment, outcome in outcomes(_folder(results))
    ]
    if json:
        print_json(rows)
        return
    table(rows, right=("number", "minutes"))
    console().print("minutes: predicted for two cores of the reference machine; --quick takes less than five")


@command.command
def show(
    name: Name,
    /,
    *,
    out: Annotated[
        Path | None, Parameter(help="Draw what came of it into this file.", validator=FIGURE)
    ] = None,
    results: Folder = None,
    lang: Language = "en",
    json: JsonFlag = False,
) -> None:
    """Show one experiment: the claim, the arms, what is held equal, what it will take, and what came of it.

    For example:

    ```
    decanet experiment show depth
    decanet experiment show activation --lang zh
    decanet experiment show convolution --out convolution.png
    ```
    """
    from decanet.core.errors import UsageError
    from decanet.core.plotting import save_figure
    from decanet.core.texts import Texts
    from decanet.experiments.declaration import load_experiment
    from decanet.experiments.figures import PACKAGE, draw
    from decanet.experiments.outcome import read_outcome
    from decanet.experiments.report import rerun

    experiment = load_experiment(name)
    texts = Texts(PACKAGE, lang)
    outcome = read_outcome(experiment, _folder(results) / name)
    if out is not None:
        if outcome is None:
            raise UsageError(f"{name} has no results to draw: {rerun(experiment)}")
        _warn_of_fonts(lang)
        save_figure(draw(outcome, lang), out)
    if json:
        print_json(_as_json(experiment, outcome))
    else:
        _print(experiment, outcome, texts)


@command.command
def run(
    name: Name,
    /,
    *,
    quick: Annotated[
        bool, Parameter(negative=(), help="A demonstration of some minutes: one seed, shortened.")
    ] = False,
    over_budget: Annotated[
        bool, Parameter(negative=(), help="Run it even if it is predicted to take longer than its budget.")
    ] = False,
    workers: Annotated[
        int | None, Parameter(help="Trainings at once, with one thread each (default: one per core).")
    ] = None,
    people: Annotated[
        Path | None, Parameter(help="People's labels of the test set, cifar10h-counts.npy; for human.")
    ] = None,
    results: Folder = None,
    lang: Language = "en",
    source: Source = "auto",
    data_dir: DataDir = None,
) -> None:
    """Train every arm with every seed, at the lowest priority, and keep each result as a file.

    What has a result is not trained again; an interrupted run continues where it was. The learning rate of every arm
    is first chosen from the same grid, on a validation split. The figure is drawn at the end.

    For example:

    ```
    decanet experiment run activation --quick
    decanet experiment run depth --workers 2
    decanet experiment run human --people cifar10h-counts.npy
    ```
    """
    from decanet.cli.progress import ConsoleReport
    from decanet.core.errors import UsageError
    from decanet.core.plotting import save_figure
    from decanet.core.runtime import cache_folder
    from decanet.core.texts import Texts
    from decanet.experiments.declaration import load_experiment
    from decanet.experiments.figures import PACKAGE, draw
    from decanet.experiments.outcome import read_outcome
    from decanet.experiments.runner import Setting, run_experiment

    if workers is not None and workers < 1:
        raise UsageError(f"--workers is a number of trainings at once, at least 1; got {workers}")
    experiment = load_experiment(name)
    setting = Setting(_folder(results), cache_folder(data_dir), source, workers, people)
    with ConsoleReport() as report:
        run_experiment(experiment, setting, report, quick=quick, over_budget=over_budget)
    outcome = read_outcome(experiment, setting.folder(experiment))
    assert outcome is not None
    _print_outcome(outcome, Texts(PACKAGE, lang))
    _warn_of_fonts(lang)
    drawn = save_figure(draw(outcome, lang), setting.folder(experiment) / f"{name}.png")
    console().print_line(f"figure: {drawn}   results: {setting.folder(experiment)}")


@command.command
def report(
    *,
    results: Folder = None,
    lang: Language = "en",
    out: Annotated[Path, Parameter(help="Folder of the page, its Markdown and its figures.")] = Path(
        "report-experiments"
    ),
) -> None:
    """Write "The decade's ideas, measured": every claim, what came out, and how to run it again, on one page.

    For example:

    ```
    decanet experiment report
    decanet experiment report --lang zh --out report-zh
    ```
    """
    from decanet.core.files import write_text
    from decanet.core.plotting import save_figure
    from decanet.experiments.report import DPI, build, build_markdown, figure_of, outcomes

    found = outcomes(_folder(results))
    _warn_of_fonts(lang)
    for experiment, outcome in found:
        figure = figure_of(experiment, outcome, found, lang)
        if figure is not None:
            save_figure(figure, out / f"{experiment.name}.png", dpi=DPI)
    write_text(out / "README.md", build_markdown(found, lang))
    write_text(out / "index.html", build(found, lang))
    console().print_line(f"wrote {out / 'index.html'} and {out / 'README.md'}")


def _warn_of_fonts(lang: str) -> None:
    from decanet.core.plotting import NO_CHINESE_FONT, figure_language

    if figure_language(lang) != lang:
        console(as_json=True).print_line(NO_CHINESE_FONT)  # on stderr


def _folder(given: Path | None) -> Path:
    from importlib import resources

    source = Path(str(resources.files("decanet"))).parents[
        1
    ]  # of a checkout; an installed package has no results
    for checkout in (Path(), source):
        if (checkout / "benchmarks/results").is_dir():
            return given or checkout / "benchmarks/results/experiments"
    return given or Path("experiments")


def _print(experiment: "Experiment", outcome: "Outcome | None", texts: Any) -> None:
    from decanet.experiments.plan import predicted_minutes, predicted_seconds
    from decanet.experiments.report import rerun, statements
    from decanet.experiments.trial import Trial

    out = console()
    out.print_line(f"{experiment.number}. {texts(f'claims.{experiment.name}.title')}")
    for heading, text in statements(experiment, texts):
        out.print_line(f"\n{heading}. {text}".replace("\n", " ").strip())
    if not experiment.arms:
        out.print_line(f"draws the runs of {', '.join(experiment.reuses)}")
        return
    rows = []
    for arm in experiment.arms:
        trial = Trial(experiment, arm, arm.recipe.optimizer.lr, 0, "final")
        rows.append(
            {
                "arm": arm.name,
                "network": arm.recipe.model.name,
                "options": ", ".join(f"{key}={value}" for key, value in arm.recipe.model.options.items()),
                "images": f"{arm.images.count or 50_000:,}",
                "epochs": f"{arm.recipe.epochs:g}",
                "one_training": clock(predicted_seconds(trial)),
            }
        )
    table(rows, right=("images", "epochs", "one_training"))
    grid = ", ".join(f"{lr:g}" for lr in experiment.learning_rates) or "each arm's own"
    out.print_line(
        f"learning rates: {grid}; {experiment.seeds} seeds; predicted on two cores of the reference machine: "
        f"{predicted_minutes(experiment):.0f} minutes, budget {experiment.minutes:.0f}"
    )
    if outcome is None:
        out.print_line(texts("report.none_yet", command=rerun(experiment)))
    else:
        _print_outcome(outcome, texts)


def _print_outcome(outcome: "Outcome", texts: Any) -> None:
    from decanet.experiments.report import arms_table, comparisons_table, remarks

    for header, rows in (arms_table(outcome, texts), comparisons_table(outcome, texts)):
        if rows:
            table([dict(zip(header, row, strict=True)) for row in rows])
    for remark in remarks(outcome, texts):
        console().print_line(remark)


def _as_json(experiment: "Experiment", outcome: "Outcome | None") -> dict[str, Any]:
    from dataclasses import asdict

    from decanet.experiments.plan import predicted_minutes

    return {
        "name": experiment.name,
        "number": experiment.number,
        "source": experiment.source,
        "arms": [
            {"name": arm.name, "images": asdict(arm.images), "recipe": arm.recipe.model_dump(mode="json")}
            for arm in experiment.arms
        ],
        "comparisons": [asdict(comparison) for comparison in experiment.comparisons],
        "predicted_minutes": predicted_minutes(experiment) if experiment.arms else 0.0,
        "outcome": None
        if outcome is None
        else {
            "seeds": outcome.seeds,
            "quick": outcome.quick,
            "arms": {arm.arm.name: {"lr": arm.lr, **arm.values} for arm in outcome.arms},
            "comparisons": [asdict(each) for each in outcome.compared],
        },
    }
