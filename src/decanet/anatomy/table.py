"""Table of the networks, read from a file: listing them neither builds them nor imports PyTorch.

``python docs/generate.py`` writes the file, and a test compares it with :func:`computed`.
"""

import functools
import json
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent / "table.json"


@functools.cache
def table() -> list[dict[str, Any]]:
    """Return a row for each network, sorted by name.

    Keys:
        name, year, paper, summary: the network and its paper; year and paper are None where there is none.
        params: parameters that inference uses.
        params_training_only: parameters of the auxiliary classifiers.
        macs: multiply-adds for one image of the size ``input``, (C, H, W).
        recipe_departures: number of declared departures of the paper's recipe; None where there is no recipe.
    """
    return json.loads(FILE.read_text(encoding="utf-8"))


def computed() -> list[dict[str, Any]]:
    """Compute the rows of :func:`table` from the networks."""
    from decanet.anatomy.trace import trace
    from decanet.core import facts
    from decanet.models.registry import list_models, model_entry

    rows = []
    for name in list_models():
        entry, traced = model_entry(name), trace(name)
        paper = facts.papers().get(entry.paper)
        rows.append(
            {
                "name": name,
                "year": paper.year if paper else None,
                "paper": f"{_surname(paper.authors[0])} {paper.year}" if paper else None,
                "params": traced.params - traced.params_training_only,
                "params_training_only": traced.params_training_only,
                "macs": traced.macs,
                "input": list(entry.input_size),
                "summary": entry.summary,
                "recipe_departures": None if entry.recipe is None else len(entry.recipe.departures),
            }
        )
    return rows


def as_text(rows: list[dict[str, Any]]) -> str:
    """Format the rows as the file holds them: JSON with a line for each network."""
    return "[\n" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n]\n"


def _surname(author: str) -> str:
    """Return ``Krizhevsky`` for ``A. Krizhevsky``; the ledger also has ``A. Dosovitskiy et al.``."""
    return author.removesuffix(" et al.").rpartition(" ")[2]
