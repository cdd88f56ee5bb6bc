"""The figures of the lineage by what they draw."""

from pathlib import Path

import numpy as np
import pytest

from decanet.core import facts
from decanet.core.plotting import save_figure
from decanet.lineage import figures
from decanet.lineage import timeline as line


def row(milestones: list[line.Milestone], name: str) -> line.Milestone:
    return next(m for m in milestones if m.name == name)


def test_an_error_stands_beside_the_cost_of_the_layout_that_made_it(milestones) -> None:
    resnet = row(milestones, "resnet50")  # its own stride is version 1's, the weights are version 1.5's
    assert resnet.macs == 3_857_973_248
    assert resnet.library_gmacs == 4.089
    bubbles = figures.cost_against_error([resnet]).axes[0].collections
    costs = {round(float(x), 3) for dots in bubbles for x, _ in dots.get_offsets()}
    assert {3.858, 4.089} <= costs
    assert "76.1 % (2017, 4.09 G)" in line.markdown_table([resnet])


def test_a_papers_accuracy_and_a_librarys_weights_are_two_numbers(milestones) -> None:
    resnext = row(milestones, "resnext101_64x4d")
    # arXiv:1611.05431 Table 4: 20.4% error with one crop; torchvision's weights are of pull request 5935 of 2022.
    assert resnext.paper_top1_pct == pytest.approx(79.6)
    assert (resnext.library_top1_pct, resnext.library_year) == (83.246, 2022)
    assert "| 79.6 % | 83.2 % (2022) |" in line.markdown_table([resnext])
    figure = figures.cost_against_error([resnext])
    filled, opened = (
        {
            round(float(y), 1)
            for dots in figure.axes[0].collections
            if wanted(dots)
            for _, y in dots.get_offsets()
        }
        for wanted in (lambda dots: len(dots.get_facecolor()), lambda dots: not len(dots.get_facecolor()))
    )
    assert (filled, opened) == ({20.4}, {16.8})


def test_only_one_crop_is_drawn_beside_the_cost_of_one_evaluation(milestones) -> None:
    assert row(milestones, "vit_b16").paper_test == "fine-tuned at 384"
    drawn = {point.milestone.name for point in figures.paper_points(milestones)}
    assert drawn.isdisjoint({"vit_b16", "vgg16", "alexnet_two_tower", "googlenet"})
    assert {"resnet152", "densenet201", "senet154"} <= drawn


def texts(figure) -> str:
    return "\n".join(
        text.get_text()
        for axes in figure.axes
        for text in (*axes.texts, axes.title, axes.xaxis.label, axes.yaxis.label)
    )


def test_an_entry_without_a_source_is_not_drawn() -> None:
    entries = [e if e.team != "NUS" else line.replace(e, confidence="memory") for e in facts.competition()]
    assert "NUS" in texts(figures.error_over_years(facts.competition(), facts.human()))
    assert "NUS" not in texts(figures.error_over_years(entries, facts.human()))


def test_the_human_line_is_drawn_with_its_caveat() -> None:
    figure = figures.error_over_years(facts.competition(), facts.human())
    assert "one trained annotator on 1500 test images" in texts(figure)
    assert "arXiv:1409.0575 sec. 6.4\nas quoted by a third-party document" in texts(figure)
    assert "WMW (SENet) 2.3 %\n2nd: Trimps-Soushen 2.5 %" in texts(figure)
    assert any(list(drawn.get_ydata()) == [5.1, 5.1] for drawn in figure.axes[0].lines)


def test_every_network_lies_at_its_depth_and_parameters(milestones) -> None:
    places = figures.depth_against_parameters(milestones).axes[0].collections[0].get_offsets()
    deep = row(milestones, "densenet201")
    assert (deep.depth, pytest.approx(deep.params / 1e6)) in [tuple(place) for place in places]


@pytest.mark.parametrize("draw", [figures.cost_against_error, figures.depth_against_parameters])
def test_figures_name_their_networks_and_units(milestones, draw, tmp_path: Path) -> None:
    figure = draw(milestones)
    ticks = [t for axes in figure.axes for t in (*axes.get_yticklabels(), *axes.get_xticklabels())]
    said = "\n".join([texts(figure), *(tick.get_text() for tick in ticks)])
    assert "ResNet-152" in said
    assert "billions" in said or "millions" in said
    for kind in ("png", "svg"):
        assert save_figure(figure, tmp_path / f"figure.{kind}").stat().st_size > 5000


@pytest.mark.parametrize("draw", [figures.cost_against_error, figures.depth_against_parameters])
def test_no_label_of_the_bubbles_hides_another(milestones, draw) -> None:
    figure = draw(milestones)
    figure.draw_without_rendering()
    renderer = figure.canvas.get_renderer()
    boxes = [text.get_window_extent(renderer) for text in figure.axes[0].texts if text.get_text()]
    drawn = {
        figures.cost_against_error: {
            p.milestone.name for p in (*figures.paper_points(milestones), *figures.library_points(milestones))
        },
        figures.depth_against_parameters: {
            m.name for m in milestones if m.year >= 2012 and m.name != "alexnet"
        },
    }
    assert len(boxes) == len(drawn[draw])
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    leaders = [text for text in figure.axes[0].texts if not text.get_text()]
    assert leaders, "ViT-B/16 or ResNet-50 stands off its bubble"
    assert all(leader.arrow_patch is not None for leader in leaders)
    for joint in figure.axes[0].lines:  # from a paper's bubble to the library's
        start, end = figure.axes[0].transData.transform(joint.get_xydata())
        places = np.linspace(start, end, 200)
        assert not any(box.contains(*place) for box in boxes for place in places)
