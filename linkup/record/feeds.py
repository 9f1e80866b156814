"""One feed: from its tracks to its files.

PURE but for the shelf it is given. Time is an argument (`at`, `now`: monotonic ns).

1. A file begins with a key frame. Sound that was made since then and came earlier goes into it.
2. A key frame that cannot go on in the present file (other size, codec, or sound that the file has
   no place for), or a file an hour long, begins the next one. The file before stays open for a
   moment, for sound that is still on its way.
3. A publisher that is replaced ends the file at once.
4. After a missing frame nothing can be decoded until the next key frame: it is asked for, what
   comes before it is left out, and the journal gets the gap.
5. Sound without a picture is recorded as sound. Nothing at all for three seconds ends the file.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Literal

from linkup import clock
from linkup.messages import PROGRAM
from linkup.record.shelf import Note, Segment, Shelf
from linkup.record.timeline import Offset
from linkup.record.tracks import TrackReader, Unit, keyframe_size
from linkup.record.writer import Content
from linkup.wire.tap import Track

MS = 1_000_000
SECOND = 1000 * MS
LONGEST = 3600 * SECOND  # a file
SILENCE = 3 * SECOND  # without any packet: the file ends
ALONE = 1 * SECOND  # sound without a picture: recorded alone
UNDECODABLE = 3 * SECOND  # the same while a picture comes, but no key frame
COMPANY = 300 * MS  # how long a first key frame waits for a track of sound to be announced
RECENT = 1500 * MS  # sound kept in memory for the file that begins next
ASK_EVERY = 1 * SECOND
KEY_EVERY = 10 * SECOND  # browsers send key frames only when asked; without, nobody could seek
LINGER = 500 * MS  # how long the file before stays open for late sound

Kind = Literal["video", "audio"]


class FeedRecorder:
    """Decides what of one feed goes into which file."""

    def __init__(self, feed: str, shelf: Shelf, note: Note, ask: Callable[[int], None]) -> None:
        """`ask(track)` asks for a key frame."""
        self.feed = feed
        self._shelf = shelf
        self._note = note
        self._ask = ask
        self._peer = ""
        self._clock = Offset()
        self._readers: dict[int, TrackReader] = {}
        self._left: deque[int] = deque(maxlen=64)  # tracks of publishers before
        self._video: TrackReader | None = None
        self._audio: TrackReader | None = None
        self._size = (0, 0)  # of the picture, from the newest key frame
        self._segment: Segment | None = None
        self._before: tuple[Segment, int] | None = None  # and until when it lingers
        self._recent: deque[Unit] = deque()  # sound
        self._held: list[Unit] = []  # first key frame and what follows, waiting for company
        self._need_key = True
        self._gap: tuple[int, int] | None = None  # time of the last good frame, frames left out
        self._asked = 0
        self._key_at = 0  # arrival of the newest key frame
        self._heard = 0  # arrival of the newest packet
        self._fresh = False  # a packet came since the last tick
        self._quiet_since = 0  # the last tick before which one came
        self._key_wanted_since = 0
        self._last_good = 0
        self._lost_told = 0

    # ------------------------------------------------------------ what the tap says

    def announce(self, track: Track, at: int) -> None:
        """A track of this feed exists; said again every second."""
        if track.track in self._readers or track.track in self._left:
            return
        if track.peer != self._peer:
            self._drop_all("publisher")
            self._peer, self._clock = track.peer, Offset()
        reader = self._readers[track.track] = TrackReader(track, self._clock)
        if track.kind == "audio":
            self._audio = reader
            if self._segment and not self._segment.content.audio:
                self._want_key(at)
        elif self._video is None:
            self._choose(reader, at)

    def gone(self, track: int, at: int) -> None:
        """A track has ended."""
        reader = self._readers.get(track)
        if reader is None:
            return
        if reader in (self._video, self._audio):
            self._take(reader, reader.flush())
        self._count_lost()
        del self._readers[track]
        self._lost_told = self._lost()
        if reader is self._audio:
            self._audio = None
        if reader is self._video:
            self._video = None
            others = (r for r in self._readers.values() if r.track.kind == "video")
            best = max(others, key=lambda each: each.heard, default=None)
            if best is not None:
                self._choose(best, at)
        if not self._readers:
            self._end("ended")

    def packet(self, track: int, payload: memoryview, at: int) -> None:
        """One RTP packet."""
        reader = self._readers.get(track)
        if reader is None:
            return
        self._heard = at
        self._fresh = True
        if reader is self._video or reader is self._audio:
            self._take(reader, reader.push(payload, at))
        elif reader.track.kind == "video":
            self._consider(reader, payload, at)

    def report(self, track: int, ntp: int, timestamp: int) -> None:
        """A sender report of a track."""
        reader = self._readers.get(track)
        if reader is not None:
            reader.time.report(ntp, timestamp)

    def tick(self, now: int) -> None:
        """Call about ten times a second."""
        if self._fresh:  # while packets come, their own times count: we may be behind
            self._fresh, self._quiet_since = False, now
        else:
            for reader in (self._video, self._audio):
                if reader is not None:
                    self._take(reader, reader.expire(now))
        if self._held and now - self._held[0].at > COMPANY:
            self._open_held()
        if self._before and now > self._before[1]:
            self._shelf.end(self._before[0], "next")
            self._before = None
        if self._segment and now - self._quiet_since > SILENCE:
            self._end("silence")
        if self._segment and now - self._segment.started > LONGEST and self._video is not None:
            self._want_key(now)
        overdue = self._need_key or now - self._key_at > KEY_EVERY
        if self._video is not None and overdue and now - self._video.heard < SECOND:
            self._want_key(now)

    def close(self, why: str) -> None:
        """End everything (the process stops, or the packet plane was started again)."""
        self._drop_all(why)
        self._left.clear()
        self._peer = ""

    # ------------------------------------------------------------ tracks

    def _choose(self, reader: TrackReader, at: int) -> None:
        self._video = reader
        self._need_key = True
        self._want_key(at, again=True)

    def _consider(self, reader: TrackReader, payload: memoryview, at: int) -> None:
        """Another layer of the picture: take it when it is larger, or ours has stopped."""
        reader.heard = at
        width, height = keyframe_size(reader.track, payload)
        larger = width * height > self._size[0] * self._size[1]
        silent = self._video is None or at - self._video.heard > SECOND
        if larger or silent:
            self._choose(reader, at)
            self._take(reader, reader.push(payload, at))

    def _drop_all(self, why: str) -> None:
        for reader in (self._video, self._audio):
            if reader is not None:
                self._take(reader, reader.flush())
        self._end(why)
        self._left.extend(self._readers)
        self._readers.clear()
        self._video = self._audio = None

    def _want_key(self, at: int, again: bool = False) -> None:
        if self._video is not None and (again or at - self._asked >= ASK_EVERY):
            self._asked = at
            self._ask(self._video.track.track)

    # ------------------------------------------------------------ units

    def _take(self, reader: TrackReader, units: list[Unit]) -> None:
        for unit in units:
            if reader.track.kind == "video":
                self._picture(unit)
            else:
                self._sound(unit)
        if units and self._segment and self._segment.file.error:
            self._end("disk")

    def _picture(self, unit: Unit) -> None:
        if unit.gap and not self._need_key:
            self._need_key = True
            self._gap = (self._last_good, 0)
        if self._need_key and not unit.keyframe:
            if self._gap:
                self._gap = (self._gap[0], self._gap[1] + 1)
            self._want_key(unit.at)
            return
        if unit.keyframe:
            self._key(unit)
        elif self._held:
            self._held.append(unit)
        elif self._segment:
            self._segment.file.write("video", unit)
        self._last_good = unit.time

    def _key(self, unit: Unit) -> None:
        if unit.width:
            self._size = (unit.width, unit.height)
        elif not self._segment or not self._segment.content.video:
            return  # H.264 without parameter sets: cannot begin a file
        self._need_key = False
        self._key_at = unit.at
        if self._gap:
            self._tell_gap(unit)
        if self._held:
            self._held.append(unit)
        elif self._segment is None and self._audio is None:
            self._held = [unit]
        elif self._segment is None or not self._fits(unit):
            self._begin(unit)
        else:
            self._segment.file.write("video", unit)

    def _fits(self, unit: Unit) -> bool:
        """Can this key frame go on in the present file?"""
        assert self._segment is not None
        return (
            self._segment.content == self._content() and unit.time - self._segment.started < LONGEST
        )

    def _content(self) -> Content:
        codec = self._video.track.codec if self._video else None
        has = self._segment is not None and self._segment.content.audio
        return Content(
            codec if codec != "opus" else None, self._audio is not None or has, *self._size
        )

    def _begin(self, unit: Unit) -> None:
        """A new file with this key frame as its first."""
        content = self._content()
        self._roll()
        self._segment = self._shelf.begin(self.feed, self._peer, content, unit.time)
        self._lost_told = self._lost()
        if self._segment is None:
            self._need_key = True  # the disk takes nothing: try again with the next key frame
            return
        self._segment.file.write("video", unit)
        for each in self._recent:
            self._segment.file.write("audio", each)

    def _open_held(self) -> None:
        held, self._held = self._held, []
        self._begin(held[0])
        if self._segment:
            for unit in held[1:]:
                self._segment.file.write("video", unit)

    def _sound(self, unit: Unit) -> None:
        recent = self._recent
        recent.append(unit)
        while unit.at - recent[0].at > RECENT:
            recent.popleft()
        if self._held:
            self._open_held()
            return  # it was among the recent ones
        segment = self._segment
        if segment is None:
            self._sound_alone(unit)
            return
        if unit.time < segment.started and self._before:
            self._before[0].file.write("audio", unit)
        else:
            segment.file.write("audio", unit)
        if segment.content.video is None and unit.time - segment.started >= LONGEST:
            self._end("next")

    def _sound_alone(self, unit: Unit) -> None:
        """Sound came and there is no file: is it to be recorded without a picture?"""
        if self.feed == PROGRAM:
            return
        video = self._video
        coming = video is not None and unit.at - video.heard < SECOND
        patience = UNDECODABLE if coming else ALONE
        self._key_wanted_since = self._key_wanted_since or unit.at
        if unit.at - self._key_wanted_since < patience:
            return
        self._segment = self._shelf.begin(
            self.feed, self._peer, Content(None, True), self._recent[0].time
        )
        self._lost_told = self._lost()
        if self._segment:
            for each in self._recent:
                self._segment.file.write("audio", each)

    # ------------------------------------------------------------ files

    def _roll(self) -> None:
        """The present file becomes the one before."""
        if self._before:
            self._shelf.end(self._before[0], "next")
            self._before = None
        if self._segment:
            self._count_lost()
            self._before = (self._segment, self._heard + LINGER)
            self._segment = None

    def _end(self, why: str) -> None:
        if self._held:
            self._open_held()
        self._roll()
        if self._before:
            self._shelf.end(self._before[0], why)
            self._before = None
        self._recent.clear()
        self._need_key = True
        self._gap = None
        self._key_wanted_since = 0
        self._size = (0, 0)

    def _lost(self) -> int:
        return sum(each.lost for each in self._readers.values())

    def _count_lost(self) -> None:
        lost = self._lost()
        if self._segment:
            self._segment.lost += max(0, lost - self._lost_told)
        self._lost_told = lost

    def _tell_gap(self, unit: Unit) -> None:
        assert self._gap is not None
        since, frames = self._gap
        self._gap = None
        self._note(
            "gap",
            {
                "feed": self.feed,
                "path": self._segment.name if self._segment else None,
                "from_ns": clock.utc_ns(since),
                "until_ns": clock.utc_ns(unit.time),
                "frames_left_out": frames,
            },
        )
