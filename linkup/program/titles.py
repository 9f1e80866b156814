"""What is written on the picture: name strips, name cards, the slate.

Drawn by Pillow, once per change and never on the program's clock (`linkup.program.drawings` does it
in a thread). Sizes follow the height of the picture: at 720 lines a strip's name is 40 px high.
Nothing here touches the middle of the picture, and everything stays inside the 5 % margin that
television calls the safe area.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw

from linkup.messages import Strip
from linkup.program.fonts import Font, font
from linkup.program.pictures import Overlay, even, overlay

Colour = tuple[int, int, int]

PANEL: Colour = (13, 20, 31)
PANEL_ALPHA = 232
ACCENT: Colour = (214, 178, 106)  # a quiet gold: neither red (on air) nor green (next)
WHITE: Colour = (248, 250, 252)
SOFT: Colour = (196, 206, 219)
DIM: Colour = (128, 142, 160)
GROUND_TOP: Colour = (24, 34, 51)
GROUND_BOTTOM: Colour = (10, 15, 24)
BACKGROUND_YUV = (23, 132, 125)  # behind pictures that do not fill their place; near PANEL

WORDS = {
    "lost": ("画面暂时中断", "Picture interrupted"),
    "gone": ("连线中断，请稍候", "Connection lost, please stand by"),
    "back": ("稍后继续", "We will be right back"),
}
_ELLIPSIS = "…"


def words(what: str, language: str) -> tuple[str, str]:
    """A sentence in the program's language first, in the other one below."""
    chinese, english = WORDS[what]
    return (english, chinese) if language == "en" else (chinese, english)


