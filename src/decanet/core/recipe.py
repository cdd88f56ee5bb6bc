"""Recipes: everything that decides how a network is trained, as one frozen, validated value.

A recipe serves a laptop and a cluster alike: the batch size and the learning rate are stated for the global
batch. Unknown keys are errors, all mistakes are reported at once, and the resolved recipe is stored with
every result.
"""

import json
import math
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from decanet.core import _recipe_bounds as bounds
from decanet.core.errors import UsageError, did_you_mean

FIXED = {"name", "num_classes", "weights", "input_size"}  # what a training decides for its network
MOST_MISTAKES = 20  # that are listed in one line

_NO_NEGATIVE_ZERO = AfterValidator(lambda number: number + 0.0)
Fraction = Annotated[float, Field(ge=0, le=1), _NO_NEGATIVE_ZERO]
Positive = Annotated[float, Field(gt=0, le=bounds.LARGE)]
NotNegative = Annotated[float, Field(ge=0, le=bounds.LARGE), _NO_NEGATIVE_ZERO]
Rgb = tuple[float, float, float]
Alpha = Annotated[NotNegative, AfterValidator(bounds.concentration)]
Beta = Annotated[float, Field(ge=0, lt=1), _NO_NEGATIVE_ZERO]
Size = Annotated[int, Field(ge=1, le=bounds.LARGEST_SIZE)]
Margin = Annotated[int, Field(ge=0, le=bounds.LARGEST_SIZE)]
Count = Annotated[int, Field(ge=1, le=bounds.WHOLE)]
Mean = Annotated[float, Field(ge=-bounds.LARGE, le=bounds.LARGE)]
Std = Annotated[float, Field(ge=bounds.SMALLEST_STD, le=bounds.LARGE)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Model(_Part):
    """Which network, with its options."""

    name: str
    options: dict[str, Any] = {}

    @field_validator("options")
    @classmethod
    def _can_be_written(cls, options: dict[str, Any]) -> dict[str, Any]:
        if wrong := bounds.unwritable(options):
            raise ValueError(wrong)
        if taken := sorted(FIXED & options.keys()):
            raise ValueError(f"{taken[0]} is no option: it follows from the recipe and its data")
        return options


class Data(_Part):
    """Which images, and how they are normalized.

    Attributes:
        name: a registered data set, or a folder of images.
        image_size: side in pixels of what the network sees; None takes the network's own.
        mean, std: per-channel constants on the scale 0..1; None takes the data set's own.
    """

    name: str = "cifar10"
    image_size: Size | None = None
    mean: tuple[Mean, Mean, Mean] | None = None
    std: tuple[Std, Std, Std] | None = None

    @field_validator("name")
    @classmethod
    def _is_something(cls, name: str) -> str:
        if not name:  # pydantic's own min_length would refuse paths that are no UTF-8
            raise ValueError("give a data set's name or a folder")
        return name


class Augmentation(_Part):
    """How training images are varied.

    Attributes:
        flip: mirror left and right: never, by a coin, or alternating with the epoch after a coin in the
            first. Data sets whose classes a mirror would change (digits) are never flipped.
        crop_padding: pixels added on each side before a random crop of the original size.
        padding_mode: what is added: the mirrored image, or black (what torchvision's RandomCrop adds).
        cutout: side of a square that is set to the mean, 0 for none.
        resize: short side to which images are brought before crops of the network's side are cut; None
            shows the whole of a small image.
        scale: share of the area that a random resized crop keeps, for large images; None crops without
            resizing.
        pca_noise: strength of the color shift along RGB's principal components (AlexNet, section 4.1): the factor of a
            Gaussian draw for each component and image.
        pca_scale: what else a component's draw is multiplied by: its standard deviation, as in AlexNet's code, or its
            eigenvalue on the scale 0..1, which the paper prints and fb.resnet.torch's ``Lighting`` takes. On CIFAR-10
            0.1 shifts by 10.6, 3.0 and 1.4 gray levels in one reading, by 4.4, 0.4 and 0.07 in the other.
        color_jitter: brightness, contrast and saturation are each changed, in random order, by a factor that is
            uniform in 1 - color_jitter to 1 + color_jitter (the ``ColorJitter`` of fb.resnet.torch).
        mixup, cutmix: alpha of the Beta distribution, 0 for none.
    """

    flip: Literal["none", "random", "alternating"] = "none"
    crop_padding: Margin = 0
    padding_mode: Literal["reflect", "black"] = "reflect"
    cutout: Margin = 0
    resize: Size | None = None
    scale: tuple[Fraction, Fraction] | None = None
    pca_noise: NotNegative = 0.0
    pca_scale: Literal["std", "eigenvalue"] = "std"
    color_jitter: Fraction = 0.0
    mixup: Alpha = 0.0
    cutmix: Alpha = 0.0


class Sgd(_Part):
    """Stochastic gradient descent with momentum (torch.optim.SGD).

    Attributes:
        decay_vectors: whether the weight decay holds for biases and parameters of one dimension too, such as the scales
            and shifts of normalization. Caffe's models, cuda-convnet, slim and ConvNeXt's code leave them out.
    """

    name: Literal["sgd"] = "sgd"
    lr: Positive
    momentum: Fraction = 0.9
    nesterov: bool = False
    weight_decay: NotNegative = 0.0

    @field_validator("nesterov")
    @classmethod
    def _has_momentum(cls, nesterov: bool, others: ValidationInfo) -> bool:
        if nesterov and others.data.get("momentum") == 0:
            raise ValueError("Nesterov's momentum needs momentum above 0")
        return nesterov

    decay_vectors: bool = True


class Adam(_Part):
    """Adam, or AdamW with decoupled weight decay (torch.optim.Adam, AdamW); ``decay_vectors`` as in :class:`Sgd`."""

    name: Literal["adam", "adamw"] = "adam"
    lr: Positive = 1e-3
    betas: tuple[Beta, Beta] = (0.9, 0.999)
    weight_decay: NotNegative = 0.0
    decay_vectors: bool = True


class RmsProp(_Part):
    """RMSProp (torch.optim.RMSprop), for the Inception recipes; ``decay_vectors`` as in :class:`Sgd`."""

    name: Literal["rmsprop"] = "rmsprop"
    lr: Positive
    alpha: Fraction = 0.9
    momentum: Fraction = 0.9
    eps: Positive = 1.0
    weight_decay: NotNegative = 0.0
    decay_vectors: bool = True


class Muon(_Part):
    """Muon on the convolutions; SGD with Nesterov momentum on biases, norms and the head.

    Attributes:
        lr: rate of Muon, relative to the norm of each filter bank.
        momentum: of Muon.
        head_lr, bias_lr: rates of SGD for the linear head, and for biases and norms. The loss is a mean over the
            batch; where a source sums it, its rate is larger by the batch size here.
        sgd_momentum: of SGD.
        weight_decay: share by which the weights under SGD shrink in a step at the full rate.
    """

    name: Literal["muon"] = "muon"
    lr: Positive
    momentum: Fraction = 0.6
    head_lr: Positive
    bias_lr: Positive
    sgd_momentum: Fraction = 0.85
    weight_decay: NotNegative = 0.0


Optimizer = Annotated[Sgd | Adam | RmsProp | Muon, Field(discriminator="name")]


class Schedule(_Part):
    """The learning rate over the training, as a factor of the optimizer's.

    Attributes:
        shape: after the warm-up: constant, a straight line or half a cosine down to ``final``, steps, or
            plateau (divide when the validation error has not improved, as AlexNet did by hand).
        warmup: share of the training spent on the way up from ``start``.
        start, final: factors at the two ends.
        milestones: for steps: shares of the training after which the rate is multiplied by ``gamma``.
        gamma: factor of one step or one plateau.
        patience: for plateau: epochs without improvement before a reduction.
    """

    shape: Literal["constant", "linear", "cosine", "steps", "plateau"] = "constant"
    warmup: Fraction = 0.0
    start: Fraction = 0.0
    final: Fraction = 0.0
    milestones: tuple[Fraction, ...] = ()
    gamma: Positive = 0.1
    patience: Count = 5


class Selection(_Part):
    """Which images the later passes show: those whose loss was the largest when they were last shown.

    Attributes:
        start: share of the training after which the next pass is the first to leave images out.
        keep: share of the images that such a pass shows; 1 for all.
    """

    start: Fraction = 0.5
    keep: float = Field(default=1.0, gt=0, le=1)

    def whole_passes(self, passes: float) -> int:
        """How many of a training's ``passes`` show all images before the first that leaves some out."""
        return max(1, math.ceil(self.start * passes))  # before the first pass no image has a loss


class Recipe(_Part):
    """One training, from the image to the learning rate.

    Attributes:
        batch_size: images in a step over all processes.
        epochs: passes over the training split; a fraction is allowed. With a selection, which makes passes shorter,
            as many images are shown as in so many whole ones.
        precision: arithmetic of convolutions and linear layers; "auto" is bfloat16 where the machine is
            faster in it.
        progressive_sizes: pairs (share, side): until that share of the training is done, images are shown at
            that side, and afterwards at the network's own. Small images cost less and teach nearly as much.
        clip_gradient: largest norm of the whole gradient, 0 for no clipping.
        ema: decay a step of the averaged weights that are evaluated, 0 for none.
        tta: views an image is judged by: one, its mirror image too, or shifted mirror images as well;
            ten is the four corners, the center and their mirror images (AlexNet, sec. 4.1), cut out of images that
            are larger than the network's: set augmentation.resize.
        validation: share of the training split, at its end, that is held apart to judge by; a plateau
            schedule needs some. With it the test split stays untouched.
        log_every: steps between two lines of the log.
        departures: of a paper's recipe, in words: every difference from the paper and its authors' code, and every
            value that neither states, with the source it was taken from.
    """

    name: str = "custom"
    model: Model
    data: Data = Data()
    augmentation: Augmentation = Augmentation()
    batch_size: int = Field(ge=1, le=bounds.MOST_IMAGES)
    epochs: Positive
    optimizer: Optimizer
    schedule: Schedule = Schedule()
    label_smoothing: Fraction = 0.0
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    progressive_sizes: tuple[tuple[Fraction, Size], ...] = ()
    selection: Selection = Selection()
    clip_gradient: NotNegative = 0.0
    ema: Fraction = 0.0
    tta: Literal["none", "flip", "flip_shift", "ten_crop"] = "none"
    validation: float = Field(default=0.0, ge=0, lt=1)
    log_every: Count = 25
    seed: int = Field(default=0, ge=0, le=bounds.WHOLE)
    departures: tuple[str, ...] = ()

    @field_validator("name")
    @classmethod
    def _is_a_folder_name(cls, name: str) -> str:
        if not bounds.NAME.fullmatch(name):
            raise ValueError("a name has at most 80 letters, digits, '_', '-', '.' and ':'")
        return name

    @field_validator("progressive_sizes")
    @classmethod
    def _in_order(cls, sizes: tuple[tuple[float, int], ...]) -> tuple[tuple[float, int], ...]:
        fractions = [fraction for fraction, _ in sizes]
        if fractions != sorted(set(fractions)):
            raise ValueError("shares must rise, as in [[0.3, 20], [0.6, 24]]")
        return sizes


def parse_recipe(values: Mapping[str, Any], source: str) -> Recipe:
    """Validate a mapping as a recipe. Raises UsageError that lists the mistakes, with the nearest keys."""
    if wrong := bounds.too_much(values):
        raise UsageError(f"recipe {_shortened(source)}: {wrong}")
    try:
        return Recipe.model_validate(dict(values))
    except ValidationError as error:
        found = error.errors()
        mistakes = [_describe(mistake) for mistake in found[:MOST_MISTAKES]]
        if len(found) > MOST_MISTAKES:
            mistakes.append(f"and {len(found) - MOST_MISTAKES} more")
        raise UsageError(f"recipe {_shortened(source)}: {'; '.join(mistakes)}") from None


def _shortened(text: str, longest: int = 200) -> str:
    return text if len(text) <= longest else text[: longest - 3] + "..."


def _describe(mistake: Mapping[str, Any]) -> str:
    # The optimizer's kind stands in the location of its keys; a user never wrote it there.
    where = [str(part) for part in mistake["loc"]]
    if where and where[0] == "optimizer" and len(where) > 2:
        del where[1]
    key = ".".join(where)
    if mistake["type"] == "extra_forbidden":
        hint = did_you_mean(key, known_keys()) or f" (known here: {', '.join(_siblings(where[:-1]))})"
        return f"unknown key {key}{hint}"
    if mistake["type"] == "missing":
        return f"{key} is missing"
    message = mistake["msg"].removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    value = mistake.get("input")
    shown = "" if isinstance(value, dict) else f", got {_shortened(repr(value), 80)}"
    return f"{key}: {message}{shown}"


def known_keys() -> list[str]:
    """Every key of a recipe, dotted, of all optimizers."""
    keys = []
    for name in Recipe.model_fields:
        keys.append(name)
        keys += [f"{name}.{child}" for child in _siblings([name])]
    return keys


def _siblings(path: Iterable[str]) -> list[str]:
    parts: dict[str, list[type[_Part]]] = {
        "model": [Model],
        "data": [Data],
        "augmentation": [Augmentation],
        "optimizer": [Sgd, Adam, RmsProp, Muon],
        "schedule": [Schedule],
        "selection": [Selection],
    }
    path = list(path)
    if not path:
        return list(Recipe.model_fields)
    return sorted({field for part in parts.get(path[0], []) for field in part.model_fields})


def read_recipe(path: Path) -> Recipe:
    """Read a recipe from a TOML file. Raises UsageError when it is missing, no TOML or no recipe."""
    try:
        with path.open("rb") as file:  # which may be a device without an end
            content = file.read(bounds.MOST_BYTES + 1)
    except FileNotFoundError:
        raise UsageError(f"no recipe file {path}") from None
    except OSError as error:
        raise UsageError(f"cannot read recipe {path}: {error}") from None
    if len(content) > bounds.MOST_BYTES:
        raise UsageError(
            f"cannot read recipe {path}: it has more than {bounds.MOST_BYTES} bytes, and a recipe has some thousand"
        )
    # Windows' editors begin with a mark. A path in it may hold bytes that are no UTF-8, as file names may.
    text = content.decode("utf-8-sig", errors="surrogateescape")
    try:
        if bounds.too_many_dots(text):
            raise UsageError(f"recipe {path} has a key of more than {bounds.MOST_DOTS} parts")
        values = tomllib.loads(text)
    except RecursionError:
        raise UsageError(f"recipe {path} is nested deeper than {bounds.DEEPEST} levels") from None
    except ValueError as error:  # TOMLDecodeError is one; others are of numbers with thousands of digits
        _require_utf8(content, path)
        raise UsageError(f"recipe {path} is not TOML: {_shortened(str(error))}") from None
    return parse_recipe({"name": bounds.as_name(path.stem), **values}, str(path))


def _require_utf8(content: bytes, path: Path) -> None:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"cannot read recipe {path}: {error}") from None


