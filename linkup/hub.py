"""Control's end of the lines to media, program and record.

Listens on `{run}/control.sock`. A process says `Hello` first; one connection each: the newer
Hello of the same process replaces the older connection. A process that does not read is not
waited for: above `BUFFER` bytes its connection is cut, it reconnects, and is told the whole state.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from typing import Literal, Protocol

import msgspec
import structlog

from linkup import messages
from linkup.errors import BusyError
from linkup.messages import AnyMessage, Failed, Hello, OpenPeer, PeerOpened
from linkup.runtime import Place

log = structlog.get_logger()

Process = Literal["media", "program", "record"]
PROCESSES: tuple[Process, ...] = ("media", "program", "record")

ANSWER_S = 5.0
BUFFER = 8 * 1024 * 1024  # bytes
HELLO_S = 5.0


class Ears(Protocol):
    """Who listens to the processes."""

    def process_came(self, hello: Hello) -> None:
        """A process connected, perhaps again."""
        ...

    def process_went(self, process: Process) -> None:
        """A process is away."""
        ...

    def fact(self, process: Process, message: AnyMessage) -> None:
        """A process tells something."""
        ...


class Hub:
    """The lines to all processes."""

    def __init__(self, place: Place) -> None:
        self._path = place.control_socket
        self._ears: Ears | None = None
        self._server: asyncio.Server | None = None
        self._writers: dict[Process, asyncio.StreamWriter] = {}
        self._questions: dict[int, asyncio.Future[PeerOpened | Failed]] = {}
        self._numbers = itertools.count(1)
        self._connections: set[asyncio.Task[None]] = set()
        self.dropped = dict.fromkeys(PROCESSES, 0)

    async def start(self, ears: Ears) -> None:
        """Listen; from now on `ears` is told everything."""
        self._ears = ears
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()  # of a control process that was killed
        self._server = await asyncio.start_unix_server(self._accept, str(self._path))

    async def stop(self) -> None:
        """Close all lines."""
        if self._server is not None:
            self._server.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()

    # ------------------------------------------------------------ Lines

    def connected(self, process: Process) -> bool:
        """Whether the process is there."""
        return process in self._writers

    def send(self, process: Process, message: AnyMessage) -> bool:
        """Send without waiting."""
        writer = self._writers.get(process)
        if writer is None:
            self.dropped[process] += 1
            return False
        if writer.transport.get_write_buffer_size() > BUFFER:
            self.dropped[process] += 1
            log.error("process does not read, its line is cut", child=process)
            writer.transport.abort()
            return False
        writer.write(messages.encode(message))
        return True

    def next_request(self) -> int:
        """A request number that was not used before."""
        return next(self._numbers)

    async def ask(self, request: OpenPeer) -> PeerOpened | Failed:
        """Ask media; raises `BusyError` when no answer comes within `ANSWER_S`."""
        away = BusyError("media-away", "The media process is not there; try again in a moment.")
        future = asyncio.get_running_loop().create_future()
        self._questions[request.request] = future
        try:
            if not self.send("media", request):
                raise away
            return await asyncio.wait_for(future, ANSWER_S)
        except TimeoutError:
            raise away from None
        finally:
            self._questions.pop(request.request, None)

    # ------------------------------------------------------------ connections

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            await self._talk(reader, writer)
        except msgspec.MsgspecError as error:
            log.error("a process sent what we do not understand", error=str(error))
        except (ConnectionError, TimeoutError):
            pass
        except asyncio.CancelledError:
            pass  # stop(): the connection ends here, quietly
        finally:
            self._connections.discard(task)
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stream = messages.frames(reader)
        first = await asyncio.wait_for(anext(stream, None), HELLO_S)
        if not isinstance(first, Hello):
            return
        process: Process = first.process
        older = self._writers.get(process)
        self._writers[process] = writer
        if older is not None:
            older.transport.abort()
        self._tell(process, first)
        try:
            async for message in stream:
                self._tell(process, message)
        finally:
            if self._writers.get(process) is writer:
                del self._writers[process]
                self._fail_questions(process)
                if self._ears is not None:
                    self._ears.process_went(process)

    def _tell(self, process: Process, message: AnyMessage) -> None:
        if isinstance(message, PeerOpened | Failed):
            question = self._questions.pop(message.request, None)
            if question is not None and not question.done():
                question.set_result(message)
                return
        if self._ears is None:
            return
        try:
            if isinstance(message, Hello):
                self._ears.process_came(message)
            else:
                self._ears.fact(process, message)
        except Exception:
            # A defect in one handler must not cut the line, else every picture would be renewed.
            log.exception("fact failed", child=process, fact=type(message).__name__)

    def _fail_questions(self, process: Process) -> None:
        if process != "media":
            return
        for request, question in list(self._questions.items()):
            if not question.done():
                question.set_result(Failed(request=request, code="media-away",
                                           text="The media process went away."))  # fmt: skip
