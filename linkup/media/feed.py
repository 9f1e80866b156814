"""A feed: one site's sound and picture as it enters, whoever sends it at the moment.

A publisher may be replaced (reload, another device): the feed stays, its sinks stay, and slots go
on with the new publisher's first key frame. The program enters in the same way, from the tap.
"""

from __future__ import annotations

from collections.abc import Callable

from linkup import clock
from linkup.media.forward import Slot
from linkup.media.track import Kind, Track
from linkup.wire import rtcp

STEP_NS = 1_000_000_000  # a publisher's clock that moves further was set
DRIFT_NS = 200_000  # a report: how fast the estimate may grow


class PublisherClock:
    """A publisher's NTP clock against ours: sound and picture of one peer share the estimate."""

    __slots__ = ("offset_ns",)

    def __init__(self) -> None:
        self.offset_ns: int | None = None

    def note(self, ntp: int, at: int) -> None:
        """A sender report with this NTP time arrived at `at`."""
        candidate = clock.utc_ns(at) - rtcp.utc_ns_from_ntp(ntp)
        offset = self.offset_ns
        if offset is None or abs(candidate - offset) > STEP_NS:
            self.offset_ns = candidate
        else:  # the least delayed report tells best
            self.offset_ns = min(candidate, offset + DRIFT_NS)

    def timestamp(self, track: Track, at: int) -> int:
        """The track's RTP timestamp of what is captured at `at` (our clock)."""
        if self.offset_ns is None or not track.report_at:
            since = at - track.newest_at
            return track.newest_timestamp + since * track.clock_rate // 1_000_000_000
        there = clock.utc_ns(at) - self.offset_ns
        since = there - rtcp.utc_ns_from_ntp(track.report_ntp)
        return track.report_rtp + since * track.clock_rate // 1_000_000_000


class Feed:
    """Tracks in, slots out. `changed` is called when a track came, went, woke or fell silent."""

    def __init__(self, identifier: str, changed: Callable[[Feed, int], None]) -> None:
        self.id = identifier
        self.publisher = ""  # peer, or "tap:<reader>"
        self.clock = PublisherClock()
        self.tracks: dict[Kind, Track] = {}
        self.viewers: set[Slot] = set()  # video slots that want this feed
        self._changed = changed
        self._told: tuple[str | None, str | None, str] = (None, None, "")

    @property
    def audio(self) -> Track | None:
        return self.tracks.get("audio")

    @property
    def video(self) -> Track | None:
        return self.tracks.get("video")

    def take_over(self, publisher: str, its_clock: PublisherClock) -> None:
        """Another publisher is the source from now on; old tracks end when new ones come."""
        self.publisher = publisher
        self.clock = its_clock

    def put(self, track: Track, at: int) -> Track | None:
        """A track began. Gives the one that it replaces, already ended."""
        old = self.tracks.get(track.kind)
        self.tracks[track.kind] = track
        if track.kind == "video":
            for slot in list(self.viewers):
                self._lead(slot, track, at)
        if old is not None:
            old.end(at)
        return old

    def drop(self, track: Track, at: int) -> None:
        """A track ended without successor."""
        if self.tracks.get(track.kind) is track:
            del self.tracks[track.kind]
        track.end(at)
        self.look(at)

    def show_in(self, slot: Slot, at: int) -> None:
        """A video slot wants this feed from now on."""
        self.viewers.add(slot)
        video = self.video
        if video is None:
            slot.clear(at)
        else:
            self._lead(slot, video, at)

    def _lead(self, slot: Slot, track: Track, at: int) -> None:
        if slot.accepts(track):
            slot.wait_for(track)
        else:
            slot.clear(at)
            slot.refused(track)

    def orphans(self, at: int) -> list[Track]:
        """Tracks of a replaced publisher that its successor does not carry on."""
        return [track for track in self.tracks.values() if track.orphaned and not track.alive(at)]

    def look(self, at: int) -> None:
        """Tell when sound or picture began or stopped (no packet for two seconds)."""
        audio, video = self.audio, self.video
        state = (
            audio.codec if audio is not None and audio.alive(at) else None,
            video.codec if video is not None and video.alive(at) else None,
            self.publisher,
        )
        if state != self._told and (state[:2] != (None, None) or self._told[:2] != (None, None)):
            self._told = state
            self._changed(self, at)

    @property
    def told(self) -> tuple[str | None, str | None, str]:
        """`(audio, video, publisher)` as last told."""
        return self._told
