"""Figures of experiments: every kind, in both languages, without overlapping labels."""

from pathlib import Path
from typing import Any

import pytest

from decanet.core.plotting import encode_figure
from decanet.experiments.declaration import Comparison, Experiment
from decanet.experiments.figures import draw, draw_front, pareto_front, spread
from tests.experiments.conftest import Keep, experiment
from tests.experiments.test_outcome import outcome, run


def declared(**changes: Any) -> Experiment:
    from dataclasses import replace

    narrow, wide = experiment().arms
    return experiment(arms=(replace(narrow, x=8, group="one"), replace(wide, x=20, group="two")), **changes)


@pytest.mark.parametrize(
    ("changes", "panels"),
    [
        ({}, 2),
        ({"axis": "layers", "quantities": ("train_error", "test_error")}, 3),
        (
            {
                "quantities": ("epochs_to_target", "test_error"),
                "comparisons": (Comparison("wide", "narrow", "epochs_to_target", "lower"),),
            },
            2,
        ),
    ],
)
def test_every_kind_of_figure_shows_its_quantities(
    tmp_path: Path, keep: Keep, changes: dict[str, Any], panels: int
) -> None:
    run(keep, tmp_path, declared(**changes))
    figure = draw(outcome(tmp_path, declared(**changes)))
    assert len(figure.axes) == panels
    assert encode_figure(figure, "svg")
    texts = " ".join(text.get_text() for text in figure.findobj() if hasattr(text, "get_text"))
    assert "Test error" in texts


def test_verdicts_are_told_apart_without_color(tmp_path: Path, keep: Keep) -> None:
    both = (
        Comparison("wide", "narrow", "test_error", "lower"),
        Comparison("wide", "narrow", "gap", "higher"),
    )
    run(keep, tmp_path, declared(comparisons=both))
    figure = draw(outcome(tmp_path, declared(comparisons=both)))
    fills = [line.get_fillstyle() for line in figure.axes[-1].lines if line.get_marker() == "o"]
    assert fills == ["full", "none"]


def test_the_spread_is_students() -> None:
    from scipy import stats

    values = [1.0, 2.0, 4.0]
    low, high = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert spread(values) == pytest.approx((high - low) / 2)
    assert spread([1.0]) == 0


def test_the_front_is_what_nothing_beats_in_both() -> None:
    assert pareto_front([1, 2, 3, 4], [30, 40, 20, 20]) == [0, 2]
    assert pareto_front([2, 1, 1], [10, 30, 20]) == [2, 0]
    assert pareto_front([], []) == []


def test_the_front_draws_every_arm_of_every_experiment(tmp_path: Path, keep: Keep) -> None:
    run(keep, tmp_path, declared())
    found = outcome(tmp_path, declared())
    figure = draw_front([found, found], "depth_without_parameters")
    points = [line for line in figure.axes[0].lines if line.get_linestyle() == "None"]
    assert [len(line.get_xdata()) for line in points] == [2, 2]  # type: ignore[arg-type]
    assert encode_figure(figure, "svg")
