"""What one run of the explorer offers: networks, sample images, and the forward passes that it has just made."""

import copy
import functools
import hashlib
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from decanet.core.errors import DataError, DecanetError, UsageError, did_you_mean
from decanet.core.progress import Silent
from decanet.data import ImageData, load_data
from decanet.data.decoding import fit_square
from decanet.data.image_io import open_rgb
from decanet.evaluation.trained import TrainedModel
from decanet.explorer.jobs import Jobs
from decanet.explorer.packing import unpack_pixels
from decanet.explorer.training import Watched
from decanet.insight.sample_images import pixels_of
from decanet.insight.steps import Recording, record
from decanet.insight.subject import is_untrained, load_subject, normalize
from decanet.models import list_models, model_entry
from decanet.models.pretrained import installed_weights
from decanet.models.weight_files import list_packaged

LOADED, RECORDED = 3, 4  # networks and forward passes that are kept
PHOTOGRAPHS = {
    "cat": "chelsea",
    "astronaut": "astronaut",
    "coffee": "coffee",
    "rocket": "rocket",
}  # of scikit-image

Value = TypeVar("Value")
Question = Callable[["Session", Mapping[str, Any]], Any]  # of what a page sent; returns an object for JSON


@dataclass(frozen=True)
class Offered:
    """A network of the list.

    Attributes:
        reference: its model reference.
        title: shown in the list.
        group: ``"own"``, ``"trained"`` or ``"untrained"``.
    """

    reference: str
    title: str
    group: str


class Session:
    """The networks, images and results of one explorer.

    Args:
        reference: the network that is shown first, a model reference.
        device: where networks run.
        cache: folder of the data sets; only a training downloads what is missing there.
        runs: folder whose runs are offered.
    """

    def __init__(self, reference: str, device: torch.device, cache: Path, runs: Path = Path("runs")) -> None:
        self.reference, self.device, self.cache = reference, device, cache
        self.offered = {each.reference: each for each in _offers(reference, runs)}
        self._networks: OrderedDict[str, TrainedModel] = OrderedDict()
        self._recordings: OrderedDict[tuple[str, str], Recording] = OrderedDict()
        self.lock = threading.RLock()
        self.runs = runs
        self.trainings: dict[int, Watched] = {}
        self.jobs = Jobs()

    def network(self, asked: Mapping[str, Any]) -> TrainedModel:
        """Return the network that a page names. Raises UsageError for one that is not offered."""
        reference = asked.get("network") or self.reference
        if reference not in self.offered:
            raise UsageError(f"unknown network {reference!r}{did_you_mean(str(reference), self.offered)}")
        with self.lock:
            return _kept(self._networks, reference, LOADED, lambda: load_subject(reference, self.device))

    def pixels(self, asked: Mapping[str, Any]) -> np.ndarray:
        """Return the pixels that a page sent, (S, S, 3) uint8 with the image size of its network."""
        return unpack_pixels(asked["pixels"], self.network(asked).spec.image_size)

    def recording(self, asked: Mapping[str, Any]) -> Recording:
        """Return the forward pass of the page's image through its network."""
        trained, pixels = self.network(asked), self.pixels(asked)
        key = (trained.provenance.reference, hashlib.sha256(pixels.tobytes()).hexdigest())
        with self.lock:
            return _kept(
                self._recordings,
                key,
                RECORDED,
                lambda: record(trained.model, normalize(trained, pixels[None])),
            )

    def square(self, asked: Mapping[str, Any], file: bytes) -> np.ndarray:
        """Decode an image file and fit it to the network of the page: (S, S, 3) uint8.

        Raises:
            DataError: it is no image, damaged or too large.
        """
        with tempfile.NamedTemporaryFile(suffix=".image") as kept:
            Path(kept.name).write_bytes(file)
            try:
                image = open_rgb(kept.name)
            except DecanetError as error:
                raise DataError(str(error).replace(kept.name, "the file")) from None
        trained = self.network(asked)
        return fit_square(image, trained.resize, trained.interpolation, trained.spec.image_size)

    def close(self) -> None:
        """Stop the trainings, and wait until their checkpoints are saved."""
        for training in self.trainings.values():
            training.stop()
        for training in self.trainings.values():
            training.join()

    @functools.cached_property
    def test_images(self) -> ImageData | None:
        """CIFAR-10, where it is in the cache."""
        try:
            return load_data("cifar10", cache=self.cache, report=Silent(), source="cache")
        except DecanetError:
            return None

    def samples(self, asked: Mapping[str, Any]) -> list[tuple[str, np.ndarray]]:
        """Return sample images for the network of the page by name, (S, S, 3) uint8.

        They are scikit-image's photographs; before them, for networks of small images, the first test image of each
        class of CIFAR-10, where it is there.
        """
        trained = self.network(asked)
        size = trained.spec.image_size
        found: list[tuple[str, np.ndarray]] = []
        if size <= 64 and (data := self.test_images) is not None:
            labels = data.test.labels.tolist()
            firsts = torch.tensor([labels.index(number) for number in range(len(data.classes))])
            squares = pixels_of(trained, data, firsts).permute(0, 2, 3, 1).contiguous().numpy()
            found += list(zip(data.classes, squares, strict=True))
        for name in PHOTOGRAPHS:
            found.append((name, fit_square(photograph(name), trained.resize, trained.interpolation, size)))
        return found


