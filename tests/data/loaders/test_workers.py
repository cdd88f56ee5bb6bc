"""The processes that decode: deaf to the signals that the training heeds, and gone when it is."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from multiprocessing import forkserver, resource_tracker

import pytest
import torch
from torch import Tensor

from decanet.core.errors import shortage
from decanet.core.runtime import STOPPING
from decanet.data.loaders._workers import decoded


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


def test_what_multiprocessing_starts_is_born_deaf_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its tracker ignores Ctrl-C and termination by itself, but a closed terminal would end it, with tracebacks."""
    masks = []
    for module in (resource_tracker, forkserver):

        def start(real: Callable[[], None] = module.ensure_running) -> None:
            masks.append(signal.pthread_sigmask(signal.SIG_BLOCK, []))
            real()

        monkeypatch.setattr(module, "ensure_running", start)
    list(decoded(Blocked(), [[(0, 0)]], 1, torch.device("cpu")))
    assert len(masks) >= 2
    assert all(set(STOPPING) <= mask for mask in masks[:2])


class Dying(torch.utils.data.Dataset[tuple[Tensor, int]]):
    """Images in whose decoding the process is killed, or stops for ever."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __getitem__(self, index: tuple[int, int]) -> tuple[Tensor, int]:
        if index[1] == 1:
            time.sleep(0.2)  # a thread of this process is still sending the batch before
            os.kill(os.getpid(), self.number)
        return torch.zeros(3, 2, 2, dtype=torch.uint8), 0


def test_a_worker_that_was_killed_is_a_lack_of_resources() -> None:
    with pytest.raises(RuntimeError) as caught:
        list(decoded(Dying(signal.SIGKILL), [[(0, 0)], [(0, 1)]], 1, torch.device("cpu")))
    assert "decodes images was killed" in str(shortage(caught.value))


def test_a_worker_that_hangs_is_not_waited_for_when_the_training_ends() -> None:
    batches = decoded(Dying(signal.SIGSTOP), [[(0, 0)], [(0, 1)]], 1, torch.device("cpu"))
    next(batches)
    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        batches.throw(KeyboardInterrupt)
    del batches
    assert time.monotonic() - begin < 4, "torch waits 5 s for each, and Python for ever"
    assert not multiprocessing.active_children()
