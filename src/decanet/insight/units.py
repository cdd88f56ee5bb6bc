"""One unit of a stage: the images that activate it most, an image made for it, and pixels drawn back from it."""

import contextlib
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from decanet.core.errors import UsageError
from decanet.core.progress import Report
from decanet.core.runtime import generator
from decanet.data import ImageData
from decanet.data.input_spec import InputSpec
from decanet.evaluation.trained import TrainedModel
from decanet.insight.activations import RECTIFIERS
from decanet.insight.cache import cached, split_digest, weights_digest
from decanet.insight.capture import capture, plain_network, stage_path
from decanet.insight.subject import split_inputs

STEPS = 192  # of activation maximization
LEARNING_RATE = 0.05
SMOOTHNESS = 0.05  # weight of the total variation
# Principal colors of natural images: rows are the directions of the RGB space, the first is brightness.
COLORS = ((0.57, 0.58, 0.58), (0.71, 0.0, -0.71), (0.41, -0.82, 0.41))


class _Reached(Exception):  # noqa: N818 (no error)
    """The stage has run; the rest of the network need not."""


def stage_output(model: nn.Module, x: Tensor, stage: str) -> Tensor:
    """Run the network up to a stage, with gradients where they are enabled, and return its output for ``x``."""

    def stop(*_: object) -> None:
        raise _Reached

    network = plain_network(model)
    with capture(model, [stage]) as captured:
        hook = network.get_submodule(stage_path(network, stage)).register_forward_hook(stop)
        try:
            model(x)
        except _Reached:
            pass
        finally:
            hook.remove()
    return captured.outputs[stage]


def check_unit(output: Tensor, stage: str, unit: int) -> None:
    """Raise UsageError unless ``output`` (N, K, ...) of the stage has the unit."""
    count = output.shape[1]
    if not 0 <= unit < count:
        raise UsageError(f"stage {stage!r} has no unit {unit}: its units are 0 to {count - 1}")


def responses(maps: Tensor, unit: int) -> Tensor:
    """Return the activations of one unit at all positions, (N, positions)."""
    return maps[:, unit].flatten(1) if maps.ndim > 2 else maps[:, unit : unit + 1]


def strongest(
    trained: TrainedModel, data: ImageData, stage: str, cache: Path, report: Report
) -> tuple[Tensor, Tensor]:
    """Return the largest activation of each unit of a stage in each test image, and its position; kept in the cache.

    Args:
        trained: the network.
        data: gives the test split.
        stage: name of the stage.
        cache: folder that keeps results, see :func:`decanet.insight.cache.cached`.
        report: receives progress.

    Returns:
        activations (N, K) float32 and positions (N, K) int64, row * width + column.
    """

    def run() -> dict[str, Tensor]:
        values, places = [], []
        with torch.inference_mode():
            for x in split_inputs(trained, data, report, f"activations of {stage}"):
                output = stage_output(trained.model, x, stage)
                best = (output.flatten(2) if output.ndim > 2 else output[..., None]).max(2)
                values.append(best.values.cpu())
                places.append(best.indices.cpu().int())
        return {"values": torch.cat(values), "places": torch.cat(places)}

    parts = (
        weights_digest(trained.model),
        split_digest(data),
        trained.spec.image_size,
        trained.resize,
        stage,
    )
    kept = cached(cache, "strongest", parts, run)
    return kept["values"], kept["places"].long()


