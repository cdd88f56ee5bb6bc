"""The report "The decade's ideas, measured": one page with every claim, its figure and its verdict."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from decanet.core import pages
from decanet.core.pages import Element
from decanet.core.plotting import encode_figure
from decanet.core.texts import Texts
from decanet.experiments.declaration import Experiment, list_experiments
from decanet.experiments.figures import PACKAGE, draw, draw_front
from decanet.experiments.outcome import ArmOutcome, Compared, Outcome, quantity_unit, read_outcome

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 110
Row = tuple[str, ...]


def outcomes(folder: Path) -> list[tuple[Experiment, Outcome | None]]:
    """Return every experiment with what came of it, None where nothing was run.

    Args:
        folder: of all results.

    Raises:
        UsageError: results cannot be compared.
        DataError: a file is damaged.
    """
    return [
        (experiment, read_outcome(experiment, folder / experiment.name)) for experiment in list_experiments()
    ]


def build(found: Sequence[tuple[Experiment, Outcome | None]], language: str = "en") -> str:
    """Return the report as HTML. Raises UsageError for an unknown language."""
    texts = Texts(PACKAGE, language)
    header, rows = summary(found, texts)
    content: list[Element] = [
        pages.section(
            texts("report.summary"),
            pages.table(header, rows, numeric=(0,)),
            pages.paragraph(texts("report.method")),
            id="summary",
        )
    ]
    content += [_section(experiment, outcome, found, texts) for experiment, outcome in found]
    return pages.page(
        texts("report.title"), *content, language=language, lead=texts("report.lead"), contents=True
    )


def build_markdown(
    found: Sequence[tuple[Experiment, Outcome | None]], language: str = "en", figures: str = "{name}.png"
) -> str:
    """Return the report as Markdown; ``figures`` is the path of an experiment's figure, with its name in braces."""
    texts = Texts(PACKAGE, language)
    parts = [f"# {texts('report.title')}", texts("report.lead"), f"## {texts('report.summary')}"]
    parts += [markdown_table(*summary(found, texts)), texts("report.method")]
    for experiment, outcome in found:
        name = experiment.name
        used = reused(experiment, found)
        parts.append(f"## {experiment.number}. {texts(f'claims.{name}.title')}")
        parts += [f"**{heading}.** {text}" for heading, text in statements(experiment, texts)]
        if used:
            parts.append(f"![{texts(f'claims.{name}.title')}]({figures.format(name=name)})")
            continue
        if outcome is None:
            parts.append(texts("report.none_yet", command=f"`{rerun(experiment)}`"))
            continue
        parts.append(f"![{texts(f'claims.{name}.title')}]({figures.format(name=name)})")
        parts.append(markdown_table(*arms_table(outcome, texts)))
        if outcome.compared:
            parts.append(markdown_table(*comparisons_table(outcome, texts)))
        parts += remarks(outcome, texts)
        parts.append(f"{texts('report.rerun')}: `{rerun(experiment)}`")
    return "\n\n".join(parts) + "\n"


def reused(experiment: Experiment, found: Sequence[tuple[Experiment, Outcome | None]]) -> list[Outcome]:
    """Return the outcomes that an experiment without runs of its own draws."""
    return [outcome for other, outcome in found if other.name in experiment.reuses and outcome is not None]


def figure_of(
    experiment: Experiment,
    outcome: Outcome | None,
    found: Sequence[tuple[Experiment, Outcome | None]],
    language: str,
) -> "Figure | None":
    """Return the figure of an experiment; None where nothing was run."""
    if used := reused(experiment, found):
        return draw_front(used, experiment.name, language)
    return None if outcome is None else draw(outcome, language)


def markdown_table(header: Row, rows: Sequence[Row]) -> str:
    """Return a table in Markdown."""
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines)


def summary(found: Sequence[tuple[Experiment, Outcome | None]], texts: Texts) -> tuple[Row, list[Row]]:
    """Return a row for each experiment: its number, its question, and its verdicts."""
    header = tuple(texts(f"columns.{column}") for column in ("number", "question", "verdict"))
    rows: list[Row] = [
        (str(experiment.number), texts(f"claims.{experiment.name}.title"), verdicts(outcome, texts))
        for experiment, outcome in found
    ]
    return header, rows


def progress(found: Sequence[tuple[Experiment, Outcome | None]], texts: Texts) -> str:
    """Return how many experiments have results, and how many wait for theirs."""
    done = sum(outcome is not None for _, outcome in found)
    return texts("report.waiting", done=done, waiting=len(found) - done)


def verdicts(outcome: Outcome | None, texts: Texts) -> str:
    """Return the verdicts of an experiment in a phrase, with their numbers where there are several."""
    if outcome is None:
        return texts("report.not_run")
    if outcome.quick:
        return texts("report.demonstration")
    names = [each.verdict for each in outcome.compared]
    if len(set(names)) == 1:
        return texts(f"verdicts.{names[0]}")
    return ", ".join(f"{texts(f'verdicts.{name}')} ({names.count(name)})" for name in dict.fromkeys(names))


def statements(experiment: Experiment, texts: Texts) -> list[tuple[str, str]]:
    """Return the claim with its source, what is held equal, and the reduction, each with its heading."""
    key = f"claims.{experiment.name}"
    return [
        (texts("report.claim"), f"{texts(f'{key}.claim')} ({experiment.source})"),
        (texts("report.equal"), texts(f"{key}.equal")),
        (texts("report.reduction"), texts(f"{key}.reduction")),
    ]


