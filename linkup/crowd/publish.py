"""Sends a clip in a loop, in real time, as a browser would: one SSRC for sound, one for pictures.

Sender reports every second; a NACK is answered from a history; a PLI is answered by going on at
the clip's next key frame, sound along with the picture, so that both stay together.
"""

from __future__ import annotations

import asyncio
import secrets
import struct
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from linkup import clock
from linkup.crowd.clips import Clip, Picture
from linkup.crowd.link import Link
from linkup.crowd.offers import Section
from linkup.wire import rtcp, rtp

HISTORY = 1024  # video packets kept for NACKs, about six seconds
BURST = 12  # packets of one frame sent at once; the rest follow every few ms, as browsers pace
BURST_PAUSE_S = 0.003
KEYFRAME_PAUSE_S = 0.3  # PLIs within this time are one
REPORT_S = 1.0
SOUND_S = 0.02
LATE_S = 1.0  # further behind than this (a suspended machine): time is given up, not caught up


@dataclass
class Sent:
    """What a publisher did so far."""

    packets: int = 0
    octets: int = 0
    frames: int = 0
    keyframes: int = 0
    nacked: int = 0  # sequence numbers asked for
    repeated: int = 0  # and sent again
    plis: int = 0
    lost: int = 0  # of all sent, as the server's receiver reports say
    rtt_ms: float | None = None


class _Stream:
    """Running numbers of one SSRC."""

    def __init__(self, ssrc: int, section: Section, codec: str, clock_rate: int) -> None:
        self.ssrc = ssrc
        self.payload_type = section.payload_type(codec) or 0
        self.clock_rate = clock_rate
        self.sequence = secrets.randbits(15)
        self.base = secrets.randbits(31)
        self.packets = self.octets = self.lost = 0
        self.mid = section.mid.encode()
        self.mid_id = section.extensions.get(rtp.URI_MID)
        self.level_id = section.extensions.get(rtp.URI_AUDIO_LEVEL)
        self.extension = rtp.pack_elements({self.mid_id: self.mid} if self.mid_id else {})

    def header(self, timestamp: int, marker: bool, extension: bytes) -> bytes:
        self.sequence = (self.sequence + 1) & 0xFFFF
        first = 0x90 if extension else 0x80
        second = self.payload_type | (0x80 if marker else 0)
        head = rtp.HEADER.pack(first, second, self.sequence, timestamp & 0xFFFFFFFF, self.ssrc)
        return head + extension


