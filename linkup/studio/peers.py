"""The peer connections that control knows: whose they are, what they show."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field

from linkup.messages import PROGRAM, PeerKind, PeerState
from linkup.show.events import SECOND
from linkup.show.roster import PeerLife

CONNECT_WITHIN = 20 * SECOND  # ICE and DTLS of a slow line included
SILENT_FOR = 30 * SECOND  # then the connection is given up; its seat is not


@dataclass
class Peer:
    """One peer connection."""

    peer: str
    kind: PeerKind
    owner: str  # site id, user, or what the server calls it
    publishes: str | None
    watches: str | None
    since: int  # ns, when it got into `state`
    state: PeerLife = "new"
    opening: bool = False  # the answer to its offer is still awaited
    wanted: list[str | None] = field(default_factory=list)  # as last told to media
    shown: list[str | None] = field(default_factory=list)  # as media told
    slots: int | None = None  # how many video slots it has; None: not known (adopted)

    @property
    def audio(self) -> str:
        """What its audio slots carry: the loudest others, or one feed."""
        return "loudest" if self.kind in ("site", "console", "whip") else self.watches or PROGRAM


class Peers:
    """All peer connections by id."""

    def __init__(self) -> None:
        self.by_id: dict[str, Peer] = {}

    def __len__(self) -> int:
        return len(self.by_id)

    def open(
        self, kind: PeerKind, owner: str, publishes: str | None, watches: str | None, now: int
    ) -> Peer:
        """A new one, whose id is unique for ever."""
        peer = Peer(f"{kind}-{secrets.token_hex(8)}", kind, owner, publishes, watches, now,
                    opening=True)  # fmt: skip
        self.by_id[peer.peer] = peer
        return peer

    def adopt(self, state: PeerState, now: int) -> Peer:
        """Take over what the media process holds, perhaps from before our restart."""
        peer = self.by_id.get(state.peer)
        if peer is None:
            watches = next((feed for feed in state.video_slots if feed), None)
            owner = state.publishes or ""
            peer = Peer(state.peer, state.kind, owner, state.publishes, watches, now)
            self.by_id[peer.peer] = peer
        peer.shown = list(state.video_slots) or peer.shown
        self.moved(peer, state.state, now)
        return peer

    def moved(self, peer: Peer, state: PeerLife, now: int) -> None:
        """A peer has a new state; closed ones are forgotten."""
        if state == "closed":
            self.by_id.pop(peer.peer, None)
        if state != peer.state:
            peer.state, peer.since = state, now

    def forget_all_but(self, living: Iterable[str]) -> None:
        """The media process does not have the others any more."""
        keep = set(living)
        self.by_id = {
            name: peer for name, peer in self.by_id.items() if name in keep or peer.opening
        }

    def showing(self, peer: str, slot: int, feed: str | None) -> None:
        """A slot shows another feed now."""
        known = self.by_id.get(peer)
        if known is None or not 0 <= slot < 64:
            return
        known.shown += [None] * (slot + 1 - len(known.shown))
        known.shown[slot] = feed

    def given_up(self, now: int) -> list[str]:
        """Peers that never connected, or fell silent for good."""
        limits = {"new": CONNECT_WITHIN, "silent": SILENT_FOR}
        return [
            peer.peer
            for peer in self.by_id.values()
            if peer.state in limits and now - peer.since > limits[peer.state]
        ]
