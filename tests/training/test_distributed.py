"""Two processes compute exactly what one computes."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from decanet.core.errors import DistributedError
from decanet.core.runtime import ranks_from_environment
from decanet.training.distributed import GlobalBatchNorm2d, use_global_statistics

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
