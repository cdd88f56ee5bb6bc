"""The oracle for networks that a library ships in the same layout: same weights in, same outputs out."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from decanet.models import create_model, model_entry


def check_same_outputs(
    our_name: str,
    *,
    sizes: list[int],
    num_classes: list[int],
    library: str = "torchvision",
    **library_options: object,
) -> None:
    """Demand that our network equals the library's for the same weights, in eval mode and float32.

    Every tensor of the library's state dict is drawn at random, also the statistics, scales and shifts of
    normalization, which a fresh network leaves at 0 and 1; then it is mapped into ours and loaded strictly.

    Args:
        our_name: a registered network with an entry ``Published(library, ...)``.
        sizes: sides of the square images to try.
        num_classes: class counts to try.
        library: ``"torchvision"`` or ``"timm"``.
        library_options: passed to the library's builder, for instance ``transform_input=False``.
    """
    entry = model_entry(our_name)
    (pretrained,) = (p for p in entry.pretrained if p.library == library)
    for classes in num_classes:
        # Built without memory and filled below: the libraries' own initialization would only cost time.
        with torch.device("meta"):
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
    """Random tensors with the names and shapes of ``like`` that keep signals near unit size."""
    generator = torch.Generator().manual_seed(seed)
    weights: dict[str, Tensor] = {}
    for name, tensor in like.items():
        shape = tensor.shape
        if not tensor.is_floating_point():
            weights[name] = torch.zeros(shape, dtype=tensor.dtype)  # num_batches_tracked
        elif name.endswith("running_var"):
            weights[name] = torch.rand(shape, generator=generator) + 0.5
        elif tensor.ndim >= 2 and not name.endswith("bias"):
            fan_in = tensor[0].numel()
            # Uniform with variance 2 / fan_in: drawn in half the time of a Gaussian.
            bound = (6 / fan_in) ** 0.5
            weights[name] = torch.empty(shape).uniform_(-bound, bound, generator=generator)
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
