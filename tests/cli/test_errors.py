"""Bad input: one line on stderr, the right exit code, nothing lost or half-written."""

import errno
import os
import signal
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from decanet.cli import run as decanet


def image(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    shade = zlib.crc32(str(path).encode()) % 256  # no two alike: copies of an image count once
    Image.fromarray(np.full((40, 40 + shade % 7, 3), shade, np.uint8)).save(path)
    return path


def one_class(folder: Path) -> Path:
    image(folder / "cats" / "a.png")
    return folder


def corrupt(folder: Path) -> Path:
    for name in ("cats", "dogs"):
        for number in range(3):
            image(folder / name / f"{number}.png")
    (folder / "dogs" / "1.png").write_bytes(b"\x89PNG\r\n\x1a\nnot an image")
    return folder


def one_line(captured: pytest.CaptureFixture[str]) -> str:
    lines = captured.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["trian"], 2, "Unknown command"),
        (["data", "verify"], 2, "(see decanet data verify --help)"),
        (["train"], 2, "decanet train quick"),
        (["train", "quikc"], 2, "did you mean quick"),
        (["train", "quick", "--set", "optimizer.lrr=3"], 2, "did you mean optimizer.lr"),
        (["train", "quick", "--set", "epochs"], 2, "key=value"),
        (
            ["train", "quick", "--set", "batch_size=0", "--set", "epohcs=3"],
            2,
            "unknown key epohcs (did you mean epochs?)",
        ),
        (["train", "quick", "--data", "cifra10"], 2, "did you mean cifar10"),
        (["train", "quick", "--data", "./nowhere"], 3, "no folder nowhere"),
        (["train", "quick", "--data", "digits", "--set", "model.name=alexnett"], 2, "did you mean alexnet"),
        (
            ["train", "quick", "--data", "digits", "--set", "augmentation.crop_padding=100"],
            2,
            "wider than the image",
        ),
        (["train", "quick", "--set", "name=../../x"], 2, "letters, digits"),
        (["train", "quick", "--data", "digits", "--device", "tpu"], 2, "unknown device 'tpu'"),
        (["train", "quick", "--data", "digits", "--device", "cuda:77"], 6, "use --device cpu"),
        (["train", "missing.toml"], 2, "no recipe file missing.toml"),
        (["train", "--resume", "nowhere"], 4, "not a run"),
        (["train", "quick", "--resume", "nowhere"], 2, "--resume RUN"),
        (["evaluate", "nowhere"], 4, "not a run"),
        (["evaluate", "nowhere", "--tta", "twelve"], 2, "none, flip, flip_shift, ten_crop"),
        (["predict", "x.png", "--model", "nowhere"], 4, "not a run"),
        (["predict", "--model", "nowhere"], 2, "at least one image"),
        (["predict", "nowhere.png", "--model", "decanet_s"], 3, "no image nowhere.png"),
        (["data", "fetch", "cifar"], 2, "did you mean cifar10"),
        (["data", "verify", "cifar100", "--data-dir", "nowhere"], 3, "decanet data fetch cifar100"),
    ],
)
def test_mistakes_are_one_line_with_the_right_code(
    arguments: list[str],
    code: int,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert decanet(arguments) == code
    line = one_line(capsys)
    assert line.startswith("error[")
    assert message in line
    assert not list(tmp_path.iterdir()), "nothing is written for a mistaken command"


@pytest.mark.parametrize(
    ("make", "message"), [(one_class, "at least two classes, it has only 'cats'"), (corrupt, "1.png")]
)
def test_a_folder_without_enough_readable_images_is_refused(
    make: Callable[[Path], Path],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = make(tmp_path / "images")
    assert decanet(["train", "quick", "--data", str(folder)]) == 3
    captured = capsys.readouterr()
    assert captured.err.startswith("error[data]:")
    assert message in captured.err
    assert len(captured.err.strip().splitlines()) == 1
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("arguments", [["convolve", "image", "list"], ["convolve", "signal", "--help"]])
def test_a_closed_pipe_is_no_error(arguments: list[str]) -> None:
    """What ``decanet ... | head`` does: rich alone would leave with exit code 1."""
    command = [sys.executable, "-m", "decanet", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as reading:
        assert reading.stdout is not None
        assert reading.stderr is not None
        reading.stdout.close()
        assert reading.stderr.read() == ""
    assert reading.returncode == 0


@pytest.mark.parametrize(
    "command", ["train", "evaluate", "predict", "models", "lineage", "data", "doctor", "convolve"]
)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert decanet([command, "--help"]) == 0
    assert f"decanet {command}" in capsys.readouterr().out


INTERRUPTED = "error[interrupted]: stopped by Ctrl-C"


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "quick"],
        ["evaluate", "decanet_s"],
        ["predict", "x.png"],
        ["data", "list"],
        ["doctor"],
    ],
)
def test_ctrl_c_is_one_line_and_130_in_every_command(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from decanet.core import runtime

    def pressed(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    for name in ("choose_device", "cache_folder", "environment"):  # one of which each of these commands calls
        monkeypatch.setattr(runtime, name, pressed)
    assert decanet(arguments) == 130
    assert one_line(capsys) == INTERRUPTED


def test_a_library_that_turns_ctrl_c_into_an_error_of_its_own_changes_nothing(tmp_path: Path) -> None:
    fake = tmp_path / "torch.py"
    fake.write_text(
        "import os, signal\n"
        "try:\n    os.kill(os.getpid(), signal.SIGINT)\n"
        "except KeyboardInterrupt:\n    raise ImportError('cannot be imported') from None\n"
    )
    path = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    done = subprocess.run(
        [sys.executable, "-m", "decanet", "predict", "x.png"],
        capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (130, INTERRUPTED + "\n")


def fails_with(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> int:
    from decanet.core import runtime

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(runtime, "choose_device", fail)
    return decanet(["predict", "x.png"])


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "no space left on the disk"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "no space left on the disk"),
        (OSError(errno.EFBIG, "File too large"), "ulimit -f"),
        (OSError(errno.EMFILE, "Too many open files"), "ulimit -n"),
        (BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"), "ulimit -u"),
        (MemoryError(), "not enough memory"),
        (
            RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
            "not enough memory",
        ),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), "not enough memory"),
        (ImportError("libtorch.so: failed to map segment from shared object"), "not enough memory"),
        (RuntimeError("could not create a primitive"), "not enough memory"),
        (SystemError("error return without exception set"), "not enough memory"),
        (RuntimeError("can't start new thread"), "ulimit -u"),
        (RuntimeError("DataLoader worker (pid(s) 12) exited unexpectedly"), "decodes images was killed"),
    ],
)
def test_whatever_runs_out_is_a_lack_of_resources_in_one_line(
    error: BaseException, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fails_with(error, monkeypatch) == 6
    line = one_line(capsys)
    assert line.startswith("error[resources]: ")
    assert message in line


@pytest.mark.parametrize(
    "error",
    [
        PermissionError(errno.EACCES, "Permission denied", "/root/cache"),
        NotADirectoryError(errno.ENOTDIR, "Not a directory", "/root/cache"),
        IsADirectoryError(errno.EISDIR, "Is a directory", "/root/cache"),
    ],
)
def test_a_place_that_the_system_refuses_is_named_in_one_line(
    error: OSError, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fails_with(error, monkeypatch) == 2
    assert one_line(capsys).startswith(f"error[usage]: cannot use /root/cache: {error.strerror}; ")


def test_an_error_that_cannot_be_printed_keeps_its_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/full", "w", buffering=1) as full:
        monkeypatch.setattr(sys, "stderr", full)
        assert decanet(["predict", "nothing.jpg", "--model", "nowhere"]) == 4
        monkeypatch.undo()
        os.dup2(os.open(os.devnull, os.O_WRONLY), full.fileno())


def test_a_defect_keeps_its_traceback_and_an_exit_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ZeroDivisionError):
        fails_with(ZeroDivisionError(), monkeypatch)
    with pytest.raises(SystemExit) as caught:
        fails_with(SystemExit(9), monkeypatch)
    assert caught.value.code == 9


def test_a_missing_home_folder_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fails_with(RuntimeError("Could not determine home directory."), monkeypatch) == 2
    assert "write the whole path" in one_line(capsys)


@pytest.mark.parametrize(
    "arguments", [["predict", "a.png", "--model", "old"], ["evaluate", "old"], ["train", "--resume", "old"]]
)
def test_every_command_refuses_a_run_of_an_older_format(
    arguments: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    image(tmp_path / "a.png")
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "recipe.toml").write_text('name = "quick"\nbatch_size = 3\n')
    (tmp_path / "old" / "data.json").write_text('{"classes": ["cat", "dog"]}')
    assert decanet(arguments) == 4
    line = one_line(capsys)
    assert line.startswith("error[checkpoint]: old is a run of an older format")
    assert line.endswith("train again: decanet train quick")
