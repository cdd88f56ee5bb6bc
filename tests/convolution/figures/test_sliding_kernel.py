"""The kernel that slides over the sine."""

import numpy as np

from decanet.convolution.figures.sliding_kernel import animate_sliding


def test_the_frames_of_the_animation_differ(tmp_path):
    from PIL import Image

    path = animate_sliding(tmp_path / "a.gif", 2.0, frames=3)
    with Image.open(path) as image:
        assert image.n_frames == 3
        assert image.format == "GIF"
        frames = []
        for index in range(3):
            image.seek(index)
            frames.append(np.asarray(image.convert("RGB")))
    assert not np.array_equal(frames[0], frames[1])
    assert not np.array_equal(frames[1], frames[2])
    assert (frames[0][:5, :5] == 255).all(), "the paper is white"
