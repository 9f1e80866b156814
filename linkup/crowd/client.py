"""A light, real WebRTC client: a site, a viewer or a console without a browser.

It speaks ICE, DTLS and SRTP with the server as a browser does, sends footage that was encoded
beforehand and counts what it receives. How offer and answer travel is not its business: that is
`signal`, an async function from the offer's SDP to the answer's (`linkup.crowd.joining`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from linkup.crowd.clips import Clip
from linkup.crowd.impair import Profile
from linkup.crowd.link import Link, Remote
from linkup.crowd.offers import Answer, Offered, Section, Setup, Wish, build, read
from linkup.crowd.publish import Publisher
from linkup.crowd.receive import Receiver, Slot
from linkup.errors import PeerError
from linkup.wire import rtcp, rtp

Signal = Callable[[str], Awaitable[str]]
ASK_S = 0.03  # how often losses are looked for
REPORT_S = 1.0


@dataclass(frozen=True)
class Manners:
    """How a client behaves."""

    nack: bool = True
    reports: bool = True
    impairment: Profile | None = None
    seed: int | str = 0
    via: tuple[str, int] | None = None  # send there instead of to the answer's candidates
    setup: Setup = "actpass"


@dataclass
class Times:
    """Seconds from the beginning of `connect`."""

    answered: float = 0.0
    connected: float = 0.0
    first_picture: float | None = None
    marks: dict[str, float] = field(default_factory=dict)


class Client:
    """One peer connection."""

    def __init__(
        self, wish: Wish, manners: Manners | None = None, clip: Clip | None = None
    ) -> None:
        self.wish = wish
        self.manners = manners or Manners()
        self.times = Times()
        self.receiver = Receiver([], {}, None)
        self.publisher: Publisher | None = None
        self.answer: Answer | None = None
        self.ended = ""  # why the connection is over; empty while it lives
        self._clip = clip
        self._loop = asyncio.get_running_loop()
        self._started = 0.0
        self._offered: Offered | None = None
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self.link = Link(self.manners.impairment, self.manners.seed)
        self.on_end: Callable[[str], None] = lambda _: None

    async def connect(self, signal: Signal, timeout: float = 10.0) -> None:
        """Offer, answer, ICE, DTLS; then sending begins. Raises `PeerError`."""
        self._started = self._loop.time()
        offered = self._offered = build(self.wish, self.link.addresses, self.manners.setup)
        try:
            answer = self.answer = read(await signal(offered.sdp))
            self.times.answered = self._loop.time() - self._started
            self._prepare(offered, answer)
            via = self.manners.via
            remote = Remote(
                answer.credentials,
                answer.fingerprint,
                [via] if via else answer.candidates,
                answer.setup,
            )
            self.link.on_rtp, self.link.on_rtcp = self._take_rtp, self._take_rtcp
            self.link.on_close = self._link_closed
            await self.link.connect(offered.credentials, remote, timeout)
        except BaseException:
            self.link.close()
            raise
        self.times.connected = self._loop.time() - self._started
        if self.publisher:
            self.publisher.start()
        self._tick_asks()
        self._tick_reports()

    def _prepare(self, offered: Offered, answer: Answer) -> None:
        if len(answer.sections) != len(offered.lines):
            raise PeerError("sdp", "the answer has another number of m-lines than the offer")
        slots: list[Slot] = []
        codecs: dict[int, str] = {}
        mid_id: int | None = None
        sending: dict[str, Section] = {}
        for line, section in zip(offered.lines, answer.sections, strict=True):
            if section.port == 0 or section.direction == "inactive":
                continue
            codecs.update(section.codecs)
            if line.sends:
                sending[line.kind] = section
            else:
                mid_id = mid_id or section.extensions.get(rtp.URI_MID)
                rate = 48_000 if line.kind == "audio" else 90_000
                ssrc = section.ssrcs[0] if section.ssrcs else 0
                slots.append(Slot(line.mid, line.kind, ssrc, rate))
        self.receiver = Receiver(slots, codecs, mid_id)
        if sending and self._clip:
            self.publisher = Publisher(
                self.link, self._clip, sending.get("audio"), sending.get("video"),
                offered.audio_ssrc, offered.video_ssrc,
            )  # fmt: skip

    @property
    def slots(self) -> list[Slot]:
        """Receive slots in the order of the offer."""
        return self.receiver.slots

    def _take_rtp(self, packet: bytes) -> None:
        self.receiver.take(packet, self._loop.time())

    def _take_rtcp(self, data: bytes) -> None:
        now = self._loop.time()
        for report in rtcp.parse(data):
            self.receiver.take_report(report, now)
            if self.publisher:
                self.publisher.take_report(report)

    def _sender(self) -> int:
        """The SSRC in whose name we report."""
        return self._offered.audio_ssrc if self._offered else 1

    def _tick_asks(self) -> None:
        now = self._loop.time()
        asks = self.receiver.asks(now, self._sender())
        if asks and self.manners.nack:
            self.link.send_rtcp(rtcp.build(rtcp.ReceiverReport(self._sender()), *asks))
        self._timers["asks"] = self._loop.call_later(ASK_S, self._tick_asks)

    def _tick_reports(self) -> None:
        if self.manners.reports and self.slots:
            report = self.receiver.reports(self._loop.time(), self._sender())
            self.link.send_rtcp(rtcp.build(report, rtcp.Description(self._sender(), "site")))
        self._timers["reports"] = self._loop.call_later(REPORT_S, self._tick_reports)

    def ask_keyframe(self, slot: int) -> None:
        """Send a PLI for a slot."""
        found = self.slots[slot]
        pli = rtcp.Pli(self._sender(), found.ssrc)
        self.link.send_rtcp(rtcp.build(rtcp.ReceiverReport(self._sender()), pli))

    async def first_picture(self, timeout: float = 10.0) -> float:
        """Seconds from `connect` to the first whole picture in any slot.

        Raises `PeerError` with code `no-picture` when none comes in time.
        """
        end = self._loop.time() + timeout
        while True:
            times = [
                slot.counts.first_at
                for slot in self.slots
                if slot.kind == "video" and slot.counts.first_at is not None
            ]
            if times:
                self.times.first_picture = min(times) - self._started
                return self.times.first_picture
            if self._loop.time() > end or self.ended:
                raise PeerError("no-picture", self.ended or f"no picture within {timeout:g} s")
            await asyncio.sleep(0.01)

    def close(self) -> None:
        """End the connection and the counting. May be called again."""
        self._stop_timers()
        now = self._loop.time()
        for slot in self.slots:
            slot.settle(now)
        if self.publisher:
            self.publisher.stop()
        self.link.close()

    def _link_closed(self, why: str) -> None:
        self.ended = why
        self._stop_timers()
        if self.publisher:
            self.publisher.stop()
        self.on_end(why)

    def _stop_timers(self) -> None:
        for timer in self._timers.values():
            timer.cancel()

    def summary(self) -> dict[str, Any]:
        """Everything counted, for `--json`."""
        slots = []
        for slot in self.slots:
            values = asdict(slot.counts)
            first = values.pop("first_at")
            values["first_ms"] = None if first is None else round((first - self._started) * 1000, 1)
            values["longest_gap_ms"] = round(values["longest_gap_ms"], 1)
            slots.append({"mid": slot.mid, "kind": slot.kind, **values})
        return {
            "connected_ms": round(self.times.connected * 1000, 1),
            "protection": self.link.dtls.protection if self.link.dtls else "",
            "sent": asdict(self.publisher.counts()) if self.publisher else None,
            "slots": slots,
            "unmapped": self.receiver.unmapped,
            "undecipherable": self.link.counts.undecipherable,
            "refused": self.link.counts.refused,
            "wire": {"up": asdict(self.link.counts.up), "down": asdict(self.link.counts.down)},
            "ended": self.ended,
        }

    def lost(self) -> int:
        """Packets lost in all, both ways: in our slots, and of ours as the server reports."""
        sent = self.publisher.counts().lost if self.publisher else 0
        return sent + sum(slot.counts.lost for slot in self.slots)
