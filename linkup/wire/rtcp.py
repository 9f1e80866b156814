"""RTCP: reports (RFC 3550 §6), feedback (RFC 4585, 5104), REMB (draft-alvestrand-rmcat-remb).

`parse` never raises: it gives every packet of a compound that is understood, passes over those
that are not, and stops at the first that is cut off.
"""

from __future__ import annotations

import contextlib
import struct

import msgspec

from linkup.wire.rtp import Buffer

SR, RR, SDES, BYE, APP, RTPFB, PSFB = 200, 201, 202, 203, 204, 205, 206
_NACK, _PLI, _FIR, _ALFB = 1, 1, 4, 15
_HEADER = struct.Struct("!BBH")
_BLOCK = struct.Struct("!IB3sIIII")
_SENDER = struct.Struct("!IQIII")
_MAX_BLOCKS = 31
NTP_EPOCH_S = 2_208_988_800  # 1900 → 1970


class Block(msgspec.Struct, frozen=True):
    """One report block (RFC 3550 §6.4.1)."""

    ssrc: int
    fraction: int  # lost since the last report, in 1/256
    lost: int  # in all, may be negative with duplicates
    highest: int  # extended highest sequence number received
    jitter: int  # in ticks of the track's clock
    lsr: int  # middle 32 bits of the NTP time of the last SR, 0: none
    dlsr: int  # since then, in 1/65536 s


class SenderReport(msgspec.Struct, frozen=True):
    ssrc: int
    ntp: int  # 32.32 fixed point seconds since 1900
    rtp: int
    packets: int
    octets: int
    blocks: tuple[Block, ...] = ()


class ReceiverReport(msgspec.Struct, frozen=True):
    ssrc: int
    blocks: tuple[Block, ...] = ()


class Description(msgspec.Struct, frozen=True):
    """SDES with a CNAME."""

    ssrc: int
    cname: str


class Bye(msgspec.Struct, frozen=True):
    ssrcs: tuple[int, ...]


class Nack(msgspec.Struct, frozen=True):
    """Generic NACK (RFC 4585 §6.2.1): sequence numbers that are missing."""

    sender: int
    media: int
    lost: tuple[int, ...]


class Pli(msgspec.Struct, frozen=True):
    """Picture loss indication (RFC 4585 §6.3.1): a key frame is wanted."""

    sender: int
    media: int


class Fir(msgspec.Struct, frozen=True):
    """Full intra request (RFC 5104 §4.3.1): `(ssrc, command number)` of each entry."""

    sender: int
    entries: tuple[tuple[int, int], ...]


class Remb(msgspec.Struct, frozen=True):
    """Receiver's estimate of the available bit rate, bits/s."""

    sender: int
    bitrate: int
    ssrcs: tuple[int, ...]


Report = SenderReport | ReceiverReport | Description | Bye | Nack | Pli | Fir | Remb


def is_rtcp(data: Buffer) -> bool:
    """Demultiplexes RTCP from RTP on one port (RFC 5761 §4)."""
    return len(data) >= 8 and data[0] >> 6 == 2 and 192 <= data[1] <= 223


# ---------------------------------------------------------------- reading


def parse(data: Buffer) -> list[Report]:
    """All packets of a compound that are understood."""
    out: list[Report] = []
    position, end = 0, len(data)
    while position + 4 <= end:
        first, kind, words = _HEADER.unpack_from(data, position)
        stop = position + 4 + 4 * words
        if first >> 6 != 2 or stop > end:
            break
        body = bytes(data[position + 4 : stop])
        if first & 0x20 and body:  # padding
            body = body[: max(0, len(body) - body[-1])]
        # What is not what it says is passed over; the next may be.
        with contextlib.suppress(struct.error, IndexError, ValueError):
            _read(kind, first & 0x1F, body, out)
        position = stop
    return out


def _read(kind: int, count: int, body: bytes, out: list[Report]) -> None:
    if kind == SR:
        ssrc, ntp, rtp, packets, octets = _SENDER.unpack_from(body)
        out.append(SenderReport(ssrc, ntp, rtp, packets, octets, _blocks(body, 24, count)))
    elif kind == RR:
        out.append(ReceiverReport(_word(body, 0), _blocks(body, 4, count)))
    elif kind == SDES:
        _read_sdes(body, count, out)
    elif kind == BYE:
        out.append(Bye(struct.unpack_from(f"!{count}I", body)))
    elif kind == RTPFB and count == _NACK:
        out.append(Nack(_word(body, 0), _word(body, 4), _lost(body)))
    elif kind == PSFB and count == _PLI:
        out.append(Pli(_word(body, 0), _word(body, 4)))
    elif kind == PSFB and count == _FIR:
        entries = tuple((_word(body, at), body[at + 4]) for at in range(8, len(body) - 7, 8))
        out.append(Fir(_word(body, 0), entries))
    elif kind == PSFB and count == _ALFB and body[8:12] == b"REMB":
        mantissa = (body[13] & 3) << 16 | body[14] << 8 | body[15]
        ssrcs = struct.unpack_from(f"!{body[12]}I", body, 16)
        out.append(Remb(_word(body, 0), mantissa << (body[13] >> 2), ssrcs))


def _word(body: bytes, at: int) -> int:
    value: int = struct.unpack_from("!I", body, at)[0]
    return value


