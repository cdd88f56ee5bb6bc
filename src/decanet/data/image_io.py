"""Reading of image files: any format that Pillow opens becomes an upright array of RGB or gray.

Palettes are looked up, CMYK is converted, transparency is blended with white, the EXIF orientation is applied, and
16-bit grays keep their precision in :func:`read_gray`. The first frame of an animation is used. Color profiles are not
applied: the values are taken as sRGB.
"""

import contextlib
import functools
import io
import re
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from decanet.core.errors import DataError
from decanet.data._pixel_formats import (
    BITS_PER_SAMPLE,
    PLANAR_CONFIGURATION,
    UnsuitableImage,
    deep_gray,
    to_rgb,
    without_long_texts,
)

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PIXELS = 100_000_000  # decoding and converting them takes up to 1.3 GB, which fits on a laptop
LARGE_PIXELS = 24_000_000  # larger images are decoded one at a time, for any number of threads
# Formats of Pillow that decanet never opens: EPS starts Ghostscript, IPTC opens any format inside it, EPS included; the
# others need further programs or libraries. Pillow's stubs are not opened either.
NEVER_OPENED = {"EPS", "FPX", "IPTC", "MIC", "MPEG", "WMF"}
LUMA = (0.299, 0.587, 0.114)  # weights of red, green and blue in brightness: ITU-R BT.601, section 2.5.1


@functools.cache
def image_formats() -> tuple[str, ...]:
    """Names of the formats that are opened: all that Pillow and its plugins read, except ``NEVER_OPENED``."""
    from PIL import Image, ImageFile

    with contextlib.suppress(ImportError):  # photographs of iPhones (.heic), if it is installed
        import pillow_heif

        pillow_heif.register_heif_opener()
    Image.preinit()  # the usual formats are tried first, in any order of imported plugins
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
    # JPEG's opener opens MPO as well: a JPEG followed by others, which some cameras write.
    return frozenset(
        ending
        for ending, name in Image.registered_extensions().items()
        if name in formats or (name == "MPO" and "JPEG" in formats)
    )


def read_rgb(path: Path | str) -> np.ndarray:
    """Read an image as uint8 (H, W, 3).

    Grays of more than 8 bits are scaled: integers within 0..65535 and floats within 0..1 from that range, other numbers
    from their smallest to their largest.

    Raises:
        DataError: the file is missing, damaged, not an image, or larger than ``MAX_PIXELS``.
    """
    return np.array(open_rgb(path))


def open_rgb(path: Path | str, short_side: int | None = None) -> "Image":
    """Read an image as an upright Pillow image of mode RGB; see :func:`read_rgb`.

    With ``short_side``, a JPEG is decoded at a half, a quarter or an eighth of its size, the smallest of them whose
    short side is not below ``short_side`` pixels: detail that the caller averages away need not be decoded. Other
    formats are always decoded at full size.

    Raises:
        DataError: as :func:`read_rgb`.
    """
    from PIL import Image

    with _explained(path):
        image = _open(Path(path), short_side)
        deep = deep_gray(image)
        if deep is None:
            return to_rgb(image)
        np.rint(np.multiply(deep, 255, out=deep), out=deep)
        return Image.fromarray(deep.astype(np.uint8)).convert("RGB")


def read_gray(path: Path | str) -> np.ndarray:
    """Read the brightness of an image, weighted by ``LUMA``, as float32 (H, W) from 0 (black) to 1 (white).

    Raises:
        DataError: as :func:`read_rgb`.
    """
    with _explained(path):
        image = _open(Path(path))
        deep = deep_gray(image)
        return deep if deep is not None else gray_of(np.array(to_rgb(image)))


def gray_of(rgb: np.ndarray) -> np.ndarray:
    """Convert a uint8 image (H, W, 3) to its brightness, float32 (H, W) in 0..1."""
    weights = np.array(LUMA, np.float32) / np.float32(255)
    gray = np.empty(rgb.shape[:2], np.float32)
    for rows in _parts(gray):
        np.clip(rgb[rows] @ weights, 0, 1, out=gray[rows])  # rounding errors may exceed 0..1 slightly
    return gray


