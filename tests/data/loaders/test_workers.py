"""Worker processes: persistent over epochs, with stopping signals blocked, and ended with the training."""

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from multiprocessing import forkserver, resource_tracker
from unittest.mock import Mock

import pytest
import torch
from torch import Tensor
from torch.utils.data.dataloader import _MultiProcessingDataLoaderIter

from decanet.core.errors import DataError, shortage
from decanet.core.runtime import STOPPING
from decanet.data.loaders._workers import Call, _begin_worker, decoded, persistent_workers

IMAGE = torch.zeros(3, 2, 2, dtype=torch.uint8)


def decode(batches: list[list[Call]], workers: int, **settings: bool) -> Iterator[tuple[Tensor, Tensor]]:
    return decoded(batches, workers, torch.device("cpu"), total=sum(map(len, batches)), **settings)


def number(value: int) -> tuple[Tensor, int]:
    """An image of one value, labeled with it."""
    return IMAGE + value, value


def blocked() -> tuple[Tensor, int]:
    """How many of the stopping signals are blocked in the process that decodes."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    return IMAGE, sum(number in mask for number in STOPPING)


def process() -> tuple[Tensor, int]:
    return IMAGE, os.getpid()


def end_by(signal_number: int) -> tuple[Tensor, int]:
    time.sleep(0.2)  # a thread of this process is still sending the batch before
    os.kill(os.getpid(), signal_number)
    return IMAGE, 0


def unreadable(name: str) -> tuple[Tensor, int]:
    raise DataError(f"cannot read image {name}")


def processes(workers: int = 2, batches: int = 8) -> set[int]:
    """The processes that decode an iteration."""
    return {int(labels[0]) for _, labels in decode([[process]] * batches, workers)}


def numbers(count: int) -> list[list[Call]]:
    return [[partial(number, 2 * i), partial(number, 2 * i + 1)] for i in range(count)]


def labels_of(batches: Iterator[tuple[Tensor, Tensor]]) -> list[int]:
    return [label for _, labels in batches for label in labels.tolist()]


def children() -> Sequence[object]:
    return multiprocessing.active_children()


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_batches_come_in_order_in_channels_last_memory(workers: int) -> None:
    for place, (images, labels) in enumerate(decode(numbers(9), workers)):
        assert labels.tolist() == [2 * place, 2 * place + 1]
        assert images.shape == (2, 3, 2, 2)
        assert images.dtype == torch.uint8
        assert images.is_contiguous(memory_format=torch.channels_last)
        assert images.flatten(1).amin(1).tolist() == images.flatten(1).amax(1).tolist() == labels.tolist()
    assert place == 8
    assert not children()


def test_nothing_to_decode_is_no_batch() -> None:
    assert list(decode([], 0)) == list(decode([], 1)) == []


@pytest.mark.parametrize("workers", [0, 1])
def test_workers_ignore_ctrl_c_and_termination(workers: int) -> None:
    ((_, found),) = decode([[blocked, blocked]], workers)
    assert found.tolist() == [workers * len(STOPPING)] * 2
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, []) & STOPPING


def test_workers_of_a_server_that_other_code_started_ignore_signals_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(multiprocessing, "parent_process", lambda: Mock(join=threading.Event().wait))
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    assert not before & STOPPING
    try:
        _begin_worker(0)
        assert signal.pthread_sigmask(signal.SIG_BLOCK, []) >= STOPPING
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def test_the_helpers_of_multiprocessing_ignore_signals_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its tracker ignores Ctrl-C and termination by itself, but a closed terminal would end it, with tracebacks."""
    masks = []
    for module in (resource_tracker, forkserver):

        def start(real: Callable[[], None] = module.ensure_running) -> None:
            masks.append(signal.pthread_sigmask(signal.SIG_BLOCK, []))
            real()

        monkeypatch.setattr(module, "ensure_running", start)
    list(decode([[process]], 1))
    assert len(masks) >= 2
    assert all(set(STOPPING) <= mask for mask in masks[:2])


