"""One peer connection: its way in and out, its inlets and slots, its RTCP.

A peer is made by control's `OpenPeer` and lives until control closes it, the other end says
goodbye, or nothing is heard for `GONE_NS`. It owns no socket and no timer: the plane hands it what
arrived, and calls `report` once a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Literal, Protocol

from aiortc import RTCCertificate

from linkup import clock
from linkup.media import stun
from linkup.media.bandwidth import Allowance
from linkup.media.dtls import DtlsEnd
from linkup.media.feed import Feed, PublisherClock
from linkup.media.forward import Slot, Way
from linkup.media.negotiate import Inlet, Plan
from linkup.media.socket import ffi
from linkup.media.srtp import MAX_TRAILER, Cipher, protect_rtcp, unprotect, unprotect_rtcp
from linkup.media.track import Arrival, Track, new_ssrc
from linkup.messages import PeerKind, PeerState
from linkup.wire import rtcp, rtp

State = Literal["new", "connected", "silent", "closed"]
SILENT_NS = 8_000_000_000  # the seat is kept, control is told
GONE_NS = 30_000_000_000  # consent is over (RFC 7675 §5.1)
MAX_SOURCES = 8  # addresses that passed a check, a peer
NOMINATION_STALE_NS = 2_000_000_000  # a silent address gives way to a checked one
MAX_NACKED = 200  # sequence numbers answered a report: more is a broken or hostile client
MAX_REPORTS = 30  # sender reports a compound packet: it must fit one datagram
TAKE_OVER_NS = 500_000_000  # a new SSRC takes an inlet when the old one was silent for this long


class Host(Protocol):
    """What a peer needs of the plane."""

    def count(self, reason: str) -> None: ...
    def send(self, data: bytes, name: bytes) -> None: ...
    def feed(self, identifier: str) -> Feed: ...
    def track_began(self, track: Track, at: int) -> None: ...
    def track_reported(self, track: Track, at: int) -> None: ...
    def peer_closed(self, peer: Peer, reason: str) -> None: ...


class Peer:
    """One remote end."""

    def __init__(
        self,
        host: Host,
        identifier: str,
        kind: PeerKind,
        publishes: str | None,
        plan: Plan,
        certificate: RTCCertificate,
        way: Way,
        shown: Callable[[Slot, str | None, int], None],
        now: int,
    ) -> None:
        self._host = host
        self.id = identifier
        self.kind: PeerKind = kind
        self.publishes = publishes
        self.state: State = "new"
        self.reason = ""
        self.fragment, self.password = stun.new_credentials()
        self.dtls = DtlsEnd(certificate, self._send_dtls, self._said_goodbye, active=plan.active)
        self.connecting: asyncio.Task[None] | None = None  # its handshake
        self.way = way
        self.cipher: Cipher | None = None
        self._length: Any = ffi.new("int *")
        self._report_buffer: Any = ffi.new("char[]", 2048)
        # where it is
        self.name = b""  # sockaddr that we send to
        self.sources: list[bytes] = []  # all that passed a check, newest last
        self.number = 0  # counts up with every peer that is opened: which is the newer
        self.heard_at = now
        self._name_heard_at = now
        # what it sends
        self.ssrc = new_ssrc()
        self.inlets = plan.inlets
        self.tracks: dict[int, Track] = {}
        self._inlet_of: dict[int, Inlet] = {}
        self.clock = PublisherClock()
        self.allowance = Allowance()
        self._reported: dict[int, tuple[int, int]] = {}  # SSRC → expected, received
        # what it receives
        self.audio = "loudest"
        self.wanted: list[str | None] = []  # feeds of its video slots, as control said last
        outlets = plan.outlets
        self.slots = [
            Slot(
                way,
                each.kind,
                index,
                each.mid,
                each.ssrc,
                each.payload_types,
                shown,
                each.send_time_id,
            )
            for kind_ in ("video", "audio")
            for index, each in enumerate(each for each in outlets if each.kind == kind_)
        ]
        self.video_slots = [slot for slot in self.slots if slot.kind == "video"]
        self.audio_slots = [slot for slot in self.slots if slot.kind == "audio"]
        self._slot_of = {slot.ssrc: slot for slot in self.slots}
        self._again = Arrival()
        # how it goes, by its reports
        self.rtt_ns: int | None = None
        self.remb_bps: int | None = None
        self.losses: dict[int, float] = {}  # by slot SSRC
        self.nacks = 0  # sequence numbers asked for
        self.plis = 0

    # ------------------------------------------------------------ state

    def look(self) -> PeerState:
        """As control sees it."""
        return PeerState(
            peer=self.id,
            kind=self.kind,
            publishes=self.publishes,
            state=self.state,
            video_slots=[slot.showing for slot in self.video_slots],
            audio_slots=[slot.showing for slot in self.audio_slots],
            reason=self.reason,
        )

    def connected(self, cipher: Cipher) -> None:
        """DTLS is done: media may pass."""
        self.cipher = cipher
        self.way.context = cipher.outbound
        self.way.open = bool(self.name)
        self.state = "connected"

    def close(self) -> None:
        """Let go of all slots; the plane forgets the peer and ends its tracks."""
        self.state = "closed"
        self.way.open = False
        for slot in self.slots:
            slot.stop_waiting()
            slot.detach()

    def _send_dtls(self, data: bytes) -> None:
        if self.name:
            self._host.send(data, self.name)

    def _said_goodbye(self) -> None:
        self._host.peer_closed(self, "left")

    # ------------------------------------------------------------ addresses

    def checked(self, name: bytes, nominated: bool, at: int) -> bytes | None:
        """A check from `name` passed. Gives an older source that must be forgotten for it."""
        self.heard_at = at
        forgotten = None
        if name not in self.sources:
            self.sources.append(name)
            if len(self.sources) > MAX_SOURCES:
                forgotten = next(each for each in self.sources if each != self.name)
                self.sources.remove(forgotten)
        stale = at - self._name_heard_at > NOMINATION_STALE_NS
        if name == self.name:
            self._name_heard_at = at
        elif nominated or not self.name or stale:
            self.name = name
            self._name_heard_at = at
            ffi.memmove(self.way.name, name, len(name))
            self.way.open = self.cipher is not None
            self.dtls.reachable.set()
        return forgotten

    # ------------------------------------------------------------ in

    def receive_rtp(self, pointer: Any, memory: memoryview, base: int, size: int, at: int) -> None:
        """One SRTP packet, still encrypted, in the read buffer (hot path)."""
        cipher = self.cipher
        if cipher is None:
            self._host.count("before-dtls")
            return
        length = self._length
        length[0] = size
        code = unprotect(cipher.inbound, pointer, length)
        if code:
            self._host.count("replayed" if code in (9, 10) else "bad-srtp")
            return
        data = bytes(memory[base : base + length[0]])
        self.heard_at = self._name_heard_at = at
        ssrc = int.from_bytes(data[8:12], "big")
        track = self.tracks.get(ssrc) or self._learn(data, ssrc, at)
        if track is None:
            self._host.count("unknown-ssrc")
        elif not track.receive(data, at):
            self._host.count("bad-rtp")

    def _learn(self, data: bytes, ssrc: int, at: int) -> Track | None:
        """Find the m-line of a new SSRC (RFC 9143 §9.2): by mid, by declaration, by codec."""
        try:
            packet = rtp.parse(data)
        except ValueError:
            return None
        inlet = self._inlet_for(packet, ssrc)
        if inlet is None or self.publishes is None or packet.payload_type != inlet.payload_type:
            return None
        for known, owner in list(self._inlet_of.items()):
            if owner is inlet:
                if at - self.tracks[known].newest_at < TAKE_OVER_NS:
                    return None
                del self._inlet_of[known], self.tracks[known]
        track = Track(
            self.publishes,
            self.id,
            inlet.kind,
            inlet.codec,
            ssrc,
            inlet.payload_type,
            profile=inlet.profile,
            audio_level_id=inlet.audio_level_id,
            nack=inlet.nack,
        )
        self.tracks[ssrc] = track
        self._inlet_of[ssrc] = inlet
        self._host.track_began(track, at)
        return track

    def _inlet_for(self, packet: rtp.Packet, ssrc: int) -> Inlet | None:
        by_type = [each for each in self.inlets if each.payload_type == packet.payload_type]
        for inlet in by_type:
            if inlet.mid_id:
                mid = packet.extension(inlet.mid_id)
                if mid is not None:
                    return inlet if mid == inlet.mid.encode() else None
        for inlet in by_type:
            if ssrc in inlet.ssrcs:
                return inlet
        return by_type[0] if len(by_type) == 1 else None

    def receive_rtcp(self, pointer: Any, memory: memoryview, base: int, size: int, at: int) -> None:
        """One SRTCP packet, still encrypted, in the read buffer."""
        cipher = self.cipher
        if cipher is None:
            self._host.count("before-dtls")
            return
        length = self._length
        length[0] = size
        if unprotect_rtcp(cipher.inbound, pointer, length):
            self._host.count("bad-srtcp")
            return
        self.heard_at = self._name_heard_at = at
        for report in rtcp.parse(memory[base : base + length[0]]):
            self._handle(report, at)

    def _handle(self, report: rtcp.Report, at: int) -> None:
        match report:
            case rtcp.SenderReport():
                self._note_blocks(report.blocks, at)
                track = self.tracks.get(report.ssrc)
                if track is not None:
                    self.clock.note(report.ntp, at)
                    track.note_report(report.ntp, report.rtp, at)
                    self._host.track_reported(track, at)
            case rtcp.ReceiverReport():
                self._note_blocks(report.blocks, at)
            case rtcp.Nack():
                slot = self._slot_of.get(report.media)
                if slot is not None:
                    self.nacks += len(report.lost)
                    slot.retransmit(report.lost[:MAX_NACKED], self._again)
            case rtcp.Pli():
                self._wants_keyframe(report.media)
            case rtcp.Fir():
                for ssrc, _ in report.entries[:MAX_SOURCES]:
                    self._wants_keyframe(ssrc)
            case rtcp.Remb():
                self.remb_bps = report.bitrate
            case _:
                pass  # SDES and BYE tell nothing that DTLS and silence do not

    def _wants_keyframe(self, ssrc: int) -> None:
        slot = self._slot_of.get(ssrc)
        if slot is not None:
            self.plis += 1
            if slot.track is not None and slot.kind == "video":
                slot.track.request_keyframe()

    def _note_blocks(self, blocks: tuple[rtcp.Block, ...], at: int) -> None:
        now = rtcp.middle(rtcp.ntp_from_utc_ns(clock.utc_ns(at)))
        for block in blocks:
            if block.ssrc not in self._slot_of:
                continue
            self.losses[block.ssrc] = block.fraction / 256
            if block.lsr:
                units = (now - block.lsr - block.dlsr) & 0xFFFFFFFF  # 1/65536 s
                if units < 65536 * 30:  # more is a wrapped negative: clocks' grain
                    self.rtt_ns = units * 1_000_000_000 >> 16

    # ------------------------------------------------------------ out

    def ask(self, at: int) -> None:
        """Send what is due to the publisher: NACKs and key frame requests."""
        for track in self.tracks.values():
            if track.missing:
                due = track.due_nacks(at, self.rtt_ns or 0)
                if due:
                    self.send_rtcp(rtcp.Nack(self.ssrc, track.ssrc, tuple(due)))
            if track.keyframe_due(at):
                self.send_rtcp(rtcp.Pli(self.ssrc, track.ssrc))

    def report(self, at: int, feeds: Callable[[str], Feed | None]) -> None:
        """Once a second: sender reports of the slots, receiver report and REMB to the publisher."""
        if self.cipher is None or not self.name:
            return
        out: list[rtcp.Report] = self._sender_reports(at, feeds)
        while len(out) > MAX_REPORTS:
            self.send_rtcp(*out[:MAX_REPORTS])
            del out[:MAX_REPORTS]
        blocks, loss = self._blocks(at)
        if blocks or not out:
            out.append(rtcp.ReceiverReport(self.ssrc, blocks))
        out.append(rtcp.Description(self.ssrc, self.id))
        video = [ssrc for ssrc, inlet in self._inlet_of.items() if inlet.remb]
        if video:
            out.append(rtcp.Remb(self.ssrc, self.allowance.update(loss), tuple(video)))
        self.send_rtcp(*out)

    def _sender_reports(self, at: int, feeds: Callable[[str], Feed | None]) -> list[rtcp.Report]:
        out: list[rtcp.Report] = []
        ntp = rtcp.ntp_from_utc_ns(clock.utc_ns(at))
        for slot in self.slots:
            track = slot.track
            feed = feeds(track.feed) if track is not None else None
            if track is None or feed is None:
                continue
            timestamp = slot.timestamp(feed.clock.timestamp(track, at))
            out.append(rtcp.SenderReport(slot.ssrc, ntp, timestamp, *slot.counts()))
        return out

    def _blocks(self, at: int) -> tuple[tuple[rtcp.Block, ...], float]:
        """Report blocks of the incoming tracks, and the loss of the picture (RFC 3550 A.3)."""
        blocks = []
        picture_loss = 0.0
        for ssrc, track in self.tracks.items():
            expected, received = track.expected(), track.packets
            before_expected, before_received = self._reported.get(ssrc, (0, 0))
            self._reported[ssrc] = (expected, received)
            came, should = received - before_received, expected - before_expected
            loss = max(0.0, 1 - came / should) if should > 0 else 0.0
            if track.kind == "video":
                picture_loss = loss
            delay = at - track.report_at if track.report_at else 0
            blocks.append(
                rtcp.Block(
                    ssrc,
                    min(255, int(loss * 256)),
                    expected - received,
                    max(0, track.newest - 65536),
                    int(track.jitter),
                    rtcp.middle(track.report_ntp) if track.report_at else 0,
                    (delay << 16) // 1_000_000_000,
                )
            )
        return tuple(blocks), picture_loss

    def send_rtcp(self, *reports: rtcp.Report) -> None:
        """Protect and queue one compound packet."""
        if self.cipher is None or not self.name:
            return
        data = rtcp.build(*reports)
        if len(data) + MAX_TRAILER > len(self._report_buffer):
            self._host.count("report-too-long")
            return
        buffer, length = self._report_buffer, self._length
        ffi.memmove(buffer, data, len(data))
        length[0] = len(data)
        if protect_rtcp(self.cipher.outbound, buffer, length):
            self.way.failed += 1
            return
        self._host.send(bytes(ffi.buffer(buffer, length[0])), self.name)
