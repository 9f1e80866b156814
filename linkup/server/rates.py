"""How often somebody may do something. Time is an argument; memory is bounded."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass


@dataclass
class Bucket:
    """A token bucket: `rate` a second in the long run, `burst` at once. Times in seconds."""

    rate: float
    burst: float
    level: float = -1.0  # not used yet
    at: float = 0.0

    def take(self, now: float) -> bool:
        """Whether one more is allowed now."""
        if self.level < 0:
            self.level, self.at = self.burst, now
        self.level = min(self.burst, self.level + (now - self.at) * self.rate)
        self.at = now
        if self.level < 1:
            return False
        self.level -= 1
        return True


class Attempts:
    """Counts failures by key (an address, a name) over a sliding window.

    At most `keys` keys are remembered; the one that failed longest ago is forgotten first.
    """

    def __init__(self, limit: int, window_s: float, keys: int = 10_000) -> None:
        self._limit, self._window, self._keys = limit, window_s, keys
        self._failed: OrderedDict[str, deque[float]] = OrderedDict()

    def failed(self, key: str, now: float) -> None:
        """One more failure."""
        times = self._failed.setdefault(key, deque(maxlen=self._limit))
        times.append(now)
        self._failed.move_to_end(key)
        while len(self._failed) > self._keys:
            self._failed.popitem(last=False)

    def wait_s(self, key: str, now: float) -> float:
        """Seconds until this key may try again; 0 when it may now."""
        times = self._failed.get(key)
        if times is None or len(times) < self._limit:
            return 0.0
        return max(0.0, times[0] + self._window - now)

    def forget(self, key: str) -> None:
        """It succeeded: start counting anew."""
        self._failed.pop(key, None)
