"""Real VP8, H.264 and Opus of known colours and tones, encoded here."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import Any

import av
import numpy as np

FPS = 30
RED, GREEN, BLUE, GREY = (81, 90, 240), (145, 54, 34), (41, 240, 110), (120, 128, 128)
WHITE, BLACK = (235, 128, 128), (16, 128, 128)

Colour = tuple[int, int, int]


def plain(colour: Colour, width: int, height: int) -> av.VideoFrame:
    """A frame of one colour (Y, U, V)."""
    frame = av.VideoFrame(width, height, "yuv420p")
    for plane, value in zip(frame.planes, colour, strict=True):
        plane.update(bytes([value]) * plane.buffer_size)
    return frame


def encode_video(codec: str, frames: list[av.VideoFrame]) -> list[bytes]:
    """Coded frames, the first a key frame."""
    context: Any = av.CodecContext.create("libvpx" if codec == "vp8" else "libx264", "w")
    context.width, context.height = frames[0].width, frames[0].height
    context.pix_fmt = "yuv420p"
    context.time_base = Fraction(1, FPS)
    context.framerate = Fraction(FPS)
    context.bit_rate = 400_000
    context.gop_size = 300
    context.max_b_frames = 0
    context.options = (
        {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "error-resilient": "1"}
        if codec == "vp8"
        else {"preset": "ultrafast", "tune": "zerolatency", "profile": "baseline"}
    )
    out = []
    for index, frame in enumerate(frames):
        frame.pts, frame.time_base = index, Fraction(1, FPS)
        out += [bytes(packet) for packet in context.encode(frame)]
    out += [bytes(packet) for packet in context.encode(None)]
    assert len(out) == len(frames)
    return out


@cache
def colour_clip(codec: str, colour: Colour, width: int = 640, height: int = 360) -> list[bytes]:
    """One second of one colour."""
    return encode_video(codec, [plain(colour, width, height) for _ in range(FPS)])


@cache
def flash_clip(codec: str, width: int = 640, height: int = 360) -> list[bytes]:
    """One second: three white frames, then black."""
    colours = [WHITE] * 3 + [BLACK] * (FPS - 3)
    return encode_video(codec, [plain(each, width, height) for each in colours])


def encode_sound(samples: np.ndarray[Any, Any]) -> list[bytes]:
    """Opus packets of 20 ms of mono samples that repeat; the encoder's 6.5 ms are made up for.

    Encoded twice, the second round is kept: so the end fits the beginning.
    """
    context: Any = av.CodecContext.create("libopus", "w")
    context.sample_rate = 48_000
    context.layout = "mono"
    context.format = "flt"
    context.bit_rate = 64_000
    context.open()
    early = np.tile(np.roll(samples, -312), 2).astype(np.float32)
    out = []
    for start in range(0, len(early), 960):
        block = np.ascontiguousarray(early[start : start + 960]).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(block, format="flt", layout="mono")
        frame.sample_rate, frame.pts = 48_000, start
        out += [bytes(packet) for packet in context.encode(frame)]
    return out[len(out) // 2 :]


@cache
def tone(frequency: float, loudness: float = 0.3) -> list[bytes]:
    """One second of a tone that joins itself when it is repeated (a whole number of Hz)."""
    times = np.arange(48_000) / 48_000
    return encode_sound(loudness * np.sin(2 * np.pi * frequency * times))


@cache
def beep() -> list[bytes]:
    """One second: 100 ms of 1 kHz, then silence."""
    times = np.arange(48_000) / 48_000
    return encode_sound(np.where(times < 0.1, 0.5 * np.sin(2 * np.pi * 1000 * times), 0.0))


def vp8_payloads(frame: bytes, size: int = 1100) -> list[bytes]:
    """RFC 7741 §4.2: S marks the first packet of a frame."""
    parts = [frame[start : start + size] for start in range(0, len(frame), size)]
    return [(b"\x10" if index == 0 else b"\x00") + part for index, part in enumerate(parts)]


def mean(frame: av.VideoFrame, where: tuple[float, float, float, float] = (0, 0, 1, 1)) -> Colour:
    """Mean colour of a part of a frame (fractions: x, y, width, height)."""
    from linkup.program.pictures import planes

    x, y, w, h = where
    out = []
    for plane in planes(frame):
        rows, columns = plane.shape
        part = plane[
            int(y * rows) : max(int(y * rows) + 1, int((y + h) * rows)),
            int(x * columns) : max(int(x * columns) + 1, int((x + w) * columns)),
        ]
        out.append(round(float(part.mean())))
    return out[0], out[1], out[2]


def near(a: Colour, b: Colour, tolerance: int = 12) -> bool:
    """Whether two colours are about the same."""
    return all(abs(x - y) <= tolerance for x, y in zip(a, b, strict=True))
