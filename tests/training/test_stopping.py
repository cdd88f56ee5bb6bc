"""Runs that end early: one line with the resume command, and a resumed run that equals the uninterrupted one."""

import errno
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from decanet.core.errors import (
    CheckpointError,
    DataError,
    DecanetError,
    Interrupted,
    Preempted,
    ResourceError,
    UsageError,
)
from decanet.core.recipe import Recipe
from decanet.core.run_folder import RunFolder
from decanet.core.runtime import Ranks
from decanet.models.weight_files import read_weights
from decanet.training import checkpoint, loop, session
from decanet.training.checkpoint import Checkpoints, load_state
from decanet.training.run_files import append, new_run_path
from decanet.training.stopping import resumable
from tests.training.conftest import CPU, Recorder, Trainer

Uninterrupted = Callable[[Recipe], Any]
STEPS = 6  # two epochs of 480 images in batches of 200


def short(trainer: Trainer, *settings: str) -> Recipe:
    lenet = [
        "model.name=lenet5_modern",
        "data.image_size=32",
        "optimizer.name=sgd",
        "optimizer.lr=0.01",
        "batch_size=200",
        "epochs=2",
    ]
    return trainer.recipe(*lenet, *settings)


def equal(one: RunFolder, other: RunFolder) -> bool:
    """Whether two runs have the same weights, loss and log, except for times."""
    a, b = read_weights(one.weights), read_weights(other.weights)
    logs = [
        [
            {k: v for k, v in line.items() if k not in {"seconds", "images_per_second"}}
            for line in run.read_metrics()
        ]
        for run in (one, other)
    ]
    results = [run.read_json(run.result) for run in (one, other)]
    return (
        a.keys() == b.keys()
        and all(torch.equal(a[name], b[name]) for name in a)
        and logs[0] == logs[1]
        and results[0]["test_loss"] == results[1]["test_loss"]
    )


def signaling(number: int, real: Callable[..., Any] | None = None) -> Callable[..., Any]:
    def send(*arguments: Any, **named: Any) -> Any:
        os.kill(os.getpid(), number)
        return real(*arguments, **named) if real else None

    return send


@pytest.mark.parametrize(
    ("number", "kind"),
    [(signal.SIGINT, Interrupted), (signal.SIGTERM, Preempted), (signal.SIGHUP, Preempted)],
    ids=["Ctrl-C", "SIGTERM", "SIGHUP"],
)
def test_a_signal_at_any_moment_loses_nothing(
    trainer: Trainer,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    kind: type[DecanetError],
    uninterrupted: Uninterrupted,
) -> None:
    recipe = short(trainer)
    whole, _, _, _ = uninterrupted(recipe)
    cut = RunFolder(trainer.folder / "cut")
    # Before the first step, while evaluating, while the result is written: one after the other in the same run.
    for resume, moment in enumerate(("batches_for", "evaluate_split", "write_json")):
        with monkeypatch.context() as patch:
            patch.setattr(session, moment, signaling(number, getattr(session, moment)))
            with pytest.raises(kind, match=f"decanet train --resume {cut.path}") as caught:
                trainer(recipe, "cut", resume=resume > 0)
        assert "\n" not in caught.value.line
        assert not cut.result.exists()
    assert load_state(cut.checkpoint)["progress"]["step"] == STEPS
    with pytest.raises(kind):  # while drawing
        session.run_training(
            recipe, trainer.data, cut, device=CPU, ranks=Ranks(), report=Recorder(), resume=True,
            draw=signaling(number),
        )  # fmt: skip
    assert equal(cut, whole)
    assert not cut.checkpoint.exists(), "a finished run has no checkpoint"
    drawn: list[Any] = []
    result, _ = session.run_training(
        recipe, trainer.data, cut, device=CPU, ranks=Ranks(), report=Recorder(), resume=True,
        draw=lambda *what: drawn.append(what),
    )  # fmt: skip
    assert drawn[0][0] == result == cut.read_json(cut.result)


