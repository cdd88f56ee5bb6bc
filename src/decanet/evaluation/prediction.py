"""Predicting the classes of image files with a trained network."""

import itertools
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from decanet.core.errors import DataError
from decanet.core.processor import usable_cores
from decanet.core.progress import Report
from decanet.core.runtime import autocast
from decanet.data.decoding import fit_square
from decanet.data.image_files import images_below, skipped_in_words
from decanet.data.image_io import open_rgb
from decanet.evaluation.trained import TrainedModel
from decanet.evaluation.tta import TTA, central_crop_size

ImageSource = Path | np.ndarray | Image.Image
TopClasses = list[tuple[str, float]]  # class and probability, the most probable first


def predict_images(
    trained: TrainedModel, images: Sequence[ImageSource], top: int, batch_size: int = 16
) -> Iterator[tuple[ImageSource, TopClasses | DataError]]:
    """Yield each image, in order, with its ``top`` most probable classes, or with the error of reading it.

    Threads decode the next batch while one is predicted.

    Args:
        trained: the network.
        images: paths, uint8 arrays (H, W, 3) or Pillow images.
        top: number of classes; all of the network's where it has fewer.
        batch_size: number of images that are predicted together.
    """
    crop = central_crop_size(trained.tta, trained.spec.image_size)

    def read(image: ImageSource) -> np.ndarray | DataError:
        try:
            return fit_square(_pixels(image), trained.resize, trained.interpolation, crop)
        except DataError as error:
            return error
        except MemoryError:
            return DataError(f"image {image} does not fit into the memory that is left; make it smaller")

    batches = [images[start : start + batch_size] for start in range(0, len(images), batch_size)]
    pool = ThreadPoolExecutor(usable_cores())
    waiting: list[Future[np.ndarray | DataError]] = []
    try:
        for batch, following in itertools.pairwise([[], *batches, []]):
            squares = [future.result() for future in waiting]
            waiting = [pool.submit(read, image) for image in following]
            readable = [square for square in squares if isinstance(square, np.ndarray)]
            predictions = iter(predict_squares(trained, readable, top))
            for image, square in zip(batch, squares, strict=True):
                yield image, square if isinstance(square, DataError) else next(predictions)
    finally:
        pool.shutdown(cancel_futures=True)


def _pixels(image: ImageSource) -> np.ndarray | Image.Image:
    """The pixels of one image as RGB. Raises DataError where it cannot be read, or is an array of another shape."""
    if isinstance(image, Path):
        return open_rgb(image)
    if isinstance(image, Image.Image):
        return image.convert("RGB")
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise DataError(f"an image is uint8 (H, W, 3), got {image.dtype} {image.shape}")
    return image


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
