"""The figure of an image as numbers."""

import numpy as np

from decanet.convolution.figures.matrices import draw_matrices
from decanet.convolution.matrices import as_matrices


def test_every_number_of_the_crop_is_written_in_gray_and_by_channel() -> None:
    found = as_matrices(np.random.default_rng(0).random((30, 40, 3)))
    _, gray, *_ = axes = draw_matrices(found).axes
    assert [int(t.get_text()) for t in gray.texts] == found.crop_gray.ravel().tolist()
    for channel, panel in enumerate(axes[-3:]):
        assert [int(t.get_text()) for t in panel.texts] == found.crop[..., channel].ravel().tolist()
    titles = [a.get_title() for a in axes]
    assert titles[0] == "image, 30 × 40 pixels"
    assert titles[-3:] == ["red", "green", "blue"]
