"""The processor: usable cores, a container's limit, threads, and the choice of precision."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from decanet.core import processor
from decanet.core.processor import (
    bfloat16_instructions,
    choose_precision,
    matmul_gflops,
    precision_in_words,
    set_threads,
    usable_cores,
)

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Clear the cached choice of precision for each test."""
    processor._bfloat16_is_faster.cache_clear()
    yield
    processor._bfloat16_is_faster.cache_clear()


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Linux machine whose ``proc`` and ``cgroups`` are files; PyTorch may use all instructions."""
    monkeypatch.setattr(processor, "PROC", tmp_path / "proc")
    monkeypatch.setattr(processor, "CGROUPS", tmp_path / "cgroups")
    monkeypatch.setattr("platform.system", lambda: "Linux")
    for name in processor._LIMITS:
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


class Emulation(TorchDispatchMode):
    """Make bfloat16 products as slow as without instructions for them, and record the products."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten.mm.default and args[0].dtype is torch.bfloat16:
            size = args[0].shape[0]
            assert size < 1024, "this product takes seconds"
            self.sizes.append(size)
            time.sleep(2 * size**3 / 0.5e9)
        return func(*args, **(kwargs or {}))


def test_a_given_precision_is_used() -> None:
    assert choose_precision("float32", CPU) == "float32"
    assert choose_precision("bfloat16", CPU) == "bfloat16"


@pytest.mark.parametrize(("bfloat16", "chosen"), [(400.0, "bfloat16"), (120.0, "float32"), (5.0, "float32")])
def test_auto_selects_bfloat16_only_where_it_is_clearly_faster(
    monkeypatch: pytest.MonkeyPatch, bfloat16: float, chosen: str
) -> None:
    monkeypatch.setattr(processor, "bfloat16_instructions", lambda: None)
    rates = {torch.bfloat16: bfloat16, torch.float32: 100.0}
    monkeypatch.setattr(processor, "matmul_gflops", lambda _, dtype, *__: rates[dtype])
    assert choose_precision("auto", CPU) == chosen


def test_the_throughput_of_a_matrix_product_is_plausible() -> None:
    rate = matmul_gflops(CPU, torch.float32, size=128, seconds=0.0)
    assert 0.01 < rate < 1e5  # between a microcontroller and a data center's GPU


