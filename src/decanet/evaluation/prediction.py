"""Predicting the classes of image files with a trained network."""

import itertools
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch

from decanet.core.errors import DataError
from decanet.core.processor import usable_cores
from decanet.core.progress import Report
from decanet.core.runtime import autocast
from decanet.data.decoding import fit_square
from decanet.data.image_io import open_rgb
from decanet.data.images import images_below, skipped_in_words
from decanet.evaluation.trained import TrainedModel
from decanet.evaluation.tta import TTA, central_crop_size

TopClasses = list[tuple[str, float]]  # class and probability, the most probable first


def predict_images(
    trained: TrainedModel, paths: Sequence[Path], top: int, batch_size: int = 16
) -> Iterator[tuple[Path, TopClasses | DataError]]:
    """Yield each image, in order, with its ``top`` most probable classes, or with the error of reading it.

    Threads decode the next batch while one is predicted.
    """
    crop = central_crop_size(trained.tta, trained.spec.image_size)

    def read(path: Path) -> np.ndarray | DataError:
        try:
            return fit_square(open_rgb(path), trained.resize, trained.interpolation, crop)
        except DataError as error:
            return error
        except MemoryError:
            return DataError(f"image {path} does not fit into the memory that is left; make it smaller")

    batches = [paths[start : start + batch_size] for start in range(0, len(paths), batch_size)]
    pool = ThreadPoolExecutor(usable_cores())
    waiting: list[Future[np.ndarray | DataError]] = []
    try:
        for batch, following in itertools.pairwise([[], *batches, []]):
            images = [future.result() for future in waiting]
            waiting = [pool.submit(read, path) for path in following]
            readable = [image for image in images if isinstance(image, np.ndarray)]
            predictions = iter(predict_squares(trained, readable, top))
            for path, image in zip(batch, images, strict=True):
                yield path, image if isinstance(image, DataError) else next(predictions)
    finally:
        pool.shutdown(cancel_futures=True)


@torch.inference_mode()
def predict_squares(trained: TrainedModel, squares: Sequence[np.ndarray], top: int) -> list[TopClasses]:
    """Return the ``top`` most probable classes of each square image, uint8 (S, S, 3), all of one size."""
    if not squares:
        return []
    spec = trained.spec
    images = torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2)
    x = spec.normalize(images.to(spec.device), image_size=images.shape[-1])
    with autocast(spec.device, trained.precision):
        probabilities = TTA[trained.tta](trained.model, x, spec.image_size).exp().cpu()
    best = probabilities.topk(min(top, len(trained.classes)), dim=1)
    return [
        [(trained.classes[label], probability) for label, probability in zip(labels, values, strict=True)]
        for labels, values in zip(best.indices.tolist(), best.values.tolist(), strict=True)
    ]


def image_files(given: Sequence[Path], report: Report) -> list[Path]:
    """Return the image files of ``given``: files as they are, folders as all images below them.

    ``report`` receives a note on the files of a folder that are no images.
    """
    files: list[Path] = []
    for path in given:
        if not path.is_dir():
            files.append(path)
            continue
        listed = images_below(path)
        files += listed.paths
        if listed.skipped:
            report.note(f"{path}: {skipped_in_words(listed.skipped)}")
    return files
