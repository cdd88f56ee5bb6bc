"""The rows against the ledger, and the figures by what they draw."""

from pathlib import Path

import pytest

from decanet.core import facts
from decanet.core.plotting import save_figure
from decanet.insight import lineage as line


@pytest.fixture(scope="module")
def milestones() -> list[line.Milestone]:
    return line.lineage()


def row(milestones: list[line.Milestone], name: str) -> line.Milestone:
    return next(m for m in milestones if m.name == name)


def test_the_rows_say_what_the_sources_say(milestones) -> None:
    alexnet = row(milestones, "alexnet_two_tower")
    assert (alexnet.year, alexnet.depth, alexnet.params) == (2012, 8, 60_965_224)
    assert (alexnet.competition_top5_error_pct, alexnet.competition_rank) == (15.315, 1)
    assert alexnet.published_top1_pct is None
    assert row(milestones, "alexnet").published_top1_pct == 56.522
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
    assert resnet.published_gmacs == 4.089
    for draw in (line.cost_against_error, line.error_per_macs):
        dots = draw([resnet]).axes[0].collections[-1]
        assert dots.get_offsets()[0][0] == pytest.approx(4.089)


def test_what_a_network_brought_does_not_repeat_its_name(milestones) -> None:
    assert row(milestones, "vit_b16").innovation == "the outlook to networks without convolutions"


def test_extra_data_is_said_where_it_was_used(milestones) -> None:
    text = line.markdown_table(milestones)
    assert "15.315 % (rank 1, extra data)" in text
    assert "6.656 % (rank 1)" in text


def test_auxiliary_classifiers_are_not_counted(milestones) -> None:
    assert row(milestones, "googlenet").params == 6_998_552


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
    figure = line.error_over_years(facts.competition(), facts.human())
    assert "one trained annotator on 1500" in texts(figure)
    assert "arXiv:1409.0575" in texts(figure)
    assert "WMW (SENet) 2.3 %\n2nd: Trimps-Soushen 2.5 %" in texts(figure)
    assert any(list(drawn.get_ydata()) == [5.1, 5.1] for drawn in figure.axes[0].lines)


@pytest.mark.parametrize("draw", [line.cost_against_error, line.depth_over_years, line.error_per_macs])
def test_figures_name_their_networks_and_units(milestones, draw, tmp_path: Path) -> None:
    figure = draw(milestones)
    ticks = [t for axes in figure.axes for t in (*axes.get_yticklabels(), *axes.get_xticklabels())]
    said = "\n".join([texts(figure), *(tick.get_text() for tick in ticks)])
    assert "ResNet-152" in said
    assert "billions" in said or "millions" in said
    for kind in ("png", "svg"):
        assert save_figure(figure, tmp_path / f"figure.{kind}").stat().st_size > 5000


def test_no_label_of_the_bubbles_hides_another(milestones) -> None:
    figure = line.cost_against_error(milestones)
    figure.draw_without_rendering()
    renderer = figure.canvas.get_renderer()
    boxes = [text.get_window_extent(renderer) for text in figure.axes[0].texts]
    assert len(boxes) == sum(m.published_top1_pct is not None for m in milestones)
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