def test_the_number_of_threads_is_set() -> None:
    before = torch.get_num_threads()
    try:
        assert set_threads(2) == 2
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("threads", ["1", "1,1"])
def test_openmps_variable_decides_the_number_of_threads(
    threads: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    monkeypatch.setattr(torch, "set_num_threads", lambda _: pytest.fail("OpenMP's choice was overruled"))
    assert set_threads() == torch.get_num_threads()


def test_threads_follow_openmp_by_default() -> None:
    """In a new process: torch reads OMP_NUM_THREADS when it is imported; a list sets nested levels."""
    code = "from decanet.core.processor import set_threads; print(set_threads())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "OMP_NUM_THREADS": "1,1"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "1"


def test_usable_cores_follow_the_affinity_of_the_process() -> None:
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("this system does not bind processes to cores")
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert usable_cores() == 1
    finally:
        os.sched_setaffinity(0, before)


@pytest.mark.parametrize(
    ("cpuinfo", "found"),
    [
        ("model name\t: AMD\nflags\t\t: fpu avx512f avx512_bf16\n\nflags\t\t: fpu\n", True),
        ("flags\t\t: fpu avx2 amx_bf16 amx_tile\n", True),
        ("flags\t\t: fpu sse4_2 avx avx2 fma\n", False),
        ("flags\t\t: avx512f avx512_vnni\n", False),
        ("Features\t: fp asimd bf16\n", None),
        ("Features\t: fp asimd\n", False),
        ("processor\t: 0\n", None),
        (None, None),
    ],
)
def test_the_instruction_set_decides_first(machine: Path, cpuinfo: str | None, found: bool | None) -> None:
    if cpuinfo is not None:
        write(machine / "proc" / "cpuinfo", cpuinfo)
    assert bfloat16_instructions() is found


def test_a_processor_with_restricted_instructions_is_timed(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(machine / "proc" / "cpuinfo", "flags\t\t: avx512_bf16\n")
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    assert bfloat16_instructions() is None


@pytest.mark.parametrize(("answer", "found"), [("0\n", False), ("1\n", None), ("", None)])
def test_a_mac_is_queried_by_sysctl(
    machine: Path, monkeypatch: pytest.MonkeyPatch, answer: str, found: bool | None
) -> None:
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    monkeypatch.setattr("subprocess.run", lambda *_, **__: subprocess.CompletedProcess([], 0, answer))
    assert bfloat16_instructions() is found


@pytest.mark.parametrize(("known", "chosen"), [(True, "bfloat16"), (False, "float32")])
def test_nothing_is_timed_when_the_instruction_set_decides(
    monkeypatch: pytest.MonkeyPatch, known: bool, chosen: str
) -> None:
    monkeypatch.setattr(processor, "bfloat16_instructions", lambda: known)
    monkeypatch.delattr(processor, "matmul_gflops")
    assert choose_precision("auto", CPU) == chosen


def test_emulated_bfloat16_is_detected_once_by_small_products(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(processor, "bfloat16_instructions", lambda: None)
    threads = torch.get_num_threads()
    with Emulation() as emulation:
        assert choose_precision("auto", CPU) == "float32"
        assert max(emulation.sizes) <= 128
        products = len(emulation.sizes)
        assert choose_precision("auto", CPU) == "float32"
    assert len(emulation.sizes) == products < 16
    assert torch.get_num_threads() == threads


def test_the_doctor_bounds_the_time_of_the_product(tmp_path: Path) -> None:
    from decanet.benchmarking.machine import examine

    with Emulation() as emulation:
        assert 0 < examine(CPU, tmp_path)["bfloat16_gflops"] <= 0.5
    assert emulation.sizes


# A quota of 150 in 100 keeps two threads busy three quarters of the time.
@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({"proc/self/cgroup": "0::/\n", "cgroups/cpu.max": "200000 100000\n"}, 2),
        ({"proc/self/cgroup": "0::/\n", "cgroups/cpu.max": "150000 100000\n"}, 2),
        ({"proc/self/cgroup": "0::/\n", "cgroups/cpu.max": "5000 100000\n"}, 1),
        ({"proc/self/cgroup": "0::/\n", "cgroups/cpu.max": "max 100000\n"}, 64),
        ({"proc/self/cgroup": "0::/a/b\n", "cgroups/a/cpu.max": "300000 100000\n"}, 3),
        (
            {
                "proc/self/cgroup": "0::/a/b\n",
                "cgroups/a/b/cpu.max": "400000 100000\n",
                "cgroups/a/cpu.max": "300000 100000\n",
            },
            3,
        ),
        (
            {
                "proc/self/cgroup": "5:memory:/x\n4:cpu,cpuacct:/docker/0f3e\n",
                "cgroups/cpu,cpuacct/cpu.cfs_quota_us": "200000\n",
                "cgroups/cpu,cpuacct/cpu.cfs_period_us": "50000\n",
            },
            4,
        ),
        (
            {
                "proc/self/cgroup": "4:cpu:/job\n",
                "cgroups/cpu/job/cpu.cfs_quota_us": "100000\n",
                "cgroups/cpu/job/cpu.cfs_period_us": "100000\n",
                "cgroups/cpu/cpu.cfs_quota_us": "-1\n",
                "cgroups/cpu/cpu.cfs_period_us": "100000\n",
            },
            1,
        ),
        ({"proc/self/cgroup": "0::/\n", "cgroups/cpu.max": "nonsense"}, 64),
        ({}, 64),
    ],
)
def test_a_containers_limit_bounds_the_usable_cores(
    machine: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], cores: int
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(64)), raising=False)
    for name, text in files.items():
        write(machine / name, text)
    assert usable_cores() == cores


def test_threads_and_workers_follow_a_containers_limit(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from decanet.data.loaders.folder import default_workers

    write(machine / "proc/self/cgroup", "0::/\n")
    write(machine / "cgroups/cpu.max", "200000 100000\n")
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)), raising=False)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(8)
        monkeypatch.setenv("OMP_NUM_THREADS", "8")
        assert set_threads() == 8, "the user's own word counts more"
        monkeypatch.delenv("OMP_NUM_THREADS")
        assert set_threads() == 2
        assert set_threads(4) == 4
        assert default_workers() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("fast", "precision", "words"),
    [
        (True, "bfloat16", "has instructions for"),
        (False, "bfloat16", "slow on this processor"),
        (True, "float32", "the recipe"),
        (False, "float32", "about four times the README's training times"),
    ],
)
def test_the_precision_is_described_with_its_reason(
    monkeypatch: pytest.MonkeyPatch, fast: bool, precision: str, words: str
) -> None:
    monkeypatch.setattr(processor, "bfloat16_instructions", lambda: fast)
    text = precision_in_words(precision, CPU)
    assert text.startswith(precision)
    assert words in text
