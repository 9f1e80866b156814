"""One clock for all processes.

Arrival times, journal times and file times must be comparable across processes and survive a
step of the system's wall clock. All of them are CLOCK_MONOTONIC nanoseconds (one clock for the
whole machine), turned into UTC by an offset that the supervisor measures once at start and hands
to every child in the environment.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime

_VARIABLE = "LINKUP_UTC_OFFSET_NS"


def now_ns() -> int:
    """Monotonic time of this machine in nanoseconds."""
    return time.monotonic_ns()


def measure_offset_ns() -> int:
    """UTC minus monotonic, in nanoseconds, measured now."""
    return time.time_ns() - time.monotonic_ns()


_offset_ns = int(os.environ.get(_VARIABLE) or measure_offset_ns())


def environment() -> dict[str, str]:
    """What a parent process adds to a child's environment so that both share this clock."""
    return {_VARIABLE: str(_offset_ns)}


def utc_ns(monotonic_ns: int | None = None) -> int:
    """UTC nanoseconds since 1970 of a monotonic time (now, when none is given)."""
    return (time.monotonic_ns() if monotonic_ns is None else monotonic_ns) + _offset_ns


def iso(utc: int) -> str:
    """`2026-11-21T08:30:00.123456Z` of UTC nanoseconds."""
    moment = datetime.fromtimestamp(utc // 1_000 / 1_000_000, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
