"""A network explained in words: its idea, its layers, where its parameters and multiply-adds are, and its memory."""

import ast
import inspect
import textwrap
from collections import Counter
from collections.abc import Sequence

from decanet.anatomy.explanation import explain
from decanet.anatomy.trace import BYTES_PER_NUMBER, Layer
from decanet.anatomy.verify import AGREE, DEPARTURE, verify
from decanet.models.registry import list_models, model_entry

BATCH = 128  # where a network has no recipe of its paper
LARGEST = 5  # stages that are named with their share

# What a kind of layer is for: the beginning of its operation -> a sentence.
PURPOSES = {
    "conv 1x1": "A 1x1 convolution mixes the channels of each position; it changes their number and sees no neighbors.",
    "conv": "A convolution looks for the pattern of each filter at every position; all positions share the weights.",
    "linear": "A linear (fully connected) layer weighs all of its inputs for each output, wherever they come from.",
    "max pool": "Maximum pooling keeps the largest number of each window: smaller maps, little changed by shifts.",
    "average pool": "Average pooling keeps the mean of each window: smaller maps.",
    "global average pool": "Global average pooling makes one number of each feature map, of any size.",
    "global max pool": "Global maximum pooling keeps the largest number of each feature map, wherever it is.",
    "ReLU": "ReLU sets negative numbers to 0. Without a nonlinearity between them, two layers would equal one.",
    "GELU": "GELU is a smooth ReLU. Without a nonlinearity between them, two layers would equal one.",
    "sigmoid": "The sigmoid maps every number into 0..1: as an activation it saturates, as a gate it weighs its input.",
    "tanh": "tanh maps every number into -1..1, and saturates on both sides.",
    "dropout": "Dropout sets random activations to 0 in training, and scales the others by 1/(1 - p).",
    "local response norm": "Local response normalization divides each number by the energy of its neighbor channels.",
    "BatchNorm2d": "Batch normalization brings each channel to mean 0 and deviation 1 over the batch, then scales it.",
    "LayerNorm": "Layer normalization brings the channels of each position (or token) to mean 0 and deviation 1.",
    "add": "An addition joins a shortcut with the branch beside it; gradients pass through it unchanged.",
    "multiply": "A multiplication weighs feature maps by a gate.",
    "concatenate": "A concatenation stacks the feature maps of several branches.",
    "flatten": "Flattening makes one row of all feature maps of an image; the batch axis N stays.",
    "matrix product": "A product of two activations: queries with keys, or the weights of attention with values.",
    "attention": "Attention lets every token collect from all others, weighted by how well they match.",
}


def narrate(
    network: str,
    input_size: Sequence[int],
    output_shape: Sequence[int],
    layers: Sequence[Layer],
    params: int,
    macs: int,
) -> str:
    """Explain a network in sections.

    Args:
        network: its registered name, or its class.
        input_size: (C, H, W) of the image.
        output_shape: of one image, batch axis included.
        layers: of its trace.
        params: all parameters.
        macs: multiply-adds for one image.
    """
    sections = [
        ("The idea", _idea(network)),
        ("Shapes", _shapes(input_size, output_shape, layers)),
        ("What the layers are for", _purposes(layers)),
        ("Layer by layer", _layers(network, layers)),
        ("Where the parameters and the multiply-adds are", _shares(layers, params, macs)),
        ("Memory of the feature maps", _memory(network, layers)),
        ("The output", _output(output_shape)),
        ("What the paper states", _stated(network)),
    ]
    return "\n\n".join(f"{title}\n{'-' * len(title)}\n{text}" for title, text in sections if text)


def _idea(network: str) -> str:
    """The paper and the idea, from the docstring of the network's file; its builder's summary."""
    if network not in list_models():
        return ""
    build = inspect.unwrap(model_entry(network).build)
    source = inspect.getsourcefile(build)
    assert source is not None
    with open(source, encoding="utf-8") as file:
        paragraphs = (ast.get_docstring(ast.parse(file.read())) or "").split("\n\n")
    about = [
        model_entry(network).summary,
        *(p for p in paragraphs[1:2] if "arXiv" in p or ", 19" in p or ", 20" in p),
    ]
    start = next((i for i, p in enumerate(paragraphs) if "idea" in p[:12]), None)
    if start is not None:
        about.append(paragraphs[start])
        if paragraphs[start].endswith(":"):  # a list follows
            about.append(paragraphs[start + 1])
    return "\n\n".join(about)


def _shapes(input_size: Sequence[int], output_shape: Sequence[int], layers: Sequence[Layer]) -> str:
    image, output = ", ".join(map(str, input_size)), ", ".join(map(str, output_shape[1:]))
    text = (
        f"(N, {image}) -> (N, {output}). N images of a batch go through the network side by side; C is the number of "
        "channels (feature maps), H and W are their height and width. The table shows one image, without N. Receptive "
        "fields are larger than the image where they reach into the padding."
    )
    flat = next(
        (layer for layer in layers if layer.operation == "flatten" and len(layer.input_shape) == 3), None
    )
    if flat is not None:
        before = ", ".join(map(str, flat.input_shape))
        text += f" Before the classifier (N, {before}) becomes (N, {flat.output_shape[0]}): N stays."
    return _filled(text)


