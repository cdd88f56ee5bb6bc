"""The processor: name, usable cores, threads, and the faster precision."""

import functools
import math
import os
import platform
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

PROC, CGROUPS = Path("/proc"), Path("/sys/fs/cgroup")
# Environment variables that keep PyTorch from using all instructions of the processor.
_LIMITS = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY")
SMALLEST_PRODUCT = 64


def processor_name() -> str:
    """Return the processor's marketing name, or what the system knows of it."""
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def usable_cores() -> int:
    """Return the number of cores that this process may use: its affinity, or a container's lower limit."""
    affine = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, math.ceil(min(affine, _container_cores())))


def set_threads(count: int | None = None) -> int:
    """Set the number of threads and return it; None is OMP_NUM_THREADS, or torch's choice within the usable cores."""
    import torch

    if count is None and not os.environ.get("OMP_NUM_THREADS"):
        count = min(torch.get_num_threads(), usable_cores())  # torch does not consider a container's limit
    if count:
        torch.set_num_threads(count)
    return torch.get_num_threads()


def matmul_gflops(
    device: "torch.device", dtype: "torch.dtype", size: int = 1024, seconds: float = 0.05
) -> float:
    """Return the throughput of a square matrix product in 1e9 operations (two per multiply-add) per second.

    The matrices are ``size`` x ``size``, or smaller where such a product takes longer than ``seconds``: emulated
    bfloat16 can be a thousand times slower than native bfloat16.
    """
    import torch

    def product(n: int) -> float:
        a = torch.ones(n, n, dtype=dtype, device=device)
        start = time.perf_counter()
        a @ a
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return time.perf_counter() - start

    n = min(size, SMALLEST_PRODUCT)
    product(n)  # the first product loads the library
    while n < size and 8 * min(product(n), product(n)) < seconds:
        n = min(2 * n, size)
    times: list[float] = []
    begin = time.perf_counter()
    # One warm-up, then at least three products and ``seconds``; the fastest one is the machine's, the rest is noise.
    while len(times) < 4 or time.perf_counter() - begin < seconds:
        times.append(product(n))
    return 2 * n**3 / min(times[1:]) / 1e9


def bfloat16_instructions() -> bool | None:
    """Return whether this processor has instructions for bfloat16 products that PyTorch uses; None if unknown."""
    if platform.system() == "Darwin":
        command = ["sysctl", "-n", "hw.optional.arm.FEAT_BF16"]
        try:
            answer = subprocess.run(command, capture_output=True, text=True, timeout=5).stdout.strip()
        except (OSError, subprocess.SubprocessError):
            return None
        return False if answer == "0" else None
    if flags := _cpuinfo("flags").split():  # x86
        if not {"avx512_bf16", "amx_bf16"} & set(flags):
            return False
        return None if any(os.environ.get(name) for name in _LIMITS) else True
    if features := _cpuinfo(
        "Features"
    ).split():  # ARM, where PyTorch has several libraries for matrix products
        return None if "bf16" in features else False
    return None


def choose_precision(wanted: str, device: "torch.device") -> str:
    """Return ``wanted``, or for "auto" the faster of bfloat16 and float32 for matrix products on ``device``."""
    if wanted != "auto":
        return wanted
    return "bfloat16" if _bfloat16_is_faster(device) else "float32"


def precision_in_words(precision: str, device: "torch.device") -> str:
    """Describe the chosen ``precision`` ("bfloat16" or "float32") and its reason on this machine."""
    if device.type != "cpu":
        return precision
    fast = _bfloat16_is_faster(device)
    if precision == "bfloat16":
        return f"bfloat16, which {'this processor has instructions for' if fast else 'is slow on this processor'}"
    if fast:
        return "float32, as the recipe or its small network requires"
    return "float32, as this processor has no bfloat16 instructions: about four times the README's training times"


@functools.cache
def _bfloat16_is_faster(device: "torch.device") -> bool:
    """Decide by the instruction set where possible: timing is unreliable on a busy machine."""
    import torch

    if device.type == "mps":
        return False
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    known = bfloat16_instructions()
    if known is not None:
        return known
    # Small products on one thread take some hundredths of a second: emulation is far slower at any size.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        half, full = (matmul_gflops(device, dtype, 256, 0.003) for dtype in (torch.bfloat16, torch.float32))
    finally:
        torch.set_num_threads(threads)
    return half > 1.3 * full


def _cpuinfo(key: str) -> str:
    """Return the first processor's entry in Linux's /proc/cpuinfo, or an empty string."""
    try:
        lines = (PROC / "cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.partition("\t")[0] == key), "")


def _container_cores() -> float:
    """Return the limit of Linux's control groups in cores; infinity without a limit.

    The limits of all ancestors of a group apply. Inside a container the path of the process's group is often that of
    the host, and the container's group is mounted as the root: the first ancestor found is then the container's.
    """
    cores = math.inf
    for line in _lines(
        PROC / "self" / "cgroup"
    ):  # "0::/path" of version 2, "4:cpu,cpuacct:/path" of version 1
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        own = Path(path.lstrip("/"))
        for group in (own, *own.parents):
            if number == "0":
                quota, _, period = "".join(_lines(CGROUPS / group / "cpu.max")).partition(" ")
            elif "cpu" in controllers.split(","):
                folder = CGROUPS / controllers / group
                folder = folder if folder.is_dir() else CGROUPS / "cpu" / group
                quota, period = (
                    "".join(_lines(folder / f"cpu.cfs_{what}_us")) for what in ("quota", "period")
                )
            else:
                break
            if quota.isdecimal() and period.isdecimal() and int(period):  # not "max", "-1" or nothing
                cores = min(cores, int(quota) / int(period))
    return cores


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text().splitlines()
    except OSError:
        return []
