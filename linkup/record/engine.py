"""The thread that turns messages of the tap into files.

`TapLine` only reads the socket and puts whole messages into a bounded queue; everything else
(parsing, putting together, muxing, writing) happens here. When the disk stalls, the queue fills and
packets are dropped and counted; nobody waits for it.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable
from typing import TypeVar

import msgspec
import structlog

from linkup import clock
from linkup.record.feeds import FeedRecorder
from linkup.record.shelf import Note, Shelf
from linkup.wire import tap

log = structlog.get_logger()
T = TypeVar("T")

CAPACITY = 48 * 1024 * 1024  # bytes of messages that wait: ten seconds of twenty sites
PACE_S = 0.1  # messages are taken in turns this far apart: fewer wake-ups, the same files
TICK_NS = 100_000_000
MAX_TRACKS = 4096

_RESET = b""  # in the queue: the connection to the packet plane was made anew


class Engine:
    """Runs the recorders of all feeds in one thread."""

    def __init__(self, shelf: Shelf, note: Note, ask: Callable[[int], None]) -> None:
        """`ask(track)` asks for a key frame; it is called from the engine's thread."""
        self.dropped = 0  # packets, since start
        self.faults = 0  # entries that could not be handled: a defect, logged
        self.clear_at = clock.now_ns()  # when everything that had come was handled last
        self._shelf = shelf
        self._note = note
        self._ask = ask
        self._feeds: dict[str, FeedRecorder] = {}
        self._tracks: dict[int, tuple[bytes, FeedRecorder]] = {}
        self._queue: deque[bytes] = deque()
        self._put = 0  # bytes, written by the reader only
        self._taken = 0  # bytes, written by the thread only
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def put(self, message: bytes) -> None:
        """One message of the tap; never blocks."""
        if self._put - self._taken + len(message) > CAPACITY:
            self.dropped += sum(1 for entry in tap.entries(message) if entry[0] == tap.RTP)
            return
        self._put += len(message)
        self._queue.append(message)

    def reset(self) -> None:
        """The packet plane was started again: its track numbers mean other tracks now."""
        self._queue.append(_RESET)

    def stop(self, patience_s: float) -> None:
        """Work off what waits, end all files, stop the thread."""
        self._stop.set()
        self._thread.join(patience_s)

    def _run(self) -> None:
        ticked = 0
        while True:
            self._stop.wait(0 if self._queue else PACE_S)
            self._drain()
            stopping = self._stop.is_set() and not self._queue
            now = clock.now_ns()
            if now - ticked >= TICK_NS:
                ticked = now
                self._each(FeedRecorder.tick, now)
                self._shelf.tell()
            if stopping:
                self._each(FeedRecorder.close, "stop")
                return

    def _drain(self) -> None:
        began = clock.now_ns()
        while True:
            now = clock.now_ns()
            if not self._queue:
                self.clear_at = now
                return
            if now - began > TICK_NS:  # so much comes that time must not be forgotten over it
                return
            message = self._queue.popleft()
            self._taken += len(message)
            if message is _RESET:
                self._each(FeedRecorder.close, "media")
                self._tracks.clear()
                continue
            for kind, track, at, payload in tap.entries(message):
                try:
                    self._entry(kind, track, at, payload)
                except Exception:
                    # One hostile packet must not stop all recordings.
                    self.faults += 1
                    if self.faults < 100:
                        log.exception("entry could not be recorded", track=track, kind=kind)

    def _entry(self, kind: int, track: int, at: int, payload: memoryview) -> None:
        if kind == tap.TRACK:
            self._announce(track, at, payload)
            return
        known = self._tracks.get(track)
        if known is None:
            return
        feed = known[1]
        if kind == tap.RTP:
            feed.packet(track, payload, at)
        elif kind == tap.REPORT and len(payload) == tap.REPORT_BODY.size:
            ntp, timestamp = tap.REPORT_BODY.unpack(payload)
            feed.report(track, ntp, timestamp)
        elif kind == tap.GONE:
            del self._tracks[track]
            feed.gone(track, at)

    def _announce(self, number: int, at: int, payload: memoryview) -> None:
        known = self._tracks.get(number)
        if known is not None and known[0] == payload:  # said again, as every second
            return
        with contextlib.suppress(msgspec.MsgspecError):
            track = tap.parse_track(payload)
            if len(self._tracks) >= MAX_TRACKS:
                return
            if known is not None:
                known[1].gone(number, at)
            feed = self._feeds.get(track.feed)
            if feed is None:
                feed = FeedRecorder(track.feed, self._shelf, self._note, self._ask)
                self._feeds[track.feed] = feed
            self._tracks[number] = (bytes(payload), feed)
            feed.announce(track, at)

    def _each(self, action: Callable[[FeedRecorder, T], None], argument: T) -> None:
        for feed in self._feeds.values():
            try:
                action(feed, argument)
            except Exception:
                self.faults += 1
                log.exception("feed could not be recorded", feed=feed.feed)
