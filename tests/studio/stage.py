"""A whole control side with fake processes that speak the real messages over the real socket."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from linkup import clock, messages, requests
from linkup.config import Settings, parse
from linkup.hub import Hub
from linkup.messages import AnyMessage, PeerState
from linkup.runtime import Place
from linkup.studio import Studio

SITES = """
consultation: {id: river, title: {zh: 湘江, en: River}}
halls:
  - {id: hall, name: {zh: 主会场, en: Hall}, people: [{name: {zh: 李明, en: Li Ming}, title: 主席}]}
branches:
  - {id: school, name: {zh: 学校, en: School}, city: {zh: 株洲, en: Zhuzhou}}
  - {id: tax, name: {zh: 税务, en: Tax}}
  - {id: studio, name: Studio}
  - {id: abroad, name: Abroad}
program: {language: en}
outputs: [{name: news, url: "rtmp://127.0.0.1/live/x"}]
"""
PATIENCE_S = 5.0  # a defect shows after this time; nothing waits for it otherwise
_T = TypeVar("_T", bound=AnyMessage)


class FileStore:
    """State in files of a folder: what `linkup.store.Store` does in a database."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.saves = 0
        self.broken = False

    def _file(self, key: str) -> Path:
        return self._folder / key.replace(":", "-")

    async def save_state(self, key: str, value: bytes) -> None:
        if self.broken:
            raise OSError("disk full")
        self._file(key).write_bytes(value)
        self.saves += 1

    async def load_state(self, key: str) -> bytes | None:
        file = self._file(key)
        return file.read_bytes() if file.exists() else None


