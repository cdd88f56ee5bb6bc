"""The benchmark of the explorer's answers, in a real browser."""

import shutil
from pathlib import Path

import pytest

from decanet.benchmarking import explorer
from decanet.core.errors import UsageError
from decanet.explorer.pages import load_pages
from tests.benchmarking.test_images import CONDITIONS
from tests.conftest import Heard


def test_every_page_has_an_interaction() -> None:
    assert {page.name for page in load_pages()} == {
        kind.page for kind in (*explorer.INTERACTIONS, *explorer.OF_NETWORKS)
    }


def test_interactions_are_checked_and_what_is_missing_is_told(
    heard: Heard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="--interactions 0"):
        explorer.measure(heard, cache=tmp_path, interactions=0)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(UsageError, match="make browser"):
        explorer.measure(heard, cache=tmp_path, interactions=1)


@pytest.mark.skipif(shutil.which("chromium") is None, reason="the browser tests need Chromium: make browser")
def test_answers_are_timed(heard: Heard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("playwright.sync_api", reason="the browser tests need: make browser")
    monkeypatch.setattr(
        explorer, "conditions", lambda: CONDITIONS | {"environment": {**CONDITIONS["environment"]}}
    )
    monkeypatch.setattr(explorer, "EFFICIENTNET", "decanet_s")
    monkeypatch.setattr(
        explorer,
        "INTERACTIONS",
        [kind for kind in explorer.INTERACTIONS if kind.page in ("convolve", "lineage")],
    )
    measured = explorer.measure(heard, cache=tmp_path, interactions=4)
    assert [row["page"] for row in measured["pages"]] == [
        "convolve", "convolve", "lineage", *["network", "network", "edit"] * 2, "edit (snapshot)",
    ]  # fmt: skip
    for row in measured["pages"]:
        assert 0 < row["median"] <= row["percentile_95"] <= row["longest"] < 20_000
    text = explorer.table(measured)
    assert "| edit (snapshot) | paint | decanet_s |" in text
    assert "4 interactions of each kind" in text
