"""The figures of a run: its curves, its first-layer filters, its predictions."""

from typing import Any

from torch import nn

from decanet.core.plotting import save_figure
from decanet.core.run_folder import RunFolder
from decanet.data import ImageData
from decanet.evaluation.figures import curves, save_predictions
from decanet.evaluation.metrics import Predictions
from decanet.insight.views import filters


def draw_run(
    run: RunFolder,
    model: nn.Module,
    result: dict[str, Any],
    predictions: Predictions,
    data: ImageData | None,
) -> None:
    """Draw the figures of a finished run into its folder; without ``data`` only those that show no test image."""
    with run.drawing() as folder:
        save_figure(curves(run.read_metrics(), result), folder / "curves.png")
        if layers := filters.compute(model):
            save_figure(filters.draw(layers), folder / "filters.png")
        if data is not None:
            save_predictions(predictions, data, folder)