class Process:
    """One fake process: keeps everything it was told."""

    def __init__(self, name: str, path: Path, pid: int = 1) -> None:
        self.name, self._path, self._pid = name, path, pid
        self.told: list[AnyMessage] = []
        self.peers: dict[str, PeerState] = {}  # of media
        self.refuse: messages.Failed | None = None
        self.mute = False  # does not answer
        self._writer: asyncio.StreamWriter | None = None
        self._task: asyncio.Task[None] | None = None
        self._news = asyncio.Event()

    async def connect(self) -> Process:
        reader, self._writer = await asyncio.open_unix_connection(str(self._path))
        self.send(
            messages.Hello(
                process=self.name,  # type: ignore[arg-type]
                pid=self._pid,
                peers=list(self.peers.values()),
            )
        )
        self._task = asyncio.create_task(self._read(reader))
        return self

    async def disconnect(self) -> None:
        if self._task is not None and self._writer is not None:
            self._writer.close()
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                await self._task
            with contextlib.suppress(ConnectionError):
                await self._writer.wait_closed()

    def send(self, message: AnyMessage) -> None:
        assert self._writer is not None
        self._writer.write(messages.encode(message))

    async def _read(self, reader: asyncio.StreamReader) -> None:
        async for message in messages.frames(reader):
            self.told.append(message)
            self._act(message)
            self._news.set()
        self._news.set()

    def _act(self, message: AnyMessage) -> None:
        """What a real process would answer at once."""
        if isinstance(message, messages.OpenPeer) and not self.mute:
            if self.refuse is not None:
                refused = msgspec.structs.replace(self.refuse, request=message.request)
                self.send(refused)
                return
            count = {"site": 4, "console": 24}.get(message.kind, 1)
            self.peers[message.peer] = PeerState(
                peer=message.peer, kind=message.kind, publishes=message.publishes, state="new"
            )
            self.send(messages.PeerOpened(
                request=message.request, peer=message.peer, answer="v=0 answer",
                video_slots=[str(each) for each in range(count)], audio_slots=["a"],
            ))  # fmt: skip
        elif isinstance(message, messages.ClosePeer):
            self.peers.pop(message.peer, None)

    def change(self, peer: str, state: str, reason: str = "") -> None:
        """Media: a peer connection has a new state."""
        known = msgspec.structs.replace(self.peers[peer], state=state, reason=reason)
        self.peers[peer] = known
        if state == "closed":
            del self.peers[peer]
        self.send(messages.PeerChanged(peer=known, at=clock.now_ns()))

    def of(self, kind: type[_T]) -> list[_T]:
        return [each for each in self.told if isinstance(each, kind)]

    def last(self, kind: type[_T]) -> _T:
        return self.of(kind)[-1]

    async def hears(self, kind: type[_T], when: Callable[[_T], bool] = lambda _: True) -> _T:
        """The newest message of this kind that is as wanted, as soon as it is there."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    found = [each for each in self.of(kind) if when(each)]
                    if found:
                        return found[-1]
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"{self.name}: no such {kind.__name__} in {self.told}") from None

    def entries(self, *kinds: str) -> list[messages.Entry]:
        """Record: what was to be noted."""
        return [each for each in self.of(messages.Entry) if not kinds or each.kind in kinds]


@dataclass
class Stage:
    """One control side and the processes around it."""

    place: Place
    settings: Settings
    store: FileStore
    hub: Hub = field(init=False)
    studio: Studio = field(init=False)
    processes: list[Process] = field(default_factory=list)
    ahead: int = 0  # the studio's clock runs this far ahead, ns

    async def start(self, run: str = "run-1") -> bool:
        self.hub = Hub(self.place)
        self.studio = Studio(self.settings, self.hub, self.store, self.place.data, run,
                             now=lambda: clock.utc_ns() + self.ahead)  # fmt: skip
        again = await self.studio.start()
        await self.hub.start(self.studio)
        return again

    async def stop(self) -> None:
        await self.studio.stop()
        await self.hub.stop()

    async def kill(self) -> None:
        """As `kill -9` would: nothing more is written, the lines are cut."""
        studio = self.studio
        for task in (studio._task, studio._keeper._task):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        await self.hub.stop()

    async def process(self, name: str, pid: int = 1) -> Process:
        process = Process(name, self.place.control_socket, pid)
        self.processes.append(process)
        await process.connect()
        await self.until(lambda: self.hub.connected(name))  # type: ignore[arg-type]
        return process

    async def all(self) -> tuple[Process, Process, Process]:
        return (
            await self.process("media"),
            await self.process("program"),
            await self.process("record"),
        )

    async def until(self, condition: Callable[[], Any]) -> None:
        """As soon as something is true."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not condition():  # noqa: ASYNC110
                    await asyncio.sleep(0.002)
        except TimeoutError:
            raise AssertionError("it did not become true") from None

    async def join(self, media: Process, site: str, device: str = "laptop") -> str:
        """A site sits down and its media connects. Returns its peer."""
        self.studio.take_seat(site, device, f"c-{site}-{device}")
        opened = await self.studio.offer("site", site, "v=0", publishes=site)
        media.change(opened.peer, "connected")
        await self.until(lambda: site in self.studio.roster.present())
        return opened.peer

    def ask(self, request: requests.ConsoleRequest, user: str = "anna") -> None:
        self.studio.console_request(user, request)

    def show(
        self, *sites: str, layout: str = "full", mode: str = "cut", user: str = "anna"
    ) -> None:
        """Prepare and take."""
        self.ask(requests.Preview(sites=list(sites), layout=layout), user)  # type: ignore[arg-type]
        self.ask(requests.Take(mode=mode), user)  # type: ignore[arg-type]


@contextlib.asynccontextmanager
async def stage(folder: Path, text: str = SITES) -> AsyncIterator[Stage]:
    """A stage that is taken down at the end, whatever happened."""
    place = Place(run=folder, data=folder, sites=folder / "sites.yaml")
    made = Stage(place, parse(text), FileStore(folder))
    await made.start()
    try:
        yield made
    finally:
        for process in made.processes:
            await process.disconnect()
        await made.stop()
