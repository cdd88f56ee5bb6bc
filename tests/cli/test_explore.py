"""``decanet explore``: serving, exporting, and what it refuses."""

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from decanet.cli import run


def test_it_prints_an_address_serves_it_and_ends_on_ctrl_c(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "decanet",
        "explore",
        "decanet_s",
        "--no-open",
        "--data-dir",
        str(tmp_path),
    ]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert process.stdout is not None
    address = re.search(r"http://127\.0\.0\.1:\d+/\?token=[\w-]+", process.stdout.readline())
    assert address is not None
    process.stdout.readline()
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    for _ in range(100):
        try:
            assert b"<script" in opener.open(address[0], timeout=10).read()
            break
        except urllib.error.URLError:
            pass
    else:
        pytest.fail("it does not answer")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert "Traceback" not in errors
    assert process.returncode == 0


def test_it_exports_pages(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "pages"
    code = run(["explore", "decanet_s", "--export", str(out), "--no-open", "--data-dir", str(tmp_path)])
    assert code == 0
    assert "MB" in capsys.readouterr().out
    assert (out / "index.html").exists()


def test_wrong_networks_and_ports_are_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    taken = socket.create_server(("127.0.0.1", 0))
    taken_port = str(taken.getsockname()[1])
    for arguments, words in (
        (["decanet_x"], "decanet_s"),
        (["decanet_s", "--port", taken_port], "choose another with --port"),
        (["decanet_s", "--port", "99999"], "choose another with --port"),
    ):
        assert run(["explore", *arguments, "--no-open", "--data-dir", str(tmp_path)]) != 0
        error = capsys.readouterr().err
        assert words in error
        assert error.count("\n") == 1
    taken.close()
