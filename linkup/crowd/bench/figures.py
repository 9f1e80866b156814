"""What all benchmarks share: CPU of other processes, quantiles, the state of the machine."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def cpu_ns(pid: int) -> int:
    """CPU time of a process so far, all threads, user and system, in ns.

    The process's own clock (clock_getcpuclockid(3)): `/proc` counts in ticks of 10 ms.
    """
    return time.clock_gettime_ns((~pid << 3) | 2)


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which this share lies; 0 of none."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]


def quantiles(values: Sequence[float], digits: int = 2) -> dict[str, float]:
    """p50, p95, p99."""
    return {f"p{share}": round(quantile(values, share / 100), digits) for share in (50, 95, 99)}


def machine() -> dict[str, Any]:
    """What a figure must be read with. `load`: how busy others keep the machine."""
    return {
        "cpu": _cpu_name(),
        "cores": os.cpu_count() or 0,
        "system": platform.release(),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2),
    }


def _cpu_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.machine()


class Meter:
    """CPU share of some processes between `start` and `stop`."""

    def __init__(self, pids: dict[str, int]) -> None:
        self._pids = pids
        self._before: dict[str, int] = {}
        self._began = 0
        self.seconds = 0.0

    def start(self) -> None:
        """Begin."""
        self._began = time.monotonic_ns()
        self._before = {name: cpu_ns(pid) for name, pid in self._pids.items()}

    def stop(self) -> dict[str, float]:
        """CPU seconds of each process since `start`."""
        used = {name: (cpu_ns(pid) - self._before[name]) / 1e9 for name, pid in self._pids.items()}
        self.seconds = (time.monotonic_ns() - self._began) / 1e9
        return used
