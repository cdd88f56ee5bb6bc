"""Recipes: everything that decides how a network is trained, as one frozen, validated value.

The batch size and the learning rate are stated for the global batch, so that one recipe serves a laptop and a cluster.
Unknown keys are errors, all mistakes are reported at once, and the resolved recipe is stored with every result.
:mod:`decanet.core.recipe_files` reads, overrides and writes recipes.
"""

import math
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from decanet.core import _recipe_bounds as bounds

FIXED = {
    "name",
    "num_classes",
    "weights",
    "input_size",
}  # a training sets these options of its network itself

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


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Model(_Table):
    """The network.

    Attributes:
        name: a registered network, or of the caller's own module the qualified name of its class.
        options: keyword arguments of a registered network's builder.
        custom: whether the caller passed a module of their own, which no name can build again.
        file, sha256: of a network from a file of the user's: FILE.py:CLASS, and the hash of the file. The code itself
            is never part of a run.
    """

    name: str
    options: dict[str, Any] = {}
    custom: bool = False
    file: str | None = None
    sha256: str | None = None

    @field_validator("options")
    @classmethod
    def _can_be_written(cls, options: dict[str, Any]) -> dict[str, Any]:
        if wrong := bounds.unwritable(options):
            raise ValueError(wrong)
        if taken := sorted(FIXED & options.keys()):
            raise ValueError(f"{taken[0]} is not an option: it follows from the recipe and its data")
        return options


class Data(_Table):
    """The images and their normalization.

    Attributes:
        name: a registered data set, or a folder of images.
        image_size: height and width in pixels of the network's input; None takes the network's own.
        channels: of the network's input: 3, or 1 for the mean of the three; None takes the network's own.
        mean, std: per-channel constants on the scale 0..1; None takes the data set's own.
    """

    name: str = "cifar10"
    image_size: Size | None = None
    channels: Literal[1, 3] | None = None
    mean: tuple[Mean, Mean, Mean] | None = None
    std: tuple[Std, Std, Std] | None = None

    @field_validator("name")
    @classmethod
    def _is_something(cls, name: str) -> str:
        if not name:  # pydantic's own min_length would refuse paths that are not UTF-8
            raise ValueError("give a data set's name or a folder")
        return name


