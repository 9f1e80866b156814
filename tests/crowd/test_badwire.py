"""The relay: loses both ways, and the same with the same seed."""

from __future__ import annotations

import asyncio

from linkup.crowd.impair import Profile
from tests.badwire import relay

COUNT = 200


class End(asyncio.DatagramProtocol):
    """Counts; sends back when it is the server. `still` is set after 0.1 s of silence."""

    def __init__(self, echoes: bool) -> None:
        self.got: list[bytes] = []
        self.echoes = echoes
        self.still = asyncio.Event()
        self.timer = asyncio.get_running_loop().call_later(0.5, self.still.set)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.got.append(data)
        self.timer.cancel()
        self.timer = asyncio.get_running_loop().call_later(0.1, self.still.set)
        if self.echoes:
            self.transport.sendto(data, addr)  # type: ignore[attr-defined]


async def through(seed: int) -> tuple[list[bytes], list[bytes]]:
    loop = asyncio.get_running_loop()
    server, echo = await loop.create_datagram_endpoint(
        lambda: End(True), local_addr=("127.0.0.1", 0)
    )
    address = server.get_extra_info("sockname")
    async with relay(address, Profile(loss=0.2), seed) as wire:
        client, end = await loop.create_datagram_endpoint(
            lambda: End(False), remote_addr=wire.address
        )
        for number in range(COUNT):
            client.sendto(number.to_bytes(2, "big"))
            await asyncio.sleep(0)
        await end.still.wait()
        client.close()
        server.close()
        assert wire.up.counts.lost > 10 and wire.down.counts.lost > 10
    return sorted(echo.got), sorted(end.got)


async def test_relay_loses_both_ways_and_repeats() -> None:
    there, back = await through(7)
    assert len(back) < len(there) < COUNT
    assert (await through(7))[0] == there
    assert (await through(8))[0] != there
