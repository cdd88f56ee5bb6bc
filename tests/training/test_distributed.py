"""Two processes compute exactly what one computes."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from decanet.core.errors import DistributedError
from decanet.core.recipe import to_toml
from decanet.core.runtime import ranks_from_environment
from decanet.training.checkpoint import load_state
from decanet.training.distributed import GlobalBatchNorm2d, lost_process, use_global_statistics
from tests.training.conftest import Trainer

# In float64 rounding is far below the tolerance, so a wrong term anywhere would be seen.
SCRIPT = """
import copy, torch
from torch import nn
from decanet.core.runtime import ranks_from_environment
from decanet.training.distributed import cross_entropy, distribute, process_group
torch.set_default_dtype(torch.float64)
torch.manual_seed(0)
alone = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 4, 3),
                      nn.BatchNorm2d(4, affine=False), nn.Flatten(), nn.Linear(64, 5))
together = copy.deepcopy(alone)
x, y = torch.randn(7, 3, 8, 8), torch.randint(0, 5, (7,))
ranks = ranks_from_environment()
with process_group(ranks, torch.device("cpu")):
    parallel = distribute(together, ranks, torch.device("cpu"))
    mine = torch.arange(7).tensor_split(2)[ranks.rank]   # four pictures and three
    for step in range(3):
        nn.functional.cross_entropy(alone(x), y, label_smoothing=0.1).backward()
        loss = cross_entropy(parallel(x[mine]), y[mine], 0.1, len(mine) * 2 / 7)
        loss.backward()
        for a, b in zip(alone.parameters(), together.parameters()):
            torch.testing.assert_close(b.grad, a.grad, rtol=1e-5, atol=1e-7)
            with torch.no_grad():
                a.sub_(0.1 * a.grad), b.sub_(0.1 * a.grad)
            a.grad = b.grad = None
    for a, b in zip(alone.buffers(), together.buffers()):
        torch.testing.assert_close(b, a, rtol=1e-5, atol=1e-7)
    together.eval(), alone.eval()
    torch.testing.assert_close(together(x), alone(x), rtol=1e-5, atol=1e-7)
print("equal")
"""


def test_gradients_and_running_statistics_are_those_of_the_global_batch(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        "2",
        str(script),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("equal") == 2


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
    assert lost_process(error) is None, "alone there is nobody to lose"
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    assert isinstance(lost_process(error), DistributedError) == lost


ONE_IS_HIT = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import torch
torch.set_num_threads(1)
from decanet.core.errors import DecanetError
from decanet.core.recipe import read_recipe
from decanet.core.report import Silent
from decanet.core.results import RunFolder
from decanet.core.runtime import ranks_from_environment
from decanet.data import load_data
from decanet.training import loop
from decanet.training.distributed import process_group
from decanet.training.session import run_training
from tests.training.conftest import CPU, Listener
ranks, real, steps = ranks_from_environment(), loop._loss, []
def loss(*arguments):
    steps.append(1)
    if ranks.rank == 1 and len(steps) == 3:
        os.kill(os.getpid(), getattr(signal, sys.argv[4]))
    return real(*arguments)
loop._loss = loss
try:
    with process_group(ranks, CPU):
        run_training(read_recipe(Path(sys.argv[2])), load_data("digits", cache=Path("x"), report=Silent()),
                     RunFolder(Path(sys.argv[3])), device=CPU, ranks=ranks, watcher=Listener())
except DecanetError as error:
    print(error.line)
    os._exit(error.exit_code)
"""


@pytest.mark.parametrize(
    ("number", "codes", "says", "steps"),
    [
        ("SIGKILL", (8, -9), "error[distributed]: another process of this training was lost", 2),
        ("SIGTERM", (75, 75), "error[preempted]: stopped at step 3 of ", 3),
    ],
)
def test_a_signal_to_one_process_ends_all_and_what_was_done_is_saved(
    trainer: Trainer, number: str, codes: tuple[int, int], says: str, steps: int
) -> None:
    settings = ["model.name=lenet5_modern", "optimizer.name=sgd", "optimizer.lr=0.01", "epochs=9"]
    recipe, script, run = trainer.folder / "recipe.toml", trainer.folder / "script.py", trainer.folder / "run"
    recipe.write_text(to_toml(trainer.recipe(*settings)))
    script.write_text(ONE_IS_HIT)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, str(script), str(Path(__file__).parents[2]), str(recipe), str(run), number]
    place = {**os.environ, "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    both = [
        subprocess.Popen(command, env={**place, "RANK": str(rank)}, stdout=subprocess.PIPE, text=True)
        for rank in (0, 1)
    ]
    said = [process.communicate(timeout=120)[0] for process in both]
    assert tuple(process.returncode for process in both) == codes
    assert said[0].startswith(says)
    assert f"decanet train --resume {run}" in said[0]
    assert load_state(run / "state.pt")["progress"]["step"] == steps
