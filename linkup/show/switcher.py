"""Preview and program: what is on air, what comes next, and who decides.

Two small machines, written as tables. *Control* says who switches:

    manual     only operators
    automatic  the voice decides
    held       automatic, but an operator took by hand: nothing moves until one switches it on again

*Slate* says whether everything is covered, and by whom, because what a failure covered a
director may uncover, and what an operator covered only an operator may.

Every change of what is on air counts `take` up by one. A take by hand swaps preview and program,
so that the way back is one key; the second press of a nervous finger, or of a second desk at the
same moment, is refused (`SAME_PRESS`). `undo` brings back what was there before the last take,
whoever made it. Time is an argument, in nanoseconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from linkup.errors import ConflictError, UserError
from linkup.messages import Layout, Strip
from linkup.show.events import (
    SECOND,
    AutomaticChanged,
    Event,
    Mode,
    Shot,
    SlateChanged,
    StripChanged,
    Taken,
    Undone,
)
from linkup.show.scene import capacity

Control = Literal["manual", "automatic", "held"]
SlateState = Literal["off", "operator", "failure"]
Tally = Literal["air", "next", "off"]

SAME_PRESS = SECOND // 2
UNDO_DEPTH = 20

CONTROL: dict[tuple[Control, str], Control] = {
    ("manual", "on"): "automatic",
    ("manual", "off"): "manual",
    ("manual", "hand"): "manual",
    ("automatic", "on"): "automatic",
    ("automatic", "off"): "manual",
    ("automatic", "hand"): "held",
    ("held", "on"): "automatic",
    ("held", "off"): "manual",
    ("held", "hand"): "held",
}

SLATE: dict[tuple[SlateState, str], SlateState] = {
    ("off", "cover"): "operator",
    ("off", "uncover"): "off",
    ("off", "fail"): "failure",
    ("off", "take"): "off",
    ("operator", "cover"): "operator",
    ("operator", "uncover"): "off",
    ("operator", "fail"): "operator",
    ("operator", "take"): "off",
    ("failure", "cover"): "operator",
    ("failure", "uncover"): "off",
    ("failure", "fail"): "failure",
    ("failure", "take"): "off",
}


class Before(msgspec.Struct, frozen=True, kw_only=True):
    """What undo brings back."""

    shot: Shot
    slate: SlateState


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """Everything of the switcher that outlives a restart of the control process."""

    on_air: Shot
    preview: Shot
    take: int
    since: int
    by: str
    slate: SlateState = "off"
    control: Control = "manual"
    held_by: str = ""
    touched: bool = False
    history: list[Before] = []


class Switcher:
    """The state of program and preview. `who` is an operator's name, or "system"."""

    def __init__(self, sites: Iterable[str], first: Shot, *, automatic: bool, now: int) -> None:
        self._sites = frozenset(sites)
        self.on_air = first
        self.preview = Shot()
        self.take_number = 1
        self.since = now
        self.by = "system"
        self.slate: SlateState = "off"
        self.control: Control = "automatic" if automatic else "manual"
        self.held_by = ""
        self.mixed = False  # the last change of what is on air is a dissolve
        self.touched = False  # an operator prepared the preview since the last take
        self.history: list[Before] = []
        self._pressed = now - SAME_PRESS

    # ------------------------------------------------------------ preview

    def prepare(
        self,
        layout: Layout | None = None,
        sites: Sequence[str] | None = None,
        strip: Strip | Literal["same"] | None = "same",
        fill: Iterable[str] = (),
    ) -> None:
        """Change the preview; what is not given stays.

        A name strip stays only while the sites stay: nobody goes on air under another's name.
        When only the layout is given, its empty places are filled from `fill`, in order.
        """
        shape = layout or self.preview.layout
        if sites is None:
            chosen = self._filled(shape, fill) if layout else self.preview.sites
        else:
            chosen = self._checked(shape, sites)
        if strip == "same":
            strip = self.preview.strip if chosen == self.preview.sites else None
        self.preview = Shot(layout=shape, sites=chosen, strip=strip)
        self.touched = True

    def offer(self, shot: Shot) -> bool:
        """Put a shot into the preview, unless an operator is preparing something there."""
        if self.touched:
            return False
        self.preview = shot
        return True

    def _filled(self, layout: Layout, fill: Iterable[str]) -> tuple[str, ...]:
        chosen = dict.fromkeys((*self.preview.sites, *fill))
        return tuple(site for site in chosen if site in self._sites)[: capacity(layout)]

    def _checked(self, layout: Layout, sites: Sequence[str]) -> tuple[str, ...]:
        for site in sites:
            if site not in self._sites:
                raise UserError("no-such-site", f"There is no site '{site}' in sites.yaml.")
        if len(set(sites)) < len(sites):
            raise UserError("site-twice", "The same site cannot stand twice in one picture.")
        if len(sites) > capacity(layout):
            raise UserError("too-many-sites",
                            f"The scene '{layout}' has {capacity(layout)} places.")  # fmt: skip
        return tuple(sites)

    # ------------------------------------------------------------ by hand

    def take(self, mode: Mode, who: str, now: int) -> list[Event]:
        """Put the preview on air; what was on air becomes the preview."""
        if not self.preview.sites:
            raise ConflictError("preview-empty", "Nothing is prepared; choose a site first.")
        if self.preview == self.on_air and self.slate == "off":
            raise ConflictError("already-on-air", "This picture is on air already.")
        if not self.touched and now - self._pressed < SAME_PRESS:
            raise ConflictError("just-taken", "This was taken a moment ago; press once.")
        before, shot = self.on_air, self.preview
        self._put(shot, who, now, mode)
        self.preview, self.touched = before, False
        self._hand(who)
        self._pressed = now
        return [Taken(self.take_number, shot, mode, False, "hand")]

    def undo(self, who: str, now: int) -> list[Event]:
        """Bring back what was on air before the last take, at once."""
        if not self.history:
            raise ConflictError("nothing-to-undo", "There is nothing to undo.")
        back = self.history.pop()
        self.preview, self.touched = self.on_air, False
        self._change(back.shot, who, now)
        self.slate = back.slate
        self._hand(who)
        self._pressed = now
        return [Undone(self.take_number, back.shot)]

    def cover(self, on: bool, who: str, now: int) -> list[Event]:
        """Put the slate over everything, or take it away."""
        before, self.slate = self.slate, SLATE[self.slate, "cover" if on else "uncover"]
        if (before == "off") == (self.slate == "off"):
            return []
        self._change(self.on_air, who, now)
        return [SlateChanged(on, self.take_number, "hand")]

    def write(self, strip: Strip | None, who: str, now: int) -> list[Event]:
        """Change the name strip on air, at once. The shot goes on: `since` and `by` stay."""
        if strip == self.on_air.strip:
            return []
        since, by = self.since, self.by
        shot = Shot(layout=self.on_air.layout, sites=self.on_air.sites, strip=strip)
        self._change(shot, who, now)
        self.since, self.by = since, by
        return [StripChanged(strip, self.take_number)]

    def automate(self, on: bool) -> list[Event]:
        """Switch automatic switching on (also after a hold) or off."""
        before = self.control
        self.control = CONTROL[before, "on" if on else "off"]
        self.held_by = ""
        return [AutomaticChanged(on)] if before != self.control else []

    def _hand(self, who: str) -> None:
        self.control = CONTROL[self.control, "hand"]
        self.held_by = who if self.control == "held" else ""

    # ------------------------------------------------------------ not by hand

    @property
    def voice_decides(self) -> bool:
        """Whether automatic switching may act now."""
        return self.control == "automatic" and self.slate != "operator"

    def follow_voice(self, site: str, now: int) -> list[Event]:
        """Show the speaker full screen. The operator's preview stays as it is."""
        shot = Shot(sites=(site,))
        self._put(shot, "system", now, "cut")
        return [Taken(self.take_number, shot, "cut", True, "voice")]

    def fall_back(self, shot: Shot | None, now: int) -> list[Event]:
        """A source failed: show what is left, or the slate when nothing is."""
        if shot is not None:
            covered = self.slate
            self._put(shot, "system", now, "cut")
            self.slate = covered  # a failure behind an operator's slate does not lift it
            return [Taken(self.take_number, shot, "cut", True, "failure")]
        before, self.slate = self.slate, SLATE[self.slate, "fail"]
        if before != "off":
            return []
        self._change(self.on_air, "system", now)
        return [SlateChanged(True, self.take_number, "failure")]

    # ------------------------------------------------------------ what follows from it

    def tally(self) -> dict[str, Tally]:
        """Each site's sign. Behind the slate nobody is on air."""
        signs: dict[str, Tally] = dict.fromkeys(self._sites, "off")
        signs |= dict.fromkeys(self.preview.sites, "next")
        if self.slate == "off":
            signs |= dict.fromkeys(self.on_air.sites, "air")
        return signs

    def _put(self, shot: Shot, who: str, now: int, mode: Mode) -> None:
        self.history = [*self.history, Before(shot=self.on_air, slate=self.slate)][-UNDO_DEPTH:]
        self._change(shot, who, now)
        self.mixed = mode == "mix"
        self.slate = SLATE[self.slate, "take"]

    def _change(self, shot: Shot, who: str, now: int) -> None:
        self.on_air = shot
        self.take_number += 1
        self.since, self.by = now, who
        self.mixed = False

    # ------------------------------------------------------------ over restarts

    def keep(self) -> Kept:
        """What a restart of control must not lose."""
        return Kept(
            on_air=self.on_air, preview=self.preview, take=self.take_number, since=self.since,
            by=self.by, slate=self.slate, control=self.control, held_by=self.held_by,
            touched=self.touched, history=self.history,
        )  # fmt: skip

    def restore(self, kept: Kept) -> None:
        """Take up again what `keep` gave, without sites that sites.yaml no longer has."""
        on_air = self._known(kept.on_air)
        self.on_air = on_air if on_air.sites else self.on_air
        self.preview = self._known(kept.preview)
        self.take_number, self.since, self.by = kept.take, kept.since, kept.by
        self.slate, self.control, self.held_by = kept.slate, kept.control, kept.held_by
        self.touched = kept.touched
        past = [Before(shot=self._known(each.shot), slate=each.slate) for each in kept.history]
        self.history = [each for each in past if each.shot.sites]

    def _known(self, shot: Shot) -> Shot:
        sites = tuple(site for site in shot.sites if site in self._sites)
        if sites == shot.sites:
            return shot
        return Shot(layout=shot.layout, sites=sites, strip=None)
