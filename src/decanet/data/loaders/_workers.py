"""Worker processes that decode images: persistent over epochs, with stopping signals blocked, and never left behind."""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextvars import ContextVar
from multiprocessing import forkserver, resource_tracker
from typing import Any

import torch
from torch import Tensor

from decanet.core.errors import DataError
from decanet.core.runtime import STOPPING
from decanet.data.image_files import refuse_unreadable

PRELOADED = ["decanet.data.loaders.folder", "decanet.data.image_io"]

Item = tuple[Tensor, int]  # an image, uint8 (3, S, S), and its label
# Decodes one image. Everything it needs is pickled with it, so that any worker can run it.
Call = Callable[[], Item]


@contextlib.contextmanager
def persistent_workers() -> Iterator[None]:
    """Keep worker processes from one iteration to the next within the block; none of them outlives it.

    Outside of such a block, each iteration over images in files starts and ends its own workers.
    """
    pool = _Pool()
    token = _current.set(pool)
    try:
        yield
    finally:
        _current.reset(token)
        pool.close()


def decoded(
    batches: Iterable[Sequence[Call]],
    workers: int,
    device: torch.device,
    *,
    total: int,
    name_all: bool = False,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Run the calls of each batch and stack their images and labels.

    The results depend on the calls only, not on the number of workers or on their earlier work.

    Args:
        batches: the calls of each batch, which is not empty. A call may raise DataError for an unreadable image.
        workers: number of processes that run them; 0 for this process.
        device: where the batches will go.
        total: number of images, for the message of an error.
        name_all: on an unreadable image run all remaining calls, so that the error names all such images.

    Yields:
        Images, uint8 (B, 3, S, S) in channels-last memory, and labels (B,).

    Raises:
        DataError: images cannot be read.
    """
    errors: list[DataError] = []
    with _results(iter(batches), workers, device) as results:
        for batch in results:
            if isinstance(batch[0], DataError):
                errors += batch
                if not name_all:
                    break
            elif not errors:
                yield batch
    refuse_unreadable(errors, total)


@contextlib.contextmanager
def _results(
    batches: Iterator[Sequence[Call]], workers: int, device: torch.device
) -> Iterator[Iterator[Any]]:
    if not workers:
        yield (_stack([_Calls()[call] for call in batch]) for batch in batches)
        return
    kept = _current.get()
    pool = kept or _Pool()
    borrowed = pool.borrow(workers, pin_memory=device.type == "cuda")
    try:
        yield borrowed.run(batches)
    finally:
        if kept:
            pool.give_back(borrowed)
        else:
            pool.close()


class _Pool:
    """Sets of workers; each serves one iteration at a time."""

    def __init__(self) -> None:
        self.all: list[_Workers] = []
        self.idle: list[_Workers] = []

    def borrow(self, count: int, pin_memory: bool) -> "_Workers":
        """Return an idle set of at least ``count`` workers, or start one."""
        for workers in self.idle:
            if workers.count >= count and workers.pin_memory == pin_memory:
                self.idle.remove(workers)
                return workers
        workers = _Workers(count, pin_memory)
        self.all.append(workers)
        return workers

    def give_back(self, workers: "_Workers") -> None:
        """Keep a set that has finished its work; end one that has work left, or hangs."""
        if workers not in self.all:  # the pool was closed
            return
        if workers.outstanding:
            workers.end()
            self.all.remove(workers)
        else:
            self.idle.append(workers)

    def close(self) -> None:
        """End all workers, including those in use."""
        for workers in self.all:
            workers.end()
        self.all.clear()
        self.idle.clear()


_current: ContextVar[_Pool | None] = ContextVar("decanet_workers", default=None)


class _Workers:
    """Processes behind one DataLoader of torch, which serves one iteration after the other.

    Attributes:
        outstanding: number of batches that were sent and have not come back.
    """

    def __init__(self, count: int, pin_memory: bool) -> None:
        self.count, self.pin_memory = count, pin_memory
        self.outstanding = 0
        # Forked workers would inherit the locks of torch's threads; a fresh server process is safe. It imports torch
        # once, so that workers start in milliseconds instead of seconds.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(PRELOADED)
        self.batches = _Feed()
        self.loader: Any = torch.utils.data.DataLoader(
            _Calls(),
            batch_sampler=self.batches,  # type: ignore[arg-type]  # the indices are calls
            num_workers=count,
            persistent_workers=True,
            collate_fn=_stack,
            worker_init_fn=_begin_worker,
            pin_memory=pin_memory,
            multiprocessing_context=context,
            generator=torch.Generator(),  # the global one is left alone
        )
        self.iterator: Any = None

    def run(self, batches: Iterator[Sequence[Call]]) -> Iterator[Any]:
        """The stacked results of each batch, in order."""
        self.batches.source = self._sent(batches)
        self.outstanding = 1  # until the workers have answered
        if self.iterator is None:
            with _signals_blocked():
                self.iterator = iter(self.loader)
        else:
            iter(self.loader)  # resets the same iterator
        self.outstanding -= 1
        for result in self.iterator:
            self.outstanding -= 1
            yield result

    def _sent(self, batches: Iterator[Sequence[Call]]) -> Iterator[Sequence[Call]]:
        for batch in batches:
            self.outstanding += 1
            yield batch

    def end(self) -> None:
        """Kill the processes: they hold no state, ignore termination, and one that hangs would be waited for."""
        processes = getattr(self.iterator, "_workers", [])
        for process in processes:
            process.kill()
        for process in processes:
            process.join()
        self.iterator = self.loader = None  # torch then releases its queues and threads


class _Feed:
    """The source of a loader's batches, another one for each iteration."""

    source: Iterator[Sequence[Call]] = iter(())

    def __iter__(self) -> Iterator[Sequence[Call]]:
        return self.source


class _Calls(torch.utils.data.Dataset[Item | DataError]):
    """The "data set" of the workers: an index is a call, its item the result."""

    def __getitem__(self, call: Call) -> Item | DataError:
        try:
            return call()
        except DataError as error:  # raised in a worker, its message would hold the worker's traceback
            return error


@contextlib.contextmanager
def _signals_blocked() -> Iterator[None]:
    """Start multiprocessing's tracker and server, and what the block starts, with the stopping signals blocked.

    Ctrl-C and a batch system signal the whole group of processes. Only the main process handles the signal, saves, and
    ends the workers. A signal that arrives within the block is handled at its end, when all workers can be ended.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    try:
        resource_tracker.ensure_running()
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)  # starting the tracker has unblocked some
        forkserver.ensure_running()
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin_worker(_: int) -> None:
    """Block the stopping signals, and end the worker when the training is killed.

    The server may have been started by other code, with the signals unblocked. Torch watches the worker's parent, which
    is the server and not the training.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _stack(items: list[Item | DataError]) -> tuple[Tensor, Tensor] | list[DataError]:
    """Stack a batch, or return its errors."""
    if errors := [item for item in items if isinstance(item, DataError)]:
        return errors
    images, labels = zip(*items, strict=True)
    return torch.stack([image.permute(1, 2, 0) for image in images]).permute(0, 3, 1, 2), torch.tensor(labels)
