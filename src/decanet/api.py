"""The Python interface: what the commands do, as functions. ``decanet`` re-exports all of it.

>>> import decanet
>>> run = decanet.train("quick", data="digits", settings={"tta": "none"})  # doctest: +SKIP
>>> evaluation = decanet.evaluate(run.model)  # doctest: +SKIP
>>> [classes] = decanet.predict("digit.png", run.model)  # doctest: +SKIP

A *model reference* names a trained network everywhere: the folder of a run, a network whose weights come with the
package ("decanet_m"), NAME@SOURCE for pretrained weights ("resnet50_v1_5@torchvision"), or a weight file with ``arch``.

Every error that a caller can correct is a :class:`DecanetError`, whose text states what is wrong and how to correct it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from decanet.core.errors import DecanetError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from PIL import Image
    from torch import nn

    from decanet.convolution.images import Padding, Steps
    from decanet.core.recipe import Recipe
    from decanet.data import ImageData
    from decanet.evaluation.accuracy import Evaluation
    from decanet.evaluation.prediction import TopClasses
    from decanet.evaluation.trained import TrainedModel
    from decanet.training.start import TrainingResult

__all__ = [
    "DecanetError",
    "convolve_image",
    "evaluate",
    "load_data",
    "load_model",
    "predict",
    "train",
]


def load_data(
    name: str | Path = "cifar10",
    *,
    image_size: int = 32,
    seed: int = 0,
    source: str = "auto",
    data_dir: str | Path | None = None,
) -> ImageData:
    """Load a data set, or a folder of images.

    Args:
        name: a registered data set ("cifar10", "digits", ...), or a folder DIR/CLASS/image.jpg, of which every fifth
            image of each class becomes the test split, or a folder with splits of its own, DIR/train/CLASS/image.jpg.
        image_size: height and width in pixels to which the images of a folder are resized. Up to 64 they are kept in
            memory; above, they are read when they are used. Registered data sets keep their size.
        seed: random seed of a folder's split.
        source: where a registered data set comes from: "auto", "cache", the name of a source, or a path.
        data_dir: folder that keeps data sets; by default $DECANET_CACHE or the user's cache folder.

    Returns:
        The data set: ``classes``, the splits ``train`` and ``test``, and the constants ``mean`` and ``std``.

    Raises:
        UsageError: neither a data set nor a folder.
        DataError: the data cannot be fetched, or the folder's images cannot be used.
    """
    from decanet import data
    from decanet.core.progress import Silent
    from decanet.core.runtime import cache_folder

    return data.load_data(
        str(name),
        cache=cache_folder(data_dir),
        report=Silent(),
        source=source,
        image_size=image_size,
        seed=seed,
    )


def train(
    recipe: str | Path | Recipe | None = None,
    *,
    data: str | Path | ImageData | None = None,
    model: nn.Module | None = None,
    out: str | Path | None = None,
    epochs: float | None = None,
    seed: int | None = None,
    settings: Mapping[str, Any] | None = None,
    resume: str | Path | None = None,
    device: str = "auto",
    source: str = "auto",
    data_dir: str | Path | None = None,
    progress: bool = True,
) -> TrainingResult:
    """Train a network by a recipe, evaluate it, and write the run: recipe, log, weights, result and figures.

    It is what ``decanet train`` does, and gives the same weights, bit for bit, with the same number of threads.

    Args:
        recipe: the name of a built-in recipe ("quick" by default), the path of a TOML file, or a recipe.
        data: a data set's name, a folder of images, or loaded data; the recipe's own by default.
        model: your own network, trained in place instead of the recipe's. It takes images (N, 3, H, W), normalized by
            the recipe's or the data's constants, and returns logits (N, K), a column for each class of the data. Set
            ``settings={"data.image_size": S}`` where S is not the size of the stored images.
        out: folder of the run; by default a new one in ``runs/``.
        epochs: length of the training; one epoch is as many samples as the training set holds.
        seed: random seed of the whole training.
        settings: other keys of the recipe, for instance ``{"optimizer.lr": 0.1, "batch_size": 64}``.
        resume: the folder of an interrupted run, which holds all other settings; give ``model`` again.
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".
        source: where a registered data set comes from: "auto", "cache", the name of a source, or a path.
        data_dir: folder that keeps data sets.
        progress: whether to print the log.

    Returns:
        The run: ``model``, ready for :func:`predict` and :func:`evaluate`, ``accuracy``, ``values`` and ``path``.

    Raises:
        UsageError: an unknown recipe or key, or settings that do not fit the data or the network.
        DataError: the data is missing or cannot be used.
        CheckpointError: the run to resume is no run, is finished, or is damaged.
        DivergedError: the loss became NaN or infinite.
    """
    from json import dumps

    from decanet.cli.progress import ConsoleReport
    from decanet.core.errors import UsageError
    from decanet.core.run_folder import RunFolder
    from decanet.core.runtime import cache_folder, choose_device, keep_freed_memory, ranks_from_environment
    from decanet.data import ImageData
    from decanet.evaluation.runs import load_run
    from decanet.insight.run_figures import draw_run
    from decanet.training.run_files import refuse_other_run
    from decanet.training.start import (
        DataSource,
        Prepared,
        TrainingResult,
        choose_recipe,
        prepare,
        prepare_resumed,
        train_prepared,
    )

    loaded = data if isinstance(data, ImageData) else None
    changes = dict(settings or {})
    changes |= {"epochs": epochs} if epochs is not None else {}
    changes |= {"seed": seed} if seed is not None else {}
    changes |= {"data.name": str(data)} if data is not None and loaded is None else {}
    if resume is not None and (recipe is not None or data is not None or out is not None or changes):
        raise UsageError(
            "resume= takes everything from the run; only model=, device= and data_dir= go with it"
        )
    keep_freed_memory()
    ranks, chosen_device = ranks_from_environment(), choose_device(device)
    where = DataSource(cache_folder(data_dir), source)
    with ConsoleReport(quiet=not progress or not ranks.is_main) as report:

        def prepared() -> Prepared:
            if resume is not None:
                return prepare_resumed(
                    RunFolder(Path(resume)), where, device=chosen_device, report=report, model=model
                )
            if out is not None:
                refuse_other_run(RunFolder(Path(out)))
            chosen = choose_recipe(
                recipe or "quick", [f"{key}={dumps(value)}" for key, value in changes.items()]
            )
            return prepare(*chosen, where, device=chosen_device, report=report, data=loaded, model=model)

        run, values = train_prepared(
            prepared,
            device=chosen_device,
            ranks=ranks,
            report=report,
            out=None if out is None else Path(out),
            resume=None if resume is None else Path(resume),
            model=model,
            draw=draw_run,
        )
    return TrainingResult(run.path, values, load_run(run.path, chosen_device, model))


def load_model(
    reference: str | Path, *, arch: str | None = None, model: nn.Module | None = None, device: str = "auto"
) -> TrainedModel:
    """Load a trained network by its model reference.

    Args:
        reference: the folder of a run, "decanet_m", NAME@SOURCE for pretrained weights, or a weight file.
        arch: the registered network of a weight file.
        model: the network of a run that trained your own module; its weights are loaded into it.
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".

    Returns:
        The network (``model``) with its ``classes``, its input specification (``spec``) and its ``provenance``.

    Raises:
        UsageError: an unknown network or source, or a network without weights.
        CheckpointError: nothing of that name exists, or it is damaged or belongs to another network.
    """
    from decanet.core.runtime import choose_device
    from decanet.evaluation import reference as references

    return references.load_model(reference, choose_device(device), arch, model)


def predict(
    images: str | Path | np.ndarray | Image.Image | Sequence[str | Path | np.ndarray | Image.Image],
    model: str | Path | TrainedModel | None = None,
    *,
    top: int = 3,
    arch: str | None = None,
    device: str = "auto",
) -> list[TopClasses]:
    """Predict the classes of images.

    Args:
        images: one image or several: paths, uint8 arrays (H, W, 3) or Pillow images. A folder stands for the images
            below it.
        model: a model reference, or what :func:`load_model` returned. By default efficientnet_lite0@pypi, which knows
            ImageNet's thousand classes, where it is installed (``decanet[imagenet]``); else decanet_m, which knows
            CIFAR-10's ten.
        top: number of classes to return for each image.
        arch: the registered network of a weight file.
        device: for a reference: "auto", "cpu", "cuda", "cuda:N" or "mps".

    Returns:
        For each image its ``top`` most probable classes with their probabilities, the most probable first.

    Raises:
        DataError: an image cannot be read.
        UsageError, CheckpointError: as :func:`load_model`.
    """
    import numpy as np
    from PIL import Image

    from decanet.core.progress import Silent
    from decanet.evaluation.prediction import image_files, predict_images
    from decanet.evaluation.reference import default_reference

    several = [images] if isinstance(images, str | Path | np.ndarray | Image.Image) else images
    trained = _trained(default_reference() if model is None else model, arch, device)
    found: list[Any] = []
    for one in several:
        found += image_files([Path(one)], Silent()) if isinstance(one, str | Path) else [one]
    predictions = []
    for _, classes in predict_images(trained, found, top):
        if isinstance(classes, DecanetError):
            raise classes
        predictions.append(classes)
    return predictions


def evaluate(
    model: str | Path | TrainedModel | nn.Module,
    data: str | Path | ImageData | None = None,
    *,
    tta: str | None = None,
    arch: str | None = None,
    image_size: int | None = None,
    device: str = "auto",
    source: str = "auto",
    data_dir: str | Path | None = None,
) -> Evaluation:
    """Evaluate a network on a test split.

    Args:
        model: a model reference, what :func:`load_model` returned, or your own network: it takes images (N, 3, H, W),
            normalized by the constants of ``data``, and returns logits (N, K).
        data: a data set's name, a folder of images, or loaded data. A run's own test split by default; pretrained
            weights and your own network need it.
        tta: test-time augmentation, "none", "flip", "flip_shift" or "ten_crop"; that of the recipe by default.
        arch: the registered network of a weight file.
        image_size: height and width in pixels of your own network's input; that of the stored images by default.
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".
        source: where a registered data set comes from: "auto", "cache", the name of a source, or a path.
        data_dir: folder that keeps data sets.

    Returns:
        ``top1``, ``top5`` (fractions), ``loss`` (nats) and ``predictions`` (probabilities and labels).

    Raises:
        UsageError: data is needed, or the images are too small for the test-time augmentation.
        DataError: the data is missing, or has classes that the network does not know.
        CheckpointError: as :func:`load_model`.
    """
    from torch import nn

    from decanet.core.errors import UsageError
    from decanet.core.progress import Silent
    from decanet.core.runtime import cache_folder, choose_device
    from decanet.data import ImageData, match_classes
    from decanet.evaluation import accuracy
    from decanet.evaluation.trained import trained_module

    accuracy.require_tta(tta)
    if isinstance(model, nn.Module):
        if data is None:
            raise UsageError("data= is needed: a data set's name, a folder of images, or loaded data")
        if not isinstance(data, ImageData):
            data = load_data(data, image_size=image_size or 32, source=source, data_dir=data_dir)
        own = trained_module(model, data, choose_device(device), image_size)
        return accuracy.evaluate(own.with_tta(tta), data)
    trained = _trained(model, arch, device).with_tta(tta)
    if isinstance(data, ImageData):
        return accuracy.evaluate(trained, match_classes(data, trained.classes))
    images = accuracy.load_evaluation_data(
        trained,
        None if data is None else str(data),
        cache=cache_folder(data_dir),
        report=Silent(),
        source=source,
    )
    return accuracy.evaluate(trained, images)


def convolve_image(
    image: str | Path | np.ndarray,
    kernel: str | np.ndarray,
    *,
    padding: Padding = "zero",
    stride: int | Steps = 1,
    dilation: int | Steps = 1,
    flip: bool = False,
) -> np.ndarray:
    """Convolve an image with a kernel, as CNN libraries do: the kernel is not flipped.

    Args:
        image: a path, whose pixels are taken as gray values in 0..1, or an array (H, W) or (H, W, C).
        kernel: a name ("sobel_x", "gaussian:sigma=2.5"), a path (.csv, .npy), or an array (kh, kw).
        padding: "zero", "reflect", "replicate", "circular" or "none".
        stride: pixels between two positions of the kernel, (down, right) or one number for both.
        dilation: pixels between neighboring weights of the kernel, (down, right) or one number for both.
        flip: whether to flip the kernel in both directions, as the convolution of mathematics does.

    Returns:
        The result, (H', W') or (H', W', C), of the image's own size with padding and stride 1. It is never clipped.

    Raises:
        UsageError: an unknown kernel, or one that does not fit the image.
        DataError: the image cannot be read.
    """
    import numpy as np

    from decanet.convolution.images import convolve, correlate
    from decanet.convolution.kernel_lookup import find_kernel
    from decanet.data.image_io import read_gray

    pixels = image if isinstance(image, np.ndarray) else read_gray(Path(image))
    weights = kernel if isinstance(kernel, np.ndarray) else find_kernel(kernel)
    operation = convolve if flip else correlate
    return operation(pixels, weights, padding=padding, stride=stride, dilation=dilation)


def _trained(model: str | Path | TrainedModel, arch: str | None, device: str) -> TrainedModel:
    return load_model(model, arch=arch, device=device) if isinstance(model, str | Path) else model