def maximize(
    model: nn.Module,
    spec: InputSpec,
    stage: str,
    unit: int,
    *,
    steps: int = STEPS,
    progress: Callable[[int], None] | None = None,
) -> tuple[Tensor, float]:
    """Make an image for which a unit is as active as can be (D. Erhan et al., 2009).

    Its numbers are those of a Fourier spectrum, divided by the frequency as in natural images, in decorrelated colors;
    small shifts and a penalty on differences of neighbors keep it from being noise (C. Olah et al., Distill, 2017,
    "Feature visualization").

    Args:
        model: the network, in evaluation mode.
        spec: of its input.
        stage: name of the stage.
        unit: number of the unit; of feature maps, the middle position is activated.
        steps: of Adam.
        progress: receives the number of steps that are done.

    Returns:
        the image (3, S, S) in [0, 1], and the largest activation of the unit in it.

    Raises:
        UsageError: no such stage or unit.
    """
    size = spec.image_size
    draws = generator("maximize", stage, unit)
    rows, columns = torch.fft.fftfreq(size)[:, None], torch.fft.rfftfreq(size)[None]
    scale = (1 / torch.hypot(rows, columns).clamp_min(1 / size)).to(spec.device)
    noise = torch.randn(2, 3, *scale.shape, generator=draws).to(spec.device)
    colors = torch.tensor(COLORS, device=spec.device)

    def image(spectrum: Tensor) -> Tensor:
        waves = torch.fft.irfft2(
            torch.complex(spectrum[0], spectrum[1]) * scale, s=(size, size), norm="ortho"
        )
        return torch.sigmoid(torch.einsum("khw,kc->chw", waves, colors) / 4)

    def middle_of(made: Tensor) -> Tensor:
        output = stage_output(model, spec.normalize(255 * made[None]), stage)
        check_unit(output, stage, unit)
        if output.ndim == 4:
            return output[0, unit, output.shape[2] // 2, output.shape[3] // 2]
        return output[0, unit]

    spectrum = (0.01 * noise).requires_grad_()
    optimizer = torch.optim.Adam([spectrum], lr=LEARNING_RATE, maximize=True)
    rectified = any(isinstance(module, RECTIFIERS) for module in plain_network(model).modules())
    reach, silent = max(1, size // 16), False
    for step in range(steps):
        made = image(spectrum)
        down, right = torch.randint(-reach, reach + 1, (2,), generator=draws).tolist()
        # Behind a ReLU a silent unit has no gradient: the deconvnet's passes.
        with backward_rule(model, "deconvnet" if silent and rectified else "gradient"):
            middle = middle_of(made.roll((down, right), (1, 2)))
            variation = (made.diff(dim=1).abs().mean() + made.diff(dim=2).abs().mean()) * size
            optimizer.zero_grad()
            (middle - SMOOTHNESS * variation * middle.detach().abs()).backward(inputs=[spectrum])
        optimizer.step()
        silent = float(middle.detach()) <= 0
        if progress is not None:
            progress(step + 1)
    with torch.inference_mode():
        best = image(spectrum)
        active = responses(stage_output(model, spec.normalize(255 * best[None]), stage), unit)
        return best.cpu(), float(active.max())


def high_frequency_energy(image: Tensor) -> float:
    """Return the fraction of the energy of an image (3, S, S), without its mean, above half the Nyquist frequency."""
    energy = torch.fft.fft2(image - image.mean((1, 2), keepdim=True)).abs().square().sum(0)
    axis = torch.fft.fftfreq(image.shape[-1])
    high = torch.hypot(axis[:, None], axis[None]) > 0.25
    return float(energy[high].sum() / energy.sum().clamp_min(1e-30))


class _Rectify(torch.autograd.Function):
    """ReLU, or a clamp from 0 to ``top``, whose gradient follows one of the rules of :func:`backward_rule`."""

    @staticmethod
    def forward(context: Any, x: Tensor, top: float, rule: str) -> Tensor:
        context.save_for_backward((x > 0) & (x < top))
        context.rule = rule
        return x.clamp(0, top)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (gradient,), (active,) = gradients, context.saved_tensors
        if context.rule == "deconvnet":
            return gradient.clamp_min(0), None, None
        return gradient.clamp_min(0) * active, None, None


RULES = ("gradient", "guided backpropagation", "deconvnet")


@contextlib.contextmanager
def backward_rule(model: nn.Module, rule: str) -> Iterator[None]:
    """Change what gradients do at the ReLUs of a network inside the context; its outputs stay the same.

    A gradient passes where the input was positive. In a "deconvnet" it passes where the gradient is positive (M. D.
    Zeiler and R. Fergus, ECCV 2014, section 2.1), in "guided backpropagation" where both are (J. T. Springenberg et
    al., arXiv:1412.6806, section 3.4).

    Raises:
        UsageError: an unknown rule, or a network without ReLU.
    """
    if rule not in RULES:
        raise UsageError(f"the rules of a backward pass are {', '.join(RULES)}; got {rule!r}")
    rectifiers = [module for module in plain_network(model).modules() if isinstance(module, RECTIFIERS)]
    if rule == "gradient":
        yield
        return
    if not rectifiers:
        raise UsageError(f"{rule} changes what happens at a ReLU, and the network has none")
    for module in rectifiers:
        top = 6.0 if isinstance(module, nn.ReLU6) else math.inf
        # An attribute of the module comes before its class's method.
        module.forward = lambda x, top=top: _Rectify.apply(x, top, rule)  # type: ignore[method-assign, misc]
    try:
        yield
    finally:
        for module in rectifiers:
            del module.forward


def draw_back(
    model: nn.Module, x: Tensor, stage: str, unit: int, rule: str, position: int | None = None
) -> Tensor:
    """Return the gradient of a unit's activation with respect to the image, by a rule: (C, S, S).

    Args:
        model: the network, in evaluation mode.
        x: (1, C, S, S), its input.
        stage: name of the stage.
        unit: number of the unit.
        rule: one of ``RULES``.
        position: row * width + column; that of the largest activation by default.

    Raises:
        UsageError: no such stage or unit, or a network without ReLU.
    """
    with torch.enable_grad(), backward_rule(model, rule):
        inputs = x.detach().requires_grad_()
        output = stage_output(model, inputs, stage)
        check_unit(output, stage, unit)
        active = responses(output, unit)[0]
        (gradient,) = torch.autograd.grad(active.max() if position is None else active[position], inputs)
    return gradient[0]


def crop_box(box: tuple[int, int, int, int], pixels: Tensor) -> Tensor:
    """Return the part (3, h, w) of an image (3, H, W) inside a box (top, left, bottom, right); gray outside of it."""
    top, left, bottom, right = box
    height, width = pixels.shape[1:]
    padded = F.pad(
        pixels, (max(0, -left), max(0, right + 1 - width), max(0, -top), max(0, bottom + 1 - height)), value=128
    )  # fmt: skip
    top, left = max(0, top), max(0, left)
    return padded[:, top : top + box[2] - box[0] + 1, left : left + box[3] - box[1] + 1]
