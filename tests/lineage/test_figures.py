"""Figures of the lineage: axes, labels, and the data of what they draw."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.colors import to_rgba

from decanet.core import facts
from decanet.core.plotting import COLORS
from decanet.lineage.figures import (
    LIBRARY_MARK,
    PAPER_MARK,
    cost_against_error,
    depth_against_parameters,
    error_over_years,
    library_points,
    paper_points,
)
from decanet.lineage.table import markdown_table
from tests.lineage.test_timeline import milestone


def texts(axes) -> list[str]:
    """Annotations of the axes, without the empty ones that draw leader lines."""
    return [text.get_text() for text in axes.texts if text.get_text()]


def labels(axes) -> tuple[str, str, str]:
    return axes.get_xlabel(), axes.get_ylabel(), axes.get_title()


def ticks(axis) -> list[str]:
    return [label.get_text() for label in axis.get_ticklabels()]


def bubbles(collection) -> list[tuple[float, float]]:
    return [(round(float(x), 3), round(float(y), 3)) for x, y in collection.get_offsets()]


def test_error_over_years_draws_each_entry_at_its_year_and_error() -> None:
    axes = error_over_years(facts.competition(), facts.human()).axes[0]
    entries = [e for e in facts.competition() if e.task == "classification" and e.top5_error_pct]
    drawn = [e for e in entries if e.confidence != "memory"]
    first, others = axes.collections
    assert sorted(bubbles(first)) == sorted(
        (e.year, round(e.top5_error_pct, 3)) for e in drawn if e.rank == 1
    )
    assert sorted(bubbles(others)) == sorted(
        (e.year, round(e.top5_error_pct, 3)) for e in drawn if e.rank > 1
    )
    winners, human = axes.lines
    years = sorted({e.year for e in drawn})
    best = [min(e.top5_error_pct for e in drawn if e.year == year) for year in years]
    assert winners.get_xdata().tolist() == years
    assert winners.get_ydata().tolist() == best
    assert list(human.get_ydata()) == [5.1, 5.1]
    assert labels(axes) == ("", "top-5 error on the test set (%)", "ImageNet classification, 2010 to 2017")
    assert axes.get_yscale() == "log"
    assert ticks(axes.yaxis) == ["2", "3", "5", "10", "20", "30"]
    assert ticks(axes.xaxis) == [str(year) for year in years]
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert legend == ["first (two: with and without extra data)", "second or third"]


def test_error_over_years_names_the_teams_and_quotes_the_caveat_of_the_human_error() -> None:
    written = "\n".join(texts(error_over_years(facts.competition(), facts.human()).axes[0]))
    assert "WMW (SENet) 2.3 %\n2nd: Trimps-Soushen 2.5 %" in written
    assert "a person: 5.1 %" in written
    assert "one trained annotator on 1500 test images" in written
    assert "arXiv:1409.0575 sec. 6.4\nas quoted by a third-party document" in written


def test_an_entry_without_a_source_is_not_drawn() -> None:
    entries = [e if e.team != "NUS" else replace(e, confidence="memory") for e in facts.competition()]
    known, unknown = (
        "\n".join(texts(error_over_years(e, facts.human()).axes[0])) for e in (facts.competition(), entries)
    )
    assert "NUS" in known
    assert "NUS" not in unknown


def test_cost_against_error_draws_papers_filled_and_libraries_open(milestones) -> None:
    axes = cost_against_error(milestones).axes[0]
    library, library_key, paper, paper_key = axes.collections
    for drawn, points in ((paper, paper_points(milestones)), (library, library_points(milestones))):
        assert bubbles(drawn) == [(round(p.gmacs, 3), round(p.error_pct, 3)) for p in points]
        assert drawn.get_sizes().tolist() == pytest.approx([6 * p.milestone.params / 1e6 for p in points])
    assert len(library.get_facecolor()) == 0
    assert tuple(paper.get_facecolor()[0]) == to_rgba(COLORS[5], 0.55)
    assert [key.get_label() for key in (library_key, paper_key)] == [LIBRARY_MARK, PAPER_MARK]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [LIBRARY_MARK, PAPER_MARK]
    assert labels(axes) == (
        "multiply-adds for one image (billions)",
        "top-1 error (%)",
        "Error and multiply-adds; the area is the number of parameters",
    )
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert ticks(axes.xaxis) == ["0.5", "1", "2", "5", "10", "20"]
    assert ticks(axes.yaxis) == ["15", "20", "25", "30", "35", "40", "45"]


def test_cost_against_error_joins_the_two_bubbles_of_a_network(milestones) -> None:
    axes = cost_against_error(milestones).axes[0]
    library = {p.milestone.name: p for p in library_points(milestones)}
    both = [(p, library[p.milestone.name]) for p in paper_points(milestones) if p.milestone.name in library]
    assert len(both) > 5
    for line, pair in zip(axes.lines, both, strict=True):
        assert line.get_xydata().tolist() == [[p.gmacs, p.error_pct] for p in pair]


def test_an_error_is_drawn_at_the_cost_of_its_own_layout(milestones) -> None:
    resnet = milestone(milestones, "resnet50")  # the stride of version 1; the weights are for version 1.5
    assert resnet.macs == 3_857_973_248
    assert resnet.library_gmacs == 4.089
    library, _, paper, _ = cost_against_error([resnet]).axes[0].collections
    assert bubbles(paper)[0][0] == 3.858
    assert bubbles(library)[0][0] == 4.089
    assert "76.1 % (2017, 4.09 G)" in markdown_table([resnet])


def test_the_papers_accuracy_and_the_librarys_are_two_numbers(milestones) -> None:
    resnext = milestone(milestones, "resnext101_64x4d")
    # arXiv:1611.05431 Table 4: 20.4% error with one crop; torchvision's weights are of pull request 5935 of 2022.
    assert resnext.paper_top1_pct == pytest.approx(79.6)
    assert (resnext.library_top1_pct, resnext.library_year) == (83.246, 2022)
    assert "| 79.6 % | 83.2 % (2022) |" in markdown_table([resnext])
    library, _, paper, _ = cost_against_error([resnext]).axes[0].collections
    assert bubbles(paper)[0][1] == pytest.approx(20.4)
    assert bubbles(library)[0][1] == pytest.approx(16.754)


def test_only_errors_of_one_crop_are_drawn_against_the_cost_of_one_forward_pass(milestones) -> None:
    assert milestone(milestones, "vit_b16").paper_test == "fine-tuned at 384"
    drawn = {point.milestone.name for point in paper_points(milestones)}
    assert drawn.isdisjoint({"vit_b16", "vgg16", "alexnet_two_tower", "googlenet"})
    assert {"resnet152", "densenet201", "senet154"} <= drawn


def test_depth_against_parameters_draws_every_network_of_the_decade(milestones) -> None:
    figure = depth_against_parameters(milestones)
    axes, bar = figure.axes
    decade = [m for m in milestones if m.year >= 2012 and m.name != "alexnet"]
    (drawn,) = axes.collections
    assert drawn.get_offsets().tolist() == [[m.depth, m.params / 1e6] for m in decade]
    assert drawn.get_sizes().tolist() == pytest.approx([30 + 26 * m.macs / 1e9 for m in decade])
    assert drawn.get_array().tolist() == [m.year for m in decade]
    assert bar.get_ylabel() == "year"
    assert labels(axes) == (
        "depth (weighted layers)",
        "parameters (millions)",
        "Depth and parameters; the area is the number of multiply-adds",
    )
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert ticks(axes.xaxis) == ticks(axes.yaxis) == ["5", "10", "20", "50", "100", "200"]
    assert "ResNet-152 (2015)\n152 layers, 60 M" in texts(axes)


@pytest.mark.parametrize("draw", [cost_against_error, depth_against_parameters])
def test_labels_of_bubbles_overlap_neither_each_other_nor_lines(milestones, draw) -> None:
    figure = draw(milestones)
    figure.draw_without_rendering()
    renderer = figure.canvas.get_renderer()
    axes = figure.axes[0]
    boxes = [text.get_window_extent(renderer) for text in axes.texts if text.get_text()]
    named = {
        cost_against_error: {
            p.milestone.name for p in (*paper_points(milestones), *library_points(milestones))
        },
        depth_against_parameters: {m.name for m in milestones if m.year >= 2012 and m.name != "alexnet"},
    }
    assert len(boxes) == len(named[draw])
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    leaders = [text for text in axes.texts if not text.get_text()]
    assert leaders, "a label far from its bubble has a leader line"
    assert all(leader.arrow_patch is not None for leader in leaders)
    for line in axes.lines:
        start, end = axes.transData.transform(line.get_xydata())
        assert not any(box.contains(*point) for box in boxes for point in np.linspace(start, end, 200))
