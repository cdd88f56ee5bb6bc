"""Layouts: one A4 page, readable text, lines that pass no box, JSON."""

import dataclasses
import json

import pytest
from torch import nn

from decanet.anatomy.diagram.layout import A4, SMALLEST, Diagram, compute
from decanet.core.errors import UsageError
from decanet.models import list_models
from tests.anatomy.diagram.graphs import FAMILIES, Crossed, diagram


def check_page(page: Diagram) -> None:
    """The page is at most A4, the text large enough, and no line passes through a box."""
    assert page.font_size >= SMALLEST
    short, long = sorted((page.width, page.height))
    assert (short <= A4[0] + 0.5, long <= A4[1] + 0.5) == (True, True)
    assert min(min(box.x, box.y) for box in page.boxes) >= 0
    assert max(box.x + box.width for box in page.boxes) <= page.width
    assert max(box.y + box.height for box in page.boxes) <= page.height
    for edge in page.edges:
        for (x0, y0), (x1, y1) in zip(edge.points, edge.points[1:], strict=False):
            if x0 != x1 and y0 != y1:
                continue  # a link between towers
            left, right, top, bottom = min(x0, x1), max(x0, x1), min(y0, y1), max(y0, y1)
            for box in page.boxes:
                crossed = (
                    left < box.x + box.width - 0.1 and right > box.x + 0.1
                    and top < box.y + box.height - 0.1 and bottom > box.y + 0.1
                )  # fmt: skip
                assert not crossed, (edge, box)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_network_fits_on_a_page(name: str) -> None:
    check_page(diagram(name))


@pytest.mark.slow(reason="71 networks; the test above lays out one of each family")
@pytest.mark.parametrize("name", list_models())
def test_every_network_fits_on_a_page(name: str) -> None:
    check_page(diagram(name))


def test_the_words_of_the_page() -> None:
    page = diagram("googlenet")
    texts = {text.role: text.text for text in reversed(page.texts)}
    assert texts["title"] == "googlenet"
    words = " ".join(text.text for text in page.texts)
    assert "6,998,552 parameters (+ 6,379,728 in training)" in words
    assert "1,582,671,872 multiply-adds for one image of 3×224×224" in words
    assert "Every convolution is followed by ReLU." in words
    assert "In training only: aux1 and aux2." in words
    assert {"inception_4a", "aux1", "aux2"} <= {text.text for text in page.texts if text.role == "stage"}
    assert "attention" not in words  # the legend explains what is there


def test_the_size_of_the_image_is_free() -> None:
    shapes = [text.text for text in compute("resnet18", (3, 64, 96)).texts if text.role == "shape"]
    assert shapes[0] == "64 × 32 × 48"


def test_a_layout_can_be_written_as_json() -> None:
    page = diagram("lenet5")
    values = json.loads(json.dumps(dataclasses.asdict(page)))
    assert values["boxes"][1]["lines"] == ["5×5 conv, 6, tanh"]
    assert values["boxes"][1]["path"] == "c1"
    assert len(values["edges"]) == len(page.edges)


def test_networks_of_ones_own_have_a_layout() -> None:
    page = compute(Crossed(), (3, 8, 8))
    check_page(page)
    assert page.network == "Crossed"
    assert sum(edge.kind == "shortcut" for edge in page.edges) == 3


def test_a_network_that_is_too_long_is_refused() -> None:
    layers = [nn.Conv2d(3 + k, 4 + k, 1) for k in range(400)]
    with pytest.raises(UsageError, match="does not fit on one page"):
        compute(nn.Sequential(*layers), (3, 8, 8))
