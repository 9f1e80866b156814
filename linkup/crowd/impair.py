"""A bad wire, decided without one.

`sch_netem` is not everywhere, and a failure that cannot be repeated cannot be mended. So loss,
delay, jitter, reordering, duplication, a ceiling and gaps are decided here from a seed, packet by
packet, with time as an argument. `linkup.crowd.link` puts it on a simulated site,
`tests/badwire.py` between any two ends.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

HOLD_BACK_S = 0.02  # how much later than its turn a reordered packet comes, at least


@dataclass(frozen=True, slots=True)
class Profile:
    """What is wrong with a wire, in one direction."""

    loss: float = 0.0  # share of packets lost, 0…1
    burst: float = 1.0  # mean length of a run of losses in packets (1: each by itself)
    delay_ms: float = 0.0
    jitter_ms: float = 0.0  # added to the delay, uniform between 0 and this; keeps the order
    reorder: float = 0.0  # share of packets that are overtaken by later ones
    duplicate: float = 0.0  # share of packets that come twice
    kbps: float = 0.0  # ceiling in kbit/s; 0: none
    queue_ms: float = 200.0  # what waits longer than this at the ceiling is lost
    gaps: tuple[tuple[float, float], ...] = ()  # (from, length) in s since the first packet

    @property
    def clean(self) -> bool:
        """Whether a packet comes out at once and as it went in."""
        return self == Profile() or self == Profile(queue_ms=self.queue_ms)


@dataclass(slots=True)
class Counts:
    """What a wire did so far, in packets."""

    passed: int = 0
    lost: int = 0
    duplicated: int = 0
    reordered: int = 0


class Wire:
    """One direction of a bad wire: tells for each packet when its copies come out."""

    def __init__(self, profile: Profile, seed: int | str) -> None:
        self.profile = profile
        self.counts = Counts()
        self._random = random.Random(seed)
        self._start: float | None = None
        self._losing = False
        self._last_out = 0.0
        self._free_at = 0.0
        # Gilbert's two states: a run of losses ends with `leave`, begins so that the share is right
        self._leave = 1 / max(1.0, profile.burst)
        loss = min(profile.loss, 0.999)
        self._enter = loss * self._leave / (1 - loss) if profile.burst > 1 else loss

    def send(self, size: int, now: float) -> list[float]:
        """When the copies of a packet of `size` bytes sent at `now` (s) come out; none: lost."""
        if self._start is None:
            self._start = now
        queued = self._queue(size, now)
        if self._in_gap(now - self._start) or self._lost() or queued is None:
            self.counts.lost += 1
            return []
        profile = self.profile
        out = queued + (profile.delay_ms + self._random.random() * profile.jitter_ms) / 1000
        if profile.reorder and self._random.random() < profile.reorder:
            self.counts.reordered += 1
            out = max(out, self._last_out) + HOLD_BACK_S * (1 + self._random.random())
        else:
            out = self._last_out = max(out, self._last_out)
        self.counts.passed += 1
        if profile.duplicate and self._random.random() < profile.duplicate:
            self.counts.duplicated += 1
            return [out, out + 0.001]
        return [out]

    def _in_gap(self, elapsed: float) -> bool:
        return any(start <= elapsed < start + length for start, length in self.profile.gaps)

    def _lost(self) -> bool:
        if self.profile.burst <= 1:
            return self._random.random() < self._enter
        if self._losing:
            self._losing = self._random.random() >= self._leave
        else:
            self._losing = self._random.random() < self._enter
        return self._losing

    def _queue(self, size: int, now: float) -> float | None:
        """When the ceiling lets the packet through; None when its queue is full."""
        if not self.profile.kbps:
            return now
        free = max(self._free_at, now) + size * 8 / (self.profile.kbps * 1000)
        if free - now > self.profile.queue_ms / 1000:
            return None
        self._free_at = free
        return free
