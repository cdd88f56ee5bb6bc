"""``decanet benchmark``: speed of this machine, and the work of a recipe."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from decanet.cli._shared import DataDir, JsonFlag, Source, console, print_json, table

command = App(
    name="benchmark",
    help="Measure the speed of this machine: training, networks, loading, convolution, insight, the explorer.",
)

Out = Annotated[
    Path | None,
    Parameter(
        name="--out", help="Folder of the results (default: benchmarks/results in a checkout, else here)."
    ),
]
Threads = Annotated[
    int | None, Parameter(name="--threads", help="Threads on the CPU (default: one per core).")
]


@command.command
def train(
    recipes: Annotated[
        tuple[str, ...], Parameter(help="Recipes (default: flash quick); best:3 trains three seeds.")
    ] = (),
    /,
    *,
    seeds: Annotated[int, Parameter(help="Trainings of each recipe, with seeds 0, 1, ...")] = 5,
    out: Out = None,
    json: JsonFlag = False,
) -> None:
    """Train recipes as a user does, with several seeds, beside the training step of the tutorial.

    Each training is a process of its own. An interrupted benchmark continues: a training whose result is in the folder
    is not repeated. Run nothing else at the same time.

    For example:

    ```
    decanet benchmark train
    decanet benchmark train flash --seeds 10
    decanet benchmark train flash quick strong best:3
    decanet benchmark train strong mine.toml --seeds 3 --out results
    ```
    """
    from decanet.benchmarking import training

    with _measuring(None, json) as report:
        folder = _folder(out)
        measured = training.measure(recipes or ("flash", "quick"), seeds, folder, report)
    _finish("train", measured, training.table(measured), folder, json)


@command.command
def models(
    names: Annotated[tuple[str, ...], Parameter(help="Networks (default: all).")] = (),
    /,
    *,
    batch_size: Annotated[
        int | None,
        Parameter(help="Batch size (default: 128 for small images, 16 to 4 for costly networks)."),
    ] = None,
    seconds: Annotated[float, Parameter(help="Time for each network, at least three rounds.")] = 5.0,
    out: Out = None,
    threads: Threads = None,
    json: JsonFlag = False,
) -> None:
    """Time every network's training step in decanet's loop, in turn with a plain float32 loop.

    For example:

    ```
    decanet benchmark models
    decanet benchmark models resnet20_cifar densenet121 --seconds 20
    decanet benchmark models alexnet_cifar --batch-size 64
    ```
    """
    from decanet.benchmarking import models as networks
    from decanet.benchmarking.timing import write_results

    with _measuring(threads, json) as report:
        folder = _folder(out)
        measured = networks.measure(
            names,
            report,
            batch_size=batch_size,
            seconds=seconds,
            save=lambda so_far: write_results("models", so_far, networks.table(so_far), folder),
        )
    _finish("models", measured, networks.table(measured), folder, json)


@command.command
def data(
    folder: Annotated[
        Path | None, Parameter(help="Images DIR/CLASS/image.jpg (default: generated JPEGs of 500x375).")
    ] = None,
    /,
    *,
    workers: Annotated[int | None, Parameter(help="Processes that decode (default: one per core).")] = None,
    rounds: Annotated[int, Parameter(help="Epochs of each loader.")] = 5,
    out: Out = None,
    threads: Threads = None,
    json: JsonFlag = False,
) -> None:
    """Time the data augmentation of small images, and the loading of large ones in turn with torchvision's.

    For example:

    ```
    decanet benchmark data
    decanet benchmark data ~/images --workers 4
    ```
    """
    from decanet.benchmarking import data as loading

    with _measuring(threads, json) as report:
        target = _folder(out)
        measured = loading.measure(folder, report, workers=workers, rounds=rounds)
    _finish("data", measured, loading.table(measured), target, json)


@command.command
def insight(
    references: Annotated[
        tuple[str, ...],
        Parameter(help="Networks (default: decanet_m, resnet20_cifar and efficientnet_lite0@pypi)."),
    ] = (),
    /,
    *,
    rounds: Annotated[int, Parameter(help="Rounds in which both take turns.")] = 5,
    out: Out = None,
    threads: Threads = None,
    json: JsonFlag = False,
) -> None:
    """Time the attribution methods in turn with captum's, and compare their results.

    For example:

    ```
    decanet benchmark insight
    decanet benchmark insight decanet_m --rounds 9
    ```
    """
    from decanet.benchmarking import insight as attributions

    with _measuring(threads, json) as report:
        folder = _folder(out)
        measured = attributions.measure(references, report, rounds=rounds)
    _finish("insight", measured, attributions.table(measured), folder, json)


@command.command
def explorer(
    *,
    interactions: Annotated[int, Parameter(help="Interactions of each kind, in every page.")] = 200,
    blocks: Annotated[int, Parameter(help="Watched and as many unwatched blocks of a training.")] = 10,
    out: Out = None,
    data_dir: DataDir = None,
    json: JsonFlag = False,
) -> None:
    """Time the answers of the explorer's pages in Chromium, and what it costs a training to be watched.

    Takes a quarter of an hour. Run nothing else at the same time.

    For example:

    ```
    decanet benchmark explorer
    decanet benchmark explorer --interactions 50 --blocks 5
    ```
    """
    from decanet.benchmarking import explorer as responses
    from decanet.benchmarking import watching
    from decanet.core.runtime import cache_folder

    folder, cache = _folder(out), cache_folder(data_dir)
    with _measuring(None, json) as report:
        answers = responses.measure(report, cache=cache, interactions=interactions)
    _finish("explorer", answers, responses.table(answers), folder, json)
    with _measuring(None, json) as report:
        watched = watching.measure(report, cache=cache, blocks=blocks)
    _finish("watching", watched, watching.table(watched), folder, json)


@command.command
def experiments(
    *,
    out: Annotated[Path, Parameter(help="File of the rates.")] = Path("experiment-rates.json"),
    keep: Annotated[bool, Parameter(negative=(), help="Keep the rates that the file has already.")] = False,
    source: Source = "auto",
    data_dir: DataDir = None,
) -> None:
    """Time the training of every arm of the experiments on one thread, from which their length is predicted.

    Run nothing else at the same time.

    For example:

    ```
    decanet benchmark experiments
    decanet benchmark experiments --keep --out src/decanet/experiments/rates.json
    ```
    """
    from json import loads

    from decanet.core.files import write_json
    from decanet.core.runtime import cache_folder
    from decanet.data import load_data
    from decanet.experiments.declaration import list_experiments
    from decanet.experiments.rates import measure_rates

    known = loads(out.read_text(encoding="utf-8"))["rates"] if keep and out.exists() else {}
    with _measuring(None, False) as report:
        data = load_data("cifar10", cache=cache_folder(data_dir), report=report, source=source)
        write_json(out, measure_rates(list_experiments(), data, report, known))
    console().print_line(f"written: {out}")


@command.command
def inference(
    names: Annotated[tuple[str, ...], Parameter(help="Networks or references (default: all networks).")] = (),
    /,
    *,
    batch_size: Annotated[int, Parameter(help="Batch size of the throughput measurement.")] = 8,
    seconds: Annotated[float, Parameter(help="Time for each variant of a network.")] = 3.0,
    out: Out = None,
    threads: Threads = None,
    json: JsonFlag = False,
) -> None:
    """Time the inference of every network, plain, fused and in bfloat16, in turn with torchvision's or timm's module.

    For example:

    ```
    decanet benchmark inference
    decanet benchmark inference resnet18 resnet50_v1_5 --batch-size 16
    decanet benchmark inference runs/quick
    ```
    """
    from decanet.benchmarking import inference as networks
    from decanet.benchmarking.timing import write_results

    with _measuring(threads, json) as watch:
        folder = _folder(out)
        measured = networks.measure(
            names, watch, batch_size=batch_size, seconds=seconds,
            save=lambda so_far: write_results("inference", so_far, networks.table(so_far), folder),
        )  # fmt: skip
    _finish("inference", measured, networks.table(measured), folder, json)


@command.command
def images(
    *,
    rounds: Annotated[int, Parameter(help="Runs of each contender.")] = 7,
    out: Out = None,
    threads: Threads = None,
    json: JsonFlag = False,
) -> None:
    """Time the convolution of a 12-megapixel image in turn with scipy.ndimage, scipy.signal and torch.

    For example:

    ```
    decanet benchmark images
    ```
    """
    from decanet.benchmarking import images as filtering

    with _measuring(threads, json) as watch:
        folder = _folder(out)
        measured = filtering.measure(watch, rounds=rounds)
    _finish("images", measured, filtering.table(measured), folder, json)


@command.command
def signals(
    *,
    rounds: Annotated[int, Parameter(help="Runs of each contender.")] = 5,
    out: Out = None,
    threads: Threads = None,
    json: JsonFlag = False,
) -> None:
    """Time the tutorial's figures by three computations, and the convolution of sounds in turn with scipy.signal.

    For example:

    ```
    decanet benchmark signals
    ```
    """
    from decanet.benchmarking import signals as sounds

    with _measuring(threads, json) as watch:
        folder = _folder(out)
        measured = sounds.measure(watch, rounds=rounds)
    _finish("signals", measured, sounds.table(measured), folder, json)


@command.command
def peers(
    *,
    rounds: Annotated[int, Parameter(help="Turns of each loop.")] = 5,
    steps: Annotated[int, Parameter(help="Training steps of a turn.")] = 6,
    workers: Annotated[int, Parameter(help="Processes of the DataLoader.")] = 2,
    out: Out = None,
    threads: Threads = None,
    json: JsonFlag = False,
) -> None:
    """Time decanet's training loop on CIFAR-10 in turn with the tutorial's loop and a usual torchvision loop.

    For example:

    ```
    decanet benchmark peers
    decanet benchmark peers --rounds 10 --workers 4
    ```
    """
    from decanet.benchmarking import peers as loops

    with _measuring(threads, json) as watch:
        folder = _folder(out)
        measured = loops.measure(watch, rounds=rounds, steps=steps, workers=workers)
    _finish("peers", measured, loops.table(measured), folder, json)


@command.command
def counts(
    recipes: Annotated[
        tuple[str, ...], Parameter(help="Recipes (default: the built-in ones for CIFAR-10).")
    ] = (),
    /,
    *,
    json: JsonFlag = False,
) -> None:
    """Count the work of one epoch of CIFAR-10: multiply-adds and bytes moved.

    Nothing is timed: the numbers are the same on every machine. A test compares those of the built-in recipes with
    benchmarks/counts.json, which the second example writes.

    For example:

    ```
    decanet benchmark counts
    decanet benchmark counts --json > benchmarks/counts.json
    decanet benchmark counts mine.toml
    ```
    """
    from decanet.benchmarking.counts import built_in, count_recipes

    counted = count_recipes(recipes or built_in())
    if json:
        print_json(counted)
        return
    rows = [
        {
            "recipe": name,
            "multiply-adds per epoch, 1e12": f"{count['macs_per_epoch'] / 1e12:.3f}",
            "moved per epoch, GB": f"{count['bytes_moved_per_epoch'] / 1e9:,.1f}",
        }
        for name, count in counted.items()
    ]
    table(rows, right=tuple(rows[0])[1:])


def _measuring(threads: int | None, json: bool) -> Any:
    """Set up the process as for a training, and return the report that shows progress."""
    from decanet.cli.progress import ConsoleReport
    from decanet.core.errors import UsageError
    from decanet.core.processor import set_threads
    from decanet.core.runtime import keep_freed_memory

    if threads is not None and threads < 1:
        raise UsageError(f"--threads {threads}: at least one is needed")
    keep_freed_memory()
    set_threads(threads)
    return ConsoleReport(to_stderr=json)


def _folder(out: Path | None) -> Path:
    from decanet.benchmarking.timing import results_folder

    return out or results_folder(Path.cwd())


def _finish(kind: str, measured: dict[str, Any], markdown: str, folder: Path, json: bool) -> None:
    from decanet.benchmarking.timing import write_results

    path = write_results(kind, measured, markdown, folder)
    if json:
        print_json(measured)
    else:
        console().print(f"\n{markdown}\n", markup=False)
        console().print(f"written: {path} and {path.with_suffix('.md').name}", markup=False)
