"""Options that several commands of ``decanet convolve`` have, and the reading of their images."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter, Token

from decanet.core.errors import DataError, UsageError, did_you_mean

if TYPE_CHECKING:
    import numpy as np


ImageFile = Annotated[
    Path | None,
    Parameter(help="Image file of any format that Pillow reads (default: a photograph of a cat)."),
]
Kernel = Annotated[
    str,
    Parameter(
        help="A name of `decanet convolve image list`, with parameters as gaussian:sigma=2.5; rows of weights in JSON; "
        "or a .csv or .npy file."
    ),
]
Convolve = Annotated[
    bool,
    Parameter(
        name="--convolve",
        negative=(),
        help="Flip the kernel first, as convolution is defined; the default is cross-correlation, as in CNN libraries.",
    ),
]
Color = Annotated[
    bool,
    Parameter(name="--color", negative=(), help="Filter red, green and blue separately instead of gray."),
]
PaddingMode = Annotated[
    Literal["zero", "reflect", "replicate", "circular", "none"],
    Parameter(
        name="--padding",
        help="What surrounds the image: zeros; the image reflected at its edges; its edge pixels repeated; the image "
        "repeated; or nothing, so that the result is smaller.",
    ),
]


def _pair(_: Any, tokens: Sequence[Token]) -> int | tuple[int, int]:
    """Return "2" as 2, and "2,1" as (2, 1). Raises UsageError for anything else."""
    text = tokens[0].value
    parts = text.split(",")
    if len(parts) > 2 or not all(part.strip().isdecimal() for part in parts):
        raise UsageError(
            f"{tokens[0].keyword} takes one number, or two as DOWN,RIGHT such as 2,1; got {text!r}"
        )
    numbers = [int(part) for part in parts]
    return numbers[0] if len(numbers) == 1 else (numbers[0], numbers[1])


Stride = Annotated[
    Any,
    Parameter(
        name="--stride",
        converter=_pair,
        n_tokens=1,
        help="Pixels from one position of the kernel to the next: one number, or DOWN,RIGHT.",
    ),
]
Dilation = Annotated[
    Any,
    Parameter(
        name="--dilation",
        converter=_pair,
        n_tokens=1,
        help="Pixels between neighboring weights of the kernel: one number, or DOWN,RIGHT.",
    ),
]


def read_image(
    image: Path | None, *, color: bool, subcommands: tuple[str, ...] = ()
) -> "tuple[np.ndarray, str]":
    """Return the image as float32 in 0..1, shape (H, W) or (H, W, 3), and its name.

    Raises:
        DataError: there is no such image, or it cannot be read. A misspelled subcommand arrives here as an image; the
            message then names the nearest of ``subcommands``.
    """
    import numpy as np

    from decanet.data.image_io import gray_of, read_gray, read_rgb

    if image is None:
        from skimage.data import chelsea

        rgb = chelsea()
        return (rgb.astype(np.float32) / 255 if color else gray_of(rgb)), "chelsea"
    if subcommands and not image.exists() and not image.suffix:
        hint = did_you_mean(str(image), subcommands) or f" (subcommands: {', '.join(subcommands)})"
        raise DataError(f"{image} is neither an image file nor a subcommand{hint}")
    return (read_rgb(image).astype(np.float32) / 255 if color else read_gray(image)), str(image)


def save_array(path: Path, values: "np.ndarray") -> Path:
    """Write ``values`` as a .npy file, whole or not at all."""
    import numpy as np

    from decanet.core.files import atomic_path

    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.save(file, values)
    return path
