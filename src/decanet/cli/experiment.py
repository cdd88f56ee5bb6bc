"""``decanet experiment``: which idea of the decade was worth what, under equal conditions."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from decanet.cli._shared import DataDir, Source, console

command = App(name="experiment", help="Controlled experiments: which idea of the decade was worth what?")

Name = Annotated[str, Parameter(help="An experiment; decanet experiment list shows them.")]
Folder = Annotated[
    Path | None,
    Parameter(
        name="--results",
        help="Folder of the results (default: benchmarks/results/experiments in a checkout, else experiments).",
    ),
]


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
    source: Source = "auto",
    data_dir: DataDir = None,
) -> None:
    """Train every arm with every seed, at the lowest priority, and keep each result as a file.

    What has a result is not trained again; an interrupted run continues where it was. The learning rate of every arm
    is first chosen from the same grid, on a validation split.

    For example:

    ```
    decanet experiment run activation --quick
    decanet experiment run depth --workers 2
    decanet experiment run human --people cifar10h-counts.npy
    ```
    """
    from decanet.cli.progress import ConsoleReport
    from decanet.core.runtime import cache_folder
    from decanet.experiments.declaration import load_experiment
    from decanet.experiments.runner import Setting, run_experiment

    experiment = load_experiment(name)
    setting = Setting(_folder(results), cache_folder(data_dir), source, workers, people)
    with ConsoleReport() as report:
        run_experiment(experiment, setting, report, quick=quick, over_budget=over_budget)
    console().print_line(f"results: {setting.folder(experiment)}")


def _folder(given: Path | None) -> Path:
    committed = Path("benchmarks/results")
    return given or (committed / "experiments" if committed.is_dir() else Path("experiments"))