def test_decoding_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    list(decode(numbers(3), 1))
    assert torch.equal(before, torch.get_rng_state())


# Workers that are kept.


def test_persistent_workers_serve_one_iteration_after_the_other() -> None:
    with persistent_workers():
        first = processes()
        assert processes() == first
        assert processes(workers=1) == first, "idle workers are used, even more than were asked for"
        assert len(first) == 2
    assert not children()
    assert not first & processes(), "outside of the block, every iteration starts its own"
    assert not children()


def test_more_workers_than_are_idle_are_started() -> None:
    with persistent_workers():
        first = processes(workers=1)
        second = processes(workers=2)
        assert (len(first), len(second), len(first & second)) == (1, 2, 0)


def test_persistent_workers_change_no_result() -> None:
    with persistent_workers():
        for count in (5, 1, 12):
            assert labels_of(decode(numbers(count), 2)) == list(range(2 * count))


def test_an_iteration_inside_another_gets_workers_of_its_own() -> None:
    with persistent_workers():
        outer = decode(numbers(9), 1)
        assert next(outer)[1].tolist() == [0, 1]
        assert labels_of(decode(numbers(4), 1)) == list(range(8))
        assert labels_of(outer) == list(range(2, 18))
        assert len(children()) == 2


def test_workers_without_work_are_kept_though_the_iteration_was_left() -> None:
    """A training leaves its loop after the last step, without asking for another batch."""
    with persistent_workers():
        batches = decode([[process]], 1)
        _, first = next(batches)
        batches.close()
        assert processes(1) == {int(first)}


def test_workers_with_work_are_ended_when_the_iteration_is_left() -> None:
    with persistent_workers():
        batches = decode([[process]] * 9, 1)
        _, first = next(batches)
        batches.close()
        assert not children()
        assert int(first) not in processes(1)
        assert labels_of(decode(numbers(3), 1)) == list(range(6))


def test_workers_continue_after_an_unreadable_image() -> None:
    bad = [
        [partial(number, 0)],
        [partial(unreadable, "a"), partial(unreadable, "b")],
        [partial(unreadable, "c")],
    ]
    with persistent_workers():
        for name_all, message in (
            (True, "3 of 4 images cannot be read"),
            (False, "2 of 4 images cannot be read"),
        ):
            with pytest.raises(DataError, match=message):
                list(decode(bad, 1, name_all=name_all))
            assert labels_of(decode(numbers(2), 1)) == [0, 1, 2, 3]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_no_worker_outlives_the_block_that_an_error_ends(error: type[BaseException]) -> None:
    iterations = []

    def fail() -> None:
        with persistent_workers():
            processes(1)
            iterations.append(decode(numbers(9), 2))
            next(iterations[0])
            assert len(children()) == 3
            raise error

    with pytest.raises(error):
        fail()
    assert not children()
    iterations[0].close()
    assert not children()


# Workers that end or hang.


def test_a_worker_that_was_killed_is_a_lack_of_resources(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_MultiProcessingDataLoaderIter._try_get_data, "__defaults__", (0.2,))  # for 5 seconds
    with pytest.raises(RuntimeError) as caught:
        list(decode([[process], [partial(end_by, signal.SIGKILL)]], 1))
    assert "decodes images was killed" in str(shortage(caught.value))


@pytest.mark.parametrize("persistent", [False, True])
def test_a_worker_that_hangs_is_not_waited_for_when_the_training_ends(persistent: bool) -> None:
    with persistent_workers() if persistent else contextlib.nullcontext():
        batches = decode([[process], [partial(end_by, signal.SIGSTOP)]], 1)
        next(batches)
        time.sleep(0.5)
        begin = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            batches.throw(KeyboardInterrupt)
    del batches
    assert time.monotonic() - begin < 4, "torch waits 5 s for each, and Python for ever"
    assert not children()
