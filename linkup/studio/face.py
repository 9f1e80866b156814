"""What the server may ask of the studio: the contract between the two.

Server code and its tests depend on this alone; `linkup.studio.Studio` fulfils it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from linkup.messages import PeerKind, PeerOpened
from linkup.requests import ConsoleRequest, SiteRequest

View = dict[str, Any]  # ready to become JSON, as docs/protocol.md describes it, without `type`


class StudioFace(Protocol):
    """Everything that pages, encoders and scripts can do, and all that they are shown."""

    def listen(self, callback: Callable[[str], None]) -> Callable[[], None]:
        """Be told `"state"` when anything changed, `"levels"` ten times a second, and
        `"bye:CONNECTION:CODE"` when the server should say goodbye to a page (code `dropped`).

        Never called from inside itself; callers coalesce. Returns the function that unsubscribes.
        """
        ...

    def take_seat(self, site: str, device: str, connection: str, name: str = "") -> str | None:
        """Sit down at a site's place. Returns the connection that lost the seat to this one.

        Raises `MissingError` for a site that sites.yaml does not have.
        """
        ...

    def leave_seat(self, site: str, connection: str) -> None:
        """This connection is closed. The seat, its hand, mute and media stay as they are."""
        ...

    async def offer(
        self,
        kind: PeerKind,
        owner: str,
        sdp: str,
        *,
        publishes: str | None = None,
        watches: str | None = None,
    ) -> PeerOpened:
        """Answer an SDP offer of a site (owner: site id), console (user), viewer, WHIP (site id)
        or WHEP (anything; `watches`: the feed wanted, else the program).

        Raises `LinkupError`: `PeerError` `sdp`/`codec`, `BusyError` `busy`/`media-away`,
        `MissingError` `no-such-site`.
        """
        ...

    def peer_lives(self, peer: str) -> bool:
        """Whether this peer connection is known and not closed."""
        ...

    def close_peer(self, peer: str, reason: str) -> None:
        """Close a peer connection; unknown ones are ignored."""
        ...

    def site_request(self, site: str, request: SiteRequest) -> None:
        """Do what a site's page asks. Raises `UserError`, `MissingError`."""
        ...

    def console_opened(self, user: str, connection: str) -> None:
        """An operator's page is there."""
        ...

    def console_closed(self, connection: str) -> None:
        """An operator's page is gone."""
        ...

    def console_request(self, user: str, request: ConsoleRequest) -> None:
        """Do what an operator asks. Raises `UserError`, `MissingError`, `ConflictError`."""
        ...

    def site_view(self, site: str) -> View:
        """The state of a site's page."""
        ...

    def console_view(self, peer: str | None = None) -> View:
        """The state of a console; `slots` are those of its peer connection."""
        ...

    def watch_view(self) -> View:
        """The state of a viewer's page."""
        ...

    def levels(self) -> dict[str, int]:
        """Loudness in dBov of every site with sound, and of `program`."""
        ...

    def watching(self, count: int) -> None:
        """How many viewers there are."""
        ...

    def ready(self) -> dict[str, bool]:
        """Which of media, program and record are connected."""
        ...

    def figures(self) -> dict[str, float]:
        """Counters and gauges for /metrics: name (Prometheus style, without prefix) → value."""
        ...


class StateStore(Protocol):
    """Where the studio keeps its state over restarts (`linkup.store.Store` is one)."""

    async def save_state(self, key: str, value: bytes) -> None:
        """Keep `value`, on disk when this returns."""
        ...

    async def load_state(self, key: str) -> bytes | None:
        """What was kept last, or None."""
        ...
