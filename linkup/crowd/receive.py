"""Counts what arrives in each receive slot, and asks for what does not. Pure: time is handed in.

A slot keeps one SSRC and one run of sequence numbers for ever, whatever feed it shows: so every
hole in it is a loss, and a switch must not make one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from linkup.wire import rtcp, rtp
from linkup.wire.sequence import Unwrapper

GIVE_UP_S = 1.0  # a packet that is still missing then is lost
ASK_AFTER_S = 0.015  # a reordered packet may still come by itself
ASK_AGAIN_S = 0.12
MAX_MISSING = 1000  # a longer hole is a new run of numbers, and counted as a restart
MAX_ASKED = 64  # sequence numbers in one NACK
_FROZEN_S = 0.5  # a longer gap between two frames is a freeze


@dataclass
class SlotCounts:
    """What one slot has received."""

    packets: int = 0
    octets: int = 0
    lost: int = 0  # never came
    recovered: int = 0  # came after a NACK, or very late
    duplicates: int = 0
    reordered: int = 0
    restarts: int = 0  # jumps in the sequence numbers that are no loss but a defect
    frames: int = 0  # video: ends of frames; audio: packets
    keyframes: int = 0
    freezes: int = 0
    longest_gap_ms: float = 0.0  # between two frames
    first_at: float | None = None  # time of the first frame, as handed in


@dataclass
class _Missing:
    since: float
    asked: float = -1e9  # never


@dataclass
class Slot:
    """One receive slot."""

    mid: str
    kind: str  # "audio" or "video"
    ssrc: int  # 0: not known before the first packet
    clock_rate: int
    counts: SlotCounts = field(default_factory=SlotCounts)
    report: rtcp.SenderReport | None = None
    _numbers: Unwrapper = field(default_factory=Unwrapper)
    _first: int = 0
    _missing: dict[int, _Missing] = field(default_factory=dict)
    _jitter: float = 0.0
    _transit: float | None = None
    _last_frame_at: float | None = None
    _report_at: float = 0.0
    _before: tuple[int, int] = (0, 0)  # expected and received at the last receiver report
    _key_seen: bool = False

    def take(self, packet: bytes, codec: str, now: float) -> None:
        """One decrypted RTP packet of this slot."""
        first, second, sequence, timestamp, _ = rtp.HEADER.unpack_from(packet)
        counts = self.counts
        newest = self._numbers.newest
        number = self._numbers.unwrap(sequence)
        counts.packets += 1
        counts.octets += len(packet)
        if newest is None:
            self._first = number
        elif number > newest:
            self._hole(newest + 1, number, now)
        elif self._missing.pop(number, None) is not None:
            counts.reordered += 1
            counts.recovered += 1
        else:
            counts.duplicates += 1
            return
        self._measure_jitter(timestamp, now)
        if self.kind == "audio":
            self._frame_ended(now)
            return
        if self._is_keyframe(packet, codec, first):
            counts.keyframes += 1
            self._key_seen = True
        if second & 0x80 and self._key_seen:
            self._frame_ended(now)

    def _hole(self, begin: int, end: int, now: float) -> None:
        if end - begin > MAX_MISSING:
            self.counts.restarts += 1
            self._missing.clear()
            self._first = end
            self._before = (0, 0)
            return
        for number in range(begin, end):
            self._missing[number] = _Missing(now)

    def _frame_ended(self, now: float) -> None:
        counts = self.counts
        counts.frames += 1
        if counts.first_at is None:
            counts.first_at = now
        elif self._last_frame_at is not None:
            gap = now - self._last_frame_at
            counts.longest_gap_ms = max(counts.longest_gap_ms, gap * 1000)
            counts.freezes += self.kind == "video" and gap > _FROZEN_S
        self._last_frame_at = now

    def _is_keyframe(self, packet: bytes, codec: str, first: int) -> bool:
        """Only the first packet of a key frame says yes."""
        at = 12 + 4 * (first & 0x0F)
        if first & 0x10:
            at += 4 + 4 * int.from_bytes(packet[at + 2 : at + 4], "big")
        body = packet[at : at + 64]
        if not body:
            return False
        if codec == "h264":
            kind = body[0] & 0x1F
            inside = body[1] & 0x9F if kind == 28 and len(body) > 1 else 0
            return kind in (5, 7) or inside == 0x85 or (kind == 24 and body[3:4] == b"\x67")
        if not body[0] & 0x10 or body[0] & 0x07:
            return False
        size = 1
        if body[0] & 0x80 and len(body) > 2:
            flags = body[1]
            size = 2
            if flags & 0x80:
                size += 2 if body[2] & 0x80 else 1
            size += bool(flags & 0x40) + bool(flags & 0x30)
        return len(body) > size and not body[size] & 0x01

    def _measure_jitter(self, timestamp: int, now: float) -> None:
        """RFC 3550 §6.4.1, in ticks of the slot's clock."""
        transit = now * self.clock_rate - timestamp
        if self._transit is not None:
            difference = abs(transit - self._transit)
            if difference < self.clock_rate:  # a switch, or the timestamp wrapped around
                self._jitter += (difference - self._jitter) / 16
        self._transit = transit

    # ------------------------------------------------------------ what to say

    def ask(self, now: float) -> tuple[list[int], bool]:
        """Sequence numbers to ask for again, and whether a key frame is needed instead."""
        asked: list[int] = []
        gave_up = False
        for number, missing in list(self._missing.items()):
            if now - missing.since > GIVE_UP_S:
                del self._missing[number]
                self.counts.lost += 1
                gave_up = True
            elif (
                len(asked) < MAX_ASKED
                and now - missing.since >= ASK_AFTER_S
                and now - missing.asked >= ASK_AGAIN_S
            ):
                missing.asked = now
                asked.append(number & 0xFFFF)
        return asked, gave_up and self.kind == "video"

    def settle(self, now: float) -> None:
        """At the end: what is missing for longer than a retransmission takes is lost."""
        late = [each for each in self._missing.values() if now - each.since > ASK_AGAIN_S]
        self.counts.lost += len(late)
        self._missing.clear()

    def take_report(self, report: rtcp.SenderReport, now: float) -> None:
        """The server's sender report of this slot."""
        self.report, self._report_at = report, now

    def block(self, now: float) -> rtcp.Block | None:
        """Our report block, None before the first packet."""
        newest = self._numbers.newest
        if newest is None:
            return None
        counts = self.counts
        expected = newest - self._first + 1
        received = counts.packets - counts.duplicates
        wanted, got = expected - self._before[0], received - self._before[1]
        self._before = (expected, received)
        share = 0 if wanted <= 0 else max(0, min(255, (wanted - got) * 256 // wanted))
        lost = len(self._missing) + counts.lost
        report = self.report
        lsr = rtcp.middle(report.ntp) if report else 0
        dlsr = round((now - self._report_at) * 65536) if report else 0
        return rtcp.Block(self.ssrc, share, lost, newest, round(self._jitter), lsr, dlsr)


class Receiver:
    """All receive slots of one client, found by SSRC or by the mid extension."""

    def __init__(self, slots: list[Slot], codecs: dict[int, str], mid_id: int | None) -> None:
        self.slots = slots
        self.unmapped = 0  # packets that belong to no slot
        self._codecs = codecs
        self._mid_id = mid_id
        self._by_ssrc = {slot.ssrc: slot for slot in slots if slot.ssrc}
        self._by_mid = {slot.mid: slot for slot in slots}

    def take(self, packet: bytes, now: float) -> None:
        """One decrypted RTP packet."""
        if len(packet) < rtp.HEADER_BYTES:
            return
        slot = self._by_ssrc.get(int.from_bytes(packet[8:12], "big")) or self._learn(packet)
        if slot is None:
            self.unmapped += 1
            return
        slot.take(packet, self._codecs.get(packet[1] & 0x7F, ""), now)

    def _learn(self, packet: bytes) -> Slot | None:
        if not self._mid_id:
            return None
        try:
            parsed = rtp.parse(packet)
        except ValueError:
            return None
        mid = parsed.extension(self._mid_id)
        slot = self._by_mid.get(mid.decode(errors="replace")) if mid else None
        if slot is not None:
            slot.ssrc = parsed.ssrc
            self._by_ssrc[parsed.ssrc] = slot
        return slot

    def take_report(self, report: rtcp.Report, now: float) -> None:
        """A sender report of one of the slots; others are passed over."""
        if isinstance(report, rtcp.SenderReport) and report.ssrc in self._by_ssrc:
            self._by_ssrc[report.ssrc].take_report(report, now)

    def asks(self, now: float, sender: int) -> list[rtcp.Report]:
        """NACKs and PLIs to send now."""
        out: list[rtcp.Report] = []
        for slot in self.slots:
            numbers, keyframe = slot.ask(now)
            if numbers and slot.kind == "video":  # NACK is not negotiated for Opus
                out.append(rtcp.Nack(sender, slot.ssrc, tuple(numbers)))
            if keyframe:
                out.append(rtcp.Pli(sender, slot.ssrc))
        return out

    def reports(self, now: float, sender: int) -> rtcp.ReceiverReport:
        """The receiver report of this second."""
        blocks = [block for slot in self.slots if (block := slot.block(now)) is not None]
        return rtcp.ReceiverReport(sender, tuple(blocks[:31]))
