"""Color scales and inks."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from skimage.data import chelsea

from decanet.convolution.figures._panels import _inks, scale_of
from decanet.convolution.figures.comparison import draw_comparison
from decanet.convolution.figures.explanation import draw_flip, draw_gradient
from decanet.convolution.figures.sliding_window import draw_sliding
from decanet.convolution.filtering import Setting
from decanet.convolution.kernel_lookup import find_kernel
from decanet.convolution.sliding_window import default_positions
from decanet.data.image_io import gray_of

CAT = gray_of(chelsea()[80:140, 150:230])


def test_zero_padding_does_not_set_the_color_scale():
    """An even surface but for a faint step: the frame that zero padding draws is far stronger than the step."""
    image = np.full((40, 40), 0.8)
    image[:, 20:] = 0.9
    zero, reflect = (
        Setting(padding).result("sobel_x", image, find_kernel("sobel_x")) for padding in ("zero", "reflect")
    )
    assert abs(zero.values).max() > 5 * abs(reflect.values).max()
    assert scale_of(zero.inside).options["vmax"] == pytest.approx(scale_of(reflect.values).options["vmax"])
    assert "kernel reaches into the padding" in draw_comparison(image, zero, Setting()).get_supxlabel()
    unpadded = Setting("none")
    done = unpadded.result("sobel_x", image, find_kernel("sobel_x"))
    assert "reaches into the padding" not in draw_comparison(image, done, unpadded).get_supxlabel()


def test_the_caption_of_a_fixed_scale_states_the_fraction_outside():
    """A scale from black 0 to white 1 does not depend on the padding, so the caption mentions only what exceeds it."""
    setting = Setting()
    for image in (CAT, chelsea()[80:140, 150:230] / 255):
        blurred = setting.result("box", image, find_kernel("box"))
        assert draw_comparison(image, blurred, setting).get_supxlabel().endswith("dilation 1.")
    step = np.full((40, 40), 0.3)
    step[:, 20:] = 1
    done = setting.result("sharpen", step, find_kernel("sharpen"))  # -0.4 and 1.7 beside the step
    caption = draw_comparison(step, done, setting).get_supxlabel().replace("\n", " ")
    assert "5.3% of the values are below black (0) or above white (1). Pixels where" in caption
    assert caption.endswith("reaches into the padding are not counted.")


def test_nearly_equal_cells_have_numbers_of_equal_color():
    colors = np.repeat(np.array([0.1, 0.49, 0.5, 0.51, 0.58, 0.9])[:, None], 3, axis=1)
    assert _inks(colors) == ["white", "black", "black", "black", "black", "black"]
    assert _inks(np.repeat(np.array([0.42, 0.5, 0.51])[:, None], 3, axis=1)) == ["white", "white", "white"]


def test_all_figures_use_the_same_signed_colors():
    """Orange is positive and blue negative in images, kernels, statistics and learned kernels."""
    from decanet.cli.convolve.train import load_digits
    from decanet.convolution.figures.statistics import draw_statistics
    from decanet.convolution.figures.training import draw_training
    from decanet.convolution.numpy_network import Epoch, digit_network
    from decanet.convolution.statistics import measure, noise_like

    setting = Setting()
    statistics = measure(CAT)
    figures = [
        draw_comparison(CAT, setting.result("edge", CAT, find_kernel("edge")), setting),
        draw_flip(CAT, "sobel_x", find_kernel("sobel_x"), setting),
        draw_statistics(statistics, measure(noise_like(CAT))),
        draw_training(digit_network(0), load_digits(), [Epoch(1, 2.0, 0.1, 1.0)]),
    ]
    for figure in figures:
        images = [image for part in (figure, *figure.subfigs) for axes in part.axes for image in axes.images]
        signed = [image for image in images if image.get_clim()[0] == -image.get_clim()[1]]
        assert signed
        for image in signed:
            positive, zero, negative = (image.cmap(x)[:3] for x in (1.0, 0.5, 0.0))
            assert positive[0] > positive[2] + 0.5, "orange"
            assert negative[2] > negative[0] + 0.2, "blue"
            assert min(zero) > 0.98, "white"


@pytest.mark.parametrize("which", ["comparison", "sliding", "flip", "gradient"])
def test_no_text_is_smaller_than_seven_points_and_no_title_leaves_the_figure(which):
    image = np.random.default_rng(0).random((60, 9))  # the narrowest panels
    setting = Setting()
    done = setting.result("own $x$", image, find_kernel("gaussian:sigma=0.5"))
    figure = {
        "comparison": lambda: draw_comparison(image, done, setting),
        "sliding": lambda: draw_sliding(image, done, default_positions(done), setting),
        "flip": lambda: draw_flip(image, "emboss", find_kernel("emboss"), setting),
        "gradient": lambda: draw_gradient(image, setting),
    }[which]()
    FigureCanvasAgg(figure).draw()
    for axes in [one for part in (figure, *figure.subfigs) for one in part.axes]:
        assert all(text.get_fontsize() >= 7 for text in (axes.title, *axes.texts))
        box = axes.title.get_window_extent()
        assert box.x0 >= -1
        assert box.x1 <= figure.bbox.x1 + 1
