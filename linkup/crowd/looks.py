"""How each simulated site looks: an own colour, an own letter, a running counter.

Whoever watches the program, and whoever tests it, must see at a glance which site is on air and
that its picture moves. Everything is pasted into the planes of a YUV 4:2:0 picture.
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from linkup.program import fonts

Plane = npt.NDArray[np.uint8]
Yuv = tuple[int, int, int]

GOLDEN_ANGLE = 0.381966  # of the colour wheel: neighbours differ as much as can be


@dataclass(frozen=True)
class Look:
    """One site: `number` counts from 0 and decides colour and voice."""

    number: int
    site: str
    name: str

    @property
    def colour(self) -> tuple[int, int, int]:
        """RGB, bright and saturated."""
        hue = (0.0 + self.number * GOLDEN_ANGLE) % 1
        red, green, blue = colorsys.hsv_to_rgb(hue, 0.85, 0.95)
        return round(red * 255), round(green * 255), round(blue * 255)

    @property
    def label(self) -> str:
        """What stands large in the corner: A, B, … Z, then numbers."""
        return chr(ord("A") + self.number) if self.number < 26 else str(self.number + 1)


def yuv(colour: tuple[int, int, int]) -> Yuv:
    """BT.601 limited range, as VP8 and 8-bit H.264 from cameras have it."""
    red, green, blue = (each / 255 for each in colour)
    return (
        round(16 + 65.5 * red + 128.6 * green + 25.0 * blue),
        round(128 - 37.8 * red - 74.2 * green + 112.0 * blue),
        round(128 + 112.0 * red - 93.8 * green - 18.2 * blue),
    )


class Painter:
    """Paints one look into pictures of one size."""

    def __init__(self, look: Look, width: int, height: int) -> None:
        self._size = width, height
        self._yuv = yuv(look.colour)
        self._border = height // 40 & ~1
        badge = _badge(look, height)
        self._badge = _planes(badge)
        self._digits = [_planes(each) for each in _digits(height)]

    def paint(self, picture: Plane, frame: int) -> None:
        """Paint into a planar picture of shape (height * 3 // 2, width), in place."""
        width, height = self._size
        luma = picture[:height]
        # Chroma planes of half the size lie behind, one after the other.
        chroma = picture[height:].reshape(2, height // 2, width // 2)
        for plane, value, border in (
            (luma, self._yuv[0], self._border),
            (chroma[0], self._yuv[1], self._border // 2),
            (chroma[1], self._yuv[2], self._border // 2),
        ):
            plane[:border] = plane[-border:] = value
            plane[:, :border] = plane[:, -border:] = value
        at = self._border * 2
        _paste(luma, chroma, self._badge, at, at)
        x = width - at
        for digit in reversed(f"{frame:04d}"):
            planes = self._digits[int(digit)]
            x -= planes[0].shape[1]
            _paste(luma, chroma, planes, x, at)


def _paste(luma: Plane, chroma: Plane, planes: tuple[Plane, Plane, Plane], x: int, y: int) -> None:
    high, wide = planes[0].shape
    luma[y : y + high, x : x + wide] = planes[0]
    for index in (0, 1):
        chroma[index, y // 2 : (y + high) // 2, x // 2 : (x + wide) // 2] = planes[index + 1]


def _badge(look: Look, height: int) -> Image.Image:
    """The letter large, the name beside it, on the site's colour."""
    high = height // 5 & ~1
    large, small = fonts.font(high * 3 // 4, bold=True), fonts.font(high // 3)
    name = look.name or look.site
    wide = round(high * 0.9 + small.getlength(name) + high * 0.25)
    image = Image.new("RGB", (min(wide, height) + 3 & ~3, high), (16, 18, 24))
    draw = ImageDraw.Draw(image)
    square = round(high * 0.72)
    draw.rectangle((0, 0, square, high), fill=look.colour)
    draw.text((square / 2, high / 2), look.label, (16, 18, 24), font=large, anchor="mm")
    draw.text((high * 0.9, high / 2), name, (240, 240, 240), font=small, anchor="lm")
    return image


@cache
def _digits(height: int) -> list[Image.Image]:
    high, wide = height // 14 & ~1, height // 22 & ~1
    font = fonts.font(high * 4 // 5)
    out = []
    for digit in "0123456789":
        image = Image.new("RGB", (wide, high), (16, 18, 24))
        draw = ImageDraw.Draw(image)
        draw.text((wide / 2, high / 2), digit, (240, 240, 240), font=font, anchor="mm")
        out.append(image)
    return out


def _planes(image: Image.Image) -> tuple[Plane, Plane, Plane]:
    """Y, U, V of an image; U and V at half the size. Video range, as `yuv`."""
    rgb = np.asarray(image, dtype=np.float32)
    matrix = np.array(
        [[65.481, 128.553, 24.966], [-37.797, -74.203, 112.0], [112.0, -93.786, -18.214]],
        dtype=np.float32,
    )
    values = rgb / 255 @ matrix.T + np.array([16, 128, 128], dtype=np.float32)
    half = values.reshape(rgb.shape[0] // 2, 2, rgb.shape[1] // 2, 2, 3).mean(axis=(1, 3))
    luma = values[..., 0].round().astype(np.uint8)
    return luma, half[..., 1].round().astype(np.uint8), half[..., 2].round().astype(np.uint8)
