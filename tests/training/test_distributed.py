"""Training by two processes: the same gradients, statistics and weights as one, and lost processes."""

import copy
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from decanet.core.errors import DecanetError, DistributedError
from decanet.core.recipe_files import read_recipe, to_toml
from decanet.core.run_folder import RunFolder
from decanet.core.runtime import Ranks, ranks_from_environment
from decanet.training import loop
from decanet.training.checkpoint import load_state
from decanet.training.distributed import (
    GlobalBatchNorm2d,
    cross_entropy,
    distribute,
    lost_process,
    process_group,
    use_global_statistics,
)
from decanet.training.session import run_training
from tests.training.conftest import CPU, LENET, Recorder, Trainer, few_digits, in_two_processes


def compare_gradients_and_statistics(port: int) -> None:
    """Compare in the process group of two processes, which leaves no thread behind."""
    os.environ |= {"MASTER_PORT": str(port), "TORCHELASTIC_USE_AGENT_STORE": "True"}
    ranks = ranks_from_environment()
    with process_group(ranks, CPU):
        train_alone_and_together(ranks)
    assert threads_of_gloo() == 0


def train_alone_and_together(ranks: Ranks) -> None:
    """Train copies of one network, alone and as one of two processes, and compare them step by step.

    In float64 rounding is far below the tolerance, so a wrong term anywhere would be seen.
    """
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    alone = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 4, 3),
        nn.BatchNorm2d(4, affine=False), nn.Flatten(), nn.Linear(64, 5),
    )  # fmt: skip
    together = copy.deepcopy(alone)
    x, y = torch.randn(7, 3, 8, 8), torch.randint(0, 5, (7,))
    parallel = distribute(together, ranks, CPU)
    mine = torch.arange(7).tensor_split(2)[ranks.rank]  # four images and three
    for _ in range(3):
        nn.functional.cross_entropy(alone(x), y, label_smoothing=0.1).backward()
        cross_entropy(parallel(x[mine]), y[mine], 0.1, len(mine) * 2 / 7).backward()
        for a, b in zip(alone.parameters(), together.parameters(), strict=True):
            torch.testing.assert_close(b.grad, a.grad, rtol=1e-5, atol=1e-7)
            with torch.no_grad():
                step = 0.1 * a.grad  # type: ignore[operator]
                a.sub_(step), b.sub_(step)
            a.grad = b.grad = None
    for a, b in zip(alone.buffers(), together.buffers(), strict=True):
        torch.testing.assert_close(b, a, rtol=1e-5, atol=1e-7)
    together.eval(), alone.eval()
    torch.testing.assert_close(together(x), alone(x), rtol=1e-5, atol=1e-7)


def test_gradients_and_running_statistics_are_those_of_the_global_batch() -> None:
    """The processes meet as under torchrun, whose own process serves the store."""
    store = torch.distributed.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    assert in_two_processes(compare_gradients_and_statistics, store.port) == (0, 0)


def test_torchrun_tells_each_process_its_rank_and_where_to_meet(tmp_path: Path) -> None:
    """Its processes import no torch here, which takes longer than all the rest."""
    script = tmp_path / "script.py"
    script.write_text(
        "import os, socket\n"
        "from decanet.core.runtime import ranks_from_environment\n"
        "socket.create_connection((os.environ['MASTER_ADDR'], int(os.environ['MASTER_PORT']))).close()\n"
        "line = f\"{ranks_from_environment()} {os.environ['TORCHELASTIC_USE_AGENT_STORE']}\\n\"\n"
        "os.write(1, line.encode())  # at once: the lines of two processes may not mix\n"
    )
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    assert sorted(done.stdout.splitlines()) == [f"{Ranks(0, 2)} True", f"{Ranks(1, 2)} True"]


def test_converting_keeps_parameters_buffers_and_evaluation() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).eval()
    x = torch.randn(2, 3, 6, 6)
    before, names = model(x), list(model.state_dict())
    use_global_statistics(model)
    assert isinstance(model[1], GlobalBatchNorm2d)
    assert list(model.state_dict()) == names
    assert torch.equal(model(x), before)


