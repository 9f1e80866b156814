"""H.264 in RTP: RFC 6184 (single NAL units, STAP-A, FU-A: packetization-mode 1), Annex B.

NAL unit types (H.264 table 7-1) that matter here: 5 IDR slice, 7 SPS, 8 PPS, 9 delimiter.
"""

from __future__ import annotations

from collections.abc import Iterator

from linkup.wire.frames import Assembler, Frame
from linkup.wire.rtp import Buffer, Packet

IDR, SPS, PPS, DELIMITER = 5, 7, 8, 9
STAP_A, FU_A = 24, 28
START_CODE = b"\x00\x00\x00\x01"
MAX_PAYLOAD = 1200  # bytes; leaves room for headers, SRTP and tunnels in a 1280-byte path


def nal_types(data: Buffer, start: int = 0, end: int | None = None) -> list[int]:
    """Types of the NAL units that *begin* in this RTP payload."""
    if end is None:
        end = len(data)
    if start >= end:
        return []
    kind = data[start] & 0x1F
    if kind == STAP_A:
        out = []
        position = start + 1
        while position + 2 < end:
            length = data[position] << 8 | data[position + 1]
            out.append(data[position + 2] & 0x1F)
            position += 2 + length
        return out
    if kind == FU_A:
        if start + 1 < end and data[start + 1] & 0x80:
            return [data[start + 1] & 0x1F]
        return []
    return [kind] if 0 < kind < 24 else []


def is_keyframe(data: Buffer, start: int = 0, end: int | None = None) -> bool:
    """True when a decoder can begin with this payload: it carries a sequence parameter set."""
    if end is None:
        end = len(data)
    if start >= end:
        return False
    kind = data[start] & 0x1F  # decided by one byte for nearly every packet
    if kind == STAP_A:
        return SPS in nal_types(data, start, end)
    if kind == FU_A:
        return start + 1 < end and data[start + 1] & 0x9F == 0x80 | SPS
    return kind == SPS


def nal_units(payload: bytes) -> list[bytes]:
    """The whole NAL units of a payload that is not a fragment. Raises `ValueError`."""
    if not payload:
        raise ValueError("empty H.264 payload")
    kind = payload[0] & 0x1F
    if kind == STAP_A:
        out = []
        position = 1
        while position < len(payload):
            length = int.from_bytes(payload[position : position + 2], "big")
            unit = payload[position + 2 : position + 2 + length]
            if not length or len(unit) < length:
                raise ValueError("STAP-A is cut off")
            out.append(unit)
            position += 2 + length
        return out
    if not 0 < kind < 24:
        raise ValueError(f"H.264 payload of type {kind} is not supported")
    return [payload]


class AccessUnitAssembler(Assembler):
    """Packets of one H.264 track → access units in Annex B."""

    def __init__(self) -> None:
        super().__init__()
        self._fragment: list[bytes] = []

    def push(self, number: int, packet: Packet, at: int) -> Frame | None:
        """Take the next packet (extended sequence number `number`); give a frame it completes."""
        expected, before = self._expected, self._timestamp
        self._begin(number, packet.timestamp)
        if number != expected:  # lost something, or joined in the middle
            # No flag marks an access unit's first packet: what follows a loss may lack its head.
            self._damaged = self._damaged or packet.timestamp == before or not self._starts(packet)
            self._fragment.clear()
        if packet.start == packet.end:
            return None
        try:
            self._take(packet.payload)
        except ValueError:
            self._damaged = True
        if not packet.marker:
            return None
        if self._damaged or self._fragment or not self._parts:
            self._fragment.clear()
            self._discard()
            self._damaged = False
            return None
        return self._complete(at)

    @staticmethod
    def _starts(packet: Packet) -> bool:
        """An access unit can be taken as whole from here, though what came before is unknown.

        A non-IDR slice with first_mb_in_slice = 0 has the bit 1 right behind the NAL header. An IDR
        slice, a PPS or an SEI does not begin one: an SPS sent before may be what was lost.
        """
        data, start, end = packet.data, packet.start, packet.end
        types = nal_types(data, start, end)
        if not types or types[0] != 1:
            return bool(types) and types[0] in (SPS, DELIMITER)
        head = start + {FU_A: 2, STAP_A: 4}.get(data[start] & 0x1F, 1)
        return head < end and data[head] > 127

    def _take(self, payload: bytes) -> None:
        if payload[0] & 0x1F != FU_A:
            if self._fragment:
                self._fragment.clear()
                raise ValueError("a fragmented NAL unit has no end")
            for unit in nal_units(payload):
                self._add(START_CODE + unit)
            return
        if len(payload) < 3:
            raise ValueError("FU-A is cut off")
        indicator, header = payload[0], payload[1]
        if header & 0x80:
            self._fragment = [START_CODE, bytes((indicator & 0xE0 | header & 0x1F,))]
        elif not self._fragment:
            raise ValueError("a fragmented NAL unit has no beginning")
        if self._size + len(self._fragment) * MAX_PAYLOAD > self.LIMIT:
            self._fragment.clear()
            raise ValueError("a fragmented NAL unit never ends")
        self._fragment.append(payload[2:])
        if header & 0x40:
            self._add(b"".join(self._fragment))
            self._fragment = []

    def _complete(self, at: int) -> Frame:
        keyframe, size = False, (0, 0)
        for part in self._parts:
            kind = part[4] & 0x1F
            if kind == IDR:
                keyframe = True
            elif kind == SPS:
                size = sps_size(part[4:])
        return self._finish(at, keyframe, size)


