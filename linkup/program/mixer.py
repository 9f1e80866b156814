"""The program's clock: one frame every n / fps, one block of sound every 20 ms, whatever happens.

Frame n belongs to the moment start + n / fps on CLOCK_MONOTONIC and shows of each source the
picture that is nearest to that moment; block m holds what is due from start + m × 20 ms on. So
picture and sound share one axis, and neither drifts. Work that comes late is still made for its own
moment, up to `LATE_NS`; a frame later than that, or refused by the encoder, counts as missed and
the one before stands in its place.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import av
import structlog

from linkup import clock, messages
from linkup.config import Program
from linkup.messages import Compose, Strip
from linkup.program import ladder
from linkup.program.compose import Composer, Tile, places
from linkup.program.drawings import Drawings
from linkup.program.encode import WAITING_FRAMES, EncodeThread, sample_ns
from linkup.program.sound import LOOK_AHEAD_NS, Gain, Mixer
from linkup.program.sources import Source
from linkup.program.stage import Stage, View, view_of
from linkup.program.voices import BLOCK

log = structlog.get_logger()

SECOND = 1_000_000_000
LATE_NS = 200_000_000  # within what the encoder's queue can take up
PICTURE_WAIT_NS = 1_500_000_000  # a take waits this long for a source's first picture

Fact = Callable[[messages.AnyMessage], None]


class ProgramClock:
    """Owns the clock thread. `compose` and `sources` are set by the network's thread."""

    def __init__(
        self,
        program: Program,
        drawings: Drawings,
        encoder: EncodeThread,
        fact: Fact,
    ) -> None:
        """`fact` is called from the clock's thread."""
        self.fps = program.fps
        self.sources: dict[str, Source] = {}  # replaced as a whole, never changed in place
        self.frames = 0  # given to the encoder
        self.missed = 0
        self.start_ns = 0
        self._size = program.width, program.height
        self._drawings = drawings
        self._encoder = encoder
        self._fact = fact
        self._stage = Stage(program.fps)
        self._composer = Composer(program.width, program.height, drawings, WAITING_FRAMES + 1)
        self._mixer = Mixer()
        self._gains: dict[str, Gain] = {}
        self._wanted: tuple[Compose, int] | None = None  # and when it came
        self._command: Compose | None = None  # in force
        self.on_air: messages.OnAir | None = None  # when it went into force
        self._reported: dict[str, ladder.State] = {}
        self._last: av.VideoFrame | None = None
        self._number = 0  # of the next frame
        self._block = 0  # of the next block
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="clock", daemon=True)
        self._complained = 0.0

    @property
    def level(self) -> int:
        """Loudness of the last second in dBov."""
        return self._mixer.level

    def start(self) -> None:
        """Start the clock; it runs until `stop`."""
        self._thread.start()

    def stop(self) -> None:
        """Stop it; waits for the frame that is being made."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(2)

    def compose(self, command: Compose) -> None:
        """What is wanted from now on; the newest wins."""
        waiting = self._wanted
        again = waiting is not None and waiting[0].take == command.take
        self._wanted = (command, waiting[1] if waiting and again else clock.now_ns())

    # ------------------------------------------------------------ the clock's thread

    def _run(self) -> None:
        self._drawings.ground()
        self._drawings.slate()
        self.start_ns = clock.now_ns()
        while not self._stop.is_set():
            frame_at = self._frame_at(self._number)
            block_at = self._block_at(self._block + 1)  # a block is made when its time is over
            now = clock.now_ns()
            due = min(frame_at, block_at)
            if due > now:
                time.sleep((due - now) / SECOND)
                continue
            try:
                if block_at <= frame_at:
                    self._make_block(self._block_at(self._block))
                else:
                    self._make_frame(frame_at, now)
            except Exception:
                # The clock must not stop for a defect in one picture.
                if time.monotonic() - self._complained > 5:
                    self._complained = time.monotonic()
                    log.exception("a frame or block could not be made")
            if block_at <= frame_at:
                self._block += 1
            else:
                self._number += 1

    def _frame_at(self, number: int) -> int:
        return self.start_ns + number * SECOND // self.fps

    def _block_at(self, block: int) -> int:
        return self.start_ns + sample_ns(block * BLOCK)

    def _make_frame(self, at: int, now: int) -> None:
        frame = self._last
        made = False
        try:
            if now - at < LATE_NS or frame is None:
                frame = self._picture(at)
                made = True
        finally:
            if frame is not None and self._encoder.picture(frame, self._number, at):
                self.frames += 1
                self._last = frame
            else:
                made = False
            if not made:
                self.missed += 1

    def _picture(self, at: int) -> av.VideoFrame:
        moment = at + SECOND // self.fps // 2  # the nearest picture, not the last before
        for source in self.sources.values():
            source.picture(moment)
        self._obey(at, moment)
        shot = self._stage.shot(self._number)
        states = {feed: self._state(feed, at) for feed in shot.feeds}
        self._report(shot.view, states, at)
        names = self._command.names if self._command is not None else {}

        def tile(feed: str, width: int, height: int) -> Tile | None:
            name = names.get(feed) or Strip(name=feed)
            return self._tile(feed, states[feed], name, width, height)

        return self._composer.render(shot, tile)

    def _obey(self, at: int, moment: int) -> None:
        """Put the newest command into force, once its pictures are there."""
        wanted = self._wanted
        if wanted is None:
            return
        command, since = wanted
        view = view_of(command)
        if view != self._stage.view and at - since < PICTURE_WAIT_NS:
            sources = [self.sources.get(feed) for feed in view.feeds]
            if any(each is None or each.waits_for_picture(moment) for each in sources):
                return
        if self._wanted is wanted:  # not replaced by a newer one meanwhile
            self._wanted = None
        self._draw_ahead(command)
        before = self._command
        self._stage.change(command, self._number)
        self._command = command
        if before is None or before.take != command.take:
            self.on_air = messages.OnAir(take=command.take, at=at)
            self._fact(self.on_air)

    def _draw_ahead(self, command: Compose) -> None:
        """Have what may be needed soon drawn before it is."""
        for picture in (command.on_air, command.next):
            if picture is None:
                continue
            if picture.strip is not None and picture.strip.name.strip():
                self._drawings.strip(picture.strip)
            view = View(picture.layout, tuple(picture.feeds[:4]))
            for feed, box in zip(view.feeds, places(view, *self._size), strict=False):
                name = command.names.get(feed) or Strip(name=feed)
                self._drawings.card(name, "lost", box.width, box.height)

    def _state(self, feed: str, now: int) -> ladder.State:
        source = self.sources.get(feed)
        return "gone" if source is None else source.state(now)

    def _report(self, view: View, states: dict[str, ladder.State], at: int) -> None:
        """Tell control of every step on the ladder of what is on air."""
        for feed in view.feeds:
            state = states[feed]
            # What was told counts also when the feed was off air meanwhile: else one that was gone
            # and is taken again alive would stay gone for control.
            if state != self._reported.get(feed, "live"):
                self._reported[feed] = state
                self._fact(messages.SourceChanged(feed=feed, state=state, at=at))

    def _tile(
        self, feed: str, state: ladder.State, name: Strip, width: int, height: int
    ) -> Tile | None:
        source = self.sources.get(feed)
        shown = source.shown if source is not None else None
        if state in ("live", "held") and shown is not None:
            return Tile(shown)
        drawing = None
        if state == "gone":
            whole = (width, height) == self._size
            drawing = (
                self._drawings.slate()
                if whole
                else self._drawings.card(name, "gone", width, height)
            )
        drawing = drawing or self._drawings.card(name, "lost", width, height)
        if drawing is not None:
            return Tile(drawing, drawn=True)
        return Tile(shown) if shown is not None else None  # while the card is being drawn

    def _make_block(self, at: int) -> None:
        microphones = set(self._command.microphones) if self._command is not None else set()
        wanted = self._wanted
        if wanted is not None:  # sound does not wait for pictures
            microphones = set(wanted[0].microphones)
        sounds = []
        for feed, source in self.sources.items():
            is_open = feed in microphones
            gain = self._gains.get(feed)
            if gain is None:
                if not is_open:
                    continue
                gain = self._gains[feed] = Gain()
            sound = source.sound(at + LOOK_AHEAD_NS)
            if sound is not None:
                sounds.append(gain.apply(sound, is_open))
            else:
                gain.skip(is_open)
            if not is_open and gain.value == 0.0:
                del self._gains[feed]
        for feed in self._gains.keys() - self.sources.keys():
            del self._gains[feed]
        sound = self._mixer.mix(sounds)
        self._encoder.sound(sound, self._block * BLOCK, at)
