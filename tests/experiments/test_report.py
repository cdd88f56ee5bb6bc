"""The report: every claim with its verdict, the same in both languages and both formats."""

import re
from pathlib import Path

from decanet.experiments.declaration import Experiment, list_experiments
from decanet.experiments.outcome import Outcome
from decanet.experiments.report import build, build_markdown, outcomes
from tests.experiments.conftest import Keep, experiment
from tests.experiments.test_outcome import outcome, run


def found(folder: Path, keep: Keep) -> list[tuple[Experiment, Outcome | None]]:
    run(keep, folder, experiment())
    other = next(each for each in list_experiments() if each.name == "squeeze")
    return [(experiment(), outcome(folder, experiment())), (other, None)]


def numbers(text: str) -> list[str]:
    return re.findall(r"[-+]\d+\.\d\d", text)


def test_both_languages_have_the_same_numbers_commands_and_tables(tmp_path: Path, keep: Keep) -> None:
    shown = found(tmp_path, keep)
    english, chinese = (build_markdown(shown, language) for language in ("en", "zh"))
    assert numbers(english) == numbers(chinese) != []
    assert re.findall(r"`decanet[^`]*`", english) == re.findall(r"`decanet[^`]*`", chinese)
    assert english.count("\n|") == chinese.count("\n|")
    assert english.count("## ") == chinese.count("## ")


def test_the_page_says_what_supports_a_claim_and_what_was_not_run(tmp_path: Path, keep: Keep) -> None:
    page = build(found(tmp_path, keep))
    assert page.count("<img") == 1
    assert "supported" in page
    assert "declared, not run yet" in page
    assert "decanet experiment run squeeze --quick" in page
    assert "-5.10 (" in page
    assert 'src="http' not in page


def test_the_page_is_chinese_where_asked(tmp_path: Path, keep: Keep) -> None:
    page = build(found(tmp_path, keep), "zh")
    assert '<html lang="zh' in page
    assert "支持" in page
    assert "supported" not in page


def test_every_experiment_is_listed(tmp_path: Path) -> None:
    assert [each.number for each, _ in outcomes(tmp_path)] == list(range(1, 24))
