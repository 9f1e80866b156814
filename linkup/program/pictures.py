"""Pictures in memory: YUV 4:2:0, 8 bits, limited range, as views into frames of FFmpeg.

Everything that changes every frame happens here, on three planes, without conversion to RGB.
An `Overlay` is drawn once per change (`linkup.program.titles`) and laid over a frame at the cost of
its own rectangle only. All positions and sizes are even, so that chroma falls on whole samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter
from PIL import Image

Plane = np.ndarray[Any, np.dtype[np.uint8]]
Wide = np.ndarray[Any, np.dtype[np.uint16]]

MIX_STEPS = 256
_BAND = 64  # rows blended at a time, so that intermediate results stay in the cache


class Planes(NamedTuple):
    """Writable views (height, width) of a frame's luma and its two half-size chroma planes."""

    y: Plane
    u: Plane
    v: Plane


class Box(NamedTuple):
    """A rectangle in pixels; all four numbers even."""

    x: int
    y: int
    width: int
    height: int


def even(value: float) -> int:
    """The nearest even number."""
    return int(value / 2 + 0.5) * 2


def planes(frame: av.VideoFrame) -> Planes:
    """The three planes of a yuv420p frame, without copying."""
    views = []
    for plane in frame.planes:
        rows = np.frombuffer(plane, np.uint8)  # type: ignore[call-overload]
        stride = plane.line_size
        rows = rows[: stride * plane.height].reshape(plane.height, stride)
        views.append(rows[:, : plane.width])
    return Planes(*views)


def part(target: Planes, box: Box) -> Planes:
    """The views of one rectangle."""
    x, y, width, height = box
    half = slice(y // 2, (y + height) // 2), slice(x // 2, (x + width) // 2)
    return Planes(target.y[y : y + height, x : x + width], target.u[half], target.v[half])


def copy(source: Planes, target: Planes) -> None:
    """Copy planes of equal size."""
    for a, b in zip(source, target, strict=True):
        b[...] = a


def fill(target: Planes, colour: tuple[int, int, int]) -> None:
    """Fill with one colour (Y, U, V)."""
    for plane, value in zip(target, colour, strict=True):
        plane[...] = value


def mix(a: Planes, b: Planes, target: Planes, step: int) -> None:
    """`target` = a + (b - a) * step / 256. Step 0 is `a`, 256 is `b`."""
    for from_, to, out in zip(a, b, target, strict=True):
        for top in range(0, out.shape[0], _BAND):
            rows = slice(top, top + _BAND)
            wide = from_[rows] * np.uint16(MIX_STEPS - step)
            wide += to[rows] * np.uint16(step)
            wide >>= 8
            out[rows] = wide


@dataclass(frozen=True, slots=True)
class Overlay:
    """A drawing with transparency, ready to be laid over a frame: out = (in * keep + add) / 256."""

    box: Box
    keep: tuple[Wide, Wide]  # 256 - alpha, for luma and for chroma
    add: tuple[Wide, Wide, Wide]  # colour * alpha, by plane

    def lay(self, target: Planes, opacity: int = MIX_STEPS) -> None:
        """Draw over `target`; `opacity` 0…256 fades the whole drawing."""
        if opacity <= 0:
            return
        for index, plane in enumerate(part(target, self.box)):
            keep, add = self.keep[min(index, 1)], self.add[index]
            if opacity < MIX_STEPS:
                keep = MIX_STEPS - ((MIX_STEPS - keep) * np.uint32(opacity) >> 8).astype(np.uint16)
                add = (add * np.uint32(opacity) >> 8).astype(np.uint16)
            wide = plane * keep
            wide += add
            wide >>= 8
            plane[...] = wide


def overlay(image: Image.Image, x: int, y: int) -> Overlay:
    """An overlay from an RGBA drawing of even size, its top left corner at the even (x, y)."""
    width, height = image.size
    alpha = image.getchannel("A")
    small = alpha.resize((width // 2, height // 2), Image.Resampling.BOX)
    # 255 must become 256, or an opaque drawing would let a little of the picture through.
    shares = [np.asarray(each, np.uint16) for each in (alpha, small)]
    shares = [share + (share >> 7) for share in shares]
    colours = planes(yuv(image.convert("RGB")))
    return Overlay(
        box=Box(x, y, width, height),
        keep=(MIX_STEPS - shares[0], MIX_STEPS - shares[1]),
        add=(colours.y * shares[0], colours.u * shares[1], colours.v * shares[1]),
    )


def yuv(image: Image.Image) -> av.VideoFrame:
    """A yuv420p frame (BT.601, limited range) of an RGB drawing of even size."""
    frame: av.VideoFrame = av.VideoFrame.from_image(image)  # type: ignore[no-untyped-call]
    return frame.reformat(format="yuv420p", dst_colorspace="itu601", dst_color_range="MPEG")


def to_image(frame: av.VideoFrame) -> Image.Image:
    """An RGB picture of a frame, for tests and for looking at."""
    image: Image.Image = frame.to_image()  # type: ignore[no-untyped-call]
    return image


class Scaler:
    """Scales frames of one source into one size; nothing is done when they fit already."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def scale(self, frame: av.VideoFrame, width: int, height: int) -> av.VideoFrame:
        """A yuv420p frame of this size."""
        if (frame.width, frame.height, frame.format.name) == (width, height, "yuv420p"):
            return frame
        return self._reformatter.reformat(
            frame, width, height, "yuv420p", interpolation=Interpolation.FAST_BILINEAR
        )


class FramePool:
    """A ring of frames that are written again and again.

    `size` must be larger than the number of frames that can be in use at a time: those waiting
    for the encoder, the one being encoded, the one being made and the last one made.
    """

    def __init__(self, width: int, height: int, size: int) -> None:
        self._frames = [av.VideoFrame(width, height, "yuv420p") for _ in range(size)]
        self._views = [planes(frame) for frame in self._frames]
        self._next = 0

    def take(self) -> tuple[av.VideoFrame, Planes]:
        """The frame used longest ago, and its planes."""
        index = self._next
        self._next = (index + 1) % len(self._frames)
        return self._frames[index], self._views[index]
