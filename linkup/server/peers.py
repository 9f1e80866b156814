"""Which media connection belongs to whom: who may end it, and who is sent away with it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from linkup.server.auth import Doorkeeper, Visitor
from linkup.studio.face import StudioFace


@dataclass(frozen=True, slots=True)
class Owned:
    """A peer connection that this server answered."""

    peer: str
    owner: tuple[str, str]  # role and user
    path: str  # of its WHIP or WHEP resource; "" for a page's
    release: Callable[[], None]


class Peers:
    """The peer connections that pages and encoders opened through this server."""

    def __init__(self, studio: StudioFace, doorkeeper: Doorkeeper, most: int) -> None:
        self._studio, self._doorkeeper, self._most = studio, doorkeeper, most
        self._owned: OrderedDict[str, Owned] = OrderedDict()

    def opened(self, peer: str, visitor: Visitor, path: str = "") -> None:
        """Remember whose it is; it is closed when its owner's invitation is revoked."""
        if len(self._owned) >= self._most:
            self._forget_dead()
        if (old := self._owned.pop(peer, None)) is not None:
            old.release()
        release = self._doorkeeper.watch(visitor, lambda: self.close(peer, "revoked"))
        self._owned[peer] = Owned(peer, _owner(visitor), path, release)

    def keep(self, peer: str, visitor: Visitor) -> bool:
        """Whether a page that comes back may go on with this peer connection.

        After a restart of this process nobody is known as its owner: then the first to name the
        peer, whose id nobody else has been told, is.
        """
        owned = self._owned.get(peer)
        if not self._studio.peer_lives(peer):
            return False
        if owned is None:
            self.opened(peer, visitor)
            return True
        return owned.owner == _owner(visitor)

    def may_end(self, peer: str, path: str) -> bool:
        """Whether this living peer is that of the WHIP or WHEP resource.

        After a restart of this process nothing is known of it; then knowing its id must do.
        """
        owned = self._owned.get(peer)
        return self._studio.peer_lives(peer) and (owned is None or owned.path == path)

    def close(self, peer: str, reason: str) -> None:
        """End it."""
        owned = self._owned.pop(peer, None)
        if owned is not None:
            owned.release()
        self._studio.close_peer(peer, reason)

    def _forget_dead(self) -> None:
        for peer in [each for each in self._owned if not self._studio.peer_lives(each)]:
            self._owned.pop(peer).release()
        while len(self._owned) >= self._most:  # more than the media process would hold
            self._owned.popitem(last=False)[1].release()


def _owner(visitor: Visitor) -> tuple[str, str]:
    return visitor.role, visitor.user
