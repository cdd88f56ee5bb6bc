"""The report: every view on one page, in two languages."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from decanet.core.errors import UsageError
from decanet.core.plotting import new_figure
from decanet.core.progress import Silent
from decanet.data import load_data
from decanet.insight import report
from decanet.insight.subject import load_subject, prepare_images
from decanet.insight.views import list_views
from tests.conftest import Heard

APART = {"specialization", "compare"}  # several networks beside each other


def subject(name: str, cache: Path, with_data: bool = False) -> report.Subject:
    trained = load_subject(name, torch.device("cpu"))
    size = trained.spec.image_size
    image = prepare_images(trained, [np.random.default_rng(0).integers(0, 256, (size, size, 3), np.uint8)])
    data = None
    if with_data:
        digits = load_data("digits", cache=cache, report=Silent())
        data = replace(digits, test=digits.test[:40], train=digits.train[:40], classes=trained.classes)
    return report.Subject(trained, name, image, data, cache, Silent())


def simple(_: report.Subject) -> tuple[Figure, report.Rows]:
    return new_figure(1, 1), [{"stage": "one", "size": 3}]


def test_every_view_of_one_network_is_in_the_report() -> None:
    shown = {name.replace("_", "-") for name in report.VIEWS} - {"randomization"}
    assert shown == set(list_views()) - APART


def test_views_of_an_image_and_of_data_are_shown_with_their_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, heard: Heard
) -> None:
    monkeypatch.setattr(report, "VIEWS", dict.fromkeys(report.VIEWS, simple))
    one = replace(subject("decanet_s", tmp_path, with_data=True), report=heard)
    page = report.build(one)
    assert page.count("<figure>") == len(report.VIEWS)
    assert "decanet inspect receptive-field decanet_s" in page
    assert "decanet inspect attribution decanet_s --randomization" in page
    assert heard.steps[-1][1:3] == (len(report.VIEWS), len(report.VIEWS))
    without = report.build(replace(one, data=None))
    assert without.count("<figure>") == len(report.VIEWS) - len(report.OF_DATA)


def test_a_view_that_the_network_does_not_allow_is_left_out_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(_: report.Subject) -> tuple[Figure, report.Rows]:
        raise UsageError("it has no feature maps")

    monkeypatch.setattr(report, "VIEWS", {"filters": simple, "features": refuses})
    page = report.build(subject("mlp_cifar", tmp_path))
    assert "Left out: it has no feature maps." in page
    assert "The weights are random" in page
    assert page.count("<figure>") == 1


def test_the_page_has_no_outside_reference_and_speaks_chinese(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "VIEWS", {"features": simple})
    page = report.build(subject("decanet_s", tmp_path), "zh")
    assert 'lang="zh' in page
    assert "特征图" in page
    assert not re.findall(r"(?:src|href)=\"(?!data:|#)", page)
    with pytest.raises(UsageError, match="unknown language"):
        report.build(subject("decanet_s", tmp_path), "fr")


@pytest.mark.parametrize(
    "name", ["filters", "features", "receptive_field", "attribution", "errors", "equivariance", "neighbors"]
)
def test_the_views_draw_what_they_compute(name: str, tmp_path: Path) -> None:
    figure, _ = report.VIEWS[name](subject("decanet_s", tmp_path, with_data=True))
    assert isinstance(figure, Figure)
