"""Before and after, and the contact sheet."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from skimage.data import chelsea

from decanet.convolution.figures.comparison import draw_comparison, draw_contact_sheet
from decanet.convolution.filtering import Setting
from decanet.convolution.kernel_lookup import find_kernel, find_kernels
from decanet.data.image_io import gray_of

CAT = gray_of(chelsea()[80:140, 150:230])


def figure_text(figure):
    """All words of a figure, with plain minus signs."""
    parts = [figure, *figure.subfigs]
    titles = [axes.get_title() for part in parts for axes in part.axes]
    labels = [text.get_text() for part in parts for axes in part.axes for text in axes.texts]
    return " ".join([*titles, *labels, figure.get_supxlabel()]).replace("−", "-")


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("transposed", [False, True])
def test_original_and_result_have_equal_size_and_are_aligned(stride, transposed):
    image = CAT.T if transposed else CAT
    setting = Setting(stride=stride)
    figure = draw_comparison(image, setting.result("edge", image, find_kernel("edge")), setting)
    FigureCanvasAgg(figure).draw()
    original, _, result = (axes.get_position() for axes in figure.axes[:3])
    assert original.height == pytest.approx(result.height, rel=0.02)
    assert original.width == pytest.approx(result.width, rel=0.02)
    assert original.y0 == pytest.approx(result.y0, abs=0.01)
    assert "Detects edges in all directions" in figure.get_suptitle()


def test_a_filter_is_drawn_with_its_partial_results_and_their_sum():
    image = np.random.default_rng(0).random((8, 9, 3))
    weights = np.array([[[1.0, 2.0]], [[3.0, 4.0]], [[-1.0, -2.0]]])
    setting = Setting()
    figure = draw_comparison(image, setting.result("own kernel", image, weights), setting)
    by_title = {axes.get_title(): axes for axes in figure.axes}
    for i, channel in enumerate(("red", "green", "blue")):
        numbers = [text.get_text() for text in by_title[f"kernel for {channel}"].texts]
        assert numbers == [f"{w:g}".replace("-", "−") for w in weights[i].flat]
    partial = [
        by_title[title].images[0].get_array()
        for title in ("partial result, red", "+ partial result, green", "+ partial result, blue")
    ]
    result = by_title["= result"].images[0]
    np.testing.assert_allclose(sum(partial), result.get_array())
    assert all(
        axes.images[0].get_clim() == result.get_clim()
        for title, axes in by_title.items()
        if "partial" in title
    )


def test_the_sheet_draws_equal_kernels_once_and_groups_by_purpose():
    setting = Setting()
    names = ["edge", "box", "laplacian_8", "vertical_edge", "prewitt_x", "gaussian"]
    results = [setting.result(name, CAT, find_kernel(name)) for name in names]
    figure = draw_contact_sheet(CAT, results, setting, "title")
    titles = [axes.get_title().split("\n")[0] for part in figure.subfigs for axes in part.axes]
    assert [title for title in titles if title] == [
        "original, 60 × 80", "box", "gaussian", "vertical_edge = prewitt_x", "edge = −laplacian_8",
    ]  # fmt: skip
    assert [part.get_suptitle() for part in figure.subfigs[1:]] == [
        "Blur", "Edges by first derivatives", "Edges by second derivatives",
    ]  # fmt: skip


def test_the_results_of_a_bank_share_a_color_scale():
    setting = Setting()
    bank = find_kernels("gabor_bank:orientations=3,wavelength=4")
    results = [setting.result(name, CAT, weights) for name, weights in bank.items()]
    figure = draw_contact_sheet(CAT, results, setting, "title", shared=True)
    limits = {axes.images[0].get_clim() for part in figure.subfigs[1:] for axes in part.axes if axes.images}
    assert len(limits) == 1
    assert "in all panels" in figure_text(figure)
