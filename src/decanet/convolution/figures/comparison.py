"""Figures of results: one beside the original, and several on a contact sheet."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from decanet.convolution.figures._panels import (
    CHANNELS,
    GRAY,
    Scale,
    box_of,
    by,
    is_signed,
    scale_caption,
    scale_of,
    show_color_bar,
    show_kernel,
    show_numbers,
    show_original,
    show_result,
    weights_scale,
    write_caption,
    write_title,
)
from decanet.convolution.filtering import Convolved, Setting
from decanet.convolution.kernel_lookup import describe, purpose_of
from decanet.convolution.kernels import PURPOSES
from decanet.core.plotting import grid_shape, new_figure, show_image, signed_scale, styled

SHEET_COLUMNS = 4


def draw_results(
    image: np.ndarray, results: Sequence[Convolved], setting: Setting, spellings: Sequence[str]
) -> Any:
    """Draw one result beside the original, or several on a contact sheet; those of one bank share a color scale."""
    if len(results) == 1:
        return draw_comparison(image, results[0], setting)
    bank = len(spellings) == 1
    title = describe(spellings[0]) if bank else f"One image under {len(results)} kernels"
    return draw_contact_sheet(image, results, setting, title, shared=bank)


@styled
def draw_comparison(image: np.ndarray, done: Convolved, setting: Setting) -> Any:
    """Draw original, kernel and result; results of color images have layouts of their own."""
    if done.weights.ndim == 3:
        return _draw_channel_sum(image, done, setting)
    if done.values.ndim == 3 and is_signed(done.inside):
        return _draw_color_responses(image, done, setting)
    width, height = box_of(image, 4.7)
    figure = new_figure(2 * width + 2.8, height + 1.35)
    axes = figure.subplots(1, 3, width_ratios=[width, 1.8, width])
    scale = scale_of(done.inside)
    show_original(axes[0], image)
    show_kernel(axes[1], done.weights, done.name)
    show_result(axes[2], done.values, scale, f"result, {by(done.values.shape[:2])}")
    if done.values.ndim == 2:
        show_color_bar(axes[2], done.values, scale)
    write_title(figure, describe(done.name))
    write_caption(figure, setting.caption, scale_caption([scale], [done]))
    return figure


def _draw_color_responses(image: np.ndarray, done: Convolved, setting: Setting) -> Any:
    """Draw a signed result of a color image: original, kernel and mean above, the response of each channel below."""
    width, height = box_of(image, 3.8)
    figure = new_figure(3 * width + 0.9, 2 * height + 1.6)
    grid = figure.subplots(2, 3)
    scale = scale_of(done.inside)
    show_original(grid[0, 0], image)
    show_kernel(grid[0, 1], done.weights, done.name)
    show_result(grid[0, 2], done.values.mean(axis=2), scale, "result, mean of the channels")
    for axes, channel, values in zip(grid[1], CHANNELS, np.moveaxis(done.values, 2, 0)):
        show_result(axes, values, scale, f"result on the {channel} channel")
    for axes in grid[:, 2]:
        show_color_bar(axes, done.values, scale)
    write_title(figure, describe(done.name))
    write_caption(figure, setting.caption, scale_caption([scale], [done]))
    return figure


def _draw_channel_sum(image: np.ndarray, done: Convolved, setting: Setting) -> Any:
    """Draw a filter: a column of channel, kernel and partial result for each channel, and the sum."""
    width, height = box_of(image, 3.0)
    figure = new_figure(4 * width + 1.1, 2 * height + 3.2)
    grid = figure.subplots(3, 4, height_ratios=[height, 1.3, height])
    partial = [setting.result(channel, image[..., i], done.weights[i]) for i, channel in enumerate(CHANNELS)]
    all_values = np.concatenate([one.inside.ravel() for one in (*partial, done)])
    scale = scale_of(all_values)
    for i, one in enumerate(partial):
        show_image(grid[0, i], image[..., i], f"{one.name} channel", **GRAY)
        show_numbers(grid[1, i], one.weights, f"kernel for {one.name}", weights_scale(done.weights))
        show_result(grid[2, i], one.values, scale, f"{'+ ' if i else ''}partial result, {one.name}")
    show_original(grid[0, 3], image)
    grid[1, 3].set_axis_off()
    show_result(grid[2, 3], done.values, scale, "= result")
    show_color_bar(grid[2, 3], all_values, scale)
    write_title(figure, f"{done.name}: one kernel for each channel, summed as in a convolutional layer")
    write_caption(figure, setting.caption, scale_caption([scale], [done]))
    return figure


@styled
def draw_contact_sheet(
    image: np.ndarray, results: Sequence[Convolved], setting: Setting, title: str, *, shared: bool = False
) -> Any:
    """Draw the original and every result, grouped by purpose, each with its kernel in the corner.

    Args:
        image: (H, W) or (H, W, 3).
        results: at least one.
        setting: how the kernels were moved.
        title: of the figure.
        shared: whether all results form one group with one color scale, to compare responses.
    """
    gray = [_gray(done) for done in _without_duplicates(results)]
    scales = [scale_of(done.inside) for done in gray]
    if shared:
        scales = [scale_of(np.concatenate([done.inside.ravel() for done in gray]))] * len(gray)
    groups: dict[str, list[tuple[Convolved, Scale]]] = {}
    for done, scale in zip(gray, scales):
        groups.setdefault("" if shared else purpose_of(done.name.split(" ")[0]), []).append((done, scale))
    order = sorted(groups, key=lambda purpose: [*PURPOSES, ""].index(purpose))
    rows = [grid_shape(len(groups[purpose]), SHEET_COLUMNS)[0] for purpose in order]
    width, height = box_of(image, 2.0)
    line, heading = height + 0.5, 0.0 if len(order) == 1 else 0.35
    heights = [line, *[line * n + heading for n in rows]]
    figure = new_figure(SHEET_COLUMNS * (width + 0.08), sum(heights) + 0.9)
    parts: Any = figure.subfigures(len(heights), 1, height_ratios=heights)
    _show_legend(parts[0], image, scales[0] if shared else None)
    for part, purpose, count in zip(parts[1:], order, rows):
        if heading:
            part.suptitle(purpose, x=0.005, ha="left", fontsize=11, fontweight="bold")
        cells = list(part.subplots(count, SHEET_COLUMNS, squeeze=False).flat)
        for axes in cells[len(groups[purpose]) :]:
            axes.set_axis_off()
        for axes, (done, scale) in zip(cells, groups[purpose]):
            ends = "" if shared else f"\ncolors {scale.words}"
            show_result(axes, done.values, scale, f"{done.name}{ends}")
            corner = axes.inset_axes((0.02, 0.66, 0.3, 0.32))
            show_image(corner, done.weights, **weights_scale(done.weights))
            corner.set_anchor("NW")
            corner.spines[:].set(visible=True, color="black")
    write_title(figure, title)
    write_caption(figure, setting.caption, scale_caption(scales, results))
    return figure


def _gray(done: Convolved) -> Convolved:
    """Return the mean of the channels of a signed result, which shows its sign; other results unchanged."""
    if done.values.ndim == 3 and is_signed(done.inside):
        return Convolved(done.name, done.weights, done.values.mean(axis=2), done.inner)
    return done


def _without_duplicates(results: Sequence[Convolved]) -> list[Convolved]:
    """Return each kernel once; a kernel equal to an earlier one up to the sign is named beside that."""
    kept: list[Convolved] = []
    for done in results:
        for i, other in enumerate(kept):
            sign = "" if np.array_equal(done.weights, other.weights) else "−"
            if not sign or np.array_equal(done.weights, -other.weights):
                kept[i] = Convolved(
                    f"{other.name} = {sign}{done.name}", other.weights, other.values, other.inner
                )
                break
        else:
            kept.append(done)
    return kept


def _show_legend(part: Any, image: np.ndarray, shared: Scale | None) -> None:
    """Draw the original, and beside it the key of the colors."""
    cells = part.subplots(1, SHEET_COLUMNS)
    show_original(cells[0], image)
    for axes in cells[1:]:
        axes.set_axis_off()
    ends = (
        f"from −{shared.words[1:]} to {shared.words[1:]} in all panels"
        if shared
        else "scale above each panel"
    )
    lines = [(f"Signed values: blue negative, white zero, orange positive; {ends}", signed_scale(1))]
    if shared is None:
        lines.append(("Other values: from black to white", GRAY))
    for i, (text, options) in enumerate(lines):
        strip = cells[1].inset_axes((0, 0.5 - 0.42 * i, 2.03, 0.12))
        show_image(strip, np.linspace(options["vmin"], 1, 256)[None], aspect="auto", **options)
        strip.spines[:].set(visible=True, color="#999999")
        cells[1].text(0, 0.72 - 0.42 * i, text, fontsize=9, va="center").set_in_layout(False)
        strip.set_in_layout(False)
    text = "The corner of each result shows its kernel in signed colors"
    cells[1].text(0, 0.93, text, fontsize=9, va="center").set_in_layout(False)
