"""Where each feed stands in the picture.

All numbers are fractions (0…1) of the picture's width and height. Every rectangle has the shape
of the picture itself (width = height in fractions), so that a 16:9 source is never cropped.
Later rectangles stand in front of earlier ones. The program composes with these numbers and the
console draws its preview with the same (`data()`), so that what is seen is what goes on air.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from linkup.messages import Layout


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A place in the picture; fractions 0…1 of its width and height, origin top left."""

    x: float
    y: float
    width: float
    height: float


LAYOUTS: tuple[Layout, ...] = ("full", "side", "pip", "four")

_WHOLE = Rectangle(0.0, 0.0, 1.0, 1.0)
_INSET = Rectangle(0.725, 0.05, 0.25, 0.25)  # top right: the name strip stands below
_MIDDLE = 0.2375  # a little above the exact middle: the name strip stands below
_NEAR, _FAR, _CELL = 0.0125, 0.5125, 0.475

_FULL = (_WHOLE,)
_SIDE = (Rectangle(_NEAR, _MIDDLE, _CELL, _CELL), Rectangle(_FAR, _MIDDLE, _CELL, _CELL))
_TOP = (Rectangle(_NEAR, _NEAR, _CELL, _CELL), Rectangle(_FAR, _NEAR, _CELL, _CELL))
_THREE = (*_TOP, Rectangle(0.2625, _FAR, _CELL, _CELL))
_FOUR = (*_TOP, Rectangle(_NEAR, _FAR, _CELL, _CELL), Rectangle(_FAR, _FAR, _CELL, _CELL))

# By layout, then by how many feeds stand in it (1, 2, …): no place is ever left empty.
_TABLE: dict[Layout, tuple[tuple[Rectangle, ...], ...]] = {
    "full": (_FULL,),
    "side": (_FULL, _SIDE),
    "pip": (_FULL, (_WHOLE, _INSET)),
    "four": (_FULL, _SIDE, _THREE, _FOUR),
}


def capacity(layout: Layout) -> int:
    """How many feeds can stand in this layout."""
    return len(_TABLE[layout])


def rectangles(layout: Layout, count: int) -> tuple[Rectangle, ...]:
    """The places of the first `count` feeds, in their order; at most `capacity(layout)`."""
    by_count = _TABLE[layout]
    return by_count[min(count, len(by_count)) - 1] if count > 0 else ()


def data() -> dict[str, list[list[dict[str, float]]]]:
    """The whole table for pages: layout → number of feeds minus one → rectangles."""
    return {
        layout: [[asdict(each) for each in places] for places in by_count]
        for layout, by_count in _TABLE.items()
    }
