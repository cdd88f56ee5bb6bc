"""The runtime: devices, seeds, ranks, the cache folder, and the environment of a result."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from decanet import __version__
from decanet.core import runtime
from decanet.core.errors import DistributedError, ResourceError, UsageError
from decanet.core.runtime import (
    Ranks,
    autocast,
    cache_folder,
    choose_device,
    environment,
    generator,
    peak_memory,
    ranks_from_environment,
    seed_from,
    seed_torch,
)

CPU = torch.device("cpu")


def test_a_single_process_is_rank_0_of_1(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RANK", raising=False)
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert ranks_from_environment() == Ranks(0, 1)
    assert Ranks().is_main


def test_under_torchrun_the_ranks_are_those_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "3")
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert ranks_from_environment() == Ranks(3, 4)
    assert not ranks_from_environment().is_main


@pytest.mark.parametrize(("rank", "size"), [("4", "4"), ("-1", "2"), ("0", "0"), ("one", "2"), ("0", "")])
def test_contradictory_ranks_are_refused(monkeypatch: pytest.MonkeyPatch, rank: str, size: str) -> None:
    monkeypatch.setenv("RANK", rank)
    monkeypatch.setenv("WORLD_SIZE", size)
    with pytest.raises(DistributedError, match="start with torchrun"):
        ranks_from_environment()


def test_auto_selects_the_fastest_device() -> None:
    fastest = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    assert choose_device("auto").type == fastest
    assert choose_device("cpu") == CPU


@pytest.mark.parametrize("name", ["gpu", "", "cpu:", "cuda:x", "cuda:-1", "tpu:0", "CPU"])
def test_an_unknown_device_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(UsageError, match="known: auto, cpu, cuda, cuda:N, mps"):
        choose_device(name)


@pytest.mark.parametrize("name", ["cuda", "cuda:1", "mps"])
def test_a_missing_device_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(ResourceError, match="use --device cpu"):
        choose_device(name)


def test_each_rank_of_a_machine_uses_its_own_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert choose_device("cuda") == torch.device("cuda:1")
    assert choose_device("cuda:0") == torch.device("cuda:0"), "a device with an index is kept"


def test_a_seed_is_the_same_in_every_process() -> None:
    """Python's hash of strings is not. The number is fixed so that stored runs remain reproducible."""
    assert seed_from(0, "order", 3) == 8_244_215_730_568_551_301
    assert seed_from() == seed_from()


def test_seeds_differ_when_any_part_differs() -> None:
    parts = [(s, what, e) for s in range(10) for what in ("order", "augment") for e in range(50)]
    seeds = {seed_from(*p) for p in parts}
    assert len(seeds) == len(parts)
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert seed_from(1, 23) != seed_from(12, 3)
    assert seed_from("1") != seed_from(1)


def test_a_step_is_seeded_as_by_torch_manual_seed() -> None:
    for seed in (0, 7, seed_from(0, "step", 3, 0)):
        torch.manual_seed(seed)
        expected = torch.rand(5)
        seed_torch(seed, CPU)
        assert torch.equal(torch.rand(5), expected)


def test_a_generator_depends_on_its_parts_only() -> None:
    first = torch.randperm(100, generator=generator(1, "order", 0))
    torch.manual_seed(123)
    assert torch.equal(first, torch.randperm(100, generator=generator(1, "order", 0)))
    assert not torch.equal(first, torch.randperm(100, generator=generator(1, "order", 1)))


def test_making_a_generator_does_not_change_the_global_one() -> None:
    before = torch.get_rng_state()
    torch.rand(3, generator=generator(0))
    assert torch.equal(before, torch.get_rng_state())


def test_the_cache_folder_follows_option_and_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In this order: the option, DECANET_CACHE, XDG_CACHE_HOME, ~/.cache."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DECANET_CACHE", "/somewhere/else")
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    assert cache_folder("given") == Path("given")
    assert cache_folder("~/data") == tmp_path / "data"
    assert cache_folder() == Path("/somewhere/else")
    monkeypatch.setenv("DECANET_CACHE", "~/mine")
    assert cache_folder() == tmp_path / "mine"
    monkeypatch.setenv("DECANET_CACHE", "")
    assert cache_folder() == Path("/xdg/decanet")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == tmp_path / ".cache" / "decanet"


def test_the_environment_holds_what_makes_results_comparable() -> None:
    found = environment(CPU)
    assert found["decanet"] == __version__
    assert found["torch"] == torch.__version__
    assert found["python"] == sys.version.split()[0].rstrip("+")
    assert found["device"] == "cpu"
    assert found["threads"] == torch.get_num_threads()
    assert 1 <= found["cores"] <= (os.cpu_count() or 1)
    assert found["processor"]
    assert found["capability"]
    assert "gpu" not in found


def test_the_commit_is_that_of_the_source() -> None:
    folder = Path(runtime.__file__).parent
    git = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True)
    commit = environment()["commit"]
    if git.returncode:
        assert commit is None
    else:
        assert git.stdout.startswith(commit.rstrip("+"))
        assert len(commit.rstrip("+")) >= 12


def test_peak_memory_counts_touched_pages() -> None:
    before = peak_memory(CPU)
    assert before > 20e6  # Python with torch in bytes, not in kilobytes
    held = torch.ones(64 << 20, dtype=torch.uint8)
    assert peak_memory(CPU) >= before
    assert held[-1] == 1


def test_a_user_without_a_home_directory_has_a_cache_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    for name in ("DECANET_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert cache_folder().parent == tmp_path


def test_bfloat16_is_used_for_products_only_when_it_is_the_precision() -> None:
    linear, x = nn.Linear(4, 4), torch.ones(1, 4)
    with autocast(CPU, "bfloat16"):
        assert linear(x).dtype == torch.bfloat16
    with autocast(CPU, "float32"):
        assert linear(x).dtype == torch.float32
