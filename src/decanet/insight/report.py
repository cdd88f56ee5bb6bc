"""The report: every view of a network on one self-contained HTML page, in English or Chinese."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from decanet.core import pages
from decanet.core.errors import UsageError
from decanet.core.pages import Element
from decanet.core.plotting import encode_figure
from decanet.core.progress import Report
from decanet.core.texts import Texts
from decanet.data import ImageData
from decanet.evaluation.trained import TrainedModel
from decanet.insight.figure_texts import translate, translated
from decanet.insight.sample_images import choose_images
from decanet.insight.subject import Images, is_untrained, prepare_images, title
from decanet.insight.units import stage_output
from decanet.insight.views import (
    attribution,
    corruptions,
    equivariance,
    errors,
    features,
    filters,
    invariance,
    neighbors,
    receptive_field,
    unit,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

IMAGES, STAGE_IMAGES, QUERIES = 500, 64, 5
DPI = 110
Rows = Sequence[dict[str, Any]]


@dataclass(frozen=True)
class Subject:
    """What a report is about.

    Attributes:
        trained: the network.
        reference: as the user gave it, for the commands.
        image: one image.
        data: its test set; None leaves out what is measured on one.
        cache: folder that keeps results, see :func:`decanet.insight.cache.cached`.
        report: receives progress.
    """

    trained: TrainedModel
    reference: str
    image: Images
    data: ImageData | None
    cache: Path
    report: Report


def build(subject: Subject, language: str = "en") -> str:
    """Return the report as HTML.

    A view that the network does not allow (no feature maps, no ReLU) is left out with its reason.

    Args:
        subject: what it is about.
        language: "en" or "zh".

    Raises:
        UsageError: the language is unknown.
    """
    texts = Texts("decanet.insight", language)
    trained = subject.trained
    facts = texts(
        "report.weights",
        weights=trained.provenance.weights, size=trained.spec.image_size, classes=len(trained.classes),
    )  # fmt: skip
    content: list[Element] = [pages.paragraph(facts)]
    if is_untrained(trained):
        content.append(pages.note(texts("report.untrained")))
    chosen = {name: view for name, view in VIEWS.items() if subject.data is not None or name not in OF_DATA}
    for number, (name, view) in enumerate(chosen.items()):
        content.append(_section(subject, name, view, texts))
        subject.report.progress("views", number + 1, len(chosen), "views")
    return pages.page(
        texts("report.title", network=title(trained)), *content,
        language=language, lead=texts("report.lead"), contents=True,
    )  # fmt: skip


def _section(subject: Subject, name: str, view: "View", texts: Texts) -> Element:
    what, read = texts(f"views.{name}.what"), texts(f"views.{name}.read")
    command = COMMANDS.get(name, f"decanet inspect {name.replace('_', '-')} {{}}").format(subject.reference)
    parts: list[Element] = [pages.paragraph(what)]
    try:
        figure, rows = view(subject)
        translate(figure, texts.language)
        parts.append(pages.figure(encode_figure(figure, dpi=DPI), alt=what, caption=read))
        if rows:
            header = list(rows[0])
            words = translated if texts.language == "zh" else str
            body = [[words(str(row.get(column, ""))) for column in header] for row in rows]
            titles = [words(column.replace("_", " ")) for column in header]
            shown = pages.table(titles, body, numeric=range(1, len(header)))
            parts.append(shown)
    except UsageError as error:
        parts.append(pages.note(texts("report.left_out", reason=str(error))))
    parts += [pages.paragraph(texts("report.command")), pages.code_block(command)]
    return pages.section(texts(f"views.{name}.title"), *parts, id=name.replace("_", "-"))


View = Callable[[Subject], "tuple[Figure, Rows]"]


def _filters(subject: Subject) -> "tuple[Figure, Rows]":
    layers = filters.compute(subject.trained.model)
    if not layers:
        raise UsageError("the network has no convolution of gray or RGB images")
    described = [filters.describe(layer.weights) for layer in layers]
    return filters.draw_described(layers, described, title(subject.trained)), ()


def _features(subject: Subject) -> "tuple[Figure, Rows]":
    trained, image = subject.trained, subject.image
    found = features.compute(trained.model, image.x, image.pixels[0], title=title(trained))
    return features.draw(found), found.rows()


def _receptive_field(subject: Subject) -> "tuple[Figure, Rows]":
    trained, image = subject.trained, subject.image
    found = receptive_field.compute(trained.model, image.x, image.pixels[0], title=title(trained))
    return receptive_field.draw(found), found.rows()


def _attribution(subject: Subject) -> "tuple[Figure, Rows]":
    trained, image = subject.trained, subject.image
    target = _target(subject)
    found = attribution.compute(
        trained.model, image.x, image.pixels[0],
        target=target, label=trained.classes[target], title=title(trained), report=subject.report,
    )  # fmt: skip
    return attribution.draw(found), found.rows()


def _randomization(subject: Subject) -> "tuple[Figure, Rows]":
    found = attribution.compute_randomization(
        subject.trained.model, subject.image.x, [_target(subject)],
        title=title(subject.trained), stage=None, report=subject.report,
    )  # fmt: skip
    return attribution.draw_randomization(found), found.rows()


def _unit(subject: Subject) -> "tuple[Figure, Rows]":
    stage = attribution.grad_cam_stage(subject.trained.model, subject.image.x, None)
    if stage is None:
        raise UsageError("the network has no feature maps")
    with torch.inference_mode():
        active = stage_output(subject.trained.model, subject.image.x, stage)[0].flatten(1).amax(1)
    found = unit.compute(
        subject.trained, subject.image, stage, int(active.argmax()), subject.report,
        data=subject.data, cache=subject.cache,
    )  # fmt: skip
    return unit.draw(found), (found.summary(),)


def _errors(subject: Subject) -> "tuple[Figure, Rows]":
    predictions = errors.predict_split(subject.trained, _data(subject), subject.cache, subject.report)
    found = errors.compute(predictions, _data(subject).classes, title(subject.trained))
    return errors.draw(found, _data(subject)), (found.summary(),)


def _invariance(subject: Subject) -> "tuple[Figure, Rows]":
    images, labels = choose_images(subject.trained, _data(subject), IMAGES)
    found = invariance.compute(subject.trained, images, labels, subject.cache, subject.report)
    rows = [{column: value for column, value in row.items() if column != "network"} for row in found.rows()]
    return invariance.draw([found]), rows


def _equivariance(subject: Subject) -> "tuple[Figure, Rows]":
    images, _ = choose_images(subject.trained, _data(subject), STAGE_IMAGES)
    found = equivariance.compute(subject.trained, images, subject.report)
    return equivariance.draw(found), ()


def _corruptions(subject: Subject) -> "tuple[Figure, Rows]":
    images, labels = choose_images(subject.trained, _data(subject), IMAGES)
    found = corruptions.compute(subject.trained, images, labels, subject.cache, subject.report)
    return corruptions.draw([found]), ()


def _neighbors(subject: Subject) -> "tuple[Figure, Rows]":
    data = _data(subject)
    queries = neighbors.default_queries(data, subject.trained.resize, QUERIES)
    images = prepare_images(subject.trained, queries)
    found = neighbors.compute(subject.trained, images, data, subject.cache, subject.report)
    return neighbors.draw(found, data), ()


# In the order of the page: from the pixels to the answer.
VIEWS: dict[str, View] = {
    "filters": _filters,
    "features": _features,
    "receptive_field": _receptive_field,
    "unit": _unit,
    "attribution": _attribution,
    "randomization": _randomization,
    "errors": _errors,
    "invariance": _invariance,
    "equivariance": _equivariance,
    "corruptions": _corruptions,
    "neighbors": _neighbors,
}
OF_DATA = {"errors", "invariance", "equivariance", "corruptions", "neighbors"}
COMMANDS = {"randomization": "decanet inspect attribution {} --randomization"}


def _data(subject: Subject) -> ImageData:
    assert subject.data is not None, "the views of OF_DATA are chosen with data alone"
    return subject.data


def _target(subject: Subject) -> int:
    with torch.inference_mode():
        return int(subject.trained.model(subject.image.x)[0].argmax())
