"""Arguments and options that the views share, and the loading of their network and images."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from decanet.cli._shared import FIGURE, console, print_json, table

if TYPE_CHECKING:
    from decanet.core.progress import Report
    from decanet.data import ImageData
    from decanet.evaluation.trained import TrainedModel
    from decanet.insight.subject import Images

Reference = Annotated[
    str,
    Parameter(
        help="The network: a run's folder, decanet_m, NAME@SOURCE for pretrained weights, a weight file with --arch, "
        "or the name of a registered network, whose weights are then random."
    ),
]
Photograph = Annotated[
    Path | None,
    Parameter(name="IMAGE", help="Image of any format that Pillow reads (default: a photograph of a cat)."),
]
Stage = Annotated[str | None, Parameter(help="Name of a stage, as `decanet models NAME` lists them.")]
Data = Annotated[
    str | None,
    Parameter(
        help="Images for whatever is measured over a test set: a data set's name or a folder DIR/CLASS/image.jpg "
        "(default: the network's own test set)."
    ),
]
Out = Annotated[
    Path | None, Parameter(validator=FIGURE, help="The figure (.png, .svg, .pdf; default: VIEW.png).")
]
References = Annotated[
    str,
    Parameter(name="REF", help="Networks: runs' folders, decanet_m, NAME@SOURCE; several are compared."),
]
ImageCount = Annotated[int, Parameter(help="Number of test images, chosen at random.")]


def load(reference: str, arch: str | None, device: str, report: "Report") -> "TrainedModel":
    """Return the network of a view, in float32, and tell the user what should be known of its weights."""
    from decanet.core.processor import set_threads
    from decanet.core.runtime import choose_device, keep_freed_memory
    from decanet.insight.subject import is_untrained, load_subject

    keep_freed_memory()
    set_threads()
    trained = load_subject(reference, choose_device(device), arch)
    if is_untrained(trained):
        report.note(f"{reference} has random weights: nothing was learned, which the figure says")
    for note in trained.provenance.notes:
        report.note(note)
    return trained


def read(trained: "TrainedModel", images: Sequence[Path]) -> "Images":
    """Read the images of a view; the cat where none are given."""
    from decanet.insight.subject import prepare_images

    if not images:
        from skimage.data import chelsea

        return prepare_images(trained, [chelsea()])
    return prepare_images(trained, images)


def load_images(
    trained: "TrainedModel", data: str | None, cache: Path, report: "Report", source: str
) -> "ImageData":
    """Return the images of a view over a test set. Raises UsageError where the user has to name them."""
    from decanet.core.errors import UsageError
    from decanet.evaluation.accuracy import load_evaluation_data
    from decanet.insight.subject import is_untrained

    if is_untrained(trained):
        raise UsageError("a network with random weights has no test set; give a trained one")
    return load_evaluation_data(trained, data, cache=cache, report=report, source=source)


def draw_on_test_images(
    view: Any, references: Sequence[str], images: int, data: str | None, out: Path, *,
    device: str, source: str, data_dir: Path | None, json: bool,
) -> None:  # fmt: skip
    """Run a view that changes the pixels of test images on each network, and print and draw what it found.

    ``view`` is a module of :mod:`decanet.insight.views` whose ``compute`` takes images with their labels.

    Raises:
        UsageError: no network or no image.
    """
    from decanet.cli.progress import ConsoleReport
    from decanet.core.errors import UsageError
    from decanet.core.plotting import save_figure
    from decanet.core.runtime import cache_folder
    from decanet.insight.sample_images import choose_images

    if not references:
        raise UsageError("give at least one trained network, for instance decanet_m")
    if images < 1:
        raise UsageError(f"--images {images}: give at least 1, better 500")
    found = []
    with ConsoleReport(to_stderr=json) as report:
        where = cache_folder(data_dir)
        for reference in references:
            trained = load(reference, None, device, report)
            loaded = load_images(trained, data, where, report, source)
            pixels, labels = choose_images(trained, loaded, images)
            found.append(view.compute(trained, pixels, labels, where, report))
    path = save_figure(view.draw(found), out)
    rows = [row for one in found for row in one.rows()]
    if json:
        print_json({"rows": rows, "figure": str(path)})
        return
    table(rows)
    console().print_line(f"wrote {path}")
