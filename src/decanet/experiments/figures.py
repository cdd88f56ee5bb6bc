"""The figure of an experiment, readable in black and white: its arms, and every claimed difference."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from decanet.core.plotting import COLORS, LINES, figure_language, literal, new_figure, styled
from decanet.core.texts import Texts
from decanet.experiments.outcome import ArmOutcome, Compared, Outcome, quantity_unit
from decanet.experiments.statistics import CONFIDENCE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARKERS = ("o", "s", "^", "D", "v", "P", "X")
PACKAGE = "decanet.experiments"


@styled
def draw(outcome: Outcome, language: str = "en") -> "Figure":
    """Draw the quantities of all arms, and the differences that the claim predicts.

    Args:
        outcome: of one experiment.
        language: of titles and labels, "en" or "zh"; English where no font has Chinese characters.
    """
    texts = Texts(PACKAGE, figure_language(language))
    experiment = outcome.experiment
    quantities = list(experiment.quantities)
    compares = any(each.difference is not None for each in outcome.compared)
    panels = len(quantities) + compares
    rows = max(len(outcome.arms) if not experiment.axis else 0, len(outcome.compared) if compares else 0)
    height = max(3.6, 0.36 * rows + 1.9)
    figure = new_figure(4.3 * panels + 0.6, height)
    figure.suptitle(title(outcome, texts), fontweight="bold")
    axes = np.atleast_1d(figure.subplots(1, panels))
    for place, quantity in zip(axes, quantities, strict=False):
        if quantity == "epochs_to_target":
            _draw_curves(place, outcome, texts)
        elif experiment.axis:
            _draw_over_axis(place, outcome, quantity, texts)
        else:
            _draw_categories(place, outcome, quantity, texts)
    if compares:
        _draw_differences(axes[-1], outcome, texts)
    return figure


@styled
def draw_front(outcomes: Sequence[Outcome], name: str, language: str = "en") -> "Figure":
    """Draw the test error of every arm of some experiments over its parameters and its multiply-adds.

    The line is the front: no other network of its experiment has both fewer of them and a lower error.

    Args:
        outcomes: of the experiments.
        name: of the experiment that draws them, whose title it takes.
        language: of titles and labels.
    """
    texts = Texts(PACKAGE, figure_language(language))
    figure = new_figure(11.0, 4.6)
    figure.suptitle(texts(f"claims.{name}.title"), fontweight="bold")
    axes = figure.subplots(1, 2, sharey=True)
    for place, cost in zip(axes, ("params", "macs"), strict=True):
        for k, outcome in enumerate(outcomes):
            arms = [arm for arm in outcome.arms if arm.params]
            x = [getattr(arm, cost) for arm in arms]
            y = [float(arm.middle("test_error") or 0.0) for arm in arms]
            color = COLORS[k % len(COLORS)]
            label = texts(f"claims.{outcome.experiment.name}.title")
            place.plot(x, y, MARKERS[k % len(MARKERS)], color=color, markersize=6, label=label)
            front = pareto_front(x, y)
            place.plot(
                [x[i] for i in front],
                [y[i] for i in front],
                LINES[k % len(LINES)],
                color=color,
                linewidth=1.3,
            )
        place.set(xscale="log", xlabel=texts(f"columns.{'network' if cost == 'params' else 'multiply_adds'}"))
    axes[0].set_ylabel(_label("test_error", texts))
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", fontsize=8)
    return figure


def pareto_front(costs: Sequence[float], errors: Sequence[float]) -> list[int]:
    """Return the indices of what nothing else beats in both, from the cheapest on."""
    front: list[int] = []
    for index in sorted(range(len(costs)), key=lambda i: (costs[i], errors[i])):
        if not front or errors[index] < errors[front[-1]]:
            front.append(index)
    return front


def title(outcome: Outcome, texts: Texts) -> str:
    """Return the experiment's question with the number of seeds."""
    question = texts(f"claims.{outcome.experiment.name}.title")
    key = "figure.quick" if outcome.quick else "figure.seeds"
    return f"{question}\n{texts(key, seeds=outcome.seeds)}"


def spread(values: Sequence[float]) -> float:
    """Half of Student's 95% interval of a mean; 0 for one value."""
    if len(values) < 2:
        return 0.0
    quantile = float(stats.t.ppf((1 + CONFIDENCE) / 2, len(values) - 1))
    return quantile * float(np.std(values, ddof=1)) / len(values) ** 0.5


def _groups(outcome: Outcome) -> dict[str, list[ArmOutcome]]:
    groups: dict[str, list[ArmOutcome]] = {}
    for arm in outcome.arms:
        groups.setdefault(arm.arm.group, []).append(arm)
    return groups


def _label(quantity: str, texts: Texts) -> str:
    name, unit = texts(f"quantities.{quantity}"), texts(f"units.{quantity_unit(quantity)}")
    return f"{name} ({unit})" if unit != "-" else name