class Publisher:
    """Sends until `stop`. Muting sends silence's packets no more, as a page that mutes does."""

    def __init__(
        self, link: Link, clip: Clip, audio: Section | None, video: Section | None,
        audio_ssrc: int, video_ssrc: int,
    ) -> None:  # fmt: skip
        self.sent = Sent()
        self.microphone = True
        self.camera = True
        self._link, self._clip = link, clip
        self._loop = asyncio.get_running_loop()
        self._audio = _Stream(audio_ssrc, audio, "opus", 48_000) if audio else None
        self._video = _Stream(video_ssrc, video, clip.codec, 90_000) if video else None
        self._levels: dict[int, bytes] = {}
        self._history: OrderedDict[int, bytes] = OrderedDict()
        self._picture_id = secrets.randbits(14)
        self._position = 0  # in the clip's pictures
        self._jump_wanted = False
        self._jumped_at = 0.0
        self._frame = self._sound = 0  # running numbers since the start
        self._sound_shift = 0
        self._epoch = 0.0
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._reported: dict[int, int] = {}  # middle of the NTP time → monotonic ns

    def start(self) -> None:
        """Begin now, with a key frame."""
        self._epoch = self._loop.time()
        if self._video:
            self._next_picture()
        if self._audio:
            self._next_sound()
        self._report()

    def stop(self) -> None:
        """Send no more; says so by BYE."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        ssrcs = tuple(stream.ssrc for stream in (self._audio, self._video) if stream)
        if ssrcs and not self._link.closed:
            empty = rtcp.ReceiverReport(ssrcs[0])
            self._link.send_rtcp(rtcp.build(empty, rtcp.Bye(ssrcs)))

    # ------------------------------------------------------------ pictures

    def _next_picture(self) -> None:
        fps, now = self._clip.fps, self._loop.time()
        if now - (self._epoch + self._frame / fps) > LATE_S:
            self._skip(now)
        if self._jump_wanted and now - self._jumped_at >= KEYFRAME_PAUSE_S:
            self._jump(now)
        picture = self._clip.pictures[self._position]
        if self.camera:
            self._send_picture(picture, self._frame * 90_000 // fps)
        self._position = (self._position + 1) % len(self._clip.pictures)
        self._frame += 1
        self._at("picture", self._epoch + self._frame / fps, self._next_picture)

    def _skip(self, now: float) -> None:
        """Do not send in a rush what should have been sent long ago."""
        behind = int((now - self._epoch) * 50) - self._sound
        self._sound += max(0, behind)
        self._frame = int((now - self._epoch) * self._clip.fps)
        self._jump_wanted, self._jumped_at = True, 0.0

    def _jump(self, now: float) -> None:
        clip = self._clip
        self._position = clip.next_keyframe(self._position)
        self._jump_wanted, self._jumped_at = False, now
        # Running number 50 * frame / fps of the sound belongs to this picture.
        self._sound_shift = (self._position - self._frame) * 50 // clip.fps

    def _send_picture(self, picture: Picture, timestamp: int) -> None:
        stream = self._video
        assert stream is not None
        self._picture_id = (self._picture_id + 1) & 0x7FFF
        self.sent.frames += 1
        self.sent.keyframes += picture.keyframe
        last = len(picture.payloads) - 1
        packets: list[bytes] = []
        for index, payload in enumerate(picture.payloads):
            head = stream.header(stream.base + timestamp, index == last, stream.extension)
            if self._clip.codec == "vp8":
                head += self._descriptor(index == 0)
            packets.append(head + payload)
        self._send_some(stream, packets, 0)

    def _descriptor(self, begins: bool) -> bytes:
        """RFC 7741 §4.2: X, S in the first; then I with 15 bits."""
        first = 0x90 if begins else 0x80
        return struct.pack("!BBH", first, 0x80, 0x8000 | self._picture_id)

    def _send_some(self, stream: _Stream, packets: list[bytes], begin: int) -> None:
        if self._link.closed:
            return
        for packet in packets[begin : begin + BURST]:
            (number,) = struct.unpack_from("!H", packet, 2)
            self._history[number] = self._link.send_rtp(packet)
            stream.packets += 1
            stream.octets += len(packet) - rtp.HEADER_BYTES - len(stream.extension)
        while len(self._history) > HISTORY:
            self._history.popitem(last=False)
        if begin + BURST < len(packets):
            # A key frame's rest would overtake the next frame's packets if this were slower.
            self._loop.call_later(BURST_PAUSE_S, self._send_some, stream, packets, begin + BURST)

    # ------------------------------------------------------------ sound

    def _next_sound(self) -> None:
        stream, sounds = self._audio, self._clip.sounds
        assert stream is not None
        sound = sounds[(self._sound + self._sound_shift) % len(sounds)]
        if self.microphone and not self._link.closed:
            extension = self._sound_extension(stream, -sound.level)
            head = stream.header(stream.base + self._sound * 960, False, extension)
            self._link.send_rtp(head + sound.payload)
            stream.packets += 1
            stream.octets += len(sound.payload)
        self._sound += 1
        self._at("sound", self._epoch + self._sound * SOUND_S, self._next_sound)

    def _sound_extension(self, stream: _Stream, level: int) -> bytes:
        if level not in self._levels:
            values = {stream.mid_id: stream.mid} if stream.mid_id else {}
            if stream.level_id:
                values[stream.level_id] = rtp.pack_audio_level(-level, voice=level < 60)
            self._levels[level] = rtp.pack_elements(values)
        return self._levels[level]

    # ------------------------------------------------------------ reports

    def _report(self) -> None:
        elapsed = self._loop.time() - self._epoch
        now_ns = clock.now_ns()
        ntp = rtcp.ntp_from_utc_ns(clock.utc_ns(now_ns))
        for stream in (self._audio, self._video):
            if stream is None or self._link.closed:
                continue
            timestamp = stream.base + round(elapsed * stream.clock_rate)
            report = rtcp.SenderReport(stream.ssrc, ntp, timestamp, stream.packets, stream.octets)
            self._link.send_rtcp(rtcp.build(report, rtcp.Description(stream.ssrc, "site")))
        self._reported[rtcp.middle(ntp)] = now_ns
        while len(self._reported) > 8:
            self._reported.pop(next(iter(self._reported)))
        self._at("report", self._loop.time() + REPORT_S, self._report)

    def take_report(self, report: rtcp.Report) -> None:
        """Act on what the server says about our streams."""
        video = self._video
        match report:
            case rtcp.Nack(media=media) if video and media == video.ssrc:
                self._repeat(report.lost)
            case rtcp.Pli(media=media) if video and media == video.ssrc:
                self.sent.plis += 1
                self._jump_wanted = True
            case rtcp.Fir() if video and any(ssrc == video.ssrc for ssrc, _ in report.entries):
                self.sent.plis += 1
                self._jump_wanted = True
            case rtcp.ReceiverReport() | rtcp.SenderReport():
                self._take_blocks(report.blocks)
            case _:
                pass

    def _repeat(self, numbers: tuple[int, ...]) -> None:
        for number in numbers:
            self.sent.nacked += 1
            data = self._history.get(number)
            if data is not None and not self._link.closed:
                self._link.send_again(data)
                self.sent.repeated += 1

    def _take_blocks(self, blocks: tuple[rtcp.Block, ...]) -> None:
        for block in blocks:
            for stream in (self._audio, self._video):
                if stream is not None and stream.ssrc == block.ssrc:
                    stream.lost = max(0, block.lost)
            sent = self._reported.get(block.lsr)
            if sent is not None:
                away = (clock.now_ns() - sent) / 1e6 - block.dlsr * 1000 / 65536
                self.sent.rtt_ms = round(max(0.0, away), 2)

    def counts(self) -> Sent:
        """What was sent so far."""
        streams = [stream for stream in (self._audio, self._video) if stream]
        self.sent.packets = sum(stream.packets for stream in streams)
        self.sent.octets = sum(stream.octets for stream in streams)
        self.sent.lost = sum(stream.lost for stream in streams)
        return self.sent

    def _at(self, name: str, when: float, what: Callable[[], None]) -> None:
        if not self._link.closed:
            self._timers[name] = self._loop.call_at(when, what)
