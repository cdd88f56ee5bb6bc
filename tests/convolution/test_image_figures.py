"""Figures of convolved images: what is drawn agrees with what is computed, and before and after are alike."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from skimage.data import chelsea

from decanet.convolution._comparison_figures import draw_comparison, draw_contact_sheet
from decanet.convolution._image_figures import draw_flip, draw_gradient, draw_padding_and_stride
from decanet.convolution._image_panels import Setting, _inks, scale_of
from decanet.convolution._sliding_figures import Window, _sliding_frames, default_positions, draw_sliding
from decanet.convolution.kernels import find_kernel, find_kernels
from decanet.core.errors import UsageError
from decanet.data.image_io import gray_of

CAT = gray_of(chelsea()[80:140, 150:230])


def figure_text(figure):
    """All words of a figure, with plain minus signs."""
    parts = [figure, *figure.subfigs]
    titles = [axes.get_title() for part in parts for axes in part.axes]
    labels = [text.get_text() for part in parts for axes in part.axes for text in axes.texts]
    return " ".join([*titles, *labels, figure.get_supxlabel()]).replace("−", "-")


@pytest.mark.parametrize("padding", ["zero", "reflect", "circular", "none"])
@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 1), (3, 2)])
@pytest.mark.parametrize("correlated", [True, False])
def test_the_inner_part_is_what_no_padding_touches(padding, stride, dilation, correlated):
    setting = Setting(padding, stride, dilation, correlated)
    weights = np.ones((2, 4))
    done = setting.result("ones", np.ones((13, 17)), weights)
    # With zeros around it, a window of ones sums to its size exactly where it lies inside the image.
    zeros = Setting("none" if padding == "none" else "zero", stride, dilation, correlated)
    whole = zeros.apply(np.ones((13, 17)), weights) == weights.size
    expected = np.zeros_like(whole)
    expected[done.inner] = True
    np.testing.assert_array_equal(whole, expected)


def test_zero_padding_does_not_set_the_color_scale():
    """An even surface but for a faint step: the frame that zero padding draws is far stronger than the step."""
    image = np.full((40, 40), 0.8)
    image[:, 20:] = 0.9
    zero, reflect = (
        Setting(padding).result("sobel_x", image, find_kernel("sobel_x")) for padding in ("zero", "reflect")
    )
    assert abs(zero.values).max() > 5 * abs(reflect.values).max()
    assert scale_of(zero.inside).options["vmax"] == pytest.approx(scale_of(reflect.values).options["vmax"])
    assert "padding, does not count" in draw_comparison(image, zero, Setting()).get_supxlabel()
    unpadded = Setting("none")
    done = unpadded.result("sobel_x", image, find_kernel("sobel_x"))
    assert "does not count" not in draw_comparison(image, done, unpadded).get_supxlabel()


def test_of_a_fixed_scale_the_caption_says_what_black_and_white_cut_off():
    """From black 0 to white 1, whatever the border holds: nothing is said of a scale that leaves it out."""
    setting = Setting()
    for image in (CAT, chelsea()[80:140, 150:230] / 255):
        blurred = setting.result("box", image, find_kernel("box"))
        assert draw_comparison(image, blurred, setting).get_supxlabel().endswith("dilation 1.")
    step = np.full((40, 40), 0.3)
    step[:, 20:] = 1
    done = setting.result("sharpen", step, find_kernel("sharpen"))  # -0.4 and 1.7 beside the step
    caption = draw_comparison(step, done, setting).get_supxlabel().replace("\n", " ")
    assert "5.3% of the values lie below black (0) or above white (1). The border" in caption
    assert caption.endswith("reaches into the padding, does not count.")


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("turned", [False, True])
def test_before_and_after_are_of_equal_size_and_aligned(stride, turned):
    image = CAT.T if turned else CAT
    setting = Setting(stride=stride)
    figure = draw_comparison(image, setting.result("edge", image, find_kernel("edge")), setting)
    FigureCanvasAgg(figure).draw()
    before, _, after = (axes.get_position() for axes in figure.axes[:3])
    assert before.height == pytest.approx(after.height, rel=0.02)
    assert before.width == pytest.approx(after.width, rel=0.02)
    assert before.y0 == pytest.approx(after.y0, abs=0.01)
    assert "Edges in all directions" in figure.get_suptitle()


def test_a_kernel_for_each_channel_is_shown_with_its_partial_result_and_their_sum():
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


def test_signed_colors_are_one_code_for_all_figures():
    """Orange is positive and blue negative in images, kernels, statistics and learned kernels alike."""
    from decanet.cli.convolve.train import draw_training, load_digits
    from decanet.convolution._statistics_figures import draw_statistics
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


def test_the_sheet_names_twins_once_and_groups_by_purpose():
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


def test_a_bank_has_one_scale_for_all():
    setting = Setting()
    bank = find_kernels("gabor_bank:orientations=3,wavelength=4")
    results = [setting.result(name, CAT, weights) for name, weights in bank.items()]
    figure = draw_contact_sheet(CAT, results, setting, "title", shared=True)
    limits = {axes.images[0].get_clim() for part in figure.subfigs[1:] for axes in part.axes if axes.images}
    assert len(limits) == 1
    assert "the same in all panels" in figure_text(figure)


@pytest.mark.parametrize("setting", [Setting(), Setting("reflect", 2, 2, False), Setting("circular", 3)])
def test_the_sliding_windows_sum_is_the_result(setting):
    image = np.random.default_rng(0).integers(0, 101, (11, 9)) / 100
    weights = np.array([[1.0, -2.0, 3.0], [0.0, 4.0, -1.0]])
    result = setting.apply(image, weights)
    window = Window(image, weights, setting)
    for row, column in np.ndindex(*result.shape):
        assert window.products(row, column).sum() == pytest.approx(result[row, column])


@pytest.mark.parametrize("kernel", ["sobel_x", "box", "gaussian:sigma=0.5", "emboss"])
def test_the_printed_products_add_up_to_the_printed_sum(kernel):
    setting = Setting()
    done = setting.result(kernel, CAT, find_kernel(kernel))
    figure = draw_sliding(CAT, done, default_positions(done), setting)
    rows = [figure.axes[i : i + 5] for i in range(0, 20, 5)]
    for _, patch, kernel_axes, products, total in rows:
        printed = [[float(t.get_text().replace("−", "-")) for t in axes.texts] for axes in (patch, products)]
        shown = float(total.texts[0].get_text().removeprefix("sum = ").replace("−", "-"))
        assert sum(printed[1]) == pytest.approx(shown, abs=1e-9)
        if kernel in ("sobel_x", "emboss"):
            weights = [float(t.get_text().replace("−", "-")) for t in kernel_axes.texts]
            np.testing.assert_allclose(np.array(printed[0]) * weights, printed[1], atol=1e-9)


def test_default_positions_are_the_strongest_responses_of_the_image_itself():
    image = np.zeros((20, 30))
    image[9, 17], image[12, 5] = 1.0, -1.0
    image[0] = 5.0  # stronger, where the padding joins in
    done = Setting().result("identity", image, np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0.0]]))
    positions = default_positions(done)
    assert list(positions) == [(9, 17), (12, 5), (0, 0), (10, 15)]
    assert "padding" in positions[0, 0]


def test_the_animation_ends_with_the_whole_result():
    done = Setting().result("sobel_x", CAT[:9, :11], find_kernel("sobel_x"))
    frames = _sliding_frames(CAT[:9, :11], done, [], Setting())
    assert len(frames) == 9 + 1
    gray = [int((abs(frame.astype(int) - 0xDD).max(axis=2) == 0).sum()) for frame in frames]
    assert gray == sorted(gray, reverse=True)  # what is still empty gets less
    assert gray[-1] < 0.01 * gray[0]


def test_nearly_equal_fields_have_equal_ink():
    colors = np.repeat(np.array([0.1, 0.49, 0.5, 0.51, 0.58, 0.9])[:, None], 3, axis=1)
    assert _inks(colors) == ["white", "black", "black", "black", "black", "black"]
    assert _inks(np.repeat(np.array([0.42, 0.5, 0.51])[:, None], 3, axis=1)) == ["white", "white", "white"]


def test_a_change_of_sign_is_all_that_the_flip_of_sobel_does():
    assert (
        "only changes the sign"
        in draw_flip(CAT, "sobel_x", find_kernel("sobel_x"), Setting()).get_supxlabel()
    )
    assert (
        "only changes the sign"
        not in draw_flip(CAT, "emboss", find_kernel("emboss"), Setting()).get_supxlabel()
    )


def test_the_gradient_points_to_the_brighter_side():
    y, x = np.mgrid[0:60, 0:80]
    figure = draw_gradient((x + 2 * (59 - y)) / 200, Setting("none"))  # brighter to the right and upwards
    (arrows,) = [one for axes in figure.axes for one in axes.collections if hasattr(one, "U")]
    assert (arrows.U > 0).all()
    np.testing.assert_allclose(arrows.V / arrows.U, 2, rtol=1e-4)
    assert len(arrows.U) < 250


@pytest.mark.parametrize(
    ("setting", "cases"),
    [
        (Setting(), [("none", 1, 1), ("zero", 1, 1), ("zero", 2, 1), ("zero", 1, 2)]),
        (Setting("reflect", 2, 2), [("none", 1, 1), ("reflect", 1, 1), ("reflect", 2, 1), ("reflect", 2, 2)]),
        (Setting("none", 2), [("none", 1, 1), ("none", 2, 1)]),
        (Setting("circular", 1, 3), [("none", 1, 1), ("circular", 1, 1), ("circular", 1, 3)]),
    ],
)
def test_the_grid_obeys_padding_stride_and_dilation(setting, cases):
    figure = draw_padding_and_stride(setting)
    image = np.random.default_rng(5).integers(1, 10, (5, 5)).astype(float)
    above, below = figure.axes[: len(cases)], figure.axes[len(cases) :]
    assert len(below) == len(cases)
    for (padding, stride, dilation), top, bottom in zip(cases, above, below):
        assert top.get_title().split() == f"padding {padding}, stride {stride}, dilation {dilation}".split()
        expected = Setting(padding, stride, dilation).apply(image, np.ones((3, 3)))
        assert [float(text.get_text()) for text in bottom.texts] == expected.ravel().tolist()
        assert bottom.get_title().endswith(f"= {len(expected)}")


def test_a_grid_that_cannot_be_read_is_refused():
    with pytest.raises(UsageError, match="dilation of up to 4"):
        draw_padding_and_stride(Setting(dilation=5))


@pytest.mark.parametrize("which", ["sliding", "flip", "gradient"])
def test_figures_that_explain_obey_padding_stride_and_dilation(which):
    image = CAT[:20, :24]

    def shown(setting):
        """All arrays drawn, and the numbers written into them."""
        if which == "sliding":
            done = setting.result("emboss", image, find_kernel("emboss"))
            figure = draw_sliding(image, done, {(0, 0): ""}, setting)
        elif which == "flip":
            figure = draw_flip(image, "emboss", find_kernel("emboss"), setting)
        else:
            figure = draw_gradient(image, setting)
        axes = [one for part in (figure, *figure.subfigs) for one in part.axes]
        return b"".join(map_.get_array().tobytes() for one in axes for map_ in one.images)

    settings = [Setting(), Setting("reflect"), Setting(dilation=2)]
    if which != "sliding":  # its first window stands at the same place with any stride
        settings.append(Setting(stride=2))
    assert len({shown(setting) for setting in settings}) == len(settings)


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
