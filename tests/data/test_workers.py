"""The processes that decode: deaf to the signals that the training heeds, and gone when it is."""

import signal

import pytest
import torch
from torch import Tensor

from decanet.data._workers import STOPPING, decoded


class Blocked(torch.utils.data.Dataset[tuple[Tensor, int]]):
    """Images that carry which signals are blocked in the process that decodes them."""

    def __getitem__(self, index: tuple[int, int]) -> tuple[Tensor, int]:
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [])
        return torch.zeros(3, 2, 2, dtype=torch.uint8), sum(number in blocked for number in STOPPING)


@pytest.mark.parametrize("workers", [0, 1])
def test_only_the_training_itself_hears_ctrl_c_and_termination(workers: int) -> None:
    ((images, blocked),) = decoded(Blocked(), [[(0, 0), (0, 1)]], workers, torch.device("cpu"))
    assert images.shape == (2, 3, 2, 2)
    assert blocked.tolist() == [workers * len(STOPPING)] * 2
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, []) & STOPPING
