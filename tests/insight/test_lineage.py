"""The rows against the ledger, and the figures by what they draw."""

from pathlib import Path

import pytest

from decanet.core import facts
from decanet.core.plotting import save_figure
from decanet.insight import lineage as line
from decanet.insight import lineage_figures as figures


@pytest.fixture(scope="module")
def milestones() -> list[line.Milestone]:
    return line.lineage()


def row(milestones: list[line.Milestone], name: str) -> line.Milestone:
    return next(m for m in milestones if m.name == name)


def test_the_rows_say_what_the_sources_say(milestones) -> None:
    alexnet = row(milestones, "alexnet_two_tower")
    assert (alexnet.year, alexnet.depth, alexnet.params) == (2012, 8, 60_965_224)
    assert (alexnet.competition_top5_error_pct, alexnet.competition_rank) == (15.315, 1)
    assert (alexnet.library_top1_pct, alexnet.paper_test) == (None, "ten crops")
    assert row(milestones, "alexnet").library_top1_pct == 56.522
    assert [m.year for m in milestones] == sorted(m.year for m in milestones)


def test_zfnet_is_not_given_the_winners_error(milestones) -> None:
    assert row(milestones, "zfnet").competition_top5_error_pct is None


def test_depth_grew_twentyfold_while_parameters_fell(milestones) -> None:
    first, deep = row(milestones, "alexnet_two_tower"), row(milestones, "densenet201")
    assert deep.depth / first.depth > 20
    assert deep.params < first.params / 2.5


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


def test_all_that_alexnet_brought_is_listed(milestones) -> None:
    brought = " ".join(row(milestones, "alexnet_two_tower").innovations)
    for innovation in ("ReLU", "dropout", "local response", "overlapping", "colour augmentation"):
        assert innovation in brought
    assert all(m.innovations for m in milestones)
    assert "Neocognitron" in row(milestones, "lenet5").innovations[0]  # the paper credits its predecessors


def test_what_a_network_brought_does_not_repeat_its_name(milestones) -> None:
    assert row(milestones, "vit_b16").innovations[0].startswith("a Transformer over patches")


def test_extra_data_is_said_where_it_was_used(milestones) -> None:
    text = line.markdown_table(milestones)
    assert "15.315 % (rank 1, extra data)" in text
    assert "6.656 % (rank 1)" in text


def test_auxiliary_classifiers_are_not_counted(milestones) -> None:
    assert row(milestones, "googlenet").params == 6_998_552
    assert "decanet models counts them too: GoogLeNet 13.4 M, Inception-v3 27.2 M." in line.markdown_table(
        milestones
    )
    assert line.auxiliary_note([row(milestones, "vgg16")]) == ""


def test_the_markdown_table_has_a_row_a_network_and_no_speed_unless_measured(milestones) -> None:
    text = line.markdown_table(milestones)
    assert text.count("\n| ") == len(milestones) + 1  # and the rule
    assert "Latency" not in text
    assert "| 2015 | ResNet-152 |" in text
    measured = line.replace(milestones[0], speed=line.Speed(1.25, 800.0, 16, 2, "channels last", True))
    timed = line.markdown_table([measured, *milestones[1:]])
    assert "1.2 ms" in timed or "1.3 ms" in timed
    assert "Measured on 2 threads, channels last" in timed


def test_speed_is_measured_for_real() -> None:
    from decanet.models import create_model

    model = create_model("decanet_s").eval()
    speed = line.measure_speed(model, (3, 32, 32), seconds=0.01, batch=4)
    assert speed.latency_ms > 0
    assert speed.images_per_second > 0
    assert not speed.fused


def texts(figure) -> str:
    return "\n".join(
        text.get_text()
        for axes in figure.axes
        for text in (*axes.texts, axes.title, axes.xaxis.label, axes.yaxis.label)
    )


def test_the_human_line_is_drawn_with_its_caveat() -> None:
    figure = figures.error_over_years(facts.competition(), facts.human())
    assert "one trained annotator on 1500" in texts(figure)
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
    boxes = [text.get_window_extent(renderer) for text in figure.axes[0].texts]
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
