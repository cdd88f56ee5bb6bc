"""The corrections to the tutorial: both languages in step, every command accepted, the numbers right."""

import math
import re
import shlex
from pathlib import Path

import pytest

from decanet.cli import _app
from decanet.core import facts

DOCS = Path(__file__).parents[1] / "docs"
ENGLISH, CHINESE = (
    (DOCS / name).read_text(encoding="utf-8") for name in ("corrections.md", "corrections.zh.md")
)
COMMAND = r"^```sh\n(decanet .+)$"
COMMANDS = re.findall(COMMAND, ENGLISH, re.M)


def test_both_languages_have_the_same_entries_commands_and_numbers() -> None:
    for pattern in (r"^## (\d+)\.", COMMAND):
        assert re.findall(pattern, ENGLISH, re.M) == re.findall(pattern, CHINESE, re.M)
    entries = [re.split(r"^## ", text, flags=re.M)[1:] for text in (ENGLISH, CHINESE)]
    for english, chinese in zip(*entries, strict=True):
        numbers = [set(re.findall(r"\d+\.\d+", text)) for text in (english, chinese)]
        assert numbers[0] == numbers[1], english.partition("\n")[0]


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_is_accepted(line: str) -> None:
    called, _, _ = _app().parse_args(shlex.split(line)[1:], exit_on_error=False, print_error=False)
    assert callable(called)


def test_the_numbers_are_right() -> None:
    assert (224 - 11 + 2 * 2) / 4 + 1 == 55.25
    assert f"{0.01 / math.hypot(0.01, 2 * math.pi):.4f}" == "0.0016"
    assert len({entry.year for entry in facts.competition() if entry.year > 2012}) == 5
    from decanet.convolution.layer_examples import vanishing_gradients

    shown = vanishing_gradients.text(vanishing_gradients.compute(seed=0))
    factors = {
        " ".join(row.split()[:2]): row.split()[-1] for row in shown.splitlines() if re.search(r"\s32\s", row)
    }
    for network, stated in {"sigmoid, Xavier": "0.24", "tanh, Xavier": "0.95", "ReLU, He": "1.00"}.items():
        assert abs(float(factors[network]) - float(stated)) < 0.006
        assert stated in ENGLISH