@pytest.mark.parametrize(("rank", "size"), [("2", "2"), ("-1", "2"), ("a", "2")])
def test_a_contradictory_environment_is_an_error(
    rank: str, size: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", rank)
    monkeypatch.setenv("WORLD_SIZE", size)
    with pytest.raises(DistributedError, match="torchrun"):
        ranks_from_environment()


@pytest.mark.parametrize(
    ("error", "lost"),
    [
        (RuntimeError("[gloo/transport/tcp/pair.cc:547] Connection closed by peer [127.0.0.1]:2000"), True),
        (RuntimeError("[gloo/transport/tcp/unbound_buffer.cc:81] Timed out waiting 600000ms"), True),
        (torch.distributed.DistNetworkError("Failed to recv, got 0 bytes."), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (DistributedError("RANK=2 does not lie in 0..1"), False),
    ],
)
def test_a_lost_process_is_told_from_other_errors(
    error: Exception, lost: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert lost_process(error) is None, "one process alone loses no other"
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    assert isinstance(lost_process(error), DistributedError) == lost


def threads_of_gloo() -> int:
    """Number of Gloo's threads in this process; one that outlives the interpreter may abort it."""
    return sum("gloo" in (task / "comm").read_text() for task in Path("/proc/self/task").glob("*"))


def train_until_a_signal(recipe: Path, run: Path, number: str, messages: Path) -> None:
    """Train; the second process gets a signal in its third step. Each writes its error into ``messages``."""
    ranks, real, steps = ranks_from_environment(), loop._loss, []

    def loss(*arguments: Any) -> Any:
        steps.append(1)
        if ranks.rank == 1 and len(steps) == 3:
            os.kill(os.getpid(), getattr(signal, number))
        return real(*arguments)

    loop._loss = loss
    data = few_digits()
    try:
        with process_group(ranks, CPU):
            run_training(
                read_recipe(recipe), data, RunFolder(run), device=CPU, ranks=ranks, report=Recorder()
            )
    except DecanetError as error:
        (messages / f"{ranks.rank}").write_text(f"{error.line}\n{threads_of_gloo()} threads left")
        os._exit(error.exit_code)


@pytest.mark.parametrize(
    ("number", "codes", "message", "steps"),
    [
        ("SIGKILL", (8, -9), "error[distributed]: another process of this training was lost", 2),
        ("SIGTERM", (75, 75), "error[preempted]: stopped at step 3 of ", 3),
    ],
)
def test_a_signal_to_one_process_ends_all_and_what_was_done_is_saved(
    trainer: Trainer, number: str, codes: tuple[int, int], message: str, steps: int
) -> None:
    settings = [
        "model.name=lenet5_modern",
        "data.image_size=32",
        "optimizer.name=sgd",
        "optimizer.lr=0.01",
        "epochs=9",
    ]
    recipe, run = trainer.folder / "recipe.toml", trainer.folder / "run"
    recipe.write_text(to_toml(trainer.recipe(*settings)))
    assert in_two_processes(train_until_a_signal, recipe, run, number, trainer.folder) == codes
    text = (trainer.folder / "0").read_text()
    assert text.startswith(message)
    assert f"decanet train --resume {run}" in text
    assert text.endswith("\n0 threads left")
    assert load_state(run / "checkpoint.pt")["progress"]["step"] == steps


def train_as_one_of_two(recipe: Path, folder: Path) -> None:
    ranks = ranks_from_environment()
    data = few_digits()
    with process_group(ranks, CPU):
        run_training(read_recipe(recipe), data, RunFolder(folder), device=CPU, ranks=ranks, report=Recorder())


@pytest.mark.parametrize(
    "settings",
    [
        # A residual network: max pooling of flat regions has ties, which rounding decides.
        pytest.param(
            ["model.name=resnet20_cifar", "optimizer.name=sgd", "optimizer.lr=0.01", "epochs=0.5"],
            id="with batch normalization"),
        pytest.param(
            [*LENET, "optimizer.name=sgd", "optimizer.lr=0.01", "epochs=2", "validation=0.2"],
            id="without, with a validation set"),
    ],
)  # fmt: skip
def test_two_processes_train_the_same_weights_as_one(trainer: Trainer, settings: list[str]) -> None:
    # An odd batch size: the slices differ in length, and the gradients must be those of the global batch.
    recipe = trainer.recipe("batch_size=111", "precision=float32", *settings)
    one, one_result, _, _ = trainer(recipe, "one")
    assert in_two_processes(train_as_one_of_two, one.recipe, trainer.folder / "two") == (0, 0)
    two = RunFolder(trainer.folder / "two")
    assert two.read_json(two.result)["processes"] == 2
    losses = [[line["loss"] for line in run.read_metrics() if "loss" in line] for run in (one, two)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)
    errors = [[line.get("validation_error") for line in run.read_metrics()] for run in (one, two)]
    assert [error is None for error in errors[1]] == [error is None for error in errors[0]]
    alone, together = load_file(one.weights), load_file(two.weights)
    assert alone.keys() == together.keys()
    for name, tensor in alone.items():
        torch.testing.assert_close(
            together[name], tensor, rtol=1e-3, atol=1e-3, msg=lambda m, n=name: f"{n}: {m}"
        )
    top1 = "validation_top1" if recipe.validation else "test_top1"
    assert two.read_json(two.result)[top1] == pytest.approx(one_result[top1], abs=0.02)