def _purposes(layers: Sequence[Layer]) -> str:
    lines = dict.fromkeys(purpose for layer in layers if (purpose := purpose_of(layer.operation)))
    return "\n".join(_filled(line, "- ") for line in lines)


def purpose_of(operation: str) -> str:
    """Return what an operation of a network's table is for; empty where the table of purposes has no such kind."""
    fitting = [kind for kind in PURPOSES if operation.startswith(kind)]
    return PURPOSES[max(fitting, key=len)] if fitting else ""


def _layers(network: str, layers: Sequence[Layer]) -> str:
    """A line for each layer that needs one; equal lines of a stage are one line with their number."""
    lines: Counter[str] = Counter()
    for layer in layers:
        if text := explain(layer):
            lines[f"{layer.stage or network} ({layer.operation}): {text}"] += 1
    return "\n".join(line if count == 1 else f"{line} ({count} times)" for line, count in lines.items())


def _shares(layers: Sequence[Layer], params: int, macs: int) -> str:
    by_stage: dict[str, list[int]] = {}
    for layer in layers:
        stage = by_stage.setdefault(layer.stage or "the rest", [0, 0])
        stage[0] += layer.params
        stage[1] += layer.macs
    lines = []
    for index, (what, total) in enumerate((("parameters", params), ("multiply-adds", macs))):
        if not total:
            continue
        order = sorted(by_stage, key=lambda stage: by_stage[stage][index], reverse=True)[:LARGEST]
        shares = ", ".join(
            f"{stage} {100 * by_stage[stage][index] / total:.0f}%"
            for stage in order
            if by_stage[stage][index]
        )
        lines.append(f"- {what} ({total:,}): {shares}")
    kinds: dict[str, list[int]] = {"convolutions": [0, 0], "linear layers": [0, 0]}
    for layer in layers:
        kind = "convolutions" if layer.operation.startswith("conv") else "linear layers"
        if layer.operation.startswith(("conv", "linear")):
            kinds[kind][0] += layer.params
            kinds[kind][1] += layer.macs
    for kind, (own, cost) in kinds.items():
        if own and macs:
            lines.append(
                f"- {kind}: {100 * own / params:.0f}% of the parameters, {100 * cost / macs:.0f}% of the multiply-adds"
            )
    return "\n".join(lines)


def _memory(network: str, layers: Sequence[Layer]) -> str:
    kept = sum(layer.activation_bytes for layer in layers)
    activations = [layer for layer in layers if layer.operation in ("ReLU", "GELU", "sigmoid", "tanh")]
    overwritten = [_bytes(layer) for layer in activations if not layer.activation_bytes]
    recipe = model_entry(network).recipe if network in list_models() else None
    batch = recipe.batch_size if recipe is not None else BATCH
    whose = f"the paper's batch of {batch}" if recipe is not None else f"a batch of {batch}"
    text = f"Training keeps {_mib(kept)} for one image, {_mib(kept * batch)} for {whose}, in float32."
    if overwritten:
        text += (
            f" The activations overwrite their input (inplace=True): arrays of {_mib(sum(overwritten))} are not "
            "allocated for one image. What training keeps stays the same, because autograd needs only the output of a "
            f"ReLU: the peak falls by at most the largest of them, {_mib(max(overwritten))}. Where another layer needs "
            "the overwritten input, autograd refuses (decanet layers in-place-relu)."
        )
    elif activations:
        text += " No activation works in place (inplace=True)."
    return _filled(text)


def _bytes(layer: Layer) -> int:
    count = BYTES_PER_NUMBER
    for size in layer.output_shape:
        count *= size
    return count


def _output(output_shape: Sequence[int]) -> str:
    return _filled(
        f"{output_shape[-1]} scores (logits), one for each class, without a softmax: the loss contains it, because the "
        "logarithm of a softmax can be computed without overflow from the scores alone (decanet layers softmax)."
    )


def _stated(network: str) -> str:
    if network not in list_models():
        return ""
    checks = verify([network])
    agreeing = [check for check in checks if check.verdict == AGREE]
    lines = []
    if agreeing:
        independent = sum(check.independent for check in agreeing)
        lines.append(
            f"- {len(agreeing)} numbers agree, {independent} of them with a source that is not our own count"
        )
    lines += [
        f"- {check.quantity}: stated {_value(check.stated)}, built {_value(check.built)}: {check.reason}"
        for check in checks
        if check.verdict == DEPARTURE
    ]
    return "\n".join(_filled(line) for line in lines)


def _value(value: object) -> str:
    if isinstance(value, tuple):
        return "x".join(map(str, value))
    return f"{value:,}" if isinstance(value, int) else str(value)


def _mib(count: int) -> str:
    return f"{count / 2**20:,.1f} MiB"


def _filled(text: str, start: str = "") -> str:
    return textwrap.fill(
        text, 118, initial_indent=start, subsequent_indent=" " * len(start), break_on_hyphens=False
    )