def _parts(image: np.ndarray) -> Iterator[slice]:
    """Slices of rows of about a million pixels: converting a large image at once would multiply its memory."""
    rows = max(1, 2**20 // max(1, image.shape[1]))
    return (slice(top, top + rows) for top in range(0, len(image), rows))


@contextlib.contextmanager
def _explained(path: Path | str) -> Iterator[None]:
    """Convert any error of reading an image to a DataError of one line."""
    from PIL import Image

    try:
        yield
    except DataError:
        raise
    except UnsuitableImage as error:
        raise DataError(f"image {path} {error}") from None
    except Image.DecompressionBombError:
        raise DataError(f"image {path} has more than {MAX_PIXELS:,} pixels; make it smaller first") from None
    except Image.UnidentifiedImageError:
        raise DataError(f"{path} is no image that Pillow can read; convert it to PNG or JPEG") from None
    except MemoryError:
        raise DataError(f"image {path} does not fit into the memory that is left; make it smaller") from None
    except OSError as error:
        raise DataError(f"cannot read image {path}: {error}; is it complete?") from None
    except Exception as error:  # decoders raise errors of any class for damaged files
        raise DataError(f"image {path} is damaged: {type(error).__name__}: {error}") from None


def _open(path: Path, short_side: int | None = None) -> "Image":
    """Open and decode an image (see :func:`open_rgb` for ``short_side``), and apply its orientation."""
    from PIL import ImageOps

    if not path.exists():
        raise DataError(f"there is no image {path}; check the path")
    if path.is_dir():
        raise DataError(f"{path} is a folder; give an image file")
    if not path.is_file():  # opening a pipe would wait for a writer without end
        raise DataError(f"{path} is a pipe or a device; give an image file")
    if path.stat().st_size == 0:
        raise DataError(f"{path} is empty and no image; fetch it anew, or remove it")
    _silence_pillow()
    try:
        image = _decode(path, short_side)
    except ValueError:
        if (shortened := without_long_texts(path)) is None:
            raise
        image = _decode(shortened, short_side)
    with contextlib.suppress(Exception):  # damaged EXIF data: the pixels stay as they are stored
        ImageOps.exif_transpose(image, in_place=True)
    return image


def _decode(file: Path | io.BytesIO, short_side: int | None) -> "Image":
    from PIL import Image

    with Image.open(file, formats=image_formats()) as image:
        if short_side:
            image.draft(None, (short_side, short_side))
        pixels = image.width * image.height
        if pixels > MAX_PIXELS:
            raise Image.DecompressionBombError
        tags: Any = getattr(image, "tag_v2", {})
        bits = max(tags.get(BITS_PER_SAMPLE, (8,)))
        if image.tile and image.tile[0][0] == "raw" and tags.get(PLANAR_CONFIGURATION) == 2 and bits > 8:
            raise UnsuitableImage(
                f"keeps {bits}-bit channels one after the other, which Pillow reads in wrong colors; convert it to "
                "8 bits, for instance with ImageMagick: magick IN.tif -depth 8 OUT.png"
            )
        is_deep_png = image.format == "PNG" and image.tile and image.tile[0][3] == "RGB;16B"
        with _LARGE if pixels > LARGE_PIXELS else contextlib.nullcontext():
            image.load()
    if (
        is_deep_png and "transparency" in image.info
    ):  # of 16 bits, where Pillow keeps the upper 8 of the pixels
        image.info["transparency"] = tuple(value >> 8 for value in image.info["transparency"])
    return image


_LARGE = threading.Lock()


def _silence_pillow() -> None:
    """Ignore Pillow's warnings; errors are raised.

    ``warnings.catch_warnings`` in one thread would restore filters that another thread has just set.
    """
    ours = ("ignore", None, Warning, re.compile(r"PIL\."), 0)
    if ours not in warnings.filters:
        warnings.filterwarnings("ignore", module=r"PIL\.")