def _blocks(body: bytes, start: int, count: int) -> tuple[Block, ...]:
    out = []
    for index in range(count):
        ssrc, fraction, lost, highest, jitter, lsr, dlsr = _BLOCK.unpack_from(
            body, start + index * _BLOCK.size
        )
        signed = int.from_bytes(lost, "big", signed=True)
        out.append(Block(ssrc, fraction, signed, highest, jitter, lsr, dlsr))
    return tuple(out)


def _read_sdes(body: bytes, count: int, out: list[Report]) -> None:
    position = 0
    for _ in range(count):
        ssrc = _word(body, position)
        position += 4
        while body[position]:
            kind, length = body[position], body[position + 1]
            text = body[position + 2 : position + 2 + length]
            if kind == 1:
                out.append(Description(ssrc, text.decode("utf-8", "replace")))
            position += 2 + length
        position += 4 - position % 4


def _lost(body: bytes) -> tuple[int, ...]:
    out = []
    for at in range(8, len(body) - 3, 4):
        first, mask = struct.unpack_from("!HH", body, at)
        out.append(first)
        out.extend((first + 1 + bit) & 0xFFFF for bit in range(16) if mask >> bit & 1)
    return tuple(out)


# ---------------------------------------------------------------- writing


def build(*reports: Report) -> bytes:
    """One compound packet."""
    return b"".join(_write(report) for report in reports)


def _packet(kind: int, count: int, body: bytes) -> bytes:
    return _HEADER.pack(0x80 | count, kind, len(body) // 4) + body


def _write(report: Report) -> bytes:
    match report:
        case SenderReport():
            body = _SENDER.pack(
                report.ssrc,
                report.ntp & 0xFFFFFFFFFFFFFFFF,
                report.rtp & 0xFFFFFFFF,
                report.packets & 0xFFFFFFFF,
                report.octets & 0xFFFFFFFF,
            )
            return _packet(SR, len(report.blocks), body + _write_blocks(report.blocks))
        case ReceiverReport():
            body = struct.pack("!I", report.ssrc) + _write_blocks(report.blocks)
            return _packet(RR, len(report.blocks), body)
        case Description():
            text = report.cname.encode()[:255]
            body = struct.pack("!IBB", report.ssrc, 1, len(text)) + text + b"\0"
            return _packet(SDES, 1, body + bytes(-len(body) % 4))
        case Bye():
            body = struct.pack(f"!{len(report.ssrcs)}I", *report.ssrcs)
            return _packet(BYE, len(report.ssrcs), body)
        case Nack():
            body = struct.pack("!II", report.sender, report.media) + _write_lost(report.lost)
            return _packet(RTPFB, _NACK, body)
        case Pli():
            return _packet(PSFB, _PLI, struct.pack("!II", report.sender, report.media))
        case Fir():
            body = struct.pack("!II", report.sender, 0)
            for ssrc, number in report.entries:
                body += struct.pack("!IB3x", ssrc, number & 0xFF)
            return _packet(PSFB, _FIR, body)
        case Remb():
            return _packet(PSFB, _ALFB, _write_remb(report))


def _write_blocks(blocks: tuple[Block, ...]) -> bytes:
    if len(blocks) > _MAX_BLOCKS:
        raise ValueError("more than 31 report blocks in one report")
    return b"".join(
        _BLOCK.pack(
            block.ssrc,
            block.fraction,
            max(-0x800000, min(0x7FFFFF, block.lost)).to_bytes(3, "big", signed=True),
            block.highest & 0xFFFFFFFF,
            block.jitter & 0xFFFFFFFF,
            block.lsr & 0xFFFFFFFF,
            block.dlsr & 0xFFFFFFFF,
        )
        for block in blocks
    )


def _write_lost(lost: tuple[int, ...]) -> bytes:
    """Pairs of a first number and a mask of the 16 that follow (RFC 4585 figure 4)."""
    out = b""
    waiting = list(lost)
    while waiting:
        first, mask, rest = waiting[0], 0, []
        for number in waiting[1:]:
            ahead = (number - first) & 0xFFFF
            if 0 < ahead <= 16:
                mask |= 1 << (ahead - 1)
            elif ahead:
                rest.append(number)
        out += struct.pack("!HH", first & 0xFFFF, mask)
        waiting = rest
    return out


def _write_remb(report: Remb) -> bytes:
    exponent = max(0, report.bitrate.bit_length() - 18)
    mantissa = report.bitrate >> exponent
    head = struct.pack("!II4sB", report.sender, 0, b"REMB", len(report.ssrcs))
    rate = bytes((exponent << 2 | mantissa >> 16, mantissa >> 8 & 0xFF, mantissa & 0xFF))
    return head + rate + struct.pack(f"!{len(report.ssrcs)}I", *report.ssrcs)


# ---------------------------------------------------------------- time


def ntp_from_utc_ns(utc_ns: int) -> int:
    """32.32 NTP time of UTC nanoseconds since 1970."""
    seconds, nanoseconds = divmod(utc_ns, 1_000_000_000)
    return (seconds + NTP_EPOCH_S) << 32 | (nanoseconds << 32) // 1_000_000_000


def utc_ns_from_ntp(ntp: int) -> int:
    """UTC nanoseconds since 1970 of a 32.32 NTP time."""
    return ((ntp >> 32) - NTP_EPOCH_S) * 1_000_000_000 + ((ntp & 0xFFFFFFFF) * 1_000_000_000 >> 32)


def middle(ntp: int) -> int:
    """The middle 32 bits, as LSR carries them."""
    return ntp >> 16 & 0xFFFFFFFF
