"""Who is there: the seats of all sites, hands, microphones.

A seat belongs to the site, not to a connection: a page that reloads, a second device or an
encoder takes it over with everything that belongs to it (mute, raised hand, note). Whether a site
is *present* is told by its media alone; whether somebody looks at its page is another matter.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from linkup.errors import ConflictError, MissingError
from linkup.show.events import (
    Event,
    HandChanged,
    MuteChanged,
    NoteChanged,
    SiteJoined,
    SiteLost,
)

REPLACED = "replaced"  # the reason of media when a newer connection took the feed over
PeerLife = Literal["new", "connected", "silent", "closed"]


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """A line from the hall."""

    text: str
    at: int  # ns


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What of a seat outlives a restart of the control process."""

    site: str
    device: str = ""
    name: str = ""
    microphone: bool = True
    camera: bool = True
    main: Literal["air", "program"] = "air"
    hand: int | None = None
    muted: bool = False
    note: Note | None = None
    present: bool = False
    since: int = 0


@dataclass
class Seat:
    """One site's place."""

    site: str
    hall: bool
    device: str = ""  # the device that sits there, as it calls itself
    name: str = ""  # who said to sit there
    connection: str | None = None  # the page that holds the seat
    microphone: bool = True  # opened by the site itself
    camera: bool = True
    main: Literal["air", "program"] = "air"
    hand: int | None = None  # since when it is raised, ns
    muted: bool = False  # by the hall
    note: Note | None = None
    present: bool = False
    since: int = 0  # ns; when it joined last
    lost_at: int | None = None  # ns; when it was lost last
    peers: dict[str, PeerLife] = field(default_factory=dict)  # newest last

    @property
    def peer(self) -> str | None:
        """The newest peer connection of the site that has not ended."""
        return next(reversed(self.peers), None)

    @property
    def heard(self) -> bool:
        """Whether its sound may be heard."""
        return self.present and self.microphone and not self.muted


class Roster:
    """All seats, in the order of sites.yaml for ever."""

    def __init__(self, halls: Iterable[str], branches: Iterable[str]) -> None:
        self.seats: dict[str, Seat] = {
            **{site: Seat(site, hall=True) for site in halls},
            **{site: Seat(site, hall=False) for site in branches},
        }

    def __getitem__(self, site: str) -> Seat:
        seat = self.seats.get(site)
        if seat is None:
            raise MissingError("no-such-site", f"There is no site '{site}' in sites.yaml.")
        return seat

    # ------------------------------------------------------------ pages

    def take_seat(self, site: str, device: str, connection: str, name: str = "") -> str | None:
        """Sit down. Returns the connection that had the seat before, if it was another one."""
        seat = self[site]
        before = seat.connection
        seat.connection, seat.device = connection, device
        seat.name = name or seat.name
        return before if before != connection else None

    def leave_seat(self, site: str, connection: str) -> None:
        """The page is gone; the seat stays as it is. A page that lost the seat changes nothing."""
        seat = self[site]
        if seat.connection == connection:
            seat.connection = None

    def vacate(self, site: str) -> list[Event]:
        """The site leaves for good: nobody holds the seat, its hand is down."""
        seat = self[site]
        seat.connection, seat.device = None, ""
        return self.raise_hand(site, False, 0)

    # ------------------------------------------------------------ media

    def peer_moved(
        self, site: str, peer: str, state: PeerLife, now: int, reason: str = ""
    ) -> list[Event]:
        """A peer connection that publishes this site's feed has a new state."""
        seat = self[site]
        if state == "closed":
            seat.peers.pop(peer, None)
        else:
            seat.peers[peer] = state
        # Media closes the older connection a moment before it tells that the newer one is there.
        handed_over = seat.present and reason == REPLACED and bool(seat.peers)
        there = handed_over or "connected" in seat.peers.values()
        if there == seat.present:
            return []
        seat.present = there
        if there:
            seat.since, seat.lost_at = now, None
            return [SiteJoined(site, seat.device or "whip")]
        seat.lost_at = now
        return [SiteLost(site, reason or state)]

    def all_peers_gone(self, living: Iterable[str], now: int, reason: str) -> list[Event]:
        """Forget every peer that is not among the living (the media process was restarted)."""
        keep = set(living)
        events: list[Event] = []
        for seat in self.seats.values():
            for peer in [each for each in seat.peers if each not in keep]:
                events += self.peer_moved(seat.site, peer, "closed", now, reason)
            if seat.present and not seat.peers:  # restored from the store, but it has gone
                seat.present, seat.lost_at = False, now
                events.append(SiteLost(seat.site, reason))
        return events

    # ------------------------------------------------------------ what sites and operators do

    def raise_hand(self, site: str, raised: bool, now: int) -> list[Event]:
        """Raise or lower a hand. A hand that is up already keeps its place."""
        seat = self[site]
        if (seat.hand is not None) == raised:
            return []
        seat.hand = now if raised else None
        return [HandChanged(site, raised)]

    def mute(self, site: str, muted: bool) -> list[Event]:
        """Close a site's microphone from the hall, or give it back."""
        seat = self[site]
        if seat.muted == muted:
            return []
        seat.muted = muted
        return [MuteChanged(site, muted)]

    def mute_all(self, but: Iterable[str]) -> list[Event]:
        """Mute every site but these, whose mute stays as it is."""
        keep = {self[site].site for site in but}
        return [event for site in self.seats if site not in keep for event in self.mute(site, True)]

    def write_note(self, site: str, text: str, now: int) -> list[Event]:
        """Write to one site, or to all with `*`. An empty text takes the note away."""
        seats = list(self.seats.values()) if site == "*" else [self[site]]
        note = Note(text=text.strip(), at=now) if text.strip() else None
        for seat in seats:
            seat.note = note
        return [NoteChanged(site, text.strip())]

    def drop(self, site: str) -> str | None:
        """Whom to say goodbye to; raises `ConflictError` when the site is not there."""
        seat = self[site]
        if not seat.peers and seat.connection is None:
            raise ConflictError("not-there", "This site is not connected.")
        return seat.connection

    # ------------------------------------------------------------ questions

    def hands(self) -> list[str]:
        """Sites with a raised hand, the longest waiting first."""
        up = [(seat.hand, place) for place, seat in enumerate(self.seats.values())
              if seat.hand is not None]  # fmt: skip
        names = list(self.seats)
        return [names[place] for _, place in sorted(up)]

    def present(self) -> list[str]:
        """Sites whose media is there."""
        return [seat.site for seat in self.seats.values() if seat.present]

    def heard(self) -> list[str]:
        """Sites whose sound may be heard: there, open, and not muted by the hall."""
        return [seat.site for seat in self.seats.values() if seat.heard]

    def halls(self) -> list[str]:
        """The sites with special standing."""
        return [seat.site for seat in self.seats.values() if seat.hall]

    # ------------------------------------------------------------ over restarts

    def keep(self) -> list[Kept]:
        """What a restart of control must not lose."""
        names = Kept.__struct_fields__
        return [Kept(**{name: getattr(seat, name) for name in names})
                for seat in self.seats.values()]  # fmt: skip

    def restore(self, kept: Iterable[Kept]) -> None:
        """Take up again what `keep` gave; sites that sites.yaml no longer has are forgotten."""
        for each in kept:
            seat = self.seats.get(each.site)
            if seat is not None:
                for name in Kept.__struct_fields__:
                    setattr(seat, name, getattr(each, name))
