"""Exchange of values between processes; two processes use every function in tests/training and tests/evaluation."""

from pathlib import Path

import torch

from decanet.core.collectives import broadcast_from_main, gather_over_ranks, max_over_ranks, sum_over_ranks
from decanet.core.runtime import Ranks, ranks_from_environment
from decanet.training.distributed import process_group
from tests.training.conftest import in_two_processes

CPU = torch.device("cpu")


def exchange(ranks: Ranks) -> tuple[object, ...]:
    own = ranks.rank + 1
    return (
        broadcast_from_main(f"rank {ranks.rank}", ranks),
        sum_over_ranks(torch.tensor([own, 10.0 * own]), ranks).tolist(),
        max_over_ranks(own, ranks, CPU),
        gather_over_ranks(["x"] * ranks.rank, ranks),
    )


def exchange_as_one_of_two(folder: Path) -> None:
    ranks = ranks_from_environment()
    with process_group(ranks, CPU):
        (folder / f"{ranks.rank}").write_text(repr(exchange(ranks)))


def test_one_rank_gets_its_own_values() -> None:
    assert exchange(Ranks()) == ("rank 0", [1.0, 10.0], 1, [[]])


def test_two_processes_get_the_same_values(tmp_path: Path) -> None:
    assert in_two_processes(exchange_as_one_of_two, tmp_path) == (0, 0)
    for rank in (0, 1):
        assert (tmp_path / f"{rank}").read_text() == repr(("rank 0", [3.0, 30.0], 2, [[], ["x"]]))
