"""What outlives a restart of control, and how it gets to the store without being waited for."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import msgspec
import structlog

from linkup.show import roster, switcher
from linkup.studio.face import StateStore

log = structlog.get_logger()

LATEST_S = 0.25  # a change is on its way to the disk after this time
RETRY_S = 1.0


class LogLine(msgspec.Struct, frozen=True, kw_only=True):
    """One action, for the operators' eyes."""

    at: int  # UTC ms
    who: str
    text: dict[str, str]


class State(msgspec.Struct, kw_only=True):
    """The show as it is kept."""

    run: str  # of the supervisor: another one means that everything was stopped in between
    switcher: switcher.Kept
    seats: list[roster.Kept]
    live_since: int | None = None  # UTC ns
    outputs: dict[str, bool] = {}  # switched by an operator
    seen: list[str] = []  # sites that were there at least once
    log: list[LogLine] = []
    confirmed: int = 0  # the last take that program confirmed


_decoder = msgspec.json.Decoder(State)


class Keeper:
    """Writes the newest state behind the changes; many changes become one write."""

    def __init__(self, store: StateStore, key: str, snapshot: Callable[[], State]) -> None:
        self._store, self._key, self._snapshot = store, key, snapshot
        self._changed = asyncio.Event()
        self._urgent = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.failing = False
        self.writes = 0

    async def load(self) -> State | None:
        """What was kept last; nothing when there is none, or it is of another version."""
        kept = await self._store.load_state(self._key)
        if kept is None:
            return None
        try:
            return _decoder.decode(kept)
        except msgspec.MsgspecError as error:
            log.error("the kept state of the show cannot be read, starting afresh",
                      error=str(error))  # fmt: skip
            return None

    def start(self) -> None:
        """Begin to write."""
        self._task = asyncio.create_task(self._run())

    def touch(self, urgent: bool = False) -> None:
        """Something changed; urgent: what is on air."""
        self._changed.set()
        if urgent:
            self._urgent.set()

    async def stop(self) -> None:
        """Write what is left."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self._save()

    async def _run(self) -> None:
        while True:
            await self._changed.wait()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._urgent.wait(), LATEST_S)
            self._changed.clear()
            self._urgent.clear()
            if not await self._save():
                await asyncio.sleep(RETRY_S)
                self._changed.set()

    async def _save(self) -> bool:
        body: bytes = msgspec.json.encode(self._snapshot())
        try:
            await self._store.save_state(self._key, body)
        except Exception as error:  # whatever the database raises: the show goes on
            if not self.failing:
                log.error("the state of the show cannot be saved", error=repr(error))
            self.failing = True
            return False
        self.failing = False
        self.writes += 1
        return True


def as_json(value: Any) -> Any:
    """Structs as plain lists and mappings."""
    return msgspec.to_builtins(value)
