"""``decanet inspect specialization``: towers of color and towers of form."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from decanet.cli._shared import JsonFlag, console, print_json, table
from decanet.cli.inspect._options import Out, load

if TYPE_CHECKING:
    from decanet.evaluation.trained import TrainedModel


def command(
    *references: Annotated[
        str, Parameter(name="REF", help="Networks: runs' folders, NAME@SOURCE, or names for random weights.")
    ],
    out: Out = None,
    json: JsonFlag = False,
) -> None:
    """Compare the colors of the first filters between the towers that read them, with a permutation test.

    A network with one tower is a control: its filters are split into halves. Where there are at least two networks of
    each kind, they are compared too.

    For example:

    ```
    decanet inspect specialization alexnet_two_tower
    decanet train two_tower --set model.options.towers=1
    decanet inspect specialization runs/two_tower-*
    ```
    """
    from decanet.cli.progress import ConsoleReport
    from decanet.core.errors import UsageError
    from decanet.core.plotting import save_figure
    from decanet.insight.subject import title
    from decanet.insight.views import specialization

    if not references:
        raise UsageError("give at least one network, for instance a run of the recipe two_tower")
    with ConsoleReport(to_stderr=json) as report:
        trained = [load(reference, None, "cpu", report) for reference in references]
    results = [specialization.compute(one.model, title(one)) for one in trained]
    path = save_figure(specialization.draw(results), out or Path("specialization.png"))
    rows = [{**one.row(), **_of_run(subject)} for one, subject in zip(results, trained, strict=True)]
    comparison = specialization.compare(results)
    if json:
        print_json({"rows": rows, "comparison": comparison and asdict(comparison), "figure": str(path)})
        return
    table(rows)
    if comparison:
        console().print_line(
            f"mean difference {comparison.towers:.3f} with towers, {comparison.one_tower:.3f} with one tower"
            f" (permutation test over the networks: p = {comparison.p_value:.2g})"
        )
    console().print_line(f"wrote {path}")


def _of_run(trained: "TrainedModel") -> dict[str, Any]:
    """Return the seed and the accuracy of the run that the network is from."""
    run = trained.provenance.run
    if run is None:
        return {}
    result = run.read_json(run.result)
    return {"seed": result["seed"], "test_top1_pct": round(100 * result["test_top1"], 2)}