def _draw_over_axis(axes: "Axes", outcome: Outcome, quantity: str, texts: Texts) -> None:
    """A line for each group over the numeric factor, with the seeds' intervals."""
    for k, (group, arms) in enumerate(_groups(outcome).items()):
        x = [arm.arm.x or 0.0 for arm in arms]
        values = [[value for value in arm.values[quantity] if value is not None] for arm in arms]
        axes.errorbar(
            x, [float(np.mean(each)) for each in values], yerr=[spread(each) for each in values],
            color=COLORS[k % len(COLORS)], linestyle=LINES[k % len(LINES)], marker=MARKERS[k % len(MARKERS)],
            markersize=6, capsize=3, label=literal(group),
        )  # fmt: skip
    longest = max(_groups(outcome).values(), key=len)  # ticks at its values: those of all would overlap
    every = sorted({arm.arm.x for arm in longest if arm.arm.x is not None})
    if every and every[-1] / every[0] > 10:
        axes.set_xscale("log")
        axes.minorticks_off()
    axes.set_xticks(every, [f"{value:,.0f}" for value in every], rotation=30 if len(every) > 5 else 0)
    axes.set(xlabel=texts(f"axes.{outcome.experiment.axis}"), ylabel=_label(quantity, texts))
    axes.set_title(texts(f"quantities.{quantity}"), fontsize=10)
    if len(_groups(outcome)) > 1:
        axes.legend(fontsize=8)


def _draw_categories(axes: "Axes", outcome: Outcome, quantity: str, texts: Texts) -> None:
    """A row for each arm: every seed, and the mean with its interval."""
    arms = outcome.arms
    for row, arm in enumerate(arms):
        values = [value for value in arm.values[quantity] if value is not None]
        axes.plot(values, [row] * len(values), "o", color="#888888", markersize=4, fillstyle="none")
        axes.errorbar(
            float(np.mean(values)), row, xerr=spread(values), fmt="D", color=COLORS[0], markersize=6, capsize=4
        )  # fmt: skip
    axes.set_yticks(range(len(arms)), [literal(arm.arm.name) for arm in arms])
    axes.set(ylim=(len(arms) - 0.5, -0.5), xlabel=_label(quantity, texts))
    axes.set_title(texts(f"quantities.{quantity}"), fontsize=10)


def _draw_curves(axes: "Axes", outcome: Outcome, texts: Texts) -> None:
    """The training error over the epochs, and the target with the medians of its arrival."""
    target = outcome.experiment.target_error
    axes.axhline(target, color="#888888", linewidth=1, linestyle=":")
    for k, arm in enumerate(outcome.arms):
        if not arm.curve:
            continue
        median = arm.middle("epochs_to_target")
        note = texts("figure.never") if median is None else texts("figure.after", epochs=median)
        epochs, errors = zip(*arm.curve, strict=True)
        axes.plot(
            epochs, errors, color=COLORS[k % len(COLORS)], linestyle=LINES[k % len(LINES)],
            label=f"{literal(arm.arm.name)}: {note}",
        )  # fmt: skip
    axes.set(xlabel=texts("axes.epochs"), ylabel=_label("train_error", texts), ylim=(0, 95))
    axes.set_title(texts("figure.target", target=target), fontsize=10)
    axes.legend(fontsize=8, loc="upper right")


def _draw_differences(axes: "Axes", outcome: Outcome, texts: Texts) -> None:
    """Every claimed difference with its corrected interval, the margin, and the verdict."""
    shown = [each for each in outcome.compared if each.difference is not None]
    margin = max(each.comparison.margin for each in shown)
    axes.axvspan(-margin, margin, color="#eeeeee", zorder=0)
    axes.axvline(0, color="#555555", linewidth=1)
    fills = {"supported": "full", "contradicted": "none", "not_resolved": "left", "described": "none"}
    colors = {
        "supported": COLORS[2],
        "contradicted": COLORS[1],
        "not_resolved": "#666666",
        "described": "#666666",
    }
    for row, each in enumerate(shown):
        difference = each.difference
        assert difference is not None
        axes.errorbar(
            difference.mean, row, xerr=difference.half_width, fmt="o", markersize=7, capsize=4,
            color=colors[each.verdict], fillstyle=fills[each.verdict],
        )  # fmt: skip
    axes.set_yticks(range(len(shown)), [difference_label(each, texts) for each in shown], fontsize=8)
    axes.set(ylim=(len(shown) - 0.4, -0.6), xlabel=texts("figure.difference"))
    axes.set_title(texts("figure.differences"), fontsize=10)
    axes.yaxis.tick_right()


def difference_label(each: Compared, texts: Texts) -> str:
    """Return the two arms, the quantity and the verdict on two lines."""
    comparison = each.comparison
    pair = f"{literal(comparison.arm)} - {literal(comparison.against)}"
    return f"{pair}\n{texts(f'quantities.{comparison.quantity}')}: {texts(f'verdicts.{each.verdict}')}"
