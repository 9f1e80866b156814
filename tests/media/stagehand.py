"""The media process as it runs in life, with the test in control's place."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import sys
from pathlib import Path

from linkup import messages


class Control:
    """Listens on control.sock; `said` is what media told, `ask` sends an offer and waits."""

    def __init__(self, run: Path) -> None:
        self.run = run
        self.said: list[messages.AnyMessage] = []
        self.writer: asyncio.StreamWriter | None = None
        self.hello: messages.Hello | None = None
        self._server: asyncio.Server | None = None
        self._numbers = itertools.count(1)
        self._task: asyncio.Task[None] | None = None

    async def listen(self) -> None:
        path = self.run / "control.sock"
        path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, str(path))

    async def _serve(self, reader, writer):
        self.writer = writer
        self._task = asyncio.current_task()
        try:
            async for message in messages.frames(reader):
                if isinstance(message, messages.Hello):
                    self.hello = message
                self.said.append(message)
        finally:
            writer.close()

    async def die(self) -> None:
        """What `kill -9` of control looks like from the other side."""
        self._server.close()
        self.writer.close()
        self.hello = None
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    def send(self, message):
        self.writer.write(messages.encode(message))

    async def ask(self, **fields):
        request = next(self._numbers)
        self.send(messages.OpenPeer(request=request, **fields))
        async with asyncio.timeout(10):
            while True:
                for each in self.said:
                    if getattr(each, "request", None) == request:
                        return each
                await asyncio.sleep(0.005)

    def last(self, kind):
        found = [each for each in self.said if isinstance(each, kind)]
        return found[-1] if found else None


@contextlib.asynccontextmanager
async def media_process(folder: Path):
    """`(control, process)` with media running and connected."""
    sites = folder / "sites.yaml"
    sites.write_text("server: {media_port: 0}\n")
    control = Control(folder)
    await control.listen()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "linkup", "process", "media"),
        *("--run", str(folder), "--data", str(folder), "--sites", str(sites)),
    )
    try:
        async with asyncio.timeout(20):
            while control.hello is None:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        yield control, process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await asyncio.wait_for(process.wait(), 10)
        if control._server.is_serving():
            await control.die()
