"""The lineage as a Markdown table."""

from dataclasses import replace

import pytest

from decanet.lineage.speed import Speed
from decanet.lineage.table import auxiliary_note, markdown_table, short_count
from tests.lineage.test_timeline import milestone


def test_extra_data_is_noted(milestones) -> None:
    text = markdown_table(milestones)
    assert "15.315 % (rank 1, extra data)" in text
    assert "6.656 % (rank 1)" in text


def test_auxiliary_classifiers_are_noted(milestones) -> None:
    assert "are left out; with them: GoogLeNet 13.4 M, Inception-v3 27.2 M." in markdown_table(milestones)
    assert auxiliary_note([milestone(milestones, "vgg16")]) == ""


def test_the_table_has_a_row_for_each_network_and_speeds_only_if_measured(milestones) -> None:
    text = markdown_table(milestones)
    assert text.count("\n| ") == len(milestones) + 1  # and the rule
    assert "Latency" not in text
    assert "| 2015 | ResNet-152 |" in text
    measured = replace(milestones[0], speed=Speed(1.25, 800.0, 16, 2, "channels last", True))
    timed = markdown_table([measured, *milestones[1:]])
    assert "1.2 ms" in timed or "1.3 ms" in timed
    assert "measured on 2 threads in float32, channels last" in timed


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (999, "999"),
        (60_850, "60.9 k"),
        (7_599_000, "7.60 M"),
        (714_188_480, "714 M"),
        (15_470_264_320, "15.5 G"),
    ],
)
def test_counts_have_three_digits(count: int, text: str) -> None:
    assert short_count(count) == text
