"""Reading pictures: any file that Pillow opens becomes one plain array, upright, whatever its inner form.

A picture file may hold palette numbers, ink amounts, 16-bit greys, a transparent background or the note
"turn me by a quarter". Here all of that is resolved once: palettes are looked up, ink becomes light,
transparency is laid over white, the camera's orientation is applied, and deep greys keep their precision in
:func:`read_grey`. Of an animation the first picture counts. Colour profiles are not applied: the numbers are
taken as sRGB.
"""

import contextlib
import functools
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from decanet.core.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PIXELS = 178_956_970  # where Pillow speaks of a decompression bomb: half a gigabyte as 8-bit RGB
# Formats that Pillow knows and decanet never opens: EPS starts Ghostscript, IPTC opens whatever lies inside it, EPS
# included; the others are no images without further programs or libraries. Pillow's stubs come on top.
NEVER_OPENED = {"EPS", "FPX", "IPTC", "MIC", "MPEG", "WMF"}
LUMA = (0.299, 0.587, 0.114)  # weights of red, green and blue in brightness: ITU-R BT.601, section 2.5.1


@functools.cache
def image_formats() -> tuple[str, ...]:
    """Names of the formats that images are opened in: all that Pillow and its plugins read, but ``NEVER_OPENED``."""
    from PIL import Image, ImageFile

    with contextlib.suppress(ImportError):  # photographs of iPhones (.heic), for those who have installed it
        import pillow_heif

        pillow_heif.register_heif_opener()
    Image.init()

    def is_stub(opener: object) -> bool:
        return isinstance(opener, type) and issubclass(opener, ImageFile.StubImageFile)

    return tuple(
        name
        for name in Image.ID
        if name not in NEVER_OPENED and name in Image.OPEN and not is_stub(Image.OPEN[name][0])
    )


@functools.cache
def image_endings() -> frozenset[str]:
    """Endings of file names, as ``".jpg"``, of the formats in :func:`image_formats`."""
    from PIL import Image

    formats = image_formats()
    # JPEG's opener opens MPO as well: a JPEG with further ones behind it, which some cameras write.
    return frozenset(
        ending
        for ending, name in Image.registered_extensions().items()
        if name in formats or (name == "MPO" and "JPEG" in formats)
    )


def read_rgb(path: Path | str) -> np.ndarray:
    """The picture as uint8 (H, W, 3).

    Deep greys are scaled to 8 bits: integers within 0..65535 by that range, floats within 0..1 by that, and
    numbers that have no agreed range (others) from their smallest to their largest.

    Raises:
        DataError: the file is missing, damaged, no picture, or larger than ``MAX_PIXELS``.
    """
    return np.array(open_rgb(path))


def open_rgb(path: Path | str, short_side: int | None = None) -> "Image":
    """The picture as an upright Pillow image of mode RGB, made as :func:`read_rgb` says.

    With ``short_side``, a JPEG may come back at a half, a quarter or an eighth of its size, the smallest of them whose
    short side is not below ``short_side`` pixels: its decoder then leaves out the work for detail that the caller is
    about to average away. Other formats always come back whole.

    Raises:
        DataError: as :func:`read_rgb`.
    """
    from PIL import Image

    image = _open(path, short_side)
    deep = _deep_grey(image, path)
    if deep is not None:
        return Image.fromarray(np.repeat(np.rint(255 * deep).astype(np.uint8)[..., None], 3, axis=2))
    return _rgb(image, path)


def read_grey(path: Path | str) -> np.ndarray:
    """The picture's brightness as float32 (H, W), from 0 for black to 1 for white, weighted by ``LUMA``.

    Raises:
        DataError: as :func:`read_rgb`.
    """
    image = _open(path)
    deep = _deep_grey(image, path)
    return deep if deep is not None else grey_of(np.array(_rgb(image, path)))


def grey_of(rgb: np.ndarray) -> np.ndarray:
    """Brightness, float32 (H, W) in 0..1, of a uint8 picture (H, W, 3)."""
    return (rgb @ np.array(LUMA, np.float32) / 255).clip(0, 1)  # rounding may leave 0..1 by a hair


def _open(path: Path | str, short_side: int | None = None) -> "Image":
    """Open and decode (see :func:`open_rgb` for ``short_side``), and turn upright."""
    from PIL import Image, ImageOps

    path = Path(path)
    if not path.exists():
        raise DataError(f"there is no image {path}; check the path")
    if path.is_dir():
        raise DataError(f"{path} is a folder; give an image file")
    if not path.is_file():  # opening a pipe would wait for a writer, for ever
        raise DataError(f"{path} is a pipe or a device; give an image file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what matters becomes an error below
            image = Image.open(path, formats=image_formats())
            with image:
                if image.width * image.height > MAX_PIXELS:
                    raise Image.DecompressionBombError
                if short_side:
                    image.draft(None, (short_side, short_side))
                image.load()
    except Image.DecompressionBombError:
        raise DataError(
            f"picture {path} has more than {MAX_PIXELS:,} pixels; make it smaller first"
        ) from None
    except Image.UnidentifiedImageError:
        raise DataError(f"{path} is no picture that Pillow can read; convert it to PNG or JPEG") from None
    except (OSError, MemoryError) as error:
        raise DataError(f"cannot read picture {path}: {error or 'out of memory'}; is it complete?") from None
    except Exception as error:  # damaged files make decoders raise whatever they stumble over
        raise DataError(f"picture {path} is damaged: {type(error).__name__}: {error}") from None
    with contextlib.suppress(Exception):  # a damaged note beside whole pixels: they stay as they are stored
        ImageOps.exif_transpose(image, in_place=True)
    return image


def _deep_grey(image: "Image", path: Path | str) -> np.ndarray | None:
    """Greys of more than 8 bits as float32 in 0..1, or None for all other pictures."""
    if not image.mode.startswith(("I", "F")):
        return None
    values = np.asarray(image).astype(np.float64)
    if not np.isfinite(values).all():
        raise DataError(f"picture {path} holds NaN or infinity; give finite pixels")
    least, greatest = float(values.min()), float(values.max())
    if image.mode.startswith("I") and least >= 0 and greatest <= 65535:
        values /= 65535
    elif not (image.mode == "F" and least >= 0 and greatest <= 1):
        values = (values - least) / (greatest - least or 1)
    return values.astype(np.float32)


def _rgb(image: "Image", path: Path | str) -> "Image":
    from PIL import Image

    try:
        if image.mode == "LAB":
            image = _lab_to_rgb(image)
        elif image.has_transparency_data:
            image = image.convert("LA").convert("RGBA") if image.mode == "La" else image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        return image if image.mode == "RGB" else image.convert("RGB")
    except (ValueError, OSError, MemoryError) as error:
        raise DataError(f"cannot convert picture {path} (mode {image.mode}) to RGB: {error}") from None


def _lab_to_rgb(image: "Image") -> "Image":
    from PIL import ImageCms

    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    return ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB") or image
