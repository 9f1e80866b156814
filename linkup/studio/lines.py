"""What the studio asks of its lines to the other processes (`linkup.hub.Hub` is one)."""

from __future__ import annotations

from typing import Protocol

from linkup.hub import PROCESSES, Process
from linkup.messages import AnyMessage, Failed, OpenPeer, PeerOpened

__all__ = ["PROCESSES", "Lines", "Process"]


class Lines(Protocol):
    """The lines to media, program and record."""

    def connected(self, process: Process) -> bool:
        """Whether the process is there."""
        ...

    def send(self, process: Process, message: AnyMessage) -> bool:
        """Send without waiting. False: the process is away or does not read; it was dropped."""
        ...

    async def ask(self, request: OpenPeer) -> PeerOpened | Failed:
        """Ask media. Raises `BusyError` `media-away` when no answer comes in time."""
        ...

    def next_request(self) -> int:
        """A request number that was not used before."""
        ...
