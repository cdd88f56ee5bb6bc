"""Page "units": what each unit of a stage responds to."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from decanet.anatomy.trace import trace
from decanet.core.errors import UsageError
from decanet.core.progress import Report
from decanet.explorer.session import Session, alone, copy_of
from decanet.insight.capture import spatial_stages, stage_path
from decanet.insight.sample_images import pixels_of
from decanet.insight.subject import normalize
from decanet.insight.units import STEPS, crop_box, maximize, strongest

ORDER = 80
BEST = 6  # images of each unit
SHOWN = 24  # units of one answer


@alone
def stages(session: Session, asked: Mapping[str, Any]) -> Any:
    """The stages with feature maps, and whether there are images to search."""
    trained = session.network(asked)
    size = trained.spec.image_size
    x = normalize(trained, np.full((1, size, size, 3), 127, np.uint8))
    found = spatial_stages(trained.model, x)
    return {
        "stages": [{"name": name, "units": shape[0], "shape": shape} for name, shape in found.items()],
        "searched": _data(session, asked) is not None,
    }


@alone
def best(session: Session, asked: Mapping[str, Any]) -> Any:
    """The parts of test images that activate units most, for some units of a stage."""
    trained, stage, first = session.network(asked), str(asked["stage"]), int(asked["first"])
    if (data := _data(session, asked)) is None:
        raise UsageError("the test images of CIFAR-10 are not here: decanet data fetch --name cifar10")
    size = trained.spec.image_size
    fields = trace(trained.model, (trained.spec.channels, size, size)).fields[
        stage_path(trained.model, stage)
    ]

    def search(report: Report) -> Any:
        return strongest(copy_of(trained), data, stage, session.cache, report)

    found = session.jobs.ask(("strongest", trained.provenance.reference, stage), search)
    if "answer" not in found:
        return found
    values, places = found["answer"]
    width = next(s["shape"][2] for s in stages(session, asked)["stages"] if s["name"] == stage)
    units = range(first, min(first + SHOWN, values.shape[1]))
    tops = values[:, first : units.stop].topk(BEST, dim=0).indices  # (BEST, units)
    squares = pixels_of(trained, data, tops.T.flatten()).unflatten(0, (len(units), BEST))
    shown = []
    for unit, images, rows in zip(units, squares, tops.T.tolist(), strict=True):
        crops = []
        for image, index in zip(images, rows, strict=True):
            box = (0, 0, size - 1, size - 1)
            if fields is not None:
                row, column = divmod(int(places[index, unit]), width)
                (top, bottom), (left, right) = fields[0].pixels(row), fields[1].pixels(column)
                box = (top, left, bottom, right) if bottom - top < size and right - left < size else box
            crop = crop_box(box, image).permute(1, 2, 0).contiguous()
            crops.append({"pixels": crop, "activation": float(values[index, unit])})
        shown.append({"unit": unit, "crops": crops})
    return {"answer": {"units": shown}}


def made(session: Session, asked: Mapping[str, Any]) -> Any:
    """The image that is made for a unit: activation maximization."""
    trained, stage, unit = session.network(asked), str(asked["stage"]), int(asked["unit"])

    def make(report: Report) -> Any:
        image, activation = maximize(
            copy_of(trained).model, trained.spec, stage, unit,
            progress=lambda step: report.progress("making an image", step, STEPS, "steps"),
        )  # fmt: skip
        pixels = (255 * image.permute(1, 2, 0)).round().byte().contiguous()
        return {"pixels": pixels, "activation": activation}

    return session.jobs.ask(("made", trained.provenance.reference, stage, unit), make)


def _data(session: Session, asked: Mapping[str, Any]) -> Any:
    """The test images, where they are of the network's classes."""
    data = session.test_images
    return data if data is not None and data.classes == session.network(asked).classes else None


QUESTIONS = {"stages": stages, "best": best, "made": made}
