"""What stands in the picture at which frame. Pure: counts frames, knows no pixels.

`change` is told what is wanted and from which frame on; `shot` says for each frame what to draw:
the view, the view that is being left during a mix, and the name strips with their opacity.

    cut   the new view stands from that very frame; the old strip leaves with the old view
    mix   over n frames the new view's share rises evenly: 1/n with the first, 1 with the n-th
    strip fades in and out in 200 ms; a changed strip waits until the one before has left
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from linkup.messages import Compose, Layout, Strip

FADE_MS = 200
FULL = 256


@dataclass(frozen=True, slots=True)
class View:
    """One arrangement of feeds, or the slate."""

    layout: Layout = "full"
    feeds: tuple[str, ...] = ()
    slate: bool = False


@dataclass(frozen=True, slots=True)
class Shot:
    """What to draw in one frame. `step`: share of `view` over `leaving`, 0…256."""

    view: View
    leaving: View | None
    step: int
    strips: tuple[tuple[Strip, int], ...]

    @property
    def feeds(self) -> set[str]:
        """All feeds whose pictures are needed."""
        return {*self.view.feeds, *(self.leaving.feeds if self.leaving else ())}


@dataclass(frozen=True, slots=True)
class _Layer:
    """A strip: appears from frame `born` on, leaves from frame `ends` on (None: stays)."""

    strip: Strip
    born: int
    ends: int | None = None

    def opacity(self, frame: int, fade: int) -> int:
        rising = (frame - self.born + 1) * FULL // fade
        falling = FULL if self.ends is None else (self.ends + fade - frame - 1) * FULL // fade
        return max(0, min(FULL, rising, falling))


def view_of(compose: Compose) -> View:
    """The view that a command asks for."""
    if compose.slate or not compose.on_air.feeds:
        return View(slate=True)
    return View(compose.on_air.layout, tuple(compose.on_air.feeds[:4]))


class Stage:
    """Follows the commands; starts with the slate."""

    def __init__(self, fps: int) -> None:
        self._fps = fps
        self._fade = max(1, FADE_MS * fps // 1000)
        self.view = View(slate=True)
        self._leaving: View | None = None
        self._mix = (0, 1)  # first frame and length of the mix
        self._layers: tuple[_Layer, ...] = ()

    def change(self, compose: Compose, frame: int) -> None:
        """From `frame` on this is wanted."""
        view = view_of(compose)
        length = round(compose.mix_ms * self._fps / 1000)
        cut = False
        if view != self.view:
            cut = length < 2
            self._leaving = None if cut else self.view
            self._mix = (frame, max(1, length))
            self.view = view
        strip = None if view.slate else compose.on_air.strip
        self._change_strip(strip if strip and strip.name.strip() else None, frame, cut)

    def shot(self, frame: int) -> Shot:
        """What to draw in this frame; frames are asked for in order."""
        start, length = self._mix
        step = min(FULL, (frame - start + 1) * FULL // length)
        if step >= FULL:
            self._leaving = None
        drawn = [(layer.strip, layer.opacity(frame, self._fade)) for layer in self._layers]
        return Shot(
            view=self.view,
            leaving=self._leaving,
            step=step,
            strips=tuple(each for each in drawn if each[1] > 0),
        )

    def _change_strip(self, strip: Strip | None, frame: int, cut: bool) -> None:
        layers = [each for each in self._layers if each.opacity(frame, self._fade) > 0]
        staying = next((each for each in self._layers if each.ends is None), None)
        if staying is not None and staying.strip == strip:
            self._layers = (*(each for each in layers if each is not staying), staying)
            return
        if cut:
            layers = []
        layers = [each if each.ends is not None else replace(each, ends=frame) for each in layers]
        born = max((each.ends or 0) + self._fade for each in layers) if layers else frame
        if strip is not None:
            layers.append(_Layer(strip, born))
        self._layers = tuple(layers)
