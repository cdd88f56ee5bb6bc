"""The runner: trains every arm with every seed, several at once, and keeps each result as a file.

The files are the cache: what has a result is not trained again, wherever the files came from, and a trial that was
interrupted continues from its checkpoint. Each worker is a process with one thread at the lowest priority, so the
machine stays usable; two trainings of one thread each are also faster than two in turn on two threads.
"""

import contextlib
import hashlib
import multiprocessing
import os
import queue
import signal
import threading
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from decanet.core.errors import ResourceError, UsageError
from decanet.core.files import write_json
from decanet.core.processor import choose_precision, usable_cores
from decanet.core.progress import Report, Silent
from decanet.core.runtime import environment
from decanet.data import ImageData, load_data
from decanet.experiments.declaration import Experiment
from decanet.experiments.plan import (
    Results,
    final_trials,
    predicted_minutes,
    predicted_seconds,
    quick_trials,
    read_results,
    to_do,
    tuning,
    tuning_trials,
)
from decanet.experiments.trial import GENERATION, Trial, run_trial
from decanet.training.loop import Line
from decanet.training.session import TrainingReport

MOST_WORKERS = 8
POLL_SECONDS = 0.5
GRACE_SECONDS = 30  # for the checkpoint of a worker whose runner was killed


@dataclass(frozen=True)
class Setting:
    """Where and how trials are run.

    Attributes:
        results: folder of all experiments' results, each in a folder of its name.
        cache: folder of data sets and of unfinished trainings.
        source: where the data comes from, see :func:`decanet.data.load_data`.
        workers: trainings at once; None for one per core, at most eight. One alone runs in this process.
        people: file of people's labels, for the experiment that needs it.
    """

    results: Path
    cache: Path
    source: str = "auto"
    workers: int | None = None
    people: Path | None = None

    def folder(self, experiment: Experiment) -> Path:
        """The folder of an experiment's results."""
        return self.results / experiment.name


def run_experiment(
    experiment: Experiment,
    setting: Setting,
    report: Report,
    *,
    quick: bool = False,
    over_budget: bool = False,
) -> None:
    """Run what has no result yet: the trials for tuning, then all arms seed by seed.

    Args:
        experiment: to run.
        setting: where and how.
        report: receives progress.
        quick: the demonstration instead: one seed, shortened, in some minutes.
        over_budget: run it even if it is predicted to take longer than its budget.

    Raises:
        UsageError: it has no runs of its own, is over its budget, or its results are of another kind of processor.
        DataError: the data is missing, or a result is damaged.
    """
    if not experiment.arms:
        raise UsageError(
            f"{experiment.name} draws the runs of {', '.join(experiment.reuses)} and has none of its own"
        )
    if any(q.startswith("human") for q in experiment.quantities) and setting.people is None:
        raise UsageError(
            f"{experiment.name} compares with people's labels: give --people cifar10h-counts.npy "
            "(github.com/jcpeterson/cifar-10h, for noncommercial use)"
        )
    minutes = predicted_minutes(experiment)
    if not quick and not over_budget and minutes > experiment.minutes:
        raise UsageError(
            f"{experiment.name} is predicted to take {minutes:.0f} minutes, more than its budget of "
            f"{experiment.minutes:.0f}: --quick shows it in some minutes, --over-budget runs it all the same"
        )
    folder = setting.folder(experiment)
    if quick:
        _run_all("demonstration", to_do(quick_trials(experiment), read_results(folder)), setting, report)
        return
    while trials := tuning_trials(experiment, read_results(folder)):
        report.note(
            f"tuning the learning rate of {experiment.name}: {len(trials)} trials, on the validation split"
        )
        lowest, highest = (f"{end(trial.lr for trial in trials):g}" for end in (min, max))
        _run_all(f"tuning, learning rates {lowest} to {highest}", trials, setting, report)
    chosen = tuning(experiment, read_results(folder)).chosen
    report.note("learning rates: " + ", ".join(f"{arm} {lr:g}" for arm, lr in chosen.items()))
    results = read_results(folder)
    trials = remaining(final_trials(experiment, chosen), results, report)
    report.note(f"{experiment.name}: {len(trials)} of {len(chosen) * experiment.seeds} trials to run")
    _run_all("training", trials, setting, report)


def remaining(trials: Sequence[Trial], results: Results, report: Report) -> list[Trial]:
    """Return the trials to run: those without a result, and whole seeds that began on another kind of processor.

    Raises:
        UsageError: the results were computed in another precision than this machine's.
    """
    here = processor_kind(environment())
    missing = {trial.file for trial in to_do(trials, results)}
    again = []
    for seed in sorted({trial.seed for trial in trials}):
        mine = [trial for trial in trials if trial.seed == seed]
        done = [results[trial.file] for trial in mine if trial.file not in missing]
        for result in done:
            precision = choose_precision(mine[0].recipe.precision, torch.device("cpu"))
            if precision != result["settings"]["precision"]:
                raise UsageError(
                    f"the results of {mine[0].experiment.name} were computed in {result['settings']['precision']} and "
                    f"this machine computes in {precision}: give another folder, --results DIR"
                )
        kinds = {processor_kind(result["environment"]) for result in done}
        if kinds and len(done) < len(mine) and kinds != {here}:
            report.note(f"seed {seed} began on {', '.join(sorted(kinds))}: all its trials are run again here")
            again += mine
        else:
            again += [trial for trial in mine if trial.file in missing]
    return again


