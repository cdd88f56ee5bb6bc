"""The milestones from LeNet to ConvNeXt: what each network introduced, what it costs and how accurate it is.

Two kinds of numbers stand side by side and never share a column: what sources state (``decanet.core.facts``), and what
is counted in the networks that decanet builds. On demand :mod:`decanet.lineage.speed` adds what this machine measures.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from decanet.anatomy.trace import trace
from decanet.core import facts
from decanet.lineage.speed import Speed
from decanet.models import list_models, model_entry

# Registered name -> title. One network for each step of the decade, the deepest where the step is depth.
TITLES = {
    "lenet5": "LeNet-5",
    "alexnet_two_tower": "AlexNet",
    "zfnet": "ZFNet",
    "nin": "NiN",
    "alexnet": "AlexNet, one tower",
    "vgg16": "VGG-16",
    "googlenet": "GoogLeNet",
    "inception_v3": "Inception-v3",
    "resnet50": "ResNet-50",
    "resnet152": "ResNet-152",
    "wide_resnet50_2": "WRN-50-2",
    "squeezenet1_0": "SqueezeNet",
    "resnext101_64x4d": "ResNeXt-101 64x4d",
    "densenet201": "DenseNet-201",
    "senet154": "SENet-154",
    "efficientnet_lite0": "EfficientNet-Lite0",
    "vit_b16": "ViT-B/16",
    "convnext_t": "ConvNeXt-T",
}


@dataclass(frozen=True)
class Milestone:
    """One row of the lineage.

    Attributes:
        name: registered name of the network.
        title: its usual short name.
        year: year of its paper.
        innovations: what it introduced, in the ledger's words.
        depth: convolutions and linear layers on the longest path, counted.
        params: parameters that evaluation uses, counted.
        params_training_only: parameters of the auxiliary classifiers, counted; not part of ``params``.
        macs: multiply-adds for one image, counted.
        competition_top5_error_pct: top-5 error of its entry (an ensemble) in the classification task, as the
            competition states it; None where this network was not entered.
        competition_rank: rank of that entry.
        competition_extra_data: whether that entry was trained on additional images; None where not stated.
        paper_top1_pct: accuracy of one network, as the paper or its authors' code states it; None where neither does.
        paper_test: how it was evaluated: ``"one crop"``, ``"ten crops"``, ``"dense"``, ``"fine-tuned at 384"``.
        library_top1_pct: accuracy of torchvision's first pretrained weights for this family's layout, one crop, as
            torchvision states it; None where there are none.
        library_year: year of the recipe of those weights, often later than the paper.
        library_gmacs: billions of multiply-adds of the layout of those weights, as torchvision states them. They belong
            to ``library_top1_pct``: ResNet's weights are for version 1.5, and GoogLeNet's layout has no 5x5 kernels.
        speed: what this machine measured, or None.
    """

    name: str
    title: str
    year: int
    innovations: tuple[str, ...]
    depth: int
    params: int
    params_training_only: int
    macs: int
    competition_top5_error_pct: float | None = None
    competition_rank: int | None = None
    competition_extra_data: bool | None = None
    paper_top1_pct: float | None = None
    paper_test: str = ""
    library_top1_pct: float | None = None
    library_year: int | None = None
    library_gmacs: float | None = None
    speed: Speed | None = None


def lineage(names: Iterable[str] = TITLES) -> list[Milestone]:
    """Return the milestones among ``names`` that are registered, oldest first."""
    known = set(list_models())
    rows = [_milestone(name) for name in names if name in known]
    return sorted(rows, key=lambda row: row.year)


def _milestone(name: str) -> Milestone:
    entry, traced = model_entry(name), trace(name)
    stated = facts.architecture(entry.facts)
    entered = [
        e
        for e in facts.competition()
        if e.architecture == entry.facts and e.task == "classification" and e.same_network
    ]
    best = min(entered, key=entry_error) if entered else None
    paper, library = stated.paper_top1, next(iter(stated.weights), None)
    return Milestone(
        name=name,
        title=TITLES.get(name, stated.name),
        year=stated.year,
        innovations=_innovations(stated),
        depth=traced.depth,
        params=traced.params - traced.params_training_only,
        params_training_only=traced.params_training_only,
        macs=traced.macs,
        competition_top5_error_pct=entry_error(best) if best else None,
        competition_rank=best.rank if best else None,
        competition_extra_data=best.extra_data if best else None,
        paper_top1_pct=paper.top1_accuracy_pct if paper else None,
        paper_test=paper.test if paper else "",
        library_top1_pct=library.acc1 if library else None,
        library_year=library.year if library else None,
        library_gmacs=library.gmacs if library else None,
    )


def _innovations(stated: facts.Architecture) -> tuple[str, ...]:
    """The innovations that the ledger states for this architecture, else for another one of its paper."""
    for a in (stated, *(a for a in facts.architectures().values() if a.paper == stated.paper)):
        if (found := a.stated("innovations")) is not None:
            return tuple(found.value)
    return ()


def entry_error(entry: facts.Entry) -> float:
    """Top-5 error in percent of an entry that states one."""
    assert entry.top5_error_pct is not None  # callers keep only entries with an error
    return entry.top5_error_pct
