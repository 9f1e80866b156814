"""Encoded footage, cut into the payloads that go into RTP packets."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from linkup.crowd.offers import VideoCodec
from linkup.wire import h264

MAX_PAYLOAD = 1160  # bytes of a video payload: with all headers within 1,280 of an IPv6 link
OPUS_TICKS = 960  # 20 ms at 48 kHz
SILENCE = -127  # dBov


@dataclass(frozen=True, slots=True)
class Picture:
    """One encoded video frame. VP8 payloads lack the descriptor, which carries a running id."""

    payloads: tuple[bytes, ...]
    keyframe: bool


@dataclass(frozen=True, slots=True)
class Sound:
    """20 ms of Opus and its loudness in dBov (RFC 6464)."""

    payload: bytes
    level: int


@dataclass(frozen=True, slots=True)
class Clip:
    """A loop that begins with a key frame; pictures and sounds are of the same length."""

    codec: VideoCodec
    fps: int
    width: int
    height: int
    pictures: tuple[Picture, ...]
    sounds: tuple[Sound, ...]

    @property
    def seconds(self) -> float:
        """Length of the loop."""
        return len(self.pictures) / self.fps

    def next_keyframe(self, position: int) -> int:
        """Index of the first key frame at or after a position, wrapping around."""
        count = len(self.pictures)
        return next(
            index % count
            for index in range(position, position + count + 1)
            if self.pictures[index % count].keyframe
        )


def load(file: Path) -> Clip:
    """Read a clip that `linkup.crowd.footage` has encoded."""
    with av.open(str(file)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        codec: VideoCodec = "vp8" if video.codec_context.name in ("vp8", "libvpx") else "h264"
        fps = round(float(video.average_rate or video.base_rate or 25))
        annex_b = av.BitStreamFilterContext("h264_mp4toannexb", video) if codec == "h264" else None
        pictures: list[Picture] = []
        opus: list[bytes] = []
        levels: list[int] = []
        for packet in container.demux(video, audio):
            if packet.size == 0:
                continue
            if packet.stream is audio:
                opus.append(bytes(packet))
                decoded = [each for each in packet.decode() if isinstance(each, av.AudioFrame)]
                levels += [_level(frame.to_ndarray()) for frame in decoded]
            else:
                keyframe = packet.is_keyframe
                whole = annex_b.filter(packet) if annex_b else [packet]
                pictures += [_picture(bytes(each), keyframe, codec) for each in whole]
        width, height = video.codec_context.width, video.codec_context.height
    count = math.floor(Fraction(len(pictures), fps) * 50)
    levels += [SILENCE] * (len(opus) - len(levels))
    sounds = tuple(Sound(*each) for each in zip(opus[:count], levels[:count], strict=False))
    return Clip(codec, fps, width, height, tuple(pictures), sounds)


def _picture(data: bytes, keyframe: bool, codec: VideoCodec) -> Picture:
    if codec == "h264":
        return Picture(tuple(h264.packetise(data, MAX_PAYLOAD)), keyframe)
    # Fragments of equal length: a last one of few bytes would cost as much as a full one.
    count = -(-len(data) // MAX_PAYLOAD)
    size = -(-len(data) // count)
    return Picture(tuple(data[at : at + size] for at in range(0, len(data), size)), keyframe)


def _level(samples: np.ndarray) -> int:
    values = samples.astype(np.float64)
    if samples.dtype == np.int16:
        values /= 32768
    power = float(np.mean(values * values))
    return SILENCE if power <= 0 else max(SILENCE, min(0, round(10 * math.log10(power))))
