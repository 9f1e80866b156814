"""Moving fake cameras of a known colour, and what colour a decoded picture shows."""

from __future__ import annotations

import io
import math
import re
import struct
import urllib.request
import wave
from pathlib import Path

import av
import numpy as np

COLOURS = {"red": (81, 90, 240), "green": (145, 54, 34), "blue": (41, 240, 110)}  # BT.601 YUV


def camera(path: Path, colour: str, width: int = 640, height: int = 360, frames: int = 60) -> Path:
    """A Y4M of one colour with a bright bar that moves, at 30 frames/s."""
    y, u, v = COLOURS[colour]
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{width} H{height} F30:1 Ip A1:1 C420jpeg\n".encode())
        chroma = bytes([u]) * (width * height // 4) + bytes([v]) * (width * height // 4)
        for number in range(frames):
            luma = np.full((height, width), y, np.uint8)
            x = (number * 8) % (width - 16)
            luma[height - 40 : height - 20, x : x + 16] = 235
            file.write(b"FRAME\n" + luma.tobytes() + chroma)
    return path


def microphone(path: Path, hertz: float, seconds: float = 4.0, rate: int = 48_000) -> Path:
    """A WAV of a steady tone."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(
            b"".join(
                struct.pack("<h", int(12_000 * math.sin(6.283185 * hertz * n / rate)))
                for n in range(int(seconds * rate))
            )
        )
    return path


def colour_of(frame: av.VideoFrame, region: tuple[float, float, float, float] | None = None) -> str:
    """The colour that a picture (or x, y, w, h of it in 0…1) mostly shows."""
    image = frame.to_ndarray(format="rgb24").astype(int)
    height, width, _ = image.shape
    x, y, w, h = region or (0.25, 0.2, 0.5, 0.4)
    part = image[int(y * height) : int((y + h) * height), int(x * width) : int((x + w) * width)]
    red, green, blue = np.median(part.reshape(-1, 3), axis=0)
    strongest = max(red, green, blue)
    if strongest < 60 or strongest - min(red, green, blue) < 50:
        return "none"
    return {red: "red", green: "green", blue: "blue"}[strongest]


def live_frames(playlist: str, address: str) -> list[av.VideoFrame]:
    """The pictures of the newest segment of a live media playlist (its text and its address).

    A live playlist itself has no end: a demuxer would wait for ever.
    """
    folder = address.rsplit("/", 1)[0]
    names = [line for line in playlist.splitlines() if line and not line.startswith("#")]
    if not names:
        return []
    initialization = re.findall(r'#EXT-X-MAP:URI="([^"]+)"', playlist)[-1]
    data = b"".join(
        urllib.request.urlopen(f"{folder}/{name}", timeout=5).read()
        for name in (initialization, names[-1])
    )
    with av.open(io.BytesIO(data)) as container:
        return list(container.decode(video=0))


def last_frame(path: str) -> av.VideoFrame:
    """The last picture of a file or playlist."""
    frame: av.VideoFrame | None = None
    with av.open(path) as container:
        for decoded in container.decode(video=0):
            frame = decoded
    assert frame is not None, f"no picture in {path}"
    return frame
