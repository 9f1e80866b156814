"""Drawings made ahead, in a thread, so that the program's clock never waits for Pillow.

`strip`, `card` and `slate` give what is ready and start drawing what is not. Bounded: the
drawings used longest ago are forgotten.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import av
import structlog

from linkup.config import Settings
from linkup.messages import Strip
from linkup.program import titles
from linkup.program.pictures import Overlay, yuv

log = structlog.get_logger()

KEPT = 48
_Drawing = Overlay | av.VideoFrame


class Drawings:
    """Everything that is drawn for one program."""

    def __init__(self, settings: Settings) -> None:
        program = settings.program
        self._size = program.width, program.height
        self._language = program.language
        title = settings.consultation.title
        other = "zh" if program.language == "en" else "en"
        self._title = title.in_language(program.language), title.in_language(other)
        self._thread = ThreadPoolExecutor(1, "drawings")
        self._kept: OrderedDict[object, Future[_Drawing]] = OrderedDict()

    def strip(self, strip: Strip) -> Overlay | None:
        """The name strip, or None while it is being drawn."""
        drawing = self._get(("strip", strip), lambda: titles.strip(strip, *self._size))
        return drawing if isinstance(drawing, Overlay) else None

    def card(self, place: Strip, state: str, width: int, height: int) -> av.VideoFrame | None:
        """The name card at this size, or None while it is being drawn."""
        language = self._language
        drawing = self._get(
            ("card", place, state, width, height),
            lambda: yuv(titles.card(place, width, height, state, language)),
        )
        return drawing if isinstance(drawing, av.VideoFrame) else None

    def slate(self) -> av.VideoFrame | None:
        """The slate, or None while it is being drawn."""
        drawing = self._get(
            "slate", lambda: yuv(titles.slate(*self._title, *self._size, self._language))
        )
        return drawing if isinstance(drawing, av.VideoFrame) else None

    def ground(self) -> av.VideoFrame | None:
        """What stands behind pictures that do not fill the whole, or None at first."""
        drawing = self._get("ground", lambda: yuv(titles.ground(*self._size)))
        return drawing if isinstance(drawing, av.VideoFrame) else None

    def wait(self) -> None:
        """Until everything asked for so far is drawn (at the start, and in tests)."""
        for future in list(self._kept.values()):
            future.exception()

    def close(self) -> None:
        """Forget what is not begun."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _get(self, key: object, draw: Callable[[], _Drawing]) -> _Drawing | None:
        future = self._kept.get(key)
        if future is None:
            future = self._kept[key] = self._thread.submit(draw)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            return None
        self._kept.move_to_end(key)
        if not future.done():
            return None
        error = future.exception()
        if error is not None:
            log.error("a drawing failed", what=str(key), error=repr(error))
            self._kept[key] = _failed()
            return None
        return future.result()


def _failed() -> Future[_Drawing]:
    """Stands for a drawing that cannot be made, so that it is tried, and logged, only once."""
    never: Future[_Drawing] = Future()
    return never