class Augmentation(_Table):
    """Data augmentation of the training images.

    Attributes:
        flip: horizontal flips: "none"; "random", with probability 1/2; or "alternating": random in the first epoch,
            then the opposite of the epoch before. Data sets whose classes a flip would change (digits) are never
            flipped.
        crop_padding: pixels of padding on each edge before a random crop of the original size.
        padding_mode: values of the padding: "reflect", or "black" (what torchvision's RandomCrop pads with).
        cutout: height and width in pixels of a square that is set to the mean, 0 for none.
        resize: length in pixels to which the shorter edge of an image is resized before a random crop of the network's
            image size; None resizes small images to the image size, without a crop.
        scale: range of the fraction of the area that a random resized crop covers, for large images; None crops
            without resizing.
        pca_noise: strength of the color shift along RGB's principal components (AlexNet, section 4.1): the standard
            deviation of a Gaussian draw for each component and image.
        pca_scale: factor of each component's draw: "std", its standard deviation, as in AlexNet's code, or
            "eigenvalue", its eigenvalue on the scale 0..1, as the paper states and fb.resnet.torch's ``Lighting``
            does. On CIFAR-10 a ``pca_noise`` of 0.1 shifts by 10.6, 3.0 and 1.4 gray levels with the first, by 4.4,
            0.4 and 0.07 with the second.
        color_jitter: brightness, contrast and saturation are each multiplied, in random order, by a factor drawn
            uniformly from 1 - color_jitter to 1 + color_jitter (fb.resnet.torch's ``ColorJitter``).
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


class Sgd(_Table):
    """Stochastic gradient descent with momentum (torch.optim.SGD).

    Attributes:
        decay_vectors: whether weight decay applies to biases and other parameters of one dimension, such as the scales
            and shifts of normalization. Caffe's models, cuda-convnet, slim and ConvNeXt's code exclude them.
    """

    name: Literal["sgd"] = "sgd"
    lr: Positive
    momentum: Fraction = 0.9
    nesterov: bool = False
    weight_decay: NotNegative = 0.0
    decay_vectors: bool = True

    @field_validator("nesterov")
    @classmethod
    def _has_momentum(cls, nesterov: bool, others: ValidationInfo) -> bool:
        if nesterov and others.data.get("momentum") == 0:
            raise ValueError("Nesterov's momentum needs momentum above 0")
        return nesterov


class Adam(_Table):
    """Adam, or AdamW with decoupled weight decay (torch.optim.Adam, AdamW); ``decay_vectors`` as in :class:`Sgd`."""

    name: Literal["adam", "adamw"] = "adam"
    lr: Positive = 1e-3
    betas: tuple[Beta, Beta] = (0.9, 0.999)
    weight_decay: NotNegative = 0.0
    decay_vectors: bool = True


class RmsProp(_Table):
    """RMSProp (torch.optim.RMSprop), for the Inception recipes; ``decay_vectors`` as in :class:`Sgd`."""

    name: Literal["rmsprop"] = "rmsprop"
    lr: Positive
    alpha: Fraction = 0.9
    momentum: Fraction = 0.9
    eps: Positive = 1.0
    weight_decay: NotNegative = 0.0
    decay_vectors: bool = True


class Muon(_Table):
    """Muon for the convolutions; SGD with Nesterov momentum for biases, normalization and the head.

    Attributes:
        lr: learning rate of Muon, relative to the norm of each layer's filters.
        momentum: momentum of Muon.
        head_lr, bias_lr: learning rates of SGD for the linear head, and for biases and normalization. The loss is a
            mean over the batch; where a source sums it, its learning rate is multiplied by the batch size here.
        sgd_momentum: momentum of SGD.
        weight_decay: fraction by which a step at the full learning rate shrinks the weights under SGD.
    """

    name: Literal["muon"] = "muon"
    lr: Positive
    momentum: Fraction = 0.6
    head_lr: Positive
    bias_lr: Positive
    sgd_momentum: Fraction = 0.85
    weight_decay: NotNegative = 0.0


Optimizer = Annotated[Sgd | Adam | RmsProp | Muon, Field(discriminator="name")]


class Schedule(_Table):
    """Learning rate schedule: the factor of the optimizer's learning rates over the training.

    Attributes:
        shape: factor after the warm-up: "constant"; "linear" or "cosine" from 1 to ``end_factor``; "steps"; or
            "plateau", a reduction when the validation error has not improved, as AlexNet's authors made by hand.
        warmup: fraction of the training in which the factor rises linearly from ``start_factor`` to 1.
        start_factor, end_factor: factors at the two ends of the training.
        milestones: for "steps": fractions of the training after which the factor is multiplied by ``gamma``.
        gamma: factor of one step or one plateau.
        patience: for "plateau": epochs without improvement before a reduction.
    """

    shape: Literal["constant", "linear", "cosine", "steps", "plateau"] = "constant"
    warmup: Fraction = 0.0
    start_factor: Fraction = 0.0
    end_factor: Fraction = 0.0
    milestones: tuple[Fraction, ...] = ()
    gamma: Positive = 0.1
    patience: Count = 5


class Selection(_Table):
    """Selection of the training images whose loss is largest: the later epochs are shortened to them.

    An image's loss is that of the last step in which it was trained on.

    Attributes:
        start: fraction of the training after which the next epoch is the first to be shortened.
        keep: fraction of the training images in a shortened epoch; 1 selects nothing.
    """

    start: Fraction = 0.5
    keep: float = Field(default=1.0, gt=0, le=1)

    def full_epochs(self, epochs: float) -> int:
        """Return the number of epochs of all images before the first shortened one, in a training of ``epochs``."""
        return max(1, math.ceil(self.start * epochs))  # before the first epoch no image has a loss


class Recipe(_Table):
    """One training, from the images to the learning rate.

    One epoch is as many samples as the training set holds. With a ``selection``, which shortens the later epochs,
    ``epochs`` counts epoch-equivalents: the training takes as many samples as so many full epochs would.

    Attributes:
        name: the name of its run folders.
        batch_size: images in a step over all ranks (the global batch).
        epochs: length of the training in epochs, or epoch-equivalents; a fraction is allowed.
        label_smoothing: probability that the target distribution spreads evenly over all classes.
        precision: arithmetic of convolutions and linear layers; "auto" is bfloat16 where the machine is
            faster in it.
        progressive_sizes: pairs (fraction, image size): until this fraction of the training is done, images have this
            size, and after the last pair the network's own. Small images cost less and teach nearly as much.
        clip_gradient: largest norm of the whole gradient, 0 for no clipping.
        ema: decay per step of the exponential moving average of the weights, which is then evaluated, 0 for none.
        tta: test-time augmentation: "none"; "flip", the image and its horizontal flip; "flip_shift", both with
            shifts; or "ten_crop", the four corners, the center and their flips (AlexNet, section 4.1), cut out of
            images that are larger than the network's: set augmentation.resize.
        validation: fraction of the training split, at its end, that is held out as the validation set; a plateau
            schedule needs one. The test split is then not evaluated.
        log_every: steps between two lines of the log.
        seed: random seed.
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
            raise ValueError("fractions must increase, as in [[0.3, 20], [0.6, 24]]")
        return sizes