def alone(question: Question) -> Question:
    """Decorate a question that runs a network: hooks of two passes at once would meet each other's tensors."""

    @functools.wraps(question)
    def locked(session: Session, asked: Mapping[str, Any]) -> Any:
        with session.lock:
            return question(session, asked)

    return locked


def copy_of(trained: TrainedModel) -> TrainedModel:
    """Return the network once more, for work beside the questions; see :func:`alone`."""
    return replace(trained, model=copy.deepcopy(trained.model))


def photograph(name: str) -> np.ndarray:
    """Return a photograph of scikit-image, (H, W, 3) uint8. Raises UsageError for an unknown name."""
    import skimage.data

    if name not in PHOTOGRAPHS:
        raise UsageError(f"unknown photograph {name!r}{did_you_mean(name, PHOTOGRAPHS)}")
    return getattr(skimage.data, PHOTOGRAPHS[name])()


def describe(trained: TrainedModel) -> dict[str, Any]:
    """Return what a page shows of a network besides its steps."""
    entry = (
        model_entry(trained.provenance.architecture)
        if trained.provenance.architecture in list_models()
        else None
    )
    return {
        "reference": trained.provenance.reference,
        "architecture": trained.provenance.architecture,
        "weights": trained.provenance.weights,
        "untrained": is_untrained(trained),
        "size": trained.spec.image_size,
        "summary": entry.summary if entry else "",
        "classes": list(trained.classes),
        "mean": list(trained.spec.mean),
        "std": list(trained.spec.std),
    }


def _offers(first: str, runs: Path) -> list[Offered]:
    """The network that is shown first, the runs of the folder, packaged and installed weights, and all others."""
    trained = [*list_packaged(), *installed_weights()]
    untrained = [name for name in list_models() if name not in trained]
    own = [str(file.parent) for file in sorted(runs.glob("*/recipe.toml"))]
    if first not in (*trained, *untrained, *own):
        own.insert(0, first)
    groups = {"own": own, "trained": trained, "untrained": untrained}
    return [Offered(name, Path(name).name, group) for group, names in groups.items() for name in names]


def _kept(kept: "OrderedDict[Any, Value]", key: Hashable, most: int, make: Callable[[], Value]) -> Value:
    """The value of ``key``, made if it is not there; the one that was not used for longest makes room."""
    if key not in kept:
        kept[key] = make()
        while len(kept) > most:
            kept.popitem(last=False)
    kept.move_to_end(key)
    return kept[key]
