"""Attribution methods beside captum's: the same results, the time of each.

captum runs at the best of several batch sizes and of both memory layouts, which are tried first; then both take turns.
The results are compared in the same run. One image, the class that the network predicts.
"""

import copy
from collections.abc import Callable
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch
from torch import Tensor, nn

from decanet.benchmarking.timing import about, conditions, markdown_table, quartiles, take_turns
from decanet.core.errors import UsageError
from decanet.core.progress import Report
from decanet.insight.attribution.grad_cam import grad_cam
from decanet.insight.attribution.gradients import input_x_gradient, integrated_gradients, smooth_grad
from decanet.insight.attribution.occlusion import occlusion
from decanet.insight.capture import spatial_stages, stage_path
from decanet.insight.subject import load_subject, prepare_images

NETWORKS = ("decanet_m", "resnet20_cifar", "efficientnet_lite0@pypi")
STEPS, SAMPLES = 50, 32  # of integrated gradients and of SmoothGrad
BATCHES = (4, 8, 16, 32, 64, 256)

Method = tuple[Callable[[], Tensor], Callable[[nn.Module, Tensor, int], Tensor], bool]


def measure(names: tuple[str, ...], report: Report, *, rounds: int = 5) -> dict[str, Any]:
    """Measure every method on every network.

    Args:
        names: model references; ``NETWORKS`` by default.
        report: receives progress.
        rounds: in which both take turns.

    Raises:
        UsageError: captum is not installed, or less than one round.
    """
    if rounds < 1:
        raise UsageError(f"--rounds {rounds}: at least 1")
    try:
        version("captum")
    except PackageNotFoundError:
        raise UsageError("this benchmark needs captum: pip install 'captum>=0.9,<0.10'") from None
    measured: dict[str, Any] = conditions()
    measured["environment"] |= {"captum": version("captum")}
    measured |= {"rounds": rounds, "steps": STEPS, "samples": SAMPLES, "networks": {}}
    for name in names or NETWORKS:
        report.note(f"attributions of {name}")
        measured["networks"][name] = measure_network(name, rounds, report)
    return measured


def measure_network(name: str, rounds: int, report: Report) -> dict[str, Any]:
    """Return for each method the seconds of both, captum's best setting, and the largest relative difference."""
    from skimage.data import chelsea

    trained = load_subject(name, torch.device("cpu"))
    x = prepare_images(trained, [chelsea()]).x
    with torch.inference_mode():
        target = int(trained.model(x).argmax())
    plain = copy.deepcopy(trained.model).to(memory_format=torch.contiguous_format)
    layouts = {"contiguous": (plain, x.contiguous()), "channels last": (trained.model, x)}
    found = {}
    methods = _methods(trained.model, x, target)
    for number, (method, (ours, theirs, batched)) in enumerate(methods.items()):
        settings = {
            f"{layout}, batch {batch}" if batched else layout: partial(theirs, model, inputs, batch)
            for layout, (model, inputs) in layouts.items()
            for batch in (BATCHES if batched else (0,))
        }
        expected, result = next(iter(settings.values()))().detach(), ours()
        first = {setting: seconds[0] for setting, seconds in take_turns(settings, 1).items()}
        best = min(first, key=lambda setting: first[setting])
        seconds = take_turns({"decanet": ours, "captum": settings[best]}, rounds)
        ratio = [b / a for a, b in zip(seconds["decanet"], seconds["captum"], strict=True)]
        difference = float((result - expected).abs().max() / expected.abs().max().clamp_min(1e-30))
        found[method] = {
            "decanet_seconds": quartiles(seconds["decanet"]),
            "captum_seconds": quartiles(seconds["captum"]),
            "captum_setting": best,
            "times_faster": quartiles(ratio),
            "largest_relative_difference": difference,
        }
        report.progress(f"methods on {name}", number + 1, len(methods), "methods")
    return found


def _methods(model: nn.Module, x: Tensor, target: int) -> dict[str, Method]:
    """Return of each method: ours, captum's for a network, an input and a batch size, and whether it has batches."""
    from captum.attr import (
        InputXGradient,
        IntegratedGradients,
        LayerGradCam,
        NoiseTunnel,
        Occlusion,
        Saliency,
    )

    size = x.shape[-1]
    window, stride = max(2, size // 8), max(1, size // 16)
    stages = [stage for stage, shape in spatial_stages(model, x).items() if shape[-1] > 1]
    deviation = 0.15 * float(x.max() - x.min())

    def captum_smooth_grad(network: nn.Module, inputs: Tensor, batch: int) -> Tensor:
        torch.manual_seed(0)
        return NoiseTunnel(Saliency(network)).attribute(
            inputs.clone(), nt_type="smoothgrad", nt_samples=SAMPLES, nt_samples_batch_size=min(batch, SAMPLES),
            stdevs=deviation, target=target, abs=False,
        )  # fmt: skip

    return {
        "gradient x input": (
            lambda: input_x_gradient(model, x, target),
            lambda network, inputs, _: InputXGradient(network).attribute(inputs.clone().requires_grad_(), target),
            False,
        ),
        "integrated gradients": (
            lambda: integrated_gradients(model, x, target, steps=STEPS).attribution,
            lambda network, inputs, batch: IntegratedGradients(network).attribute(
                inputs.clone(), target=target, n_steps=STEPS, internal_batch_size=batch,
                return_convergence_delta=True,  # ours always measures what it leaves of completeness
            )[0],
            True,
        ),
        "SmoothGrad": (lambda: smooth_grad(model, x, target, samples=SAMPLES), captum_smooth_grad, True),
        "Grad-CAM": (
            lambda: grad_cam(model, x, target, stages[-1]),
            lambda network, inputs, _: LayerGradCam(
                network, network.get_submodule(stage_path(network, stages[-1]))
            ).attribute(inputs.clone(), target, relu_attributions=True),
            False,
        ),
        "occlusion": (
            lambda: occlusion(model, x, target, window=window, stride=stride).expand_as(x),
            lambda network, inputs, batch: Occlusion(network).attribute(
                inputs.clone(), (x.shape[1], window, window), (x.shape[1], stride, stride), 0.0, target,
                perturbations_per_eval=batch,
            ),
            True,
        ),
    }  # fmt: skip


def table(measured: dict[str, Any]) -> str:
    """Format the measurements as Markdown."""
    rows = [
        {
            "network": name,
            "method": method,
            "decanet, ms": f"{1000 * row['decanet_seconds']['median']:.3g}",
            "captum, ms": f"{1000 * row['captum_seconds']['median']:.3g}",
            "times faster": f"{row['times_faster']['median']:.2f}",
            "captum's best setting": row["captum_setting"],
            "largest difference": f"{row['largest_relative_difference']:.1e}",
        }
        for name, methods in measured["networks"].items()
        for method, row in methods.items()
    ]
    return (
        f"One image, float32; medians of {measured['rounds']} rounds in turn, captum at its best of several batch "
        f"sizes and both memory layouts. Integrated gradients take {measured['steps']} steps and measure "
        f"their completeness, SmoothGrad takes {measured['samples']} samples. Differences are relative to the largest "
        f"value; in float32 a rounding can decide a maximum.\n\n"
        f"{markdown_table(rows)}\n\n{about(measured)}"
    )
