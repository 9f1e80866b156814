"""When a packet was made: RTP timestamps → this machine's monotonic clock.

PURE: numbers in, numbers out; all times are nanoseconds.

A publisher's tracks each count RTP ticks from an arbitrary beginning. Its sender reports
(RFC 3550 §6.4.1) tell which NTP time of *its* clock belongs to which tick, the same clock for
sound and picture. So:

1. With a report, `ntp(tick)` is known, and `time = ntp + offset` with one offset for all tracks of
   the publisher: sound and picture are then as far apart as they were at the microphone and the
   camera, whatever the network did.
2. Before the first report, each track has an offset of its own: `time = tick + offset`.
3. An offset is learnt from arrivals: no packet arrives before it was made, so the smallest
   difference of arrival and source time of the last seconds is the best guess. It is followed
   slowly, so that time has no steps, and for ever, so that two clocks that run at slightly
   different speeds never drift apart over hours.
"""

from __future__ import annotations

from linkup.wire.sequence import Unwrapper

SECOND = 1_000_000_000
WINDOW = 5 * SECOND  # of the minimum filter; two windows are looked at
LEARNING = 2 * SECOND  # at the beginning a smaller difference is believed at once
DEAD_BAND = 10_000_000  # an error below this is left alone: it is jitter
STEP = 2 * SECOND  # an error above this is a clock that was set: follow at once
PATIENCE = SECOND  # for such an error backwards, which a stalled network looks like too
SLEW = 0.005  # s/s
DISTRUST = SECOND  # a report that moves a track by more is wrong (some senders invent theirs)


class Offset:
    """Follows the smallest difference of arrival and source time."""

    __slots__ = ("_began", "_far", "_least", "_moving", "_previous", "_turn", "_updated", "value")

    def __init__(self) -> None:
        self.value: int | None = None
        self._began = self._turn = self._updated = 0
        self._least = self._previous = 0
        self._moving = False
        self._far = 0  # since when every packet is much later than it should be

    def update(self, difference: int, at: int) -> int:
        """One packet arrived at `at` with this difference; the offset to be used for it."""
        value = self.value
        if value is None:
            return self.start(difference, difference, at)
        if difference - value > STEP:  # a network that stalls lets go again; a clock does not
            self._far = self._far or at
            if at - self._far > PATIENCE:
                return self.start(difference, difference, at)
        else:
            self._far = 0
        if at - self._turn > WINDOW:
            self._previous, self._least, self._turn = self._least, difference, at
        elif difference < self._least:
            self._least = difference
        target = self._least if self._least < self._previous else self._previous
        error = target - value
        if -DEAD_BAND < error < DEAD_BAND and not self._moving:
            self._updated = at
            return value
        return self._follow(value, error, at)

    def start(self, value: int, difference: int, at: int) -> int:
        """Begin with `value`; `difference` is what the present packet shows."""
        self.value = value
        self._began = self._turn = self._updated = at
        self._least = self._previous = difference
        self._far = 0
        return value

    def _follow(self, value: int, error: int, at: int) -> int:
        if abs(error) > STEP or (error < 0 and at - self._began < LEARNING):
            value, self._moving = value + error, False
        else:
            most = int((at - self._updated) * SLEW)
            value += max(-most, min(most, error))
            self._moving = abs(error) > DEAD_BAND // 4
        self._updated = max(at, self._updated)
        self.value = value
        return value


class TrackTime:
    """The times of one track. `shared` is the offset of its publisher's NTP clock."""

    def __init__(self, clock_rate: int, shared: Offset) -> None:
        self._rate = clock_rate
        self._ticks = Unwrapper(32)
        self._own = Offset()
        self._shared = shared
        self._report: tuple[int, int] | None = None  # NTP ns, extended tick

    def report(self, ntp: int, timestamp: int) -> None:
        """A sender report: 64-bit NTP time and RTP time. Zero NTP time means "unknown"."""
        if ntp and self._ticks.newest is not None:
            seconds, fraction = ntp >> 32, ntp & 0xFFFFFFFF
            self._report = (seconds * SECOND + (fraction * SECOND >> 32), self._near(timestamp))

    def time(self, timestamp: int, at: int) -> int:
        """The monotonic time of this RTP timestamp, whose packet arrived at `at`."""
        tick = self._ticks.unwrap(timestamp)
        source = tick * SECOND // self._rate
        own = source + self._own.update(at - source, at)
        if self._report is None:
            return own
        ntp, base = self._report
        source = ntp + (tick - base) * SECOND // self._rate
        shared = self._shared
        if shared.value is None:  # go on without a step where arrivals have led
            shared.start(own - source, at - source, at)
            return own
        if abs(source + shared.value - own) > DISTRUST:
            return own
        return source + shared.update(at - source, at)

    def _near(self, timestamp: int) -> int:
        newest = self._ticks.newest or 0
        return newest + ((timestamp - newest + 0x80000000) & 0xFFFFFFFF) - 0x80000000