def test_nohup_outlives_its_terminal(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with resumable(tmp_path) as stop:
            os.kill(os.getpid(), signal.SIGHUP)
        assert stop.number == 0
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_signal_does_not_wait_for_a_validation_or_an_image(
    trainer: Trainer, monkeypatch: pytest.MonkeyPatch, uninterrupted: Uninterrupted
) -> None:
    recipe = short(trainer, "validation=0.2")
    whole, _, _, _ = uninterrupted(recipe)
    with monkeypatch.context() as patch:  # validation may take minutes
        patch.setattr(
            session,
            "evaluate_split",
            signaling(signal.SIGUSR1, lambda *_: pytest.fail("not interrupted")),
        )
        with pytest.raises(Preempted):
            trainer(recipe, "cut")
    cut = RunFolder(trainer.folder / "cut")
    assert load_state(cut.checkpoint)["progress"]["step"] == 2  # an epoch

    def hanging(*arguments: Any) -> Any:
        batches = real(*arguments)
        epoch = batches.epoch

        def one_image(*arguments: Any) -> Any:
            yield next(epoch(*arguments))
            os.kill(os.getpid(), signal.SIGTERM)
            pytest.fail("not interrupted")

        batches.epoch = one_image
        return batches

    real = session.batches_for
    with monkeypatch.context() as patch:
        patch.setattr(session, "batches_for", hanging)
        with pytest.raises(Preempted):
            trainer(recipe, "cut", resume=True)
    assert load_state(cut.checkpoint)["progress"]["step"] == 3
    trainer(recipe, "cut", resume=True)
    a, b = (read_weights(run.weights) for run in (cut, whole))
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert [line.get("loss") for line in cut.read_metrics()] == [
        line.get("loss") for line in whole.read_metrics()
    ]


def test_a_log_line_that_could_not_be_written_is_written_when_the_run_goes_on(
    trainer: Trainer, monkeypatch: pytest.MonkeyPatch, uninterrupted: Uninterrupted
) -> None:
    recipe = short(trainer)
    with monkeypatch.context() as patch:

        def full(run: RunFolder, entry: dict[str, Any]) -> None:
            if entry["step"] == 4:
                raise OSError(errno.ENOSPC, "No space left on device")
            append(run, entry)

        patch.setattr(session, "append", full)
        with pytest.raises(ResourceError):
            trainer(recipe, "cut")
    trainer(recipe, "cut", resume=True)
    assert equal(RunFolder(trainer.folder / "cut"), uninterrupted(recipe)[0])


def fail_at(step: int, error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    """Raise ``error`` in a step after its forward pass has changed the running statistics."""
    real, calls = loop._loss, []

    def fail(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == step + 1:
            raise error
        return real(*arguments)

    monkeypatch.setattr(loop, "_loss", fail)


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed."), ResourceError, "was killed"),
        (DataError("cannot read a.jpg"), DataError, "cannot read a.jpg"),
        (KeyboardInterrupt(), Interrupted, "stopped"),
    ],
)
def test_a_training_that_fails_is_saved_as_it_was_after_its_last_step(
    trainer: Trainer,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    kind: type[DecanetError],
    message: str,
    uninterrupted: Uninterrupted,
) -> None:
    # The failure lies between two log lines, which must equal those of the uninterrupted run.
    recipe = short(trainer, "log_every=2")
    with monkeypatch.context() as patch:
        fail_at(3, error, patch)
        with pytest.raises(kind, match=f"{message}.*decanet train --resume"):
            trainer(recipe, "cut")
    cut = RunFolder(trainer.folder / "cut")
    assert load_state(cut.checkpoint)["progress"]["step"] == 3
    trainer(recipe, "cut", resume=True)
    assert equal(cut, uninterrupted(recipe)[0])


def test_a_failed_step_leaves_no_trace_in_the_running_statistics() -> None:
    model, means = nn.BatchNorm2d(2), []
    checkpoints = Checkpoints(lambda: means.append(model.running_mean.tolist()), model, writes=True)  # type: ignore

    def step(fails: bool) -> None:
        checkpoints.begin_step()
        model(torch.ones(2, 2, 1, 1))
        if fails:
            raise MemoryError
        with checkpoints.update():
            pass

    def train() -> None:
        with checkpoints.save_on_failure():
            step(fails=False)
            step(fails=True)

    with pytest.raises(MemoryError):
        train()
    assert means == [pytest.approx([0.1, 0.1])]


def test_a_run_that_was_killed_before_its_first_checkpoint_begins_again(
    trainer: Trainer, monkeypatch: pytest.MonkeyPatch, uninterrupted: Uninterrupted
) -> None:
    recipe = short(trainer)
    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "save", lambda _: None)  # as after SIGKILL
        fail_at(2, ZeroDivisionError(), patch)
        with pytest.raises(ZeroDivisionError):
            trainer(recipe, "cut")
    cut = RunFolder(trainer.folder / "cut")
    assert not cut.checkpoint.exists()
    assert len(cut.read_metrics()) == 2
    trainer(recipe, "cut", resume=True)
    whole, _, _, _ = uninterrupted(recipe)
    assert equal(cut, whole)


