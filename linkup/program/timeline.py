"""When a packet of a feed is to be seen or heard. Pure: time is an argument.

Theory. A packet with RTP time r arrives at A. Its transit A - r / rate has a floor (the shortest
way through the network, plus two unknown clocks) and on top of it jitter. Playing everything at

    r / rate + floor + delay,   delay = jitter + margin

gives an even stream. The floor is the minimum over the last 5 to 10 s, so that it follows a drift
of the sender's clock; jitter is a peak that decays with a time constant of 8 s. The delay grows
quickly and shrinks slowly, because growing shows as a pause and shrinking only as a faster tempo.

Lip sync. RTCP sender reports (RFC 3550 §6.4.1) say for each track which NTP time belongs to which
RTP time, so the two tracks of a feed come onto one axis, and both are played by the slower of the
two. Until both have a report, or when the reports contradict the arrivals by more than a second
(broken senders exist), sound and picture are assumed to leave and arrive together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Kind = Literal["audio", "video"]

SECOND = 1_000_000_000
MARGIN_NS = 20_000_000  # for decoding and the scheduler
SHORTEST_NS = 60_000_000
LONGEST_NS = 500_000_000
WINDOW_NS = 5 * SECOND
JITTER_TAU_S = 8.0
SHRINK = 0.005  # the delay may shrink by 5 ms a second
SANE_NS = 1 * SECOND  # reports that move a track further than this are not believed
BROKEN_NS = 3 * SECOND  # a transit this far off is a restarted sender, not jitter


@dataclass
class _Track:
    """One track's transit, in ns."""

    rate: int
    floor: int | None = None  # of the current and the last window
    current: int | None = None
    previous: int | None = None
    window: int = 0  # start of the current window
    jitter: float = 0.0
    at: int = 0  # last arrival
    ntp: int | None = None  # NTP ns of RTP time zero

    def media(self, rtp: int) -> int:
        return rtp * SECOND // self.rate

    def arrived(self, rtp: int, at: int) -> None:
        transit = at - self.media(rtp)
        if self.floor is not None and abs(transit - self.floor) > BROKEN_NS:
            self.forget()
        if self.current is None or at - self.window > WINDOW_NS:
            self.previous, self.current, self.window = self.current, transit, at
        else:
            self.current = min(self.current, transit)
        self.floor = min(self.current, self.current if self.previous is None else self.previous)
        self.jitter = max(float(transit - self.floor), self.jitter_at(at))
        self.at = at

    def jitter_at(self, at: int) -> float:
        """The peak, faded since the last arrival."""
        return self.jitter * math.exp(min(0, self.at - at) / SECOND / JITTER_TAU_S)

    def forget(self) -> None:
        self.floor = self.current = self.previous = self.ntp = None
        self.jitter = 0.0
        self.at = 0


class Timeline:
    """The clock of one feed: RTP times of its tracks → CLOCK_MONOTONIC ns at which to play them."""

    def __init__(self) -> None:
        self._tracks: dict[Kind, _Track] = {}  # replaced as a whole: two threads look at it
        self._delay = 0.0
        self._delay_at = 0

    @property
    def delay_ns(self) -> int:
        """The playout delay above the shortest way, common to sound and picture."""
        return int(self._delay)

    def synchronous(self) -> bool:
        """Whether sound and picture are aligned by sender reports."""
        return self._offsets() is not None

    def start(self, kind: Kind, rate: int) -> None:
        """A track begins anew (new publisher, new codec)."""
        self._tracks = {**self._tracks, kind: _Track(rate)}

    def end(self, kind: Kind) -> None:
        """A track is over: it no longer has a say."""
        self._tracks = {key: each for key, each in self._tracks.items() if key != kind}

    def arrived(self, kind: Kind, rtp: int, at: int) -> None:
        """A packet, or the last packet of a frame, with this unwrapped RTP time arrived."""
        track = self._tracks.get(kind)
        if track is None:
            return
        track.arrived(rtp, at)
        self._adapt(at)

    def report(self, kind: Kind, ntp_ns: int, rtp: int) -> None:
        """A sender report: this NTP time (ns since 1900 or any epoch) is this RTP time."""
        track = self._tracks.get(kind)
        if track is not None:
            track.ntp = ntp_ns - track.media(rtp)

    def due(self, kind: Kind, rtp: int) -> int | None:
        """When to play this RTP time; None while nothing of the track has arrived."""
        track = self._tracks.get(kind)
        if track is None or track.floor is None:
            return None
        return track.media(rtp) + self._base(kind, track)

    def position(self, kind: Kind, at: int) -> float | None:
        """The inverse: the RTP time to play at this moment."""
        track = self._tracks.get(kind)
        if track is None or track.floor is None:
            return None
        return (at - self._base(kind, track)) * track.rate / SECOND

    def _base(self, kind: Kind, track: _Track) -> int:
        offset = (self._offsets() or {}).get(kind, track.floor)
        return (offset or 0) + int(self._delay)

    def _offsets(self) -> dict[Kind, int] | None:
        """Per track: the start of its RTP times on our clock, both on one axis."""
        axis: int | None = None
        tracks = self._tracks
        for track in tracks.values():
            if track.floor is None:
                continue
            if track.ntp is None:
                return None
            floor = track.floor - track.ntp
            if axis is not None and abs(floor - axis) > SANE_NS:
                return None
            axis = floor if axis is None else max(axis, floor)
        if axis is None:
            return None
        return {kind: (each.ntp or 0) + axis for kind, each in tracks.items()}

    def _adapt(self, at: int) -> None:
        wanted = max(track.jitter_at(at) for track in self._tracks.values()) + MARGIN_NS
        wanted = min(max(wanted, SHORTEST_NS), LONGEST_NS)
        lowest = self._delay - max(0, at - self._delay_at) * SHRINK if self._delay else 0.0
        self._delay = max(wanted, lowest)
        self._delay_at = at
