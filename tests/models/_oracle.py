"""Oracle for networks that a library has in the same layout: equal weights give equal outputs."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from decanet.models import create_model, model_entry
from decanet.models.meta_device import ShapesOnly

PERIOD = 1_048_573  # a prime: no two filters of a layer are equal


def check_same_outputs(
    our_name: str,
    *,
    sizes: list[int],
    num_classes: list[int],
    library: str = "torchvision",
    **library_options: object,
) -> None:
    """Assert that our network equals the library's for the same weights, in eval mode and float32.

    Every tensor of the library's state dict is random, also the statistics, scales and biases of normalization, which
    are 0 and 1 in a new network; the key map renames them, and they are loaded strictly.

    Args:
        our_name: a registered network with an entry ``PretrainedWeights(library, ...)``.
        sizes: sizes of the square images to try.
        num_classes: numbers of classes to try.
        library: ``"torchvision"`` or ``"timm"``.
        library_options: arguments of the library's builder, for instance ``transform_input=False``.
    """
    entry = model_entry(our_name)
    (pretrained,) = (p for p in entry.pretrained if p.library == library)
    for classes in num_classes:
        # On the meta device, filled below: the libraries' own initialization would only cost time.
        with ShapesOnly(), torch.device("meta"):
            theirs = _library_model(library, pretrained.name, num_classes=classes, **library_options)
            ours = create_model(our_name, num_classes=classes)
        weights = random_weights(theirs.state_dict())
        theirs.load_state_dict(weights, strict=True, assign=True)
        ours.load_state_dict(pretrained.key_map(weights), strict=True, assign=True)
        theirs.eval()
        ours.eval()
        for size in sizes:
            generator = torch.Generator().manual_seed(size)
            images = torch.randn(2, entry.input_size[0], size, size, generator=generator)
            with torch.inference_mode():
                expected, actual = theirs(images), ours(images)
            assert isinstance(expected, Tensor)
            assert isinstance(actual, Tensor)
            scale = expected.abs().max().item()
            # Outputs that do not depend on the image would agree and prove nothing.
            assert (expected[0] - expected[1]).abs().max().item() > 1e-3 * scale, (
                "the oracle's outputs are constant"
            )
            assert actual.shape == (2, classes)
            torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-5 * scale)


def random_weights(like: Mapping[str, Tensor], seed: int = 0) -> dict[str, Tensor]:
    """Random tensors with the names and shapes of ``like`` that keep activations near unit size.

    The weights repeat ``PERIOD`` random numbers, each tensor from where the last one ended: drawing all of them takes
    most of the time of a comparison.
    """
    generator = torch.Generator().manual_seed(seed)
    noise = torch.empty(PERIOD).uniform_(-1, 1, generator=generator)
    begin = 0
    weights: dict[str, Tensor] = {}
    for name, tensor in like.items():
        shape = tensor.shape
        if not tensor.is_floating_point():
            weights[name] = torch.zeros(shape, dtype=tensor.dtype)  # num_batches_tracked
        elif name.endswith("running_var"):
            weights[name] = torch.rand(shape, generator=generator) + 0.5
        elif tensor.ndim >= 2 and not name.endswith("bias"):
            end = begin + tensor.numel()
            repeated = noise.repeat(math.ceil(end / PERIOD))[begin:end]
            weights[name] = repeated.mul_((6 / tensor[0].numel()) ** 0.5).view(shape)  # variance 2 / fan_in
            begin = end % PERIOD
        elif name.endswith("weight") or "gamma" in name:
            weights[name] = torch.rand(shape, generator=generator) + 0.5
        else:  # biases, shifts, running means
            weights[name] = torch.randn(shape, generator=generator) * 0.2
    return weights


def _library_model(library: str, name: str, **options: object) -> nn.Module:
    if library == "torchvision":
        import torchvision

        return torchvision.models.get_model(name, weights=None, **options)
    if library == "timm":
        import timm

        return timm.create_model(name, pretrained=False, **options)
    raise ValueError(f"no oracle for library {library!r}")
