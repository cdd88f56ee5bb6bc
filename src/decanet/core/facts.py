"""The ledger of facts: what papers, competitions and libraries state about the networks, with sources.

The data is in ``decanet/facts``: one TOML file per paper (bibliography, architectures, experiments) and one for the
competition. decanet measured none of it. A value that no source states is absent: ``stated`` returns None.

The ``confidence`` of a value names the kind of its source:

``computed``
    counted in a library's network or derived from its source;
``own``
    counted by us in a definition of our own, and therefore not independent;
``library``
    read from an installed library (metadata of weights, source);
``repo``
    read in a public repository or on a page of the authors, or in an official one;
``transcript``
    read in a public transcription of the paper instead of the publisher's PDF;
``secondary``
    read in a third-party document that quotes the primary source;
``memory``
    not confirmed in any opened source: verify it before use; figures and tables omit it.

Conventions: multiply-adds (``macs``) count convolutions, linear layers and the two products of attention;
biases, normalization, activations and pooling are omitted. This is half of what ``torch.utils.flop_counter`` counts.
Parameters include biases and the scale and shift of batch normalization, but not its running statistics. Error rates
are percentages.
"""

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, NamedTuple, TypeVar

from decanet.core.errors import UsageError, did_you_mean

CONFIDENCES = ("computed", "own", "library", "repo", "transcript", "secondary", "memory")
COMPETITION, REFERENCE_RUNS = "competition", "reference_runs"  # the files that are not a paper's

T = TypeVar("T")


class Stated(NamedTuple):
    """A value as its source states it: a number, or text such as ``"60 million"``."""

    value: Any
    source: str
    confidence: str

    @property
    def independent(self) -> bool:
        """Whether someone other than us states the value."""
        return self.confidence not in {"own", "memory"}


class Stage(NamedTuple):
    """The feature map after a named stage, for one image."""

    name: str
    channels: int
    height: int
    width: int


@dataclass(frozen=True)
class Paper:
    """The bibliography of one paper; ``arxiv`` is empty for papers that are not on arXiv."""

    key: str
    title: str
    authors: tuple[str, ...]
    year: int
    venue: str
    arxiv: str
    confidence: str

    @property
    def citation(self) -> str:
        """``A. Krizhevsky, I. Sutskever, G. E. Hinton, "ImageNet ...", NIPS 2012``."""
        arxiv = f", arXiv:{self.arxiv}" if self.arxiv else ""
        return f'{", ".join(self.authors)}, "{self.title}", {self.venue}{arxiv}'


@dataclass(frozen=True)
class StatedError:
    """An error rate that a source reports, with its ``metric`` and ``protocol``.

    ``test`` is a short name of the protocol, ``"one crop"``, ``"ten crops"`` or ``"dense"``, for the top-1 error rate
    that represents the paper's network; otherwise it is empty.
    """

    metric: str
    value: float | str
    protocol: str
    source: str
    confidence: str
    test: str = ""

    @property
    def top1_accuracy_pct(self) -> float:
        """The first number of ``value`` as an accuracy; of ``"top1"``, ``"top1/top5"`` and ``"top1 accuracy"`` only."""
        assert self.metric.startswith("top1")
        first = float(str(self.value).partition(" / ")[0])
        return first if self.metric == "top1 accuracy" else 100 - first


@dataclass(frozen=True)
class StatedWeights:
    """Accuracies that a library states for its pretrained weights, in percent, with a single center crop.

    ``year`` is that of the recipe, where ``source`` states it: it may be years after the paper.
    """

    entry: str
    acc1: float
    acc5: float
    gmacs: float
    num_params: int
    crop: int
    resize: int
    source: str
    confidence: str
    year: int | None = None


@dataclass(frozen=True)
class Architecture:
    """One network of a paper.

    Attributes:
        key: name in the ledger.
        paper: key of its paper.
        values: every single value that a source states, by quantity (``"params_exact"``, ``"depth"``, ...).
        stages: shapes after the named stages, in order; empty where no source states them.
        stages_source, stages_confidence: source and confidence of the stages.
        errors: error rates, each with its protocol.
        weights: pretrained weights and their accuracies.
        details: all other entries of its table (``recipe``, ``discrepancies``, ``layers``, ...).
    """

    key: str
    paper: str
    name: str
    year: int
    values: Mapping[str, Stated]
    stages: tuple[Stage, ...]
    stages_source: str
    stages_confidence: str
    errors: tuple[StatedError, ...]
    weights: tuple[StatedWeights, ...]
    details: Mapping[str, Any]

    def stated(self, quantity: str) -> Stated | None:
        """Return what a source states for ``quantity``, or None."""
        return self.values.get(quantity)

    @property
    def paper_top1(self) -> StatedError | None:
        """The authors' top-1 error rate of one network, of one crop where they state it, or None."""
        return next((error for error in self.errors if error.test and error.confidence != "memory"), None)


@dataclass(frozen=True)
class Experiment:
    """A controlled comparison that a paper reports; ``data`` is its table in the file."""

    key: str
    paper: str
    claim: str
    source: str
    confidence: str
    data: Mapping[str, Any]


@dataclass(frozen=True)
class Entry:
    """One entry of a year's competition; None where the source does not state a value.

    ``same_network`` is whether ``architecture`` is the network of the entry: ZFNet, for instance, is not Clarifai's
    winning entry of 2013, though both are M. Zeiler's.
    """

    year: int
    task: str
    team: str
    rank: int
    source: str
    confidence: str
    top5_error_pct: float | None = None
    extra_data: bool | None = None
    paper: str | None = None
    architecture: str | None = None
    same_network: bool | None = None
    note: str = ""


