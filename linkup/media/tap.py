"""The tap: feeds out to the recorder and the mixer, the program in (see `linkup.wire.tap`).

A reader is a Sink like any other: bounded (the kernel's socket buffer), never waited for. All
entries of one wake-up leave as one message; what a slow reader does not take is dropped, counted
by packet, and told in the log once a second.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import msgspec
import structlog

from linkup.media.feed import Feed, PublisherClock
from linkup.media.track import Track
from linkup.wire import rtp, tap

log = structlog.get_logger()

MAX_READERS = 16
MAX_TRACKS = 8  # that one reader may publish
SEND_BUFFER = 4 * 1024 * 1024  # bytes asked of the kernel: some seconds of a busy reader
MESSAGES = 16  # read from one reader a wake-up
_header = tap.HEADER.pack


class Host(Protocol):
    """What the tap needs of the plane."""

    feeds: dict[str, Feed]

    def count(self, reason: str, number: int = 1) -> None: ...
    def feed(self, identifier: str) -> Feed: ...
    def track_began(self, track: Track, at: int) -> None: ...
    def wake_up_done(self) -> None: ...
    def now(self) -> int: ...


class Reader:
    """One process at the other end of a tap connection."""

    def __init__(self, owner: Tap, sock: socket.socket) -> None:
        self._owner = owner
        self.socket = sock
        self.name = "?"
        self.want: tap.Want | None = None
        self.published: dict[int, Track] = {}  # by the reader's own track number
        self.clocks: dict[str, PublisherClock] = {}  # by feed
        self._waiting = bytearray()
        self._packets = 0
        self.dropped = 0  # packets
        self._told = 0

    def wants(self, track: Track) -> bool:
        """True when this track shall go to this reader."""
        want = self.want
        if want is None or track in self.published.values():
            return False
        chosen = want.audio if track.kind == "audio" else want.video
        return chosen is None or track.feed in chosen

    def add(self, entry: bytes, packets: int = 1) -> None:
        """Queue an entry for the message of this wake-up."""
        if len(self._waiting) + len(entry) > tap.MAX_MESSAGE:
            self.flush()
        if not self._waiting:
            self._owner.dirty.append(self)
        self._waiting += entry
        self._packets += packets

    def flush(self) -> None:
        """Send the message; a full socket drops it."""
        if not self._waiting:
            return
        try:
            self.socket.send(self._waiting)
        except (BlockingIOError, InterruptedError):
            self.dropped += self._packets
            self._owner.host.count("slow-sink", self._packets)
        except OSError:
            self._owner.gone(self)
        self._waiting = bytearray()
        self._packets = 0

    def complain(self) -> None:
        """Say in the log what was dropped since the last time."""
        if self.dropped != self._told:
            log.warning(
                "a reader of the tap is too slow",
                reader=self.name,
                packets=self.dropped - self._told,
            )
            self._told = self.dropped


class Tap:
    """The listening socket and its readers."""

    def __init__(self, path: Path, host: Host) -> None:
        self.host = host
        self.readers: list[Reader] = []
        self.dirty: list[Reader] = []
        self._path = path
        self._number = 0
        self._buffer = bytearray(tap.MAX_MESSAGE + 4096)
        path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.setblocking(False)
        self._socket.bind(str(path))
        path.chmod(0o600)
        self._socket.listen(MAX_READERS)
        asyncio.get_running_loop().add_reader(self._socket, self._accept)

    # ------------------------------------------------------------ readers

    def _accept(self) -> None:
        try:
            sock, _ = self._socket.accept()
        except OSError:
            return
        if len(self.readers) >= MAX_READERS:
            self.host.count("too-many-readers")
            sock.close()
            return
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        reader = Reader(self, sock)
        self.readers.append(reader)
        asyncio.get_running_loop().add_reader(sock, self._readable, reader)

    def gone(self, reader: Reader) -> None:
        """The other end hung up: forget it and end what it published."""
        if reader not in self.readers:
            return
        self.readers.remove(reader)
        asyncio.get_running_loop().remove_reader(reader.socket)
        reader.socket.close()
        at = self.host.now()
        for track in reader.published.values():
            self.host.feed(track.feed).drop(track, at)
            self.ended(track, at)
        for feed in self.host.feeds.values():
            for other in feed.tracks.values():
                self._attach(other)

    def _readable(self, reader: Reader) -> None:
        for _ in range(MESSAGES):
            try:
                size = reader.socket.recv_into(self._buffer)
            except (BlockingIOError, InterruptedError):
                break
            except OSError:
                size = 0
            if not size:
                self.gone(reader)
                break
            for kind, number, at, payload in tap.entries(memoryview(self._buffer)[:size]):
                try:
                    self._handle(reader, kind, number, at, payload)
                except (msgspec.MsgspecError, struct.error, ValueError):
                    self.host.count("bad-tap-entry")
        self.host.wake_up_done()

    def _handle(self, reader: Reader, kind: int, number: int, at: int, payload: memoryview) -> None:
        if kind == tap.RTP:
            track = reader.published.get(number)
            if track is None or len(payload) < rtp.HEADER_BYTES:
                self.host.count("bad-tap-entry")
            elif not track.receive(bytes(payload), at):
                self.host.count("bad-rtp")
        elif kind == tap.WANT:
            self._set_want(reader, tap.parse_want(payload))
        elif kind == tap.KEYFRAME:
            wanted = self._find(number)
            if wanted is not None and wanted.kind == "video":
                wanted.request_keyframe()
        elif kind == tap.TRACK:
            self._publish(reader, tap.parse_track(payload), at)
        elif kind == tap.REPORT:
            track = reader.published.get(number)
            if track is not None:
                ntp, timestamp = tap.REPORT_BODY.unpack(payload)
                track.note_report(ntp, timestamp, at)
                reader.clocks[track.feed].note(ntp, at)
        elif kind == tap.GONE:
            track = reader.published.pop(number, None)
            if track is not None:
                self.host.feed(track.feed).drop(track, at)
                self.ended(track, at)

    def _find(self, number: int) -> Track | None:
        for feed in self.host.feeds.values():
            for track in feed.tracks.values():
                if track.identifier == number:
                    return track
        return None

    def _set_want(self, reader: Reader, want: tap.Want) -> None:
        before = {track.identifier for track in self._tracks() if reader.wants(track)}
        reader.name, reader.want = want.reader[:32], want
        for track in self._tracks():
            self._attach(track)
            if reader.wants(track) and track.identifier not in before:
                self._announce(reader, track, self.host.now())
                if track.kind == "video":
                    track.request_keyframe()

    def _tracks(self) -> list[Track]:
        return [track for feed in self.host.feeds.values() for track in feed.tracks.values()]

    # ------------------------------------------------------------ publishing readers

    def _publish(self, reader: Reader, told: tap.Track, at: int) -> None:
        known = reader.published.get(told.track)
        if known is not None and known.ssrc == told.ssrc and known.feed == told.feed:
            return  # repeated every second
        if known is None and len(reader.published) >= MAX_TRACKS:
            raise ValueError("a reader publishes too many tracks")
        feed = self.host.feed(told.feed)
        publisher = f"tap:{reader.name}"
        track = Track(
            told.feed,
            told.peer or publisher,
            told.kind,
            told.codec,
            told.ssrc,
            told.payload_type,
            profile="4d001f" if told.codec == "h264" else "",
        )
        reader.published[told.track] = track
        feed.take_over(publisher, reader.clocks.setdefault(told.feed, PublisherClock()))
        self.host.track_began(track, at)

    def ask(self, at: int) -> None:
        """Pass key frame requests on to publishing readers."""
        for reader in list(self.readers):
            for number, track in reader.published.items():
                if track.keyframe_due(at):
                    reader.add(tap.entry(tap.KEYFRAME, number, at), 0)

    # ------------------------------------------------------------ tracks

    def began(self, track: Track, at: int) -> None:
        """A new track: number it, announce it to those who want it."""
        self._number += 1
        track.identifier = self._number
        self._attach(track)
        for reader in self.readers:
            if reader.wants(track):
                self._announce(reader, track, at)

    def ended(self, track: Track, at: int) -> None:
        """Tell the readers of a track that it is over."""
        for reader in self.readers:
            if reader.wants(track):
                reader.add(tap.entry(tap.GONE, track.identifier, at), 0)

    def reported(self, track: Track, at: int) -> None:
        """Pass a sender report on."""
        body = tap.REPORT_BODY.pack(track.report_ntp, track.report_rtp)
        for reader in self.readers:
            if reader.wants(track):
                reader.add(tap.entry(tap.REPORT, track.identifier, at, body), 0)

    def repeat(self, at: int) -> None:
        """Once a second: announce everything again, complain about the slow."""
        for reader in self.readers:
            reader.complain()
            for track in self._tracks():
                if reader.wants(track):
                    self._announce(reader, track, at)

    def _announce(self, reader: Reader, track: Track, at: int) -> None:
        told = tap.Track(
            track=track.identifier,
            feed=track.feed,
            kind=track.kind,
            codec=track.codec,
            clock_rate=track.clock_rate,
            ssrc=track.ssrc,
            payload_type=track.payload_type,
            peer=track.peer,
        )
        reader.add(tap.track_entry(told, at), 0)

    def _attach(self, track: Track) -> None:
        """Give the track a way to those readers that want it."""
        readers = [reader for reader in self.readers if reader.wants(track)]
        track.tap = _deliver_to(readers) if readers else None

    # ------------------------------------------------------------ out

    def flush(self) -> None:
        """Send what has gathered in this wake-up."""
        if self.dirty:
            dirty, self.dirty = self.dirty, []
            for reader in dirty:
                reader.flush()

    def close(self) -> None:
        """Hang up on everybody."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._socket)
        self._socket.close()
        for reader in self.readers:
            loop.remove_reader(reader.socket)
            reader.socket.close()
        self.readers.clear()
        self._path.unlink(missing_ok=True)


def _deliver_to(readers: list[Reader]) -> Callable[[Track, bytes, int], None]:
    def deliver(track: Track, data: bytes, at: int) -> None:
        entry = _header(tap.RTP, len(data), track.identifier, at) + data
        for reader in readers:
            reader.add(entry)

    return deliver
