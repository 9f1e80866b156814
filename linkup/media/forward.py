"""A receive slot of a peer: any track in, one steady RTP stream out.

The SSRC never changes. When the slot switches, sequence numbers, timestamps and VP8 picture ids
go on from where the last track was: each is the track's own plus an offset that is set at the
switch. A gap of the track therefore stays a gap, and a retransmission fills it.

Nothing is counted per packet that the track counts already: a slot remembers the track's numbers
at the switch and subtracts.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import structlog

from linkup import clock
from linkup.media.socket import MAX_PACKET, OUT_SIZE, RUN, Lane, Outbox, ffi
from linkup.media.srtp import protect as srtp_protect
from linkup.wire import rtp
from linkup.wire.rtp import abs_send_time

if TYPE_CHECKING:
    from linkup.media.track import Arrival, Kind, Track

log = structlog.get_logger()

_memmove = ffi.memmove
_pack_header = rtp.HEADER.pack_into
_MASK = 0xFFFFFFFF
# A header with one RFC 8285 element: abs-send-time, three bytes.
_TIMED = struct.Struct("!BBHIIHHBBH")
_pack_timed = _TIMED.pack_into
_LARGEST = MAX_PACKET - _TIMED.size
PROFILES = ("42e0", "4200", "4d00", "6400")  # H.264 profiles that a slot may take


class Way(Lane):
    """How packets leave to one peer: shared by its slots, open when it is connected."""

    def __init__(self, peer: str, box: Outbox, name: Any) -> None:
        super().__init__(name)
        self.peer = peer
        self.box = box
        self.context: Any = None  # libsrtp
        self.open = False
        self.packets = 0  # of media sent to this peer, retransmissions included
        self.octets = 0
        self.failed = 0  # could not be protected or were too long


class Slot:
    """One `sendonly` m-line. `show` decides what it carries; `forward` is the hot path."""

    def __init__(
        self,
        way: Way,
        kind: Kind,
        index: int,
        mid: str,
        ssrc: int,
        payload_types: dict[str, int],
        shown: Callable[[Slot, str | None, int], None],
        send_time_id: int = 0,
    ) -> None:
        self.way = way
        self.send_time_id = send_time_id  # header extension abs-send-time, 0: not negotiated
        self.kind: Kind = kind
        self.index = index
        self.mid = mid
        self.ssrc = ssrc
        self.payload_types = payload_types  # "vp8", "opus", "h264:42e0", …
        self._shown = shown
        self.wanted: str | None = None  # feed id
        self.showing: str | None = None
        self.track: Track | None = None
        self.pending: Track | None = None
        self._offset = 0
        self._floor = 0
        self._timestamp_offset = 0
        self._picture_offset = 0
        self._tl0_offset = 0
        self._payload_type = 0
        # where the last track left off
        self._last_number = 65536 + random.randrange(1, 20_000)
        self._last_timestamp = random.randrange(1 << 32)
        self._last_at = 0
        self._last_picture = random.randrange(1 << 15)
        self._last_tl0 = random.randrange(1 << 8)
        self._packets = 0
        self._octets = 0
        self._packets_at_switch = 0
        self._octets_at_switch = 0
        self.nacked = 0
        self.answered = 0

    # ------------------------------------------------------------ hot path

    def forward(self, packet: Arrival) -> None:
        """Rewrite, protect and queue one packet of the track."""
        number = packet.number + self._offset
        way = self.way
        if number < self._floor or not way.open:
            return
        size = packet.size
        if size > _LARGEST:
            way.failed += 1
            return
        index = way.count
        if index == RUN:
            way.box.flush()
            index = 0
        if not index:
            way.box.dirty.append(way)
        memory = way.memory
        base = index * OUT_SIZE
        identifier = self.send_time_id
        if identifier:
            head = 20
            send_time = packet.send_time
            _pack_timed(
                memory,
                base,
                packet.first | 0x10,
                packet.marker | self._payload_type,
                number & 0xFFFF,
                packet.timestamp + self._timestamp_offset & _MASK,
                self.ssrc,
                0xBEDE,
                1,
                identifier << 4 | 2,
                send_time >> 16,
                send_time & 0xFFFF,
            )
            _memmove(way.timed_bodies[index], packet.body, size)
        else:
            head = 12
            _pack_header(
                memory,
                base,
                packet.first,
                packet.marker | self._payload_type,
                number & 0xFFFF,
                packet.timestamp + self._timestamp_offset & _MASK,
                self.ssrc,
            )
            _memmove(way.bodies[index], packet.body, size)
        position = packet.picture_position
        if position >= 0:
            position += base + head
            picture = packet.picture + self._picture_offset
            if packet.picture_bits == 15:
                memory[position] = 0x80 | picture >> 8 & 0x7F
                memory[position + 1] = picture & 0xFF
            else:
                memory[position] = picture & 0x7F
            if packet.tl0_position >= 0:
                memory[packet.tl0_position + base + head] = packet.tl0 + self._tl0_offset & 0xFF
        length = way.lengths[index]
        length[0] = size + head
        if srtp_protect(way.context, way.pointers[index], length):
            way.failed += 1
            return
        way.count = index + 1
        way.packets += 1
        way.octets += size

    # ------------------------------------------------------------ switching

    def accepts(self, track: Track) -> bool:
        """The receiver has negotiated this track's codec."""
        return self._payload_type_of(track) is not None

    def _payload_type_of(self, track: Track) -> int | None:
        if track.codec != "h264":
            return self.payload_types.get(track.codec)
        exact = self.payload_types.get(f"h264:{track.profile[:4].lower()}")
        if exact is not None:
            return exact
        return next(
            (
                self.payload_types[f"h264:{profile}"]
                for profile in PROFILES
                if f"h264:{profile}" in self.payload_types
            ),
            None,
        )

    def wait_for(self, track: Track) -> None:
        """Change to `track` at its next key frame; what is shown until then goes on."""
        if self.pending is track or (self.track is track and self.pending is None):
            return
        self.stop_waiting()
        if self.track is track:
            return
        self.pending = track
        track.waiting.append(self)
        track.request_keyframe()

    def stop_waiting(self) -> None:
        """Give up a change that has not happened yet."""
        pending, self.pending = self.pending, None
        if pending is not None and self in pending.waiting:
            pending.waiting.remove(self)

    def switch(self, track: Track, packet: Arrival) -> None:
        """`packet`, not yet forwarded, is the first of `track` that goes out here."""
        self.pending = None
        old = self.track
        if old is not None:
            self._leave(old)
        self.track = track
        elapsed = (packet.at - self._last_at) * track.clock_rate // 1_000_000_000
        ticks = max(1, elapsed) if self._last_at else 0
        self._offset = self._last_number + 1 - packet.number
        self._floor = self._last_number + 1
        self._timestamp_offset = self._last_timestamp + ticks - packet.timestamp
        self._picture_offset = self._last_picture + 1 - packet.picture
        self._tl0_offset = self._last_tl0 + 1 - packet.tl0
        self._payload_type = self._payload_type_of(track) or 0
        self._packets_at_switch = track.packets - 1
        self._octets_at_switch = track.octets - packet.size
        track.slots.append(self)
        self._tell(track.feed, packet.at)

    def detach(self) -> None:
        """Carry nothing; a later track goes on with the next numbers."""
        if self.track is not None:
            self._leave(self.track)
            self.track = None

    def _leave(self, track: Track) -> None:
        if self in track.slots:
            track.slots.remove(self)
        self._last_number = max(self._last_number, track.newest + self._offset)
        self._last_timestamp = track.newest_timestamp + self._timestamp_offset & _MASK
        self._last_at = track.newest_at
        self._last_picture = track.newest_picture + self._picture_offset & 0x7FFF
        self._last_tl0 = track.newest_tl0 + self._tl0_offset & 0xFF
        self._packets += track.packets - self._packets_at_switch
        self._octets += track.octets - self._octets_at_switch

    def clear(self, at: int) -> None:
        """Show nothing from now on."""
        self.stop_waiting()
        self.detach()
        self._tell(None, at)

    def refused(self, track: Track) -> None:
        """Say in the log, once a change, why this slot stays empty."""
        log.warning(
            "feed not shown: its codec was not negotiated by the receiver",
            feed=track.feed,
            codec=track.codec,
            receiver=self.way.peer,
            offered=sorted(self.payload_types),
        )

    def _tell(self, feed: str | None, at: int) -> None:
        if feed != self.showing:
            self.showing = feed
            self._shown(self, feed, at)

    # ------------------------------------------------------------ reports and retransmissions

    def counts(self) -> tuple[int, int]:
        """`(packets, octets)` sent so far, as a sender report tells them."""
        track = self.track
        if track is None:
            return self._packets, self._octets
        return (
            self._packets + track.packets - self._packets_at_switch,
            self._octets + track.octets - self._octets_at_switch,
        )

    def timestamp(self, of_track: int) -> int:
        """The outgoing timestamp that stands for a timestamp of the track."""
        return of_track + self._timestamp_offset & _MASK

    def retransmit(self, sequences: tuple[int, ...], into: Arrival) -> None:
        """Answer a NACK from the track's history, as far as it reaches back to the last switch."""
        track = self.track
        self.nacked += len(sequences)
        if track is None:
            return
        newest = track.newest + self._offset
        into.send_time = abs_send_time(clock.now_ns())
        for sequence in sequences:
            number = newest + ((sequence - newest + 32768) & 0xFFFF) - 32768
            if number < self._floor:
                continue
            packet = track.stored(number - self._offset, into)
            if packet is not None:
                self.forward(packet)
                self.answered += 1