def processor_kind(about: dict[str, Any]) -> str:
    """Return what decides about the rounding of a training: processor and instruction set, in words."""
    return f"{about['processor']} ({about['capability']})"


def _run_all(task: str, trials: Sequence[Trial], setting: Setting, report: Report) -> None:
    """Run the trials of one ``task`` and write their results; returns when all are done.

    Raises:
        ResourceError: a worker was killed.
        DecanetError: a trial failed.
    """
    if not trials:
        return
    name = trials[0].recipe.data.name
    data = load_data(name, cache=setting.cache, report=report, source=setting.source)  # fetched once, here
    progress = _Progress(task, trials, report)
    workers = min(setting.workers or min(usable_cores(), MOST_WORKERS), len(trials))
    if workers == 1:
        for trial in trials:
            progress.show()
            _run_and_keep(trial, data, setting, Silence())
            progress.done[trial.file] = 1.0
        progress.show()
        return
    context = multiprocessing.get_context("spawn")
    events: Any = context.Queue()
    threads = max(1, usable_cores() // workers)
    with ProcessPoolExecutor(workers, context, _begin, (setting, name, threads, events)) as pool:
        running: dict[Future[None], Trial] = {pool.submit(_work, trial): trial for trial in trials}
        try:
            while running:
                finished, _ = wait(running, POLL_SECONDS, FIRST_COMPLETED)
                progress.receive(events)
                for future in finished:
                    trial = running.pop(future)
                    future.result()
                    progress.done[trial.file] = 1.0
                progress.show()
        except BrokenProcessPool:
            raise ResourceError(
                "a worker process was killed, perhaps for want of memory; what is finished is kept, "
                "run the same command again, with fewer --workers"
            ) from None
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)  # the workers save their checkpoints
            raise


class _Progress:
    """How much of the trials is done, weighted by the time that each is predicted to take."""

    def __init__(self, task: str, trials: Sequence[Trial], report: Report) -> None:
        self.task, self.report = task, report
        self.weights = {trial.file: predicted_seconds(trial) for trial in trials}
        self.done = dict.fromkeys(self.weights, 0.0)

    def receive(self, events: Any) -> None:
        """Take what the workers have sent: the fraction of a trial that is done."""
        with contextlib.suppress(queue.Empty):
            while True:
                file, share = events.get_nowait()
                self.done[file] = max(self.done[file], share)

    def show(self) -> None:
        """Report the sum."""
        share = sum(self.weights[file] * self.done[file] for file in self.done) / sum(self.weights.values())
        self.report.progress(self.task, len(self.done) * share, len(self.done), "trials")


_state: dict[str, Any] = {}  # of a worker process


def _begin(setting: Setting, name: str, threads: int, events: Any) -> None:
    """Prepare a worker: lowest priority, its threads, the data."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(19)
    torch.set_num_threads(threads)
    data = load_data(name, cache=setting.cache, report=Silent(), source=setting.source)
    _state.update(setting=setting, data=data, events=events)


def _end_with_parent() -> None:
    """Stop this worker when the runner is killed, which would otherwise leave it at work for nobody."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)  # a training saves its checkpoint
    time.sleep(GRACE_SECONDS)
    os._exit(1)


def _work(trial: Trial) -> None:
    _run_and_keep(trial, _state["data"], _state["setting"], _Events(trial.file, _state["events"]))


def _run_and_keep(trial: Trial, data: ImageData, setting: Setting, report: TrainingReport) -> None:
    result = run_trial(
        trial,
        data,
        unfinished(trial, setting.cache),
        device=torch.device("cpu"),
        report=report,
        people=setting.people,
    )
    write_json(setting.folder(trial.experiment) / trial.file, result)


def unfinished(trial: Trial, cache: Path) -> Path:
    """Return the folder of a trial's run, another one for each recipe and generation."""
    declared = f"{GENERATION} {trial.arm.images} {trial.recipe.model_dump_json()}"
    digest = hashlib.sha256(declared.encode()).hexdigest()[:12]
    return cache / "experiments" / f"{trial.recipe.name}-{digest}"


class Silence(Silent):
    """Drops the progress of a trial; a :class:`decanet.training.session.TrainingReport`."""

    def start(self, total_steps: int, steps_per_epoch: int) -> None:
        """Drop the length of the training."""

    def forecast(self, seconds: float) -> None:
        """Drop the expected time."""

    def line(self, line: Line) -> None:
        """Drop a line of the log."""

    def validation(self, epoch: float, error: float) -> None:
        """Drop the validation error of one epoch."""


class _Events(Silence):
    """Sends the progress of a trial to the runner."""

    def __init__(self, file: str, events: Any) -> None:
        self.file, self.events, self.total = file, events, 1

    def start(self, total_steps: int, steps_per_epoch: int) -> None:  # noqa: ARG002 (a protocol)
        """Receive the length of the training."""
        self.total = total_steps

    def line(self, line: Line) -> None:
        """Send how much of the training is done."""
        self.events.put((self.file, line.step / self.total))
