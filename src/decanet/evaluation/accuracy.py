"""Evaluating a trained network on labeled images: its own test split, or other data with its classes."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from decanet.core.errors import UsageError
from decanet.core.progress import Report
from decanet.data import ImageData, RunData, bare_name, load_test_data
from decanet.evaluation.evaluate import predict
from decanet.evaluation.imagenet import imagenet_data
from decanet.evaluation.metrics import Predictions
from decanet.evaluation.trained import TrainedModel
from decanet.evaluation.tta import TTA, central_crop_size


@dataclass(frozen=True)
class Evaluation:
    """What was measured.

    Attributes:
        trained: the network that was evaluated.
        data: the data whose test split it was evaluated on.
        predictions: the probabilities and the labels of that split.
    """

    trained: TrainedModel
    data: ImageData
    predictions: Predictions

    @property
    def top1(self) -> float:
        """Fraction of the images whose most probable class is the true one."""
        return self.predictions.accuracy()

    @property
    def top5(self) -> float:
        """Fraction of the images whose true class is among the five most probable."""
        return self.predictions.accuracy(5)

    @property
    def loss(self) -> float:
        """Mean cross-entropy in nats."""
        return self.predictions.loss

    def as_dict(self) -> dict[str, Any]:
        """Return the measurement as values that JSON can hold."""
        origin = self.trained.provenance
        stated = origin.stated
        return {
            "reference": origin.reference,
            "model": origin.architecture,
            "data": bare_name(self.data.name),
            "images": len(self.predictions.labels),
            "tta": self.trained.tta,
            "test_top1": self.top1,
            "test_top5": self.top5,
            "test_loss": self.loss,
            "stated_top1_pct": stated.top1_pct if stated else None,
            "stated_top5_pct": stated.top5_pct if stated else None,
            "notes": list(origin.notes),
        }


def require_tta(tta: str | None) -> None:
    """Raise UsageError unless ``tta`` is a test-time augmentation or None."""
    if tta is not None and tta not in TTA:
        raise UsageError(f"--tta takes {', '.join(TTA)}; got {tta!r}")


def load_evaluation_data(
    trained: TrainedModel, name: str | None = None, *, cache: Path, report: Report, source: str = "auto"
) -> ImageData:
    """Load the images to evaluate ``trained`` on as a test split with its labels.

    Images that the network was trained on are left out.

    Args:
        trained: the network.
        name: a registered data set or a folder; the network's own test split by default.
        cache: folder that keeps data sets.
        report: receives notes and progress.
        source: where a registered data set comes from.

    Raises:
        UsageError: neither a data set nor a folder, or none for a network whose images the user has to bring.
        DataError: the data is missing, or has classes that the network does not know.
    """
    if trained.recipe is None:
        return imagenet_data(Path(os.path.expanduser(require_folder(name))), report)
    run = trained.provenance.run
    known = (
        RunData.of(run.read_json(run.data), run.data)
        if run is not None
        else RunData(trained.recipe.data.name, trained.classes)
    )
    return load_test_data(known, name, cache=cache, report=report, source=source, image_size=trained.resize)


def require_folder(data: str | None) -> str:
    """Return the folder given for a network with ImageNet's classes. Raises UsageError where there is none."""
    if data is None:
        raise UsageError(
            "pretrained weights are evaluated on images of your own: give --data DIR, "
            "a folder DIR/CLASS/image.jpg with some or all of ImageNet's classes"
        )
    return data


def evaluate(trained: TrainedModel, data: ImageData) -> Evaluation:
    """Evaluate ``trained`` on the test split of ``data``, with its own test-time augmentation."""
    spec, tta = trained.spec, trained.tta
    batches = data.evaluation_batches(
        "test",
        spec,
        resize=trained.resize,
        crop=central_crop_size(tta, spec.image_size),
        interpolation=trained.interpolation,
    )
    predictions = predict(
        trained.model,
        batches,
        tta=tta,
        image_size=spec.image_size,
        device=spec.device,
        precision=trained.precision,
    )
    return Evaluation(trained, data, predictions)
