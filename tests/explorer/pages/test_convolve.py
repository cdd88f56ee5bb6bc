"""Kernels and photographs of the page "convolve"."""

import numpy as np

from decanet.convolution.kernels import KERNELS
from decanet.explorer.pages.convolve import QUESTIONS, SIDE
from decanet.explorer.session import Session


def test_all_kernels_and_photographs_are_given(session: Session) -> None:
    found = QUESTIONS["start"](session, {})
    assert [kernel["name"] for kernel in found["kernels"]] == list(KERNELS)
    assert np.array_equal(found["kernels"][0]["weights"], np.asarray(KERNELS["edge"].build()))
    assert all(kernel["weights"].ndim == 2 for kernel in found["kernels"])
    assert all(
        image["gray"].shape == (SIDE, SIDE) and image["gray"].dtype == np.uint8 for image in found["images"]
    )
