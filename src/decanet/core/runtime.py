"""The runtime of a training: device, precision, memory, seeds, ranks, versions."""

import hashlib
import os
import platform
import signal
import subprocess
import tempfile
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from decanet.core.errors import DistributedError, ResourceError, UsageError
from decanet.core.processor import processor_name, usable_cores

if TYPE_CHECKING:
    import torch


# Signals that end a training: Ctrl-C; those that batch systems and service managers send before SIGKILL; a closed
# terminal; the end of the allowed processor time. Windows has the first two only.
STOPPING = frozenset(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGXCPU")
    if hasattr(signal, name)
)


@dataclass(frozen=True)
class Ranks:
    """Rank of this process and the world size: 0 of 1 without torchrun."""

    rank: int = 0
    world_size: int = 1

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and prints."""
        return self.rank == 0


def ranks_from_environment() -> Ranks:
    """Return the ranks that torchrun set in the environment. Raises DistributedError when they are contradictory."""
    try:
        rank, size = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    except ValueError:
        raise DistributedError("RANK and WORLD_SIZE must be integers; start with torchrun") from None
    if not 0 <= rank < size:
        raise DistributedError(f"RANK={rank} does not lie in 0..WORLD_SIZE-1={size - 1}; start with torchrun")
    return Ranks(rank, size)


def choose_device(name: str = "auto") -> "torch.device":
    """Return the device ``name``: auto, cpu, cuda, cuda:N or mps; auto is the fastest one of this machine.

    Raises:
        UsageError: the name is unknown.
        ResourceError: this machine has no such device.
    """
    import torch

    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    kind, colon, index = name.partition(":")
    if kind not in {"cpu", "cuda", "mps"} or (colon and not index.isdecimal()):
        raise UsageError(f"unknown device {name!r}; known: auto, cpu, cuda, cuda:N, mps")
    if kind == "cuda" and int(index or 0) >= torch.cuda.device_count():
        raise ResourceError(f"this machine has no device {name!r}; use --device cpu")
    if kind == "mps" and not torch.backends.mps.is_available():
        raise ResourceError("this machine has no Apple GPU; use --device cpu")
    if kind == "cuda" and not index and "LOCAL_RANK" in os.environ:
        name = f"cuda:{int(os.environ['LOCAL_RANK']) % torch.cuda.device_count()}"
    return torch.device(name)


def autocast(device: "torch.device", precision: str) -> AbstractContextManager[None]:
    """Return the context in which convolutions and matrix products use ``precision``, "float32" or "bfloat16"."""
    if precision == "float32":
        return nullcontext()
    import torch

    return torch.autocast(device.type, dtype=torch.bfloat16)


def keep_freed_memory() -> None:
    """Make glibc keep freed memory for reuse by the next training step.

    By default every large activation is returned to the system when it is freed, and each new page is zeroed when it is
    touched again: on two cores this took a quarter of the time of AlexNet's step (benchmarks/LOG.md). Without glibc
    nothing is done.
    """
    import ctypes

    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return
    m_trim_threshold, m_mmap_threshold = -1, -3  # malloc.h
    mallopt(m_mmap_threshold, 1 << 30)
    mallopt(m_trim_threshold, (1 << 31) - 1)


def seed_from(*parts: object) -> int:
    """Return a 63-bit seed that is a pure function of ``parts``, for instance (seed, "order", epoch)."""
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def seed_torch(seed: int, device: "torch.device") -> None:
    """Seed torch's default generator of ``device``, from which dropout samples, once per step.

    ``torch.manual_seed`` seeds every kind of device, which takes 0.1 ms even where there is only the CPU.
    """
    import torch

    if device.type == "cpu":
        torch.default_generator.manual_seed(seed)
    else:
        torch.manual_seed(seed)


def generator(*parts: object) -> "torch.Generator":
    """Return a CPU generator seeded by a pure function of ``parts``, equal for every device and rank."""
    import torch

    return torch.Generator().manual_seed(seed_from(*parts))


def cache_folder(given: Path | str | None = None) -> Path:
    """Return the folder for data sets: ``given``, or $DECANET_CACHE, or the user's cache folder (XDG).

    For a user without a home directory, as in a container started with --user, it is in the system's temporary folder.
    """
    if given is not None:
        return Path(given).expanduser()
    if os.environ.get("DECANET_CACHE"):
        return Path(os.environ["DECANET_CACHE"]).expanduser()
    if os.environ.get("XDG_CACHE_HOME"):
        return Path(os.environ["XDG_CACHE_HOME"]) / "decanet"
    try:
        return Path.home() / ".cache" / "decanet"
    except RuntimeError:
        return Path(tempfile.gettempdir()) / f"decanet-{os.getuid()}"


def environment(device: "torch.device | None" = None) -> dict[str, Any]:
    """Return what makes results comparable: versions, processor, threads, device, commit of the source."""
    from importlib.metadata import version

    import numpy
    import torch

    from decanet import __version__

    gpu = torch.cuda.get_device_name(device) if device is not None and device.type == "cuda" else None
    return {
        "decanet": __version__,
        "commit": _commit(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": version("torchvision"),
        "numpy": numpy.__version__,
        "system": f"{platform.system()} {platform.machine()}",
        "processor": processor_name(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "cores": usable_cores(),
        "threads": torch.get_num_threads(),
        "device": str(device or "cpu"),
        **({"gpu": gpu} if gpu else {}),
    }


def peak_memory(device: "torch.device") -> int:
    """Return the peak memory in bytes so far: that of the GPU, or of this process."""
    import torch

    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    try:
        import resource
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if platform.system() == "Darwin" else peak * 1024


def _commit() -> str | None:
    """Return the commit of the source tree, with ``+`` for uncommitted changes; None outside a checkout."""
    folder = Path(__file__).parent
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--abbrev=12", "--exclude=*"],
            cwd=folder, capture_output=True, text=True, timeout=5, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None