def test_the_second_error_of_a_full_disk_does_not_hide_the_first(
    trainer: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(loop, "save_state", full)
    fail_at(1, DataError("cannot read a.jpg"), monkeypatch)
    with pytest.raises(DataError, match=r"cannot read a\.jpg"):
        trainer(short(trainer))


def test_a_diverged_state_never_takes_the_place_of_a_good_one() -> None:
    model, written = nn.Linear(2, 2), []
    checkpoints = Checkpoints(lambda: written.append(1), model, writes=True)
    checkpoints.save()
    with torch.no_grad():
        model.weight[0, 0] = torch.nan
    checkpoints.save()
    assert written == [1]


def test_saving_takes_a_hundredth_of_the_time_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    now, saved = [0.0], []

    def slow() -> None:
        saved.append(now[0])
        now[0] += 3.0  # seconds

    monkeypatch.setattr(checkpoint.time, "perf_counter", lambda: now[0])
    checkpoints = Checkpoints(slow, nn.Linear(2, 2), writes=True)
    while now[0] < 700:
        checkpoints.save_if_due()
        now[0] += 1
    assert saved == [20, 323, 626]


def test_weights_without_result_or_state_are_left_alone(trainer: Trainer) -> None:
    run, _, _, _ = trainer(short(trainer))
    run.result.unlink()
    before = run.weights.read_bytes()
    with pytest.raises(UsageError, match=r"already holds .*; choose another --out"):
        trainer(short(trainer, "seed=5"))
    with pytest.raises(CheckpointError, match=r"neither a result nor checkpoint\.pt"):
        trainer(short(trainer), resume=True)
    assert run.weights.read_bytes() == before


@pytest.mark.parametrize(
    "name",
    [
        "recipe.toml",
        "data.json",
        "metrics.jsonl",
        "model.safetensors",
        "checkpoint.pt",
        "result.json",
        "figures",
    ],
)
def test_files_of_somebody_else_are_not_overwritten(trainer: Trainer, name: str) -> None:
    folder = trainer.folder / "mine"
    folder.mkdir()
    (folder / name).write_text("mine")
    with pytest.raises(UsageError, match="choose another --out"):
        trainer(short(trainer), "mine")
    assert (folder / name).read_text() == "mine"
    assert {path.name for path in folder.iterdir()} <= {name, ".lock"}


def test_the_same_start_may_be_made_again_and_clears_what_a_kill_left(
    trainer: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(session, "build", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            trainer(short(trainer))
    left = trainer.folder / "run" / ".checkpoint.pt.abc.part"
    left.touch()
    run, _, _, _ = trainer(short(trainer))
    assert run.result.exists()
    assert not left.exists()


def test_runs_that_start_in_one_second_have_folders_of_their_own(
    trainer: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.strftime", lambda _: "20261124-093000")
    paths = [new_run_path(short(trainer), trainer.folder) for _ in range(3)]
    assert len(set(paths)) == 3
    assert all(path.is_dir() for path in paths)


def test_strange_lines_in_the_log_do_not_keep_a_run_from_going_on(
    trainer: Trainer, monkeypatch: pytest.MonkeyPatch, uninterrupted: Uninterrupted
) -> None:
    recipe = short(trainer)
    with monkeypatch.context() as patch:
        fail_at(3, MemoryError(), patch)
        with pytest.raises(ResourceError):
            trainer(recipe, "cut")
    cut = RunFolder(trainer.folder / "cut")
    with cut.metrics.open("ab") as file:
        file.write(b'[1]\n"x"\n{"step": "many"}\n\xff\xfe\nnull\n{"step": 4}\n{"st')
    trainer(recipe, "cut", resume=True)
    assert equal(cut, uninterrupted(recipe)[0])


@pytest.mark.parametrize("setting", ["epochs=1", "optimizer.lr=0.02"])
def test_a_changed_recipe_does_not_go_on(
    trainer: Trainer, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    with monkeypatch.context() as patch:
        fail_at(1, MemoryError(), patch)
        with pytest.raises(ResourceError):
            trainer(short(trainer))
    key = setting.partition("=")[0].partition(".")[0]
    with pytest.raises(CheckpointError, match=f"{key} was changed") as caught:
        trainer(short(trainer, setting), resume=True)
    assert "\n" not in caught.value.line
