"""A full disk, a limit on file sizes, and too little memory: error[resources] 6, and nothing saved is lost."""

import ctypes
import json
import os
import resource
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults._zygote import Ended, run_whole
from tests.faults.conftest import Tally

pytestmark = pytest.mark.slow(reason="trains in a whole process for each size")

DISK_KB = (4, 16, 64, 150, 300, 500, 700, 900, 1200, 2000)
FILE_KB = (2, 4, 8, 16, 32, 64, 100, 200, 300, 900)
MEMORY_MB = (20, 40, 60, 80, 120, 160, 200, 260, 320, 400)  # above what the process has already
CRASHES = (128 + signal.SIGSEGV, 128 + signal.SIGABRT)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """``disk(KB)`` mounts a file system of that size; needs the right to mount."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = []

    def mount(kilobytes: int) -> Path:
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(place)],
            capture_output=True,
            text=True,
        )
        if done.returncode:
            pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
        mounted.append(place)
        return place

    def unmount() -> None:
        while mounted:
            subprocess.run(["umount", str(mounted.pop())], check=True)

    mount.unmount = unmount  # type: ignore[attr-defined]
    yield mount
    unmount()


def held(ended: Ended, tally: Tally, fault: str) -> None:
    assert ended.in_one_line(), ended.err
    assert ended.code in (0, 6), (ended.code, ended.err)
    if ended.code:
        assert ended.error.startswith("error[resources]: "), ended.err
        tally(fault, "error[resources], 6")
    else:
        tally(fault, "it sufficed")


def finish(run: Path, recipe: Path, here: Path) -> None:
    """Without the limit, the run can be finished."""
    if (run / "result.json").exists():
        return
    arguments = ["train", "--resume", str(run)]
    if not (run / "checkpoint.pt").exists():
        arguments = ["train", str(recipe), "--out", str(run)]
    ended = run_whole(arguments, here)
    assert ended.code == 0, ended.err
    assert json.loads((run / "result.json").read_text())["test_top1"] > 0.1


def changed(recipe: Path, old: str, new: str) -> Path:
    """A copy of the recipe with one setting changed."""
    path = recipe.with_name("changed.toml")
    path.write_text(recipe.read_text().replace(old, new))
    return path


def test_full_disk(tmp_path: Path, recipe: Path, tally: Tally, disk: Callable[[int], Path]) -> None:
    for size in DISK_KB:
        run = disk(size) / "run"
        held(run_whole(["train", str(recipe), "--out", str(run)], tmp_path / "here"), tally, "full disk")
        subprocess.run(["mount", "-o", "remount,size=64m", str(run.parent)], check=True)
        finish(run, recipe, tmp_path / "here")
        disk.unmount()  # type: ignore[attr-defined]
    assert tally.total("full disk") == 10
    assert tally.counts["full disk"]["error[resources], 6"] >= 5


def test_limit_on_the_size_of_files(tmp_path: Path, recipe: Path, tally: Tally) -> None:
    # What the command prints goes to a file here, and the limit must leave room for that.
    quiet = changed(recipe, "log_every = 1", "log_every = 1000")
    for size in FILE_KB:
        run = tmp_path / f"run{size}"

        def limit(size: int = size) -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1024 * size, resource.RLIM_INFINITY))

        ended = run_whole(["train", str(quiet), "--out", str(run)], tmp_path / "here", limit)
        held(ended, tally, "limit on the size of files")
        finish(run, quiet, tmp_path / "here")
    assert tally.total("limit on the size of files") == 10
    assert tally.counts["limit on the size of files"]["error[resources], 6"] >= 5


def test_too_little_memory(tmp_path: Path, recipe: Path, tally: Tally) -> None:
    hungry = changed(recipe, "batch_size = 200", "batch_size = 1400")
    for size in MEMORY_MB:
        run = tmp_path / f"run{size}"

        def limit(size: int = size) -> None:
            import sklearn.datasets  # noqa: F401  # libraries that start without memory may hang or crash

            ctypes.CDLL("libc.so.6").malloc_trim(0)
            used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
            resource.setrlimit(resource.RLIMIT_AS, (used + size * 2**20, resource.RLIM_INFINITY))

        ended = run_whole(["train", str(hungry), "--out", str(run)], tmp_path / "here", limit)
        if ended.code in CRASHES:  # a library crashes: as after a kill
            tally("too little memory", "a library crashed, resumed")
        else:
            held(ended, tally, "too little memory")
        finish(run, hungry, tmp_path / "here")
    assert tally.total("too little memory") == 10
    assert tally.counts["too little memory"]["error[resources], 6"] >= 3
