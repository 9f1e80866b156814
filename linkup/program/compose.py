"""One picture out of many: tiles in their rectangles, mixes, strips.

Works on the planes of decoded frames. What did not change since the last frame is not made again:
the same finished frame is given to the encoder, and a single source that fills the whole picture
at the right size goes through without being touched.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import av

from linkup.program import pictures
from linkup.program.drawings import Drawings
from linkup.program.pictures import Box, FramePool, Planes, Scaler, even
from linkup.program.stage import FULL, Shot, View
from linkup.program.titles import BACKGROUND_YUV
from linkup.show.scene import rectangles

CROPPED = 0.16  # at most this share of a picture is cut off to fill its place; else it is fitted
INSET_LINE = (150, 128, 128)  # around a picture that stands in front of another
CARD_LINE = (52, 136, 123)  # around a name card among pictures: the ground is the same behind it


@dataclass(frozen=True, slots=True)
class Tile:
    """What stands for a feed at this moment: its own frame, or a drawing of full tile size."""

    frame: av.VideoFrame
    drawn: bool = False


# (feed, width, height of its place) → what stands there; None: nothing yet, the ground shows.
Tiles = Callable[[str, int, int], Tile | None]


@dataclass(frozen=True, slots=True)
class Placement:
    """How a source fits its place: scaled to this size, this part of it shown, there."""

    width: int
    height: int
    crop: Box  # of the scaled picture
    target: Box  # inside the place


def placement(width: int, height: int, place: Box) -> Placement:
    """Fill the place if little is lost by that, else fit the whole source into it.

    A phone held upright is always shown whole: cropping would keep the middle of a face.
    """
    fill = max(place.width / width, place.height / height)
    fit = min(place.width / width, place.height / height)
    if 1 - fit / fill <= CROPPED:
        w, h = even(width * fill), even(height * fill)
        w, h = max(w, place.width), max(h, place.height)
        x, y = even((w - place.width) / 2), even((h - place.height) / 2)
        x, y = min(x, w - place.width), min(y, h - place.height)
        crop = Box(x, y, place.width, place.height)
        return Placement(w, h, crop, Box(0, 0, place.width, place.height))
    w = max(2, min(place.width, even(width * fit)))
    h = max(2, min(place.height, even(height * fit)))
    x, y = even((place.width - w) / 2), even((place.height - h) / 2)
    target = Box(min(x, place.width - w), min(y, place.height - h), w, h)
    return Placement(w, h, Box(0, 0, w, h), target)


def places(view: View, width: int, height: int) -> list[Box]:
    """The rectangles of a view's feeds in pixels, later ones in front."""
    boxes = []
    for each in rectangles(view.layout, len(view.feeds)):
        x, y = even(each.x * width), even(each.y * height)
        right, bottom = even((each.x + each.width) * width), even((each.y + each.height) * height)
        boxes.append(Box(x, y, right - x, bottom - y))
    return boxes


