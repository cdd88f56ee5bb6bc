"""A run is locked by one process; damaged files are refused in one line."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from decanet.core.errors import BusyError, CheckpointError, UsageError
from decanet.core.files import write_json
from decanet.core.run_folder import RUN_FORMAT, RunFolder


def test_a_missing_result_is_refused_as_not_a_run(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    with pytest.raises(CheckpointError, match=r"has no result\.json: it is not a run"):
        run.read_json(run.result)


@pytest.mark.parametrize("content", [b"{", b"", b"\xff\xfe\x00"])
def test_a_damaged_result_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    run = RunFolder(tmp_path)
    run.result.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"result\.json is damaged") as caught:
        run.read_json(run.result)
    assert "\n" not in caught.value.line


def test_a_log_with_an_unfinished_last_line_is_read(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    assert run.read_metrics() == []
    entries = [{"step": 1, "epoch": 0.5, "loss": 2.0, "accuracy": 0.1}, {"epoch": 1, "validation_error": 0.5}]
    run.metrics.write_text("\n".join(map(json.dumps, entries)) + '\n{"st')
    assert run.read_metrics() == entries


@pytest.mark.parametrize(
    "line",
    [
        "[1]", "3", "null", '"x"', "[" * 3000, "9" * 6000, "\xff", '{"loss": 1}', '{"step": 1, "loss": 1}',
        '{"step": 1, "epoch": 1, "loss": "a", "accuracy": []}', '{"epoch": {}, "validation_error": "a"}',
        '{"step": 1, "epoch": 1, "loss": NaN, "accuracy": 1e400}',
    ],
)  # fmt: skip
def test_lines_that_are_no_log_entries_are_skipped(tmp_path: Path, line: str) -> None:
    run = RunFolder(tmp_path)
    run.metrics.write_text(line + '\n{"epoch": 1, "validation_error": 0.5}\n', encoding="latin-1")
    assert run.read_metrics() == [{"epoch": 1, "validation_error": 0.5}]


@pytest.mark.parametrize(
    "name", ["recipe.toml", "data.json", "metrics.jsonl", "result.json", "checkpoint.pt", ".lock"]
)
def test_a_pipe_a_device_or_a_folder_is_refused_as_a_file_of_a_run(tmp_path: Path, name: str) -> None:
    run = RunFolder(tmp_path)
    run.require_files()
    for place in ("/dev/zero", str(tmp_path)):
        (tmp_path / name).symlink_to(place)
        with pytest.raises(CheckpointError, match=f"{name} is not a file"):
            run.require_files()
        (tmp_path / name).unlink()
    os.mkfifo(tmp_path / name)
    with pytest.raises(CheckpointError, match=f"{name} is not a file"):
        run.require_files()


def old_run(path: Path, about: dict[str, Any], recipe: str = 'name = "quick"') -> RunFolder:
    """A run as another version of decanet may have written it."""
    run = RunFolder(path)
    write_json(run.data, about)
    run.recipe.write_text(recipe)
    return run


def test_a_run_of_this_format_is_opened(tmp_path: Path) -> None:
    old_run(tmp_path, {"format": RUN_FORMAT}).require_run()


@pytest.mark.parametrize(
    ("about", "what"),
    [({}, "an older format"), ({"format": RUN_FORMAT + 1}, "format 2"), ({"format": "x\n"}, "format 'x")],
)
def test_a_run_of_another_format_is_refused_with_the_command_that_trains_it_again(
    tmp_path: Path, about: dict[str, Any], what: str
) -> None:
    with pytest.raises(CheckpointError) as caught:
        old_run(tmp_path, about).require_run()
    assert f"{tmp_path} is a run of {what}" in str(caught.value)
    assert caught.value.line.endswith("train again: decanet train quick")
    assert "\n" not in caught.value.line
    assert caught.value.exit_code == 4


@pytest.mark.parametrize("recipe", ["", "name = 3", "batch_size = ", "[" * 3000, f'name = "{"x" * 99}"'])
def test_a_run_of_another_format_without_a_readable_recipe_is_refused_too(
    tmp_path: Path, recipe: str
) -> None:
    with pytest.raises(CheckpointError, match=r"train again: decanet train RECIPE$"):
        old_run(tmp_path, {}, recipe).require_run()


def test_a_folder_without_recipe_or_data_is_not_a_run(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"is not a run: it has no recipe\.toml"):
        RunFolder(tmp_path).require_run()
    (tmp_path / "recipe.toml").touch()
    with pytest.raises(CheckpointError, match=r"has no data\.json: it is not a run"):
        RunFolder(tmp_path).require_run()


def test_the_files_of_a_run_are_all_in_its_folder(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    files = [run.recipe, run.data, run.metrics, run.result, run.weights, run.checkpoint, run.figures]
    assert {path.parent for path in files} == {tmp_path}
    assert len(set(files)) == len(files)


def test_a_run_is_locked_for_one_process(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "new" / "run")
    code = (
        "import sys; from pathlib import Path; from decanet.core.errors import BusyError\n"
        "from decanet.core.run_folder import RunFolder\n"
        "try:\n    with RunFolder(Path(sys.argv[1])).locked(): print('free')\n"
        "except BusyError as error: print(error.line)"
    )

    def another_process() -> str:
        command = [sys.executable, "-c", code, str(run.path)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    with run.locked():
        assert another_process().startswith("error[busy]: another process is training in ")
        with pytest.raises(BusyError), run.locked():
            pass
    assert another_process() == "free\n"


def test_a_run_whose_process_died_is_unlocked(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    code = (
        "import os, sys; from pathlib import Path; from decanet.core.run_folder import RunFolder\n"
        "with RunFolder(Path(sys.argv[1])).locked(): os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(run.path)]).returncode == -9
    with run.locked():
        pass


def test_a_run_at_the_path_of_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="choose another --out"), RunFolder(tmp_path / "file").locked():
        pass
