"""One incoming RTP stream: what it carries, its last second, its losses, who gets it.

`receive` is the hot path: called once for each decrypted packet, it remembers the packet for
retransmissions, counts, and hands it to each attached slot. What a slot needs to rewrite is put
into one `Arrival` that is used again for every packet.

Loss and jitter: RFC 3550 §6.4.1 and A.8. Missing packets are asked for by NACK (RFC 4585 §6.2.1)
as long as they can still be of use.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from linkup.media.socket import ffi
from linkup.wire import h264, rtp, vp8

if TYPE_CHECKING:
    from linkup.media.forward import Slot

Kind = Literal["audio", "video"]
Codec = Literal["opus", "vp8", "h264"]

CLOCK_RATE: dict[Kind, int] = {"audio": 48_000, "video": 90_000}
HISTORY = {"video": 512, "audio": 128}  # packets: a second at 4 Mb/s, 2.5 s of sound
JUMP = 1500  # sequence numbers; a larger step is a restart of the source
MAX_MISSING = 200  # more at once: not loss but a break, a key frame mends it
NACK_TRIES = 8
NACK_FIRST_NS = 10_000_000  # reordering on the way gets this long
NACK_AGAIN_NS = 60_000_000
NACK_GIVE_UP_NS = 900_000_000
KEYFRAME_EVERY_NS = 1_000_000_000
FREEZE_NS = 500_000_000
ALIVE_NS = 2_000_000_000  # without a packet for this long a track is not alive

_from_buffer = ffi.from_buffer
_unpack = rtp.HEADER.unpack_from


class Arrival:
    """The packet that is being forwarded; overwritten by the next one."""

    __slots__ = (
        "at",
        "body",
        "first",
        "keyframe",
        "marker",
        "number",
        "owner",
        "picture",
        "picture_bits",
        "picture_position",
        "send_time",
        "size",
        "start",
        "timestamp",
        "tl0",
        "tl0_position",
    )

    def __init__(self) -> None:
        self.owner: Any = None  # keeps `body` alive
        self.body: Any = None  # char *: the payload
        self.size = 0  # bytes of it, padding included
        self.start = 0  # offset of the payload in the packet
        self.first = 0x80  # first header byte: version and padding bit
        self.marker = 0  # 0x80 or 0
        self.number = 0  # extended sequence number
        self.timestamp = 0
        self.at = 0
        self.send_time = 0  # 24-bit abs-send-time
        self.keyframe = False  # a decoder can begin here
        self.picture = 0
        self.picture_bits = 0
        self.picture_position = -1  # offset in the payload, -1: none
        self.tl0 = 0
        self.tl0_position = -1


class Missing:
    """A packet that has not come yet."""

    __slots__ = ("due", "since", "tries")

    def __init__(self, at: int) -> None:
        self.since = at
        self.due = at + NACK_FIRST_NS
        self.tries = 0


class Track:
    """One stream of one publisher. `Slot`s attach themselves to it; see `forward.py`."""

    def __init__(
        self,
        feed: str,
        peer: str,
        kind: Kind,
        codec: Codec,
        ssrc: int,
        payload_type: int,
        *,
        profile: str = "",
        audio_level_id: int = 0,
        nack: bool = False,
    ) -> None:
        self.feed = feed
        self.peer = peer
        self.kind: Kind = kind
        self.codec: Codec = codec
        self.clock_rate = CLOCK_RATE[kind]
        self.ssrc = ssrc
        self.payload_type = payload_type
        self.profile = profile  # H.264 profile-level-id
        self.audio_level_id = audio_level_id
        self.nack = nack
        self.identifier = 0  # number on the tap
        self.ended = False
        self.orphaned = False  # its publisher was replaced; kept until the new picture is there
        # who gets it
        self.slots: list[Slot] = []
        self.waiting: list[Slot] = []  # for a key frame
        self.tap: Callable[[Track, bytes, int], None] | None = None
        # what came
        self.arrival = Arrival()
        self._size = HISTORY[kind]
        self._history: list[bytes | None] = [None] * self._size
        self._numbers = [-1] * self._size
        self.first = -1  # extended sequence numbers
        self.newest = -1
        self.newest_timestamp = 0
        self.newest_at = 0
        self.newest_picture = 0
        self.newest_tl0 = 0
        self.packets = 0
        self.octets = 0  # of payload
        self.restarts = 0
        self.invalid = 0
        # quality
        self.missing: dict[int, Missing] = {}
        self.given_up = 0  # packets lost for good
        self.jitter = 0.0  # ticks
        self._transit = 0
        self.frames = 0
        self.freezes = 0
        self._frame_at = 0
        self.width = self.height = 0
        # the publisher's clock, by its sender reports
        self.report_ntp = 0
        self.report_rtp = 0
        self.report_at = 0
        # loudness, RFC 6464: sums since the last look
        self.level_sum = 0
        self.level_count = 0
        # key frames
        self.keyframe_wanted = False
        self._asked_at = -KEYFRAME_EVERY_NS
        self.asked = 0

    # ------------------------------------------------------------ receiving

    def receive(self, data: bytes, at: int) -> bool:
        """Take one decrypted packet that arrived at `at` (ns); False when it is not usable."""
        arrival = self.arrival
        if not self._parse(data, arrival):
            self.invalid += 1
            return False
        number = self._place(arrival, at)
        index = number % self._size
        if self._numbers[index] == number:
            return True  # a second copy: counted by nobody, harmful to nobody
        self._numbers[index] = number
        self._history[index] = data
        self.packets += 1
        self.octets += arrival.size
        arrival.at = at
        if self.slots or self.waiting:
            arrival.send_time = rtp.abs_send_time(at)
        if arrival.keyframe and self.kind == "video":
            self._note_keyframe(data, arrival)
        joined = self._let_in(arrival) if self.waiting and arrival.keyframe else ()
        for slot in self.slots:
            slot.forward(arrival)
        if joined and number < self.newest:
            self._catch_up(joined, number)
        if self.tap is not None:
            self.tap(self, data, at)
        return True

    def _parse(self, data: bytes, arrival: Arrival) -> bool:
        first, second, sequence, timestamp, _ = _unpack(data)
        if second & 0x7F != self.payload_type:
            return False
        size = len(data)
        start = 12 + 4 * (first & 0x0F)
        if first & 0x10:
            if start + 4 > size:
                return False
            block = start + 4
            start = block + 4 * (data[start + 2] << 8 | data[start + 3])
            if self.audio_level_id and start <= size:
                self._note_level(data, block, start)
        if start > size:
            return False
        arrival.owner = data
        arrival.start = start
        arrival.size = size - start
        arrival.body = _from_buffer(data) + start
        arrival.first = 0x80 | first & 0x20
        arrival.marker = second & 0x80
        arrival.number = sequence  # extended by `_place`
        arrival.timestamp = timestamp
        arrival.picture_position = arrival.tl0_position = -1
        if self.kind == "audio":
            arrival.keyframe = True
            return True
        end = size
        if first & 0x20 and size > start:
            end = size - data[-1]
            if end < start:
                return False
        arrival.keyframe = False
        if end == start:  # padding only: a probe for bandwidth
            return True
        if self.codec == "h264":
            arrival.keyframe = h264.is_keyframe(data, start, end)
            return True
        return self._parse_vp8(data, start, end, arrival)

    @staticmethod
    def _parse_vp8(data: bytes, start: int, end: int, arrival: Arrival) -> bool:
        try:
            found = vp8.parse(data, start, end)
        except ValueError:
            return False
        arrival.keyframe = vp8.is_keyframe(data, found, start)
        if found.picture_id_position >= 0:
            arrival.picture = found.picture_id
            arrival.picture_bits = found.picture_id_bits
            arrival.picture_position = found.picture_id_position - start
        if found.tl0picidx_position >= 0:
            arrival.tl0 = found.tl0picidx
            arrival.tl0_position = found.tl0picidx_position - start
        return True

    def _place(self, arrival: Arrival, at: int) -> int:
        """Extend the sequence number, notice gaps, keep jitter and frame counts."""
        newest = self.newest
        sequence = arrival.number
        if newest < 0:
            # One cycle up, so that packets late before the first have numbers too.
            self.first = self.newest = arrival.number = sequence + 65536
            self._advance(arrival, at)
            return arrival.number
        step = ((sequence - newest + 32768) & 0xFFFF) - 32768
        if step > JUMP or step < -JUMP:
            return self._restart(arrival, at)
        number = arrival.number = newest + step
        if step > 0:
            if step > 1 and self.nack:
                self._note_gap(newest + 1, number, at)
            self.newest = number
            self._advance(arrival, at)
        elif self.missing:
            self.missing.pop(number, None)
        return number

    def _advance(self, arrival: Arrival, at: int) -> None:
        timestamp = arrival.timestamp
        transit = at * self.clock_rate // 1_000_000_000 - timestamp
        if self.packets:
            change = abs(((transit - self._transit + 0x80000000) & 0xFFFFFFFF) - 0x80000000)
            self.jitter += (change - self.jitter) / 16
        self._transit = transit
        if timestamp != self.newest_timestamp or not self.packets:
            self.frames += 1
            if self._frame_at and at - self._frame_at > FREEZE_NS:
                self.freezes += 1
            self._frame_at = at
        self.newest_timestamp = timestamp
        self.newest_at = at
        if arrival.picture_position >= 0:
            self.newest_picture = arrival.picture
            self.newest_tl0 = arrival.tl0

    def _restart(self, arrival: Arrival, at: int) -> int:
        """The source jumped: slots wait for its next key frame, numbers go on growing."""
        self.restarts += 1
        for slot in list(self.slots):
            slot.detach()
            if slot.pending is None:
                slot.wait_for(self)
        self.missing.clear()
        base = self.newest + 65536
        number = base + ((arrival.number - base) & 0xFFFF)
        self.first += number - self.newest - 1  # what lies between was never sent
        arrival.number = self.newest = number
        self._transit = at * self.clock_rate // 1_000_000_000 - arrival.timestamp
        self._advance(arrival, at)
        return number

    def _note_gap(self, start: int, end: int, at: int) -> None:
        if len(self.missing) + end - start > MAX_MISSING:
            self.given_up += len(self.missing) + end - start
            self.missing.clear()
            self.keyframe_wanted = self.kind == "video"
            return
        for number in range(start, end):
            self.missing[number] = Missing(at)

    def _note_level(self, data: bytes, block: int, end: int) -> None:
        profile = data[block - 4] << 8 | data[block - 3]
        for identifier, value in rtp.elements(data, block, end, profile):
            if identifier == self.audio_level_id and value:
                self.level_sum -= value[0] & 0x7F
                self.level_count += 1
                return

    def _note_keyframe(self, data: bytes, arrival: Arrival) -> None:
        self.keyframe_wanted = False
        end = arrival.start + arrival.size
        if self.codec == "vp8":
            found = vp8.parse(data, arrival.start, end)
            size = vp8.frame_size(data[arrival.start + found.size : end])
        else:
            try:
                units = h264.nal_units(data[arrival.start : end])
            except ValueError:
                return
            size = next((h264.sps_size(unit) for unit in units if unit[0] & 0x1F == 7), (0, 0))
        if size[0]:
            self.width, self.height = size

    def _let_in(self, arrival: Arrival) -> list[Slot]:
        """Begin with this key frame at every slot that waits for one."""
        waiting, self.waiting = self.waiting, []
        for slot in waiting:
            slot.switch(self, arrival)
        return waiting

    def _catch_up(self, slots: Sequence[Slot], number: int) -> None:
        """The key frame's first packet was late: what overtook it goes out after it."""
        into = Arrival()
        into.send_time = self.arrival.send_time
        for behind in range(number + 1, self.newest + 1):
            packet = self.stored(behind, into)
            if packet is not None:
                for slot in slots:
                    slot.forward(packet)

    # ------------------------------------------------------------ giving again

    def stored(self, number: int, into: Arrival) -> Arrival | None:
        """A packet of about the last second, by its extended sequence number."""
        index = number % self._size
        data = self._history[index] if number >= 0 else None
        if data is None or self._numbers[index] != number:
            return None
        level, self.audio_level_id = self.audio_level_id, 0  # its level has been counted
        usable = self._parse(data, into)
        self.audio_level_id = level
        into.number = number
        return into if usable else None

    # ------------------------------------------------------------ asking for what is missing

    def due_nacks(self, at: int, rtt_ns: int = 0) -> list[int]:
        """Sequence numbers (16 bits) to be asked for now; gives up those that are too old.

        None is asked for again before an answer could have come.
        """
        if not self.missing:
            return []
        due = []
        lost = []
        again = at + max(NACK_AGAIN_NS, rtt_ns + NACK_FIRST_NS)
        for number, missing in self.missing.items():
            if missing.due > at:
                continue
            if missing.tries >= NACK_TRIES or at - missing.since > NACK_GIVE_UP_NS:
                lost.append(number)
                continue
            missing.tries += 1
            missing.due = again
            due.append(number & 0xFFFF)
        for number in lost:
            del self.missing[number]
        self.given_up += len(lost)
        return due

    def request_keyframe(self) -> None:
        """Ask for a key frame: at once, or when the last request is a second old."""
        self.keyframe_wanted = True

    def keyframe_due(self, at: int) -> bool:
        """True once when the publisher must be asked now."""
        if self.waiting and self.kind == "video":
            self.keyframe_wanted = True  # as long as somebody waits, again and again
        if not self.keyframe_wanted or at - self._asked_at < KEYFRAME_EVERY_NS:
            return False
        self._asked_at = at
        self.keyframe_wanted = False
        self.asked += 1
        return True

    # ------------------------------------------------------------ looking at it

    def alive(self, at: int) -> bool:
        """A packet came within the last two seconds."""
        return self.newest >= 0 and at - self.newest_at < ALIVE_NS and not self.ended

    def expected(self) -> int:
        """Packets that should have come so far."""
        return self.newest - self.first + 1 if self.newest >= 0 else 0

    def take_level(self) -> int | None:
        """Mean loudness since the last call in dBov; None when no packet told any."""
        if not self.level_count:
            return None
        level = self.level_sum // self.level_count
        self.level_sum = self.level_count = 0
        return max(-127, min(0, level))

    def note_report(self, ntp: int, timestamp: int, at: int) -> None:
        """The publisher's sender report: its clock and this track's timestamp at that moment."""
        self.report_ntp, self.report_rtp, self.report_at = ntp, timestamp, at

    def end(self, at: int) -> None:
        """Nothing comes any more: slots keep their numbers and let go."""
        self.ended = True
        for slot in list(self.waiting):
            slot.stop_waiting()
        for slot in list(self.slots):
            if slot.pending is None:  # else the old picture stands until the new one is there
                slot.clear(at)


def new_ssrc() -> int:
    """A random SSRC (RFC 3550 §8.1)."""
    return random.SystemRandom().randint(1, 0xFFFFFFFE)
