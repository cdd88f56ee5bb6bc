"""The processor: its name, the cores and threads it gives us, and the arithmetic that suits it."""

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
# What keeps PyTorch from using all instructions of the processor.
_LIMITS = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY")
SMALLEST_PRODUCT = 64


def processor_name() -> str:
    """The processor's marketing name, as well as the system tells."""
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def usable_cores() -> int:
    """Processors that this process may keep busy: its affinity, or a container's limit where that is lower."""
    affine = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, math.ceil(min(affine, _container_cores())))


def set_threads(count: int | None = None) -> int:
    """Use ``count`` threads; returns the number. None: OMP_NUM_THREADS, or else torch's choice within our cores."""
    import torch

    if count is None and not os.environ.get("OMP_NUM_THREADS"):
        count = min(torch.get_num_threads(), usable_cores())  # torch knows nothing of a container's limit
    if count:
        torch.set_num_threads(count)
    return torch.get_num_threads()


def matmul_gflops(
    device: "torch.device", dtype: "torch.dtype", size: int = 1024, seconds: float = 0.05
) -> float:
    """Rate of a square matrix product here, in 1e9 operations (two per multiply-add) per second.

    The matrices are ``size`` x ``size``, or smaller where such a product does not fit into ``seconds``: emulated
    bfloat16 can be a thousand times slower than bfloat16.
    """
    import torch

    def product(image_size: int) -> float:
        a = torch.ones(image_size, image_size, dtype=dtype, device=device)
        start = time.perf_counter()
        a @ a
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return time.perf_counter() - start

    image_size = min(size, SMALLEST_PRODUCT)
    product(image_size)  # the first one of all loads the library
    while image_size < size and 8 * min(product(image_size), product(image_size)) < seconds:
        image_size = min(2 * image_size, size)
    times: list[float] = []
    begin = time.perf_counter()
    # One warm-up, then as long as asked, at least three times; the fastest is the machine's, the rest noise.
    while len(times) < 4 or time.perf_counter() - begin < seconds:
        times.append(product(image_size))
    return 2 * image_size**3 / min(times[1:]) / 1e9


def bfloat16_instructions() -> bool | None:
    """Whether PyTorch finds instructions for bfloat16 products in this processor; None where only timing tells."""
    if platform.system() == "Darwin":
        asked = ["sysctl", "-n", "hw.optional.arm.FEAT_BF16"]
        try:
            told = subprocess.run(asked, capture_output=True, text=True, timeout=5).stdout.strip()
        except (OSError, subprocess.SubprocessError):
            return None
        return False if told == "0" else None
    if flags := _cpuinfo("flags").split():  # x86
        if not {"avx512_bf16", "amx_bf16"} & set(flags):
            return False
        return None if any(os.environ.get(name) for name in _LIMITS) else True
    if features := _cpuinfo("Features").split():  # ARM, whose PyTorch has several libraries for products
        return None if "bf16" in features else False
    return None


def choose_precision(wanted: str, device: "torch.device") -> str:
    """``wanted``, or for "auto" whichever of bfloat16 and float32 multiplies matrices faster here."""
    if wanted != "auto":
        return wanted
    return "bfloat16" if _bfloat16_is_faster(device) else "float32"


def precision_in_words(precision: str, device: "torch.device") -> str:
    """The chosen ``precision`` ("bfloat16" or "float32"), and what this machine has to do with it."""
    if device.type != "cpu":
        return precision
    fast = _bfloat16_is_faster(device)
    if precision == "bfloat16":
        return f"bfloat16, which {'this processor has instructions for' if fast else 'is slow on this processor'}"
    if fast:
        return "float32, as the recipe or its small network wants it"
    return "float32, as this processor has no bfloat16 instructions: about four times the README's training times"


@functools.cache
def _bfloat16_is_faster(device: "torch.device") -> bool:
    """Known from the instruction set where possible: a timing can come out otherwise in a busy moment."""
    import torch

    if device.type == "mps":
        return False
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    known = bfloat16_instructions()
    if known is not None:
        return known
    # Small products in one thread, some hundredths of a second in all: emulation is far slower at any size.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        half, full = (matmul_gflops(device, dtype, 256, 0.003) for dtype in (torch.bfloat16, torch.float32))
    finally:
        torch.set_num_threads(threads)
    return half > 1.3 * full


def _cpuinfo(key: str) -> str:
    """The first processor's entry in Linux's /proc/cpuinfo; empty where there is none."""
    try:
        lines = (PROC / "cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.partition("\t")[0] == key), "")


def _container_cores() -> float:
    """The processor time that Linux's control groups grant, in cores; infinity where nothing limits it.

    A group is bound by those that it lies in. Inside a container the path of the own group is often the host's, and
    the container's group is mounted in place of the root: then the first ancestor that is here is the container's.
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