class Composer:
    """Makes the frames of one program. Every frame that it gives is yuv420p of its size."""

    def __init__(self, width: int, height: int, drawings: Drawings, in_use: int) -> None:
        """`in_use`: how many frames the encoder may hold at a time."""
        self.width, self.height = width, height
        self._drawings = drawings
        self._pool = FramePool(width, height, in_use + 3)
        self._parts = FramePool(width, height, 2)  # the two sides of a mix
        self._scalers: dict[tuple[str, int, int], Scaler] = {}
        self._last: tuple[object, av.VideoFrame] | None = None
        self._black = av.VideoFrame(width, height, "yuv420p")
        pictures.fill(pictures.planes(self._black), BACKGROUND_YUV)
        self.made = 0  # frames composed, others were given again

    def render(self, shot: Shot, tiles: Tiles) -> av.VideoFrame:
        """The frame of a shot."""
        views = [shot.view] if shot.leaving is None else [shot.leaving, shot.view]
        filled = [self._fill(view, tiles) for view in views]
        strips = [
            (drawing, opacity)
            for strip, opacity in shot.strips
            if (drawing := self._drawings.strip(strip)) is not None
        ]
        # Frames live as long as they stand in the key, so an id cannot come back meanwhile.
        key = (shot.view, shot.leaving, shot.step, strips, filled)
        if self._last is not None and _same(self._last[0], key):
            return self._last[1]
        frame = self._make(views, filled, strips, shot.step)
        self._last = (key, frame)
        return frame

    def _fill(self, view: View, tiles: Tiles) -> list[tuple[str, Box, Tile | None]]:
        whole = Box(0, 0, self.width, self.height)
        if view.slate:
            slate = self._drawings.slate()
            return [("", whole, Tile(slate, drawn=True) if slate is not None else None)]
        return [
            (feed, box, tiles(feed, box.width, box.height))
            for feed, box in zip(view.feeds, places(view, self.width, self.height), strict=False)
        ]

    def _make(
        self,
        views: list[View],
        filled: list[list[tuple[str, Box, Tile | None]]],
        strips: list[tuple[pictures.Overlay, int]],
        step: int,
    ) -> av.VideoFrame:
        if len(views) == 1:
            untouched = self._untouched(filled[0])
            if untouched is not None and not strips:
                return untouched
            frame, target = self._pool.take()
            if untouched is not None:
                pictures.copy(pictures.planes(untouched), target)
            else:
                self._draw(filled[0], target)
        else:
            sides = []
            for each in filled:
                untouched = self._untouched(each)
                if untouched is not None:
                    sides.append(pictures.planes(untouched))
                    continue
                _, side = self._parts.take()
                self._draw(each, side)
                sides.append(side)
            frame, target = self._pool.take()
            pictures.mix(sides[0], sides[1], target, step * pictures.MIX_STEPS // FULL)
        for drawing, opacity in strips:
            drawing.lay(target, opacity * pictures.MIX_STEPS // FULL)
        self.made += 1
        return frame

    def _untouched(self, filled: list[tuple[str, Box, Tile | None]]) -> av.VideoFrame | None:
        """A single frame that is the whole picture as it is."""
        if len(filled) != 1:
            return None
        _, box, tile = filled[0]
        if tile is None:
            return None
        frame = tile.frame
        size = (frame.width, frame.height, frame.format.name)
        if size == (self.width, self.height, "yuv420p") and box[2:] == (self.width, self.height):
            return frame
        return None

    def _draw(self, filled: list[tuple[str, Box, Tile | None]], target: Planes) -> None:
        if not self._covered(filled):
            ground = self._drawings.ground() or self._black
            pictures.copy(pictures.planes(ground), target)
        for index, (feed, box, tile) in enumerate(filled):
            inset = index > 0 and _overlaps(box, filled[0][1])
            if inset:
                line = Box(box.x - 2, box.y - 2, box.width + 4, box.height + 4)
                pictures.fill(pictures.part(target, line), INSET_LINE)
            elif tile is not None and tile.drawn and box[2:] != (self.width, self.height):
                line = Box(box.x - 2, box.y - 2, box.width + 4, box.height + 4)
                pictures.fill(pictures.part(target, line), CARD_LINE)
            if tile is not None:
                self._draw_tile(feed, box, tile, pictures.part(target, box), inset)

    def _draw_tile(self, feed: str, box: Box, tile: Tile, target: Planes, inset: bool) -> None:
        source = tile.frame
        found = placement(source.width, source.height, box)
        key = (feed, found.width, found.height)
        scaler = self._scalers.get(key)
        if scaler is None:
            if len(self._scalers) > 32:
                self._scalers.clear()
            scaler = self._scalers[key] = Scaler()
        scaled = scaler.scale(source, found.width, found.height)
        if inset and found.target[2:] != box[2:]:
            pictures.fill(target, BACKGROUND_YUV)
        shown = pictures.part(pictures.planes(scaled), found.crop)
        pictures.copy(shown, pictures.part(target, found.target))

    def _covered(self, filled: list[tuple[str, Box, Tile | None]]) -> bool:
        """Whether the first tile covers the whole picture."""
        if not filled:
            return False
        _, box, tile = filled[0]
        if tile is None or box != (0, 0, self.width, self.height):
            return False
        target = placement(tile.frame.width, tile.frame.height, box).target
        return target[2:] == (self.width, self.height)


def _overlaps(a: Box, b: Box) -> bool:
    return (
        a.x < b.x + b.width
        and b.x < a.x + a.width
        and a.y < b.y + b.height
        and b.y < a.y + a.height
    )


def _same(a: object, b: object) -> bool:
    """Equality of keys, in which frames and overlays count by identity."""
    if isinstance(a, tuple | list) and isinstance(b, tuple | list):
        return len(a) == len(b) and all(_same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, Tile) and isinstance(b, Tile):
        return a.frame is b.frame
    if isinstance(a, pictures.Overlay):
        return a is b
    return bool(a == b)