def fit(text: str, size: int, smallest: int, width: int, bold: bool = False) -> tuple[str, Font]:
    """The text and a font with which it is no wider than `width`; shortened if nothing else helps.

    Control characters and line ends become spaces: a strip is one line.
    """
    text = " ".join("".join(c if c.isprintable() else " " for c in text[:200]).split())
    while size > smallest and font(size, bold).getlength(text) > width:
        size -= max(1, size // 20)
    chosen = font(size, bold)
    if chosen.getlength(text) <= width:
        return text, chosen
    while text and chosen.getlength(text + _ELLIPSIS) > width:
        text = text[:-1]
    return text.rstrip() + _ELLIPSIS, chosen


def strip(words_: Strip, width: int, height: int) -> Overlay:
    """The lower third: a dark panel, a thin gold line, the name large, the title below it."""
    unit = height / 720
    widest = int(width * 0.62)
    name, name_font = fit(words_.name, round(40 * unit), round(26 * unit), widest, bold=True)
    title, title_font = fit(words_.title, round(24 * unit), round(18 * unit), widest)
    text_width = max(name_font.getlength(name), title_font.getlength(title) if title else 0)
    panel_width = even(text_width + 78 * unit)
    panel_height = even((118 if title else 82) * unit)
    panel_width = max(panel_width, even(220 * unit))

    image = _panel(panel_width, panel_height, unit)
    draw = ImageDraw.Draw(image)
    left = round(38 * unit)
    middle = round((44 if title else 40) * unit)
    draw.text((left, middle), name, font=name_font, fill=(*WHITE, 255), anchor="lm")
    if title:
        draw.text((left, round(88 * unit)), title, font=title_font, fill=(*SOFT, 255), anchor="lm")
    x = even(width * 0.05)
    y = even(height * 0.925) - panel_height
    return overlay(image, x, y)


def card(place: Strip, width: int, height: int, state: str, language: str) -> Image.Image:
    """The name card of a site whose picture is missing. `state`: "lost" or "gone"."""
    image = ground(width, height).copy()
    draw = ImageDraw.Draw(image)
    unit = height / 720
    centre = width // 2
    name, name_font = fit(place.name, round(76 * unit), round(36 * unit), int(width * 0.84), True)
    draw.text((centre, round(300 * unit)), name, font=name_font, fill=WHITE, anchor="mm")
    _rule(draw, centre, round(372 * unit), round(64 * unit), max(2, round(4 * unit)))
    below = round(424 * unit)
    if place.title:
        title, title_font = fit(place.title, round(34 * unit), round(22 * unit), int(width * 0.84))
        draw.text((centre, below), title, font=title_font, fill=SOFT, anchor="mm")
        below += round(58 * unit)
    first, second = words(state, language)
    line = f"{first}  ·  {second}"
    text, small = fit(line, max(11, round(24 * unit)), 9, int(width * 0.84))
    draw.text((centre, max(below, round(600 * unit))), text, font=small, fill=DIM, anchor="mm")
    return image


def slate(title: str, subtitle: str, width: int, height: int, language: str) -> Image.Image:
    """What stands there when there is nothing to show: the consultation's title, and patience."""
    image = ground(width, height).copy()
    draw = ImageDraw.Draw(image)
    unit = height / 720
    centre = width // 2
    wide = int(width * 0.86)
    name, name_font = fit(title, round(68 * unit), round(34 * unit), wide, True)
    draw.text((centre, round(262 * unit)), name, font=name_font, fill=WHITE, anchor="mm")
    if subtitle and subtitle != title:
        other, other_font = fit(subtitle, round(28 * unit), round(20 * unit), wide)
        draw.text((centre, round(330 * unit)), other, font=other_font, fill=SOFT, anchor="mm")
    _rule(draw, centre, round(392 * unit), round(64 * unit), max(2, round(4 * unit)))
    first, second = words("back", language)
    draw.text(
        (centre, round(456 * unit)), first, font=font(round(38 * unit)), fill=WHITE, anchor="mm"
    )
    draw.text(
        (centre, round(508 * unit)), second, font=font(round(24 * unit)), fill=DIM, anchor="mm"
    )
    return image


@lru_cache(maxsize=8)
def ground(width: int, height: int) -> Image.Image:
    """The calm dark ground of cards and slates: a soft light from above, dithered.

    The dither (one step, with a fixed seed) keeps the encoder from drawing bands.
    """
    rows = np.linspace(0.0, 1.1, height, dtype=np.float32)[:, None]
    columns = np.linspace(-0.8, 0.8, width, dtype=np.float32)[None, :]
    far = np.minimum(np.hypot(columns, rows), 1)
    noise = np.random.default_rng(7).random((height, width), dtype=np.float32) * 1.2 - 0.6
    image = np.empty((height, width, 3), np.uint8)
    for channel, (top, bottom) in enumerate(zip(GROUND_TOP, GROUND_BOTTOM, strict=True)):
        image[..., channel] = np.rint(top + (bottom - top) * far + noise)
    return Image.fromarray(image)


def _panel(width: int, height: int, unit: float) -> Image.Image:
    """The strip's dark panel with its line, drawn four times as large for smooth corners."""
    big = 4
    mask = Image.new("L", (width * big, height * big), 0)
    radius = round(8 * unit) * big
    box = (0, 0, width * big - 1, height * big - 1)
    ImageDraw.Draw(mask).rounded_rectangle(box, radius=radius, fill=255)
    mask = mask.resize((width, height), Image.Resampling.BOX)

    image = Image.new("RGBA", (width, height), (*PANEL, 0))
    image.putalpha(mask.point(lambda value: value * PANEL_ALPHA // 255))
    line = ImageDraw.Draw(image)
    x, inset = even(16 * unit), round(20 * unit)
    line.rounded_rectangle(
        (x, inset, x + max(2, even(4 * unit)) - 1, height - inset - 1),
        radius=max(1, round(2 * unit)),
        fill=(*ACCENT, 255),
    )
    return image


def _rule(draw: ImageDraw.ImageDraw, centre: int, y: int, half: int, thick: int) -> None:
    draw.rectangle((centre - half, y, centre + half, y + thick - 1), fill=ACCENT)