@dataclass(frozen=True)
class Human:
    """The error rate of people on the competition's images, with its caveat."""

    top5_error_pct: float
    images: int
    second_annotator_top5_error_pct: float
    second_annotator_images: int
    caveat: str
    source: str
    confidence: str


@dataclass(frozen=True)
class ReferenceRun:
    """A training that others published.

    Attributes:
        label: what it is, for a legend.
        epochs: at which its losses were printed.
        losses: mean cross-entropy (nats) since the line before.
        test_top1_pct: accuracy on the test set.
        source: where it was published.
    """

    label: str
    epochs: tuple[float, ...]
    losses: tuple[float, ...]
    test_top1_pct: float
    source: str


def papers() -> dict[str, Paper]:
    """Return all papers of the ledger by key, oldest first."""
    return dict(sorted(_ledger().papers.items(), key=lambda item: (item[1].year, item[0])))


def paper(key: str) -> Paper:
    """Return one paper. Raises UsageError with the nearest keys."""
    return _find("paper", _ledger().papers, key)


def architectures() -> dict[str, Architecture]:
    """Return all architectures of the ledger by key."""
    return dict(_ledger().architectures)


def architecture(key: str) -> Architecture:
    """Return one architecture. Raises UsageError with the nearest keys."""
    return _find("architecture in the facts", _ledger().architectures, key)


def experiments() -> dict[str, Experiment]:
    """Return all experiments of the ledger by key."""
    return dict(_ledger().experiments)


def experiment(key: str) -> Experiment:
    """Return one experiment. Raises UsageError with the nearest keys."""
    return _find("experiment in the facts", _ledger().experiments, key)


@functools.cache
def competition() -> tuple[Entry, ...]:
    """Return all entries of the competitions by year, task and rank."""
    entries = [Entry(**table) for table in _read(COMPETITION)["entries"]]
    return tuple(sorted(entries, key=lambda e: (e.year, e.task, e.rank, e.top5_error_pct or 0)))


@functools.cache
def human() -> Human:
    """Return the human top-5 error rate with its caveat."""
    return Human(**_read(COMPETITION)["human"])


def reference_run(recipe: str, model: str) -> ReferenceRun | None:
    """Return the published training by the same recipe of the same network; None where there is none."""
    for table in _read(REFERENCE_RUNS).values():
        if recipe in table["recipes"] and model == table["model"]:
            per_epoch = table["steps_per_epoch"] // table["every"]
            epochs = tuple(
                index // per_epoch + (index % per_epoch + 1) * table["every"] / table["steps_per_epoch"]
                for index in range(len(table["losses"]))
            )
            return ReferenceRun(
                table["label"], epochs, tuple(table["losses"]), table["test_top1_pct"], table["source"]
            )
    return None


class _Ledger(NamedTuple):
    papers: dict[str, Paper]
    architectures: dict[str, Architecture]
    experiments: dict[str, Experiment]


@functools.cache
def _ledger() -> _Ledger:
    ledger = _Ledger({}, {}, {})
    folder = resources.files("decanet.facts")
    for file in sorted(folder.iterdir(), key=lambda f: f.name):
        key, _, ending = file.name.rpartition(".")
        if ending != "toml" or key in (COMPETITION, REFERENCE_RUNS):
            continue
        tables = _read(key)
        ledger.papers[key] = _paper(key, tables["paper"])
        for name, table in tables.get("architectures", {}).items():
            ledger.architectures[name] = _architecture(name, key, table)
        for name, table in tables.get("experiments", {}).items():
            ledger.experiments[name] = Experiment(
                name, key, table["claim"], table["source"], table["confidence"], table
            )
    return ledger


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads(
        resources.files("decanet.facts").joinpath(f"{name}.toml").read_text(encoding="utf-8")
    )


def _paper(key: str, table: dict[str, Any]) -> Paper:
    bibliography = {k: table[k] for k in ("title", "year", "venue", "arxiv")}
    return Paper(
        key, authors=tuple(table["authors"]), confidence=table["bibliography_confidence"], **bibliography
    )


def _architecture(key: str, paper: str, table: dict[str, Any]) -> Architecture:
    values = {k: Stated(**v) for k, v in table.items() if isinstance(v, dict) and "value" in v}
    named = {"name", "year", "stages", "stages_source", "stages_confidence", "errors", "weights"}
    return Architecture(
        key=key,
        paper=paper,
        name=table["name"],
        year=table["year"],
        values=values,
        stages=tuple(Stage(*row) for row in table.get("stages", ())),
        # Stages without a source of their own follow from the layers, or from the source of the depth.
        stages_source=table.get("stages_source")
        or table.get("layers_source")
        or table.get("depth", {}).get("source", ""),
        stages_confidence=table.get("stages_confidence") or table.get("depth", {}).get("confidence", ""),
        errors=tuple(StatedError(**row) for row in table.get("errors", ())),
        weights=tuple(StatedWeights(**row) for row in table.get("weights", ())),
        details={k: v for k, v in table.items() if k not in named and k not in values},
    )


def _find(noun: str, known: Mapping[str, T], key: str) -> T:
    try:
        return known[key]
    except KeyError:
        hint = did_you_mean(key, known) or f" (known: {', '.join(sorted(known))})"
        raise UsageError(f"unknown {noun} {key!r}{hint}") from None
