"""What the show decided or saw. Everything here is journaled, told to the operators, or both.

Times are not in the events: whoever handed the time in knows it. Sites are ids of sites.yaml.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec

from linkup.messages import Layout, Picture, Strip

Mode = Literal["cut", "mix"]
SourceState = Literal["live", "held", "card", "gone"]
SECOND = 1_000_000_000  # all times in the show are nanoseconds


class Shot(msgspec.Struct, frozen=True, kw_only=True):
    """What the picture shows: a layout, the sites in its places, and a name strip."""

    layout: Layout = "full"
    sites: tuple[str, ...] = ()
    strip: Strip | None = None

    def picture(self) -> Picture:
        """The same as the program process wants it."""
        return Picture(layout=self.layout, feeds=list(self.sites), strip=self.strip)


@dataclass(frozen=True, slots=True)
class SiteJoined:
    """A site's media arrived, for the first time or again."""

    site: str
    device: str  # which of the site's devices; "whip" for an encoder


@dataclass(frozen=True, slots=True)
class SiteLost:
    """A site's media ended or fell silent. Its seat is kept."""

    site: str
    reason: str  # one word or a short English phrase, as the media process gave it


@dataclass(frozen=True, slots=True)
class HandChanged:
    """A site raised its hand, or it was lowered by the site or the hall."""

    site: str
    raised: bool


@dataclass(frozen=True, slots=True)
class MuteChanged:
    """The hall closed or gave back a site's microphone."""

    site: str
    muted: bool


@dataclass(frozen=True, slots=True)
class NoteChanged:
    """The hall wrote to a site; an empty text took the note away. Site `*`: every site."""

    site: str
    text: str


@dataclass(frozen=True, slots=True)
class Taken:
    """Something else goes on air."""

    take: int  # counts up for ever
    shot: Shot
    mode: Mode
    automatic: bool  # not by hand: by voice, or because a source failed
    cause: Literal["hand", "voice", "failure"]


@dataclass(frozen=True, slots=True)
class Undone:
    """What was on air before the last take is on air again."""

    take: int
    shot: Shot


@dataclass(frozen=True, slots=True)
class SlateChanged:
    """The slate covers everything, or no longer."""

    on: bool
    take: int
    cause: Literal["hand", "failure"]


@dataclass(frozen=True, slots=True)
class StripChanged:
    """The name strip that is on air changed at once."""

    strip: Strip | None
    take: int


@dataclass(frozen=True, slots=True)
class AutomaticChanged:
    """Automatic switching by voice was switched on or off by an operator."""

    on: bool


@dataclass(frozen=True, slots=True)
class SourceMoved:
    """A feed on air moved on the failure ladder."""

    feed: str
    state: SourceState


@dataclass(frozen=True, slots=True)
class SiteReturned:
    """A site that had failed on air is there again; `shot` is offered, never forced."""

    site: str
    shot: Shot


Event = (
    SiteJoined
    | SiteLost
    | HandChanged
    | MuteChanged
    | NoteChanged
    | Taken
    | Undone
    | SlateChanged
    | StripChanged
    | AutomaticChanged
    | SourceMoved
    | SiteReturned
)
