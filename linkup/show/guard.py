"""When a source fails on air.

The program process climbs the ladder by itself as far as it can: it holds the last frame, after
two seconds shows the site's name card with its live voice, and after ten seconds of nothing says
`gone`. From there the guard decides:

1. Other sites in the same picture that are still there stay, without the one that is gone.
2. Else the first hall that is there, full screen.
3. Else the slate.

The way back is offered, never forced: a site that returns is announced with the shot in which it
stood, for the operator to take. A site that has never been there does not fail (before the start
nobody is there yet).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from linkup.show.events import SECOND, Event, Shot, SiteReturned, SourceMoved, SourceState

PATIENCE = 10 * SECOND  # a site put on air while it was away gets as long to appear


@dataclass(frozen=True, slots=True)
class Fallback:
    """What to show instead; no shot: the slate."""

    shot: Shot | None


@dataclass
class Guard:
    """Watches the sources that are on air."""

    sources: dict[str, SourceState] = field(default_factory=dict)  # as program last said
    lost: dict[str, Shot] = field(default_factory=dict)  # failed on air, in which shot
    returned: set[str] = field(default_factory=set)  # of these, those that are back

    def source_moved(self, feed: str, state: SourceState) -> list[Event]:
        """Program says where a feed stands on the ladder."""
        if self.sources.get(feed) == state:
            return []
        self.sources[feed] = state
        return [SourceMoved(feed, state)]

    def forget(self) -> None:
        """The program process is gone, and with it what it said."""
        self.sources.clear()

    def decide(
        self,
        on_air: Shot,
        halls: Sequence[str],
        living: Collection[str],
        seen: Collection[str],
        age: int,
    ) -> Fallback | None:
        """What to do now. `living`: sites whose media is there; `seen`: that ever were there;
        `age`: for how long `on_air` has been on air, ns.
        """
        if age < PATIENCE:
            return None
        gone = [
            site
            for site in on_air.sites
            if self.sources.get(site) == "gone" and site not in living and site in seen
        ]
        if not gone:
            return None
        for site in gone:
            self.lost[site] = on_air
            self.returned.discard(site)
        left = tuple(site for site in on_air.sites if site not in gone)
        if any(site in living for site in left):
            return Fallback(Shot(layout="full" if len(left) == 1 else on_air.layout, sites=left))
        hall = next((site for site in halls if site in living and site not in gone), None)
        return Fallback(Shot(sites=(hall,)) if hall else None)

    def look_for_returns(self, living: Collection[str]) -> list[SiteReturned]:
        """Announce, once each, the failed sites that are back."""
        back = [site for site in self.lost if site in living and site not in self.returned]
        self.returned.update(back)
        return [SiteReturned(site, self.lost[site]) for site in back]

    def settled(self, on_air: Shot, slate: bool) -> None:
        """What is shown again needs no offer any more."""
        for site in () if slate else on_air.sites:
            self.lost.pop(site, None)
            self.returned.discard(site)

    def offers(self) -> list[str]:
        """Sites that are back and wait for the operator."""
        return sorted(self.returned)