def override(recipe: Recipe, settings: Iterable[str]) -> Recipe:
    """A recipe with ``key=value`` settings applied; keys are dotted, values are JSON or plain words.

    A key that holds a word takes every value as a word: ``data.name=2024`` is the folder 2024, not a number.

    >>> override(parse_recipe({...}), ["optimizer.lr=0.1", "epochs=3"])  # doctest: +SKIP

    Setting ``optimizer.name`` to another kind drops the settings of the old kind.
    """
    values = recipe.model_dump()
    settings = list(settings)
    mistakes = []
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals or not key.strip():
            raise UsageError(
                f"--set takes key=value, for instance optimizer.lr=0.1; got {_shortened(setting)!r}"
            )
        if len(key) > bounds.LONGEST_KEY:
            raise UsageError(
                f"--set takes a key of at most {bounds.LONGEST_KEY} characters; got {key[:40]!r}..."
            )
        try:
            value = json.loads(text)
        except json.JSONDecodeError:
            value = text
        except (RecursionError, ValueError) as error:  # nested too deeply, or a number of thousands of digits
            raise UsageError(f"--set {key.strip()}: {_shortened(str(error))}") from None
        *path, last = key.strip().split(".")
        where: Any = values
        for part in path:
            where = where.get(part) if isinstance(where, dict) else None
        if not isinstance(where, dict):
            mistakes.append(f"{'.'.join(path)!r} has no keys below it{did_you_mean(key, known_keys())}")
            continue
        if isinstance(where.get(last), str) and not isinstance(value, str):
            value = text
        if path == ["optimizer"] and last == "name" and where.get("name") != value:
            where.clear()
        where[last] = value
    source = "--set " + " ".join(settings)
    try:
        changed = parse_recipe(values, source)
    except UsageError as error:
        raise UsageError("; ".join([str(error), *mistakes])) from None
    if mistakes:
        raise UsageError(f"recipe {_shortened(source)}: {'; '.join(mistakes)}")
    return changed if settings else recipe


def to_toml(recipe: Recipe) -> str:
    """The recipe as TOML that :func:`read_recipe` reads back to an equal value."""
    top, tables = [], []
    for key, value in recipe.model_dump(mode="json").items():
        if isinstance(value, dict):
            lines = [f"{k} = {_toml_value(v)}" for k, v in value.items() if v is not None]
            tables.append(f"\n[{key}]\n" + "\n".join(lines))
        elif value is not None:
            top.append(f"{key} = {_toml_value(value)}")
    return "\n".join(top + tables) + "\n"


def _toml_value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {_toml_value(v)}" for k, v in value.items()) + " }" if value else "{}"
    if isinstance(value, list | tuple):
        if value and all(isinstance(v, str) for v in value):  # sentences: a line each
            return "[\n" + "".join(f"  {_toml_value(v)},\n" for v in value) + "]"
        return "[" + ", ".join(_toml_value(v) for v in value) + "]"
    # Strings, numbers and booleans are written alike in both, but for one character that TOML wants escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
