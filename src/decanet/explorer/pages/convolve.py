"""Page "convolve": kernels on images. The browser computes; kernels and photographs come from here."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from decanet.convolution.kernels import KERNELS
from decanet.data.decoding import fit_square
from decanet.data.image_io import gray_of
from decanet.explorer.session import PHOTOGRAPHS, Session, photograph

ORDER = 10
SIDE = 256  # pixels of the images


def start(_: Session, __: Mapping[str, Any]) -> Any:
    """The kernels of the collection, and photographs in gray."""
    kernels = [
        {"name": kernel.name, "does": kernel.does, "source": kernel.source, "purpose": kernel.purpose,
         "weights": np.asarray(kernel.build(), dtype=np.float64)}
        for kernel in KERNELS.values()
    ]  # fmt: skip
    images = [{"name": name, "gray": _gray(fit_square(photograph(name), SIDE))} for name in PHOTOGRAPHS]
    return {"kernels": kernels, "images": images}


def _gray(pixels: np.ndarray) -> np.ndarray:
    return np.rint(gray_of(pixels) * 255).astype(np.uint8)


QUESTIONS = {"start": start}
SNAPSHOT = ("start",)
