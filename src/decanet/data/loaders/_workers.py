"""The processes that decode images: started so that a signal or a death loses nothing and leaves nobody behind."""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from multiprocessing import forkserver, resource_tracker
from typing import Any

import torch
from torch import Tensor

from decanet.core.errors import DataError
from decanet.core.runtime import STOPPING
from decanet.data.images import refuse_unreadable

PRELOADED = ["decanet.data.loaders.folder", "decanet.data.image_io"]


def decoded(
    images: torch.utils.data.Dataset[tuple[Tensor, int] | DataError],
    batches: list[list[tuple[int, int]]],
    workers: int,
    device: torch.device,
    *,
    name_all: bool = False,
) -> Iterator[tuple[Tensor, Tensor]]:
    """The ``batches`` of ``images``: uint8 (B, 3, S, S), channels-last as the network wants them, and labels (B,).

    Args:
        images: takes (epoch, sample), gives uint8 (3, S, S) and a label, or the error of an image that cannot be read.
        batches: the indices of each batch.
        workers: processes that decode; 0 for this one.
        device: where the batches will go.
        name_all: decode all the rest where an image cannot be read, so that the error names all that cannot.

    Raises:
        DataError: images cannot be read.
    """
    workers = min(workers, len(batches))
    context = None
    if workers:
        # Forked workers would inherit the locks of torch's threads; a fresh server process is safe. It imports torch
        # once: workers, which come anew with every pass, then start in milliseconds instead of seconds.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(PRELOADED)
    loader: Any = torch.utils.data.DataLoader(
        images,
        batch_sampler=batches,  # the indices are pairs, as the data set takes them
        num_workers=workers,
        collate_fn=_stack,
        worker_init_fn=_end_with_parent,
        pin_memory=device.type == "cuda",
        multiprocessing_context=context,
    )
    errors: list[DataError] = []
    loading: Any = None
    try:
        with _born_deaf() if workers else contextlib.nullcontext():
            loading = iter(loader)
        for batch in loading:
            if isinstance(batch[0], DataError):
                errors += batch
                if not name_all:
                    break
            elif not errors:
                yield batch
    except BaseException:
        for worker in getattr(loading, "_workers", []):
            worker.kill()  # one that hangs would be waited for, and termination is blocked there
        raise
    refuse_unreadable(errors, sum(map(len, batches)))


@contextlib.contextmanager
def _born_deaf() -> Iterator[None]:
    """Start multiprocessing's tracker and server, and what the block starts, with the stopping signals blocked.

    Ctrl-C and a batch system signal the whole group of processes. Only this one heeds it, saves, and ends the workers.
    A signal that comes meanwhile is heard at the end of the block, when all workers can be ended.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    try:
        resource_tracker.ensure_running()
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)  # starting the tracker has unblocked some
        forkserver.ensure_running()
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end_with_parent(_: int) -> None:
    """Let a worker end when the training is killed: torch looks after the worker's parent, which is the server."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _stack(items: list[tuple[Tensor, int] | DataError]) -> tuple[Tensor, Tensor] | list[DataError]:
    """The batch, or the errors in it."""
    if errors := [item for item in items if isinstance(item, DataError)]:
        return errors
    images, labels = zip(*items, strict=True)
    return torch.stack([image.permute(1, 2, 0) for image in images]).permute(0, 3, 1, 2), torch.tensor(labels)
