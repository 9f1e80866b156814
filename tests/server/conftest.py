"""A whole server in this process: the real studio and store; only media is a stand-in."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import ClientWebSocketResponse
from aiohttp.test_utils import TestClient, TestServer

import linkup.store as stores
from linkup import invite
from linkup.config import Settings, parse
from linkup.messages import AnyMessage, Failed, OpenPeer, PeerOpened
from linkup.runtime import Place
from linkup.server import application
from linkup.server.context import CONTEXT, Context
from linkup.store import Store
from linkup.studio import Studio
from linkup.studio.lines import Process

SITES = """
consultation: {id: river, title: {zh: 湘江协商会, en: River consultation}}
halls: [{id: changsha, name: {zh: 长沙, en: Changsha}}]
branches:
  - {id: school, name: {zh: 育才学校, en: Yucai School}, city: {zh: 株洲, en: Zhuzhou}}
  - {id: tax, name: {zh: 税务中心, en: Tax centre}}
server: {host: 127.0.0.1, port: 0}
"""
OFFER = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"


@dataclass
class Processes:
    """Stands for media, program and record: answers offers, notes what it is told."""

    away: set[str] = field(default_factory=set)
    fail: Failed | None = None
    sent: list[tuple[str, AnyMessage]] = field(default_factory=list)
    asked: list[OpenPeer] = field(default_factory=list)
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def connected(self, process: Process) -> bool:
        return process not in self.away

    def send(self, process: Process, message: AnyMessage) -> bool:
        self.sent.append((process, message))
        return True

    async def ask(self, request: OpenPeer) -> PeerOpened | Failed:
        self.asked.append(request)
        return self.fail or PeerOpened(
            request=request.request,
            peer=request.peer,
            answer="v=0\r\nanswer\r\n",
            video_slots=["2", "3"],
            audio_slots=["4"],
        )

    def next_request(self) -> int:
        return next(self.numbers)

    def closed(self) -> list[str]:
        """Peers that media was told to close."""
        return [message.peer for _, message in self.sent if type(message).__name__ == "ClosePeer"]


@dataclass
class House:
    """The running server and how tests come in."""

    client: TestClient
    data: Path
    settings: Settings
    studio: Studio
    store: Store
    processes: Processes
    context: Context

    def token(self, role: str = "site", site: str | None = None, hours: float = 1) -> str:
        """A valid token; for the site `school` when nothing else is said."""
        if role == "site" and site is None:
            site = "school"
        return invite.make(self.data, self.settings, role, site, hours).token

    def bearer(self, role: str = "operator", site: str | None = None) -> dict[str, str]:
        """The header with a valid token."""
        return {"Authorization": f"Bearer {self.token(role, site)}"}

    async def sign_in(self, role: str = "operator") -> None:
        """The client's cookie jar gets a session."""
        response = await self.client.get(
            "/sign-in", params={"token": self.token(role)}, allow_redirects=False
        )
        assert response.status == 303

    async def site(self, site: str = "school", device: str = "d1") -> ClientWebSocketResponse:
        """A branch page that said hello and was welcomed."""
        socket = await self.client.ws_connect("/ws/site", params={"token": self.token(site=site)})
        await socket.send_json({"type": "hello", "device": device})
        assert (await hear(socket, "welcome"))["media"] == "new"
        return socket

    async def console(self) -> ClientWebSocketResponse:
        """An operator's page that said hello and was welcomed."""
        socket = await self.client.ws_connect("/ws/console", params=self.query())
        await socket.send_json({"type": "hello"})
        await hear(socket, "welcome")
        return socket

    def query(self, role: str = "operator") -> dict[str, str]:
        return {"token": self.token(role)}


async def raw_get(house: House, path: str, headers: str = "") -> tuple[int, bytes]:
    """Status and all else of a request whose path nobody tidied up."""
    reader, writer = await asyncio.open_connection(house.client.host, house.client.port)
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n"
    writer.write(request.encode())
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    return int(answer.split(b" ", 2)[1]), answer


async def hear(socket: ClientWebSocketResponse, kind: str) -> dict[str, object]:
    """The next message of this type; others are passed over."""
    while True:
        message = await socket.receive_json(timeout=5)
        if message["type"] == kind:
            return dict(message)


async def closed(socket: ClientWebSocketResponse) -> tuple[int | None, str | None]:
    """Read to the end: the close code and the code of the last `bye`."""
    said = None
    async for message in socket:
        if '"type":"bye"' in message.data:
            said = message.json()["code"]
    return socket.close_code, said


Open = Callable[[], Awaitable[House]]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    data = tmp_path / "data"
    place = Place(run=tmp_path, data=data, sites=tmp_path / "sites.yaml")
    settings = parse(SITES)
    store = await stores.open(stores.database_file(data))
    processes = Processes()
    studio = Studio(settings, processes, store, data, run="test")
    app = application.make(place, settings, studio, store)
    client = TestClient(TestServer(app))
    await client.start_server()
    yield House(client, data, settings, studio, store, processes, app[CONTEXT])
    await client.close()
    await store.close()