def rerun(experiment: Experiment) -> str:
    """Return the command that runs an experiment, or the first of those whose runs it draws."""
    if experiment.reuses:
        return f"decanet experiment run {experiment.reuses[0]}"
    return f"decanet experiment run {experiment.name}" + ("" if experiment.full else " --quick")


def arms_table(outcome: Outcome, texts: Texts) -> tuple[Row, list[Row]]:
    """Return a row for each arm: its network's cost, and mean and standard deviation of each quantity."""
    quantities = outcome.experiment.quantities
    header = (
        texts("columns.arm"), texts("columns.network"), texts("columns.multiply_adds"),
        *(texts(f"quantities.{quantity}") for quantity in quantities),
    )  # fmt: skip
    rows = [
        (arm.arm.name, f"{arm.params:,}", f"{arm.macs:,}", *(value(arm, q, texts) for q in quantities))
        for arm in outcome.arms
    ]
    return header, rows


def value(arm: ArmOutcome, quantity: str, texts: Texts) -> str:
    """Return a quantity of an arm in words: mean and standard deviation, or the median of times to a target."""
    middle, deviation = arm.middle(quantity), arm.deviation(quantity)
    if middle is None:
        return texts("figure.never")
    digits = 3 if quantity_unit(quantity) in {"none", "nats"} else 2
    return f"{middle:.{digits}f}" + ("" if deviation is None else f" ± {deviation:.{digits}f}")


def comparisons_table(outcome: Outcome, texts: Texts) -> tuple[Row, list[Row]]:
    """Return a row for each declared comparison: the paper's number, ours, and the verdict."""
    columns = ("comparison", "paper", "difference", "holm", "verdict")
    header = tuple(texts(f"columns.{column}") for column in columns)
    return header, [_compared(each, texts) for each in outcome.compared]


def _compared(each: Compared, texts: Texts) -> Row:
    comparison = each.comparison
    what = f"{comparison.arm} - {comparison.against}, {texts(f'quantities.{comparison.quantity}')}"
    verdict = texts(f"verdicts.{each.verdict}")
    if each.underpowered and each.difference is not None:
        verdict += "; " + texts("report.underpowered", resolvable=each.difference.resolvable)
    if each.difference is not None:
        found = f"{each.difference.mean:+.2f} ({each.difference.low:+.2f} to {each.difference.high:+.2f})"
        if quantity_unit(comparison.quantity) in {"none", "nats"}:
            found = f"{each.difference.mean:+.3f} ({each.difference.low:+.3f} to {each.difference.high:+.3f})"
    else:
        found = texts("report.ratio", ratio=each.ratio) if each.ratio else texts("report.arrived")
    return what, comparison.stated or "-", found, "-" if each.holm is None else f"{each.holm:.2g}", verdict


def remarks(outcome: Outcome, texts: Texts) -> list[str]:
    """Return what a careful reader wants to know: learning rates, hardware, the test images' own error."""
    rates = ", ".join(f"{arm.arm.name} {arm.lr:g}" for arm in outcome.arms)
    environment = outcome.environment
    said = []
    if outcome.tuning is not None:
        grid = ", ".join(f"{lr:g}" for lr in outcome.tuning.grid)
        said.append(texts("report.tuned", rates=rates, grid=grid))
    else:
        said.append(texts("report.tuned_quick", rates=rates))
    said.append(
        texts(
            "report.conditions",
            seeds=outcome.seeds,
            processor=environment["processor"],
            precision=outcome.precision,
            torch=environment["torch"],
            minutes=outcome.seconds / 60,
        )
    )
    errors = [each.images for each in outcome.compared if each.images is not None]
    if errors:
        said.append(texts("report.images", points=max(errors)))
    return said


def _section(
    experiment: Experiment,
    outcome: Outcome | None,
    found: Sequence[tuple[Experiment, Outcome | None]],
    texts: Texts,
) -> Element:
    title = texts(f"claims.{experiment.name}.title")
    parts: list[Element] = [
        pages.paragraph(pages.strong(f"{heading}. "), text) for heading, text in statements(experiment, texts)
    ]
    figure = figure_of(experiment, outcome, found, texts.language)
    if figure is None:
        parts.append(pages.note(texts("report.none_yet", command=rerun(experiment))))
    else:
        shown = verdicts(outcome, texts) if outcome else texts("verdicts.described")
        alt = texts("report.alt", title=title, verdicts=shown)
        parts.append(pages.figure(encode_figure(figure, dpi=DPI), alt=alt))
    if outcome is not None:
        header, rows = arms_table(outcome, texts)
        parts.append(pages.table(header, rows, numeric=range(1, len(header)), caption=texts("report.ours")))
        if outcome.compared:
            parts.append(pages.table(*comparisons_table(outcome, texts)))
        parts += [pages.paragraph(remark) for remark in remarks(outcome, texts)]
    parts += [pages.paragraph(texts("report.rerun"), ":"), pages.code_block(rerun(experiment))]
    return pages.section(f"{experiment.number}. {title}", *parts, id=experiment.name.replace("_", "-"))
