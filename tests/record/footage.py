"""Coded pictures and sound, made once, and RTP made of them as a publisher would.

Pictures are plain grey; once a second, at a full second, one bright frame. The sound beeps for
60 ms from the same moment. So a recording tells by itself how far they are apart.
"""

from __future__ import annotations

import functools
import heapq
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av
import numpy as np

from linkup.wire import h264, rtp, tap

FPS = 20
SECOND = 1_000_000_000
NTP_ERA = 3_970_000_000 * SECOND  # what the publisher's clock says at its media time 0


@functools.cache
def pictures(
    codec: Literal["vp8", "h264"], seconds: int, width: int = 160, height: int = 120, gop: int = 20
) -> list[bytes]:
    """Coded frames at `FPS`; a key frame every `gop`."""
    name = "libvpx" if codec == "vp8" else "libx264"
    context = av.CodecContext.create(name, "w")
    context.width, context.height, context.pix_fmt = width, height, "yuv420p"
    context.time_base, context.framerate = Fraction(1, FPS), Fraction(FPS)
    context.gop_size = gop
    context.options = (
        {"deadline": "realtime", "cpu-used": "8", "kf-max-dist": str(gop), "lag-in-frames": "0"}
        if codec == "vp8"
        else {"preset": "ultrafast", "tune": "zerolatency", "bf": "0", "x264-params": "scenecut=0"}
    )
    coded = []
    noise = np.random.default_rng(1)
    for number in range(seconds * FPS):
        bright = number % FPS == 0
        grey = 235 if bright else 60
        plane = np.full((height * 3 // 2, width), 128, np.uint8)
        plane[:height] = grey + noise.integers(0, 12, (height, width))
        frame = av.VideoFrame.from_ndarray(plane, format="yuv420p")
        frame.pts = number
        coded += [bytes(packet) for packet in context.encode(frame)]
    coded += [bytes(packet) for packet in context.encode(None)]
    assert len(coded) == seconds * FPS
    return coded


@functools.cache
def sound(seconds: int) -> list[bytes]:
    """Opus packets of 20 ms: a beep of 60 ms at each full second."""
    context = av.CodecContext.create("libopus", "w")
    context.sample_rate, context.layout, context.format = 48_000, "mono", "s16"
    context.bit_rate, context.options = 48_000, {"application": "lowdelay"}
    moments = np.arange(seconds * 48_000)
    wave = np.sin(moments * 2 * np.pi * 1000 / 48_000) * 12_000 * (moments % 48_000 < 2880)
    coded = []
    for begin in range(0, len(wave), 960):
        block = wave[begin : begin + 960].astype(np.int16).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(block, format="s16", layout="mono")
        frame.sample_rate, frame.pts = 48_000, begin
        coded += [bytes(packet) for packet in context.encode(frame)]
    return coded


@dataclass
class Publisher:
    """Turns footage into tap entries `(arrival ns, entry)` in order of arrival."""

    feed: str
    peer: str = "p1"
    first_track: int = 1
    video: Literal["vp8", "h264"] | None = "vp8"
    audio: bool = True
    start: int = 1000 * SECOND  # arrival of media time 0
    frames: list[bytes] = field(default_factory=list)
    packets: list[bytes] = field(default_factory=list)
    video_delay_ms: float = 20.0  # on the way; constant
    audio_delay_ms: float = 20.0
    jitter_ms: float = 0.0
    reports: bool = True
    loss: float = 0.0
    seed: int = 1

    @property
    def tracks(self) -> list[tap.Track]:
        made = []
        if self.video:
            made.append(
                tap.Track(
                    track=self.first_track, feed=self.feed, kind="video", codec=self.video,
                    clock_rate=90_000, ssrc=self.first_track, payload_type=96, peer=self.peer,
                )
            )  # fmt: skip
        if self.audio:
            made.append(
                tap.Track(
                    track=self.first_track + 1, feed=self.feed, kind="audio", codec="opus",
                    clock_rate=48_000, ssrc=self.first_track + 1, payload_type=111, peer=self.peer,
                )
            )  # fmt: skip
        return made

    def entries(self, begin: float = 0.0) -> Iterator[tuple[int, bytes]]:
        """All entries; `begin`: media time in seconds of the first frame."""
        chance = random.Random(self.seed)
        made: list[tuple[int, int, bytes]] = []
        for number, track in enumerate(self.tracks):
            for second in range(int(begin), int(begin + self._length()) + 1):
                at = self.start + second * SECOND
                made.append((at, number - 10, tap.track_entry(track, at)))
            media = self._pictures if track.kind == "video" else self._sounds
            delay = self.video_delay_ms if track.kind == "video" else self.audio_delay_ms
            made += self._rtp(track, media, begin, delay, chance)
        made.sort(key=lambda each: each[:2])
        return iter([(at, data) for at, _, data in heapq.merge(made, key=lambda each: each[:2])])

    def _length(self) -> float:
        return max(len(self.frames) / FPS, len(self.packets) / 50)

    def _pictures(self) -> Iterator[tuple[float, list[bytes], bool]]:
        for number, frame in enumerate(self.frames):
            parts = h264.packetise(frame) if self.video == "h264" else vp8_payloads(frame, number)
            yield number / FPS, parts, True

    def _sounds(self) -> Iterator[tuple[float, list[bytes], bool]]:
        for number, packet in enumerate(self.packets):
            yield number / 50, [packet], False

    def _rtp(self, track: tap.Track, media, begin: float, delay_ms: float, chance: random.Random):  # type: ignore[no-untyped-def]
        sequence = chance.randrange(65536) + round(begin * 1000)
        base = chance.randrange(2**32)
        made = []
        reported = -1
        for time, parts, marks in media():
            time += begin
            stamp = (base + round(time * track.clock_rate)) % 2**32
            for place, part in enumerate(parts):
                last = marks and place == len(parts) - 1
                packet = rtp.build(
                    track.payload_type, sequence, stamp, track.ssrc, part, marker=last
                )
                late = chance.random() * self.jitter_ms
                at = self.start + round(time * SECOND) + round((delay_ms + late) * 1e6) + place * 50
                if chance.random() >= self.loss:
                    made.append((at, sequence % 65536, tap.entry(tap.RTP, track.track, at, packet)))
                sequence += 1
            if self.reports and int(time + 0.5) > reported:
                reported = int(time + 0.5)
                when = NTP_ERA + round(time * SECOND)
                ntp = (when // SECOND << 32) | ((when % SECOND << 32) // SECOND)
                body = tap.REPORT_BODY.pack(ntp, stamp)
                at = self.start + round(time * SECOND) + round(delay_ms * 1e6) + 1000
                made.append((at, 0, tap.entry(tap.REPORT, track.track, at, body)))
        return made


def vp8_payloads(frame: bytes, picture: int, size: int = 1150) -> list[bytes]:
    """RFC 7741: payload descriptor with a 15-bit picture id, then a part of the frame."""
    parts = [frame[at : at + size] for at in range(0, len(frame), size)]
    tail = (0x8000 | picture & 0x7FFF).to_bytes(2, "big")
    return [
        bytes((0x90 if not place else 0x80, 0x80)) + tail + part for place, part in enumerate(parts)
    ]


@dataclass
class Seen:
    """What a decoder makes of a file. Times in seconds of the file."""

    frames: int
    samples: int
    sizes: list[tuple[int, int]]
    flashes: list[float]
    beeps: list[float]
    length: float


def decode(path: Path | str) -> Seen:
    """Decode a recording to its end."""
    flashes, beeps, sizes = [], [], []
    frames = samples = 0
    length = 0.0
    quiet = True
    with av.open(path if hasattr(path, "read") else str(path)) as file:
        for packet in file.demux():
            for frame in packet.decode():
                time = float(frame.pts * frame.time_base)
                if isinstance(frame, av.VideoFrame):
                    frames += 1
                    sizes.append((frame.width, frame.height))
                    plane = frame.to_ndarray(format="gray")
                    if plane.mean() > 150:
                        flashes.append(time)
                    length = max(length, time + 1 / FPS)
                else:
                    block = np.abs(frame.to_ndarray().reshape(-1).astype(float))
                    samples += frame.samples
                    if frame.format.name.startswith("s"):
                        block /= 32768
                    loud = np.nonzero(block > 0.1)[0]
                    step = 1 if frame.format.is_planar else len(frame.layout.channels)
                    if len(loud) and quiet:
                        beeps.append(time + int(loud[0]) % (frame.samples * step) / step / 48_000)
                    quiet = not len(loud)
                    length = max(length, time + frame.samples / 48_000)
    return Seen(frames, samples, sizes, flashes, beeps, length)
