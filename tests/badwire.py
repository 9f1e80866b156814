"""A bad wire between two UDP ends, with a seed: `linkup.crowd.impair` as a relay on loopback.

    async with badwire.relay(("127.0.0.1", media_port), Profile(loss=0.05), seed=7) as wire:
        client connects to wire.address instead
        wire.up.counts, wire.down.counts     what was done to the packets of each direction

Every client address gets its own socket towards the server, so that the server sees as many
sources as there are clients. `wire.down.profile` and `wire.up.profile` may be replaced meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from linkup.crowd.impair import Profile, Wire

Address = tuple[str, int]
IN_FLIGHT = 50_000  # packets; more are dropped


class _Server(asyncio.DatagramProtocol):
    """Our end towards the server, for one client."""

    def __init__(self, relay: Relay, client: Any) -> None:
        self.relay, self.client = relay, client
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.relay.pass_on(self.relay.down, data, self.relay.to_client, self.client)

    def error_received(self, exc: Exception) -> None:
        """The server is away: what a wire does not care about."""


class Relay(asyncio.DatagramProtocol):
    """Listens for clients."""

    def __init__(self, server: Address, up: Wire, down: Wire) -> None:
        self.server, self.up, self.down = server, up, down
        self.address: Address = ("", 0)
        self.in_flight = self.overflown = 0
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.DatagramTransport | None = None
        self._servers: dict[Any, asyncio.Task[_Server]] = {}

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self.address = transport.get_extra_info("sockname")[:2]

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if addr not in self._servers:
            self._servers[addr] = asyncio.create_task(self._connect(addr))
        self.pass_on(self.up, data, self.to_server, addr)

    def error_received(self, exc: Exception) -> None:
        """A client is gone."""

    async def _connect(self, client: Any) -> _Server:
        _, protocol = await self._loop.create_datagram_endpoint(
            lambda: _Server(self, client), remote_addr=self.server
        )
        return protocol

    def pass_on(self, wire: Wire, data: bytes, deliver: Any, client: Any) -> None:
        now = self._loop.time()
        for at in wire.send(len(data), now):
            if self.in_flight >= IN_FLIGHT:
                self.overflown += 1
                continue
            self.in_flight += 1
            self._loop.call_at(at, self._arrive, deliver, data, client)

    def _arrive(self, deliver: Any, data: bytes, client: Any) -> None:
        self.in_flight -= 1
        deliver(data, client)

    def to_client(self, data: bytes, client: Any) -> None:
        if self._transport is not None:
            self._transport.sendto(data, client)

    def to_server(self, data: bytes, client: Any) -> None:
        task = self._servers[client]
        if not task.done():
            task.add_done_callback(lambda _: self.to_server(data, client))
        elif not task.cancelled() and task.exception() is None:
            transport = task.result().transport
            if transport is not None and not transport.is_closing():
                transport.sendto(data)

    async def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
        for task in self._servers.values():
            with contextlib.suppress(OSError):
                transport = (await task).transport
                if transport is not None:
                    transport.close()
        await asyncio.sleep(0)  # the loop closes sockets in its next turn


@contextlib.asynccontextmanager
async def relay(
    server: Address, profile: Profile, seed: int | str, back: Profile | None = None
) -> AsyncIterator[Relay]:
    """`profile`: on the way to the server; `back`: on the way from it, else the same."""
    loop = asyncio.get_running_loop()
    up, down = Wire(profile, f"{seed}-up"), Wire(back or profile, f"{seed}-down")
    _, protocol = await loop.create_datagram_endpoint(
        lambda: Relay(server, up, down), local_addr=("127.0.0.1", 0)
    )
    try:
        yield protocol
    finally:
        await protocol.close()
