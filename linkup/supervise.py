"""The supervisor: starts the four processes, starts again what died, stops them in order.

It does nothing else, so that it has no reason to fail. A process that died is started again at
once; one that dies again within seconds waits a little longer each time (up to `SLOWEST_S`).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from linkup import clock
from linkup.runtime import Place

log = structlog.get_logger()

NAMES = ("control", "media", "program", "record")
# Files are finished while packets still come, so the packet plane stops after the recorder.
STOP_ORDER = ("program", "record", "media", "control")
SLOWEST_S = 1.5  # a killed process is back within two seconds, however often it dies
HEALTHY_S = 10.0  # alive for this long: the next death is again a first one
STOP_S = 8.0  # after SIGTERM, before SIGKILL


@dataclass
class Child:
    """One supervised process."""

    name: str
    process: asyncio.subprocess.Process | None = None
    started: float = 0.0
    restarts: int = 0
    delay: float = 0.0
    task: asyncio.Task[None] | None = field(default=None, repr=False)


class Supervisor:
    """Runs the processes of one linkup until `stop()`."""

    def __init__(self, sites: Path, data: Path, names: tuple[str, ...] = NAMES) -> None:
        # Unix socket paths are short (108 bytes), so not below `data`.
        run = Path(tempfile.mkdtemp(prefix="linkup-"))
        self.place = Place(run=run, data=data.absolute(), sites=sites.absolute())
        self.children = {name: Child(name) for name in names}
        self._stop = asyncio.Event()

    async def start(self) -> None:
        """Start all processes; returns at once."""
        self.place.data.mkdir(parents=True, exist_ok=True)
        for child in self.children.values():
            child.task = asyncio.create_task(self._keep(child))

    async def stop(self) -> None:
        """SIGTERM to each in order, SIGKILL to those that do not end in time."""
        self._stop.set()
        for name in STOP_ORDER:
            child = self.children.get(name)
            if child is None or child.task is None:
                continue
            process = child.process
            if process is not None and process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.terminate()
                try:
                    await asyncio.wait_for(process.wait(), STOP_S)
                except TimeoutError:
                    log.error("did not stop in time, killed", child=name)
                    with contextlib.suppress(ProcessLookupError):
                        process.kill()
            child.task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await child.task
        for left in self.place.run.glob("*"):
            with contextlib.suppress(OSError):
                left.unlink()
        with contextlib.suppress(OSError):
            self.place.run.rmdir()

    async def _keep(self, child: Child) -> None:
        while not self._stop.is_set():
            child.started = time.monotonic()
            child.process = await self._spawn(child.name)
            code = await child.process.wait()
            if self._stop.is_set():
                return
            lived = time.monotonic() - child.started
            first = lived > HEALTHY_S or (child.restarts == 0 and lived > 1)
            child.delay = 0.0 if first else min(SLOWEST_S, child.delay * 2 + 0.1)
            child.restarts += 1
            log.error("process died, starting it again", child=child.name, code=code,
                      lived_s=round(lived, 1), in_s=round(child.delay, 1))  # fmt: skip
            await asyncio.sleep(child.delay)

    async def _spawn(self, name: str) -> asyncio.subprocess.Process:
        place = self.place
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "linkup", "process", name,
            "--run", str(place.run), "--data", str(place.data), "--sites", str(place.sites),
            # A crash inside a library (libav, libsrtp) then says in the log where Python was.
            env={**os.environ, **clock.environment(), "PYTHONFAULTHANDLER": "1"},
            # An own session: Ctrl-C in the terminal reaches only the supervisor, which then
            # stops the children in order.
            start_new_session=True,
        )  # fmt: skip


async def serve(supervisor: Supervisor) -> None:
    """Run until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stop.set)
    await supervisor.start()
    try:
        await stop.wait()
    finally:
        await supervisor.stop()