def split_annex_b(data: Buffer) -> Iterator[bytes]:
    """The NAL units of an Annex B byte stream, without start codes."""
    stream = bytes(data)
    position = stream.find(b"\x00\x00\x01")
    while position >= 0:
        begin = position + 3
        position = stream.find(b"\x00\x00\x01", begin)
        unit = stream[begin:] if position < 0 else stream[begin:position]
        unit = unit.rstrip(b"\x00")  # trailing zeros belong to the next start code (B.1.1)
        if unit:
            yield unit


def packetise(access_unit: Buffer, max_payload: int = MAX_PAYLOAD) -> list[bytes]:
    """RTP payloads of one Annex B access unit; the marker bit belongs to the last.

    Small neighbours (SPS, PPS, SEI) share a STAP-A, units longer than `max_payload` bytes become
    FU-A. Access unit delimiters are left out: they mean nothing in RTP.
    """
    out: list[bytes] = []
    together: list[bytes] = []

    def close() -> None:
        if len(together) == 1:
            out.append(together[0])
        elif together:
            importance = max(unit[0] & 0x60 for unit in together)
            body = b"".join(len(unit).to_bytes(2, "big") + unit for unit in together)
            out.append(bytes((importance | STAP_A,)) + body)
        together.clear()

    for unit in split_annex_b(access_unit):
        if unit[0] & 0x1F == DELIMITER:
            continue
        if len(unit) > max_payload:
            close()
            out.extend(_fragments(unit, max_payload))
            continue
        if 1 + sum(2 + len(each) for each in (*together, unit)) > max_payload:
            close()
        together.append(unit)
    close()
    return out


def _fragments(unit: bytes, max_payload: int) -> Iterator[bytes]:
    indicator, kind = unit[0] & 0xE0 | FU_A, unit[0] & 0x1F
    room = max_payload - 2
    for position in range(1, len(unit), room):
        part = unit[position : position + room]
        flags = (0x80 if position == 1 else 0) | (0x40 if position + room >= len(unit) else 0)
        yield bytes((indicator, flags | kind)) + part


class _Bits:
    """Reads an RBSP (H.264 §7.2), Exp-Golomb included (§9.1)."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def read(self, count: int) -> int:
        value = 0
        for _ in range(count):
            byte = self._data[self._position >> 3]
            value = value << 1 | byte >> (7 - (self._position & 7)) & 1
            self._position += 1
        return value

    def unsigned(self) -> int:
        zeros = 0
        while not self.read(1):
            zeros += 1
            if zeros > 32:
                raise ValueError("bad Exp-Golomb code")
        return (1 << zeros) - 1 + self.read(zeros)

    def signed(self) -> int:
        value = self.unsigned()
        return (value + 1) // 2 if value & 1 else -(value // 2)


_HIGH_PROFILES = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135}


def sps_size(unit: bytes) -> tuple[int, int]:
    """`(width, height)` in pixels from a sequence parameter set; `(0, 0)` when it is not one."""
    try:
        return _sps_size(unit)
    except (IndexError, ValueError):
        return 0, 0


def _sps_size(unit: bytes) -> tuple[int, int]:  # H.264 §7.3.2.1.1
    if unit[0] & 0x1F != SPS:
        return 0, 0
    profile = unit[1]
    bits = _Bits(unit[4:].replace(b"\x00\x00\x03", b"\x00\x00"))
    bits.unsigned()  # id
    chroma = 1
    if profile in _HIGH_PROFILES:
        chroma = bits.unsigned()
        if chroma == 3:
            bits.read(1)
        bits.unsigned()
        bits.unsigned()
        bits.read(1)
        if bits.read(1):
            for index in range(8 if chroma != 3 else 12):
                if bits.read(1):
                    _skip_scaling_list(bits, 16 if index < 6 else 64)
    bits.unsigned()
    order = bits.unsigned()
    if order == 0:
        bits.unsigned()
    elif order == 1:
        bits.read(1)
        bits.signed()
        bits.signed()
        for _ in range(bits.unsigned() & 0xFF):
            bits.signed()
    bits.unsigned()
    bits.read(1)
    width = (bits.unsigned() + 1) * 16
    map_units = bits.unsigned() + 1
    frames_only = bits.read(1)
    height = (2 - frames_only) * map_units * 16
    if not frames_only:
        bits.read(1)
    bits.read(1)
    if bits.read(1):
        horizontal = 2 if chroma in (1, 2) else 1
        vertical = (2 if chroma == 1 else 1) * (2 - frames_only)
        left, right, top, bottom = (bits.unsigned() for _ in range(4))
        width -= (left + right) * horizontal
        height -= (top + bottom) * vertical
    return (width, height) if 0 < width <= 16384 and 0 < height <= 16384 else (0, 0)


def _skip_scaling_list(bits: _Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.signed()) % 256
        last = following or last
