"""The program to streaming partners by RTMP and RTMPS: each target a process of its own.

An `ffmpeg` process a target sends the encoded program on without touching it (`-c copy`). It is
fed by a pipe with FLV. A target that stalls, refuses or dies takes nothing with it: its process is
ended and started again after 0.5 s, doubling up to 30 s; timestamps go on as the program's, so a
short cut does not reset the partner's stream. What a slow target cannot take is dropped up to
the next key frame and counted.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import os
import shutil
import threading

import structlog

from linkup import clock
from linkup.broadcast import flv
from linkup.broadcast.packets import Encoded, Parameters
from linkup.config import Output
from linkup.messages import OutputState

log = structlog.get_logger()

QUEUE = 400  # packets: about five seconds; a slower target loses pictures, not the connection
FIRST_RETRY_S, SLOWEST_RETRY_S = 0.5, 30.0
STALLED_S = 10.0  # nothing taken for so long: the connection is dead
CLOSE_S = 1.5  # for a proper goodbye to the partner
HEALTHY_S = 20.0  # live for so long: back-off begins anew


def find_ffmpeg() -> str | None:
    """The system's ffmpeg, else the one of the extra `ffmpeg` (imageio-ffmpeg)."""
    found = shutil.which("ffmpeg")
    if found:
        return found
    try:
        import imageio_ffmpeg
    except ImportError:
        return None
    return str(imageio_ffmpeg.get_ffmpeg_exe())


class Push:
    """One push target. Create it in the event loop; `write` may be called from any one thread."""

    def __init__(self, output: Output, video: Parameters, audio: Parameters) -> None:
        self._output = output
        self._parameters = {"video": video, "audio": audio}
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._queue: collections.deque[Encoded] = collections.deque()
        self._waiting_for_key = True
        self._ready = asyncio.Event()
        self._state: OutputState
        self._bytes = self._dropped = self._retries = 0
        self._live_bytes = 0
        self._set("connecting", "")
        self._task = asyncio.create_task(self._keep())

    def write(self, packet: Encoded) -> None:
        """Queue a packet; never blocks."""
        with self._lock:
            if self._waiting_for_key:
                if not (packet.kind == "video" and packet.keyframe):
                    return
                self._waiting_for_key = False
            if len(self._queue) >= QUEUE:
                self._dropped += len(self._queue)
                self._queue.clear()
                self._waiting_for_key = True
                return
            self._queue.append(packet)
        with contextlib.suppress(RuntimeError):  # the loop was closed under a late packet
            self._loop.call_soon_threadsafe(self._ready.set)

    def state(self) -> OutputState:
        """How it is doing."""
        return self._state

    async def close(self) -> None:
        """End the connection properly."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        self._set("off", "")

    def _set(self, state: str, text: str) -> None:
        now = clock.now_ns()
        since = now
        with contextlib.suppress(AttributeError):
            since = self._state.since if self._state.state == state else now
        seconds = max(1.0, (now - since) / 1e9)
        self._state = OutputState(
            name=self._output.name,
            kind="rtmp",
            state=state,  # type: ignore[arg-type]
            text=text,
            since=since,
            bytes=self._bytes,
            dropped=self._dropped,
            retries=self._retries,
            bps=int(self._live_bytes * 8 / seconds) if state == "live" else 0,
        )

    async def _keep(self) -> None:
        delay = FIRST_RETRY_S
        program = find_ffmpeg()
        if program is None:
            self._set("failed", "no ffmpeg here: install it, or the extra linkup-consult[ffmpeg]")
            return
        while True:
            began = self._loop.time()
            reason = await self._send(program)
            self._retries += 1
            if self._loop.time() - began > HEALTHY_S:
                delay = FIRST_RETRY_S
            log.warning("push target lost", output=self._output.name, reason=reason, retry_s=delay)
            self._set("retrying", reason)
            await asyncio.sleep(delay)
            with self._lock:  # what was encoded meanwhile is not live any more
                self._queue.clear()
                self._waiting_for_key = True
            delay = min(SLOWEST_RETRY_S, delay * 2)

    async def _send(self, program: str) -> str:
        """One connection, from start to its end; returns why it ended."""
        read_end, write_end = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                program, "-hide_banner", "-nostats", "-loglevel", "error",
                "-fflags", "nobuffer", "-analyzeduration", "0", "-probesize", "5000",
                "-f", "flv", "-i", "pipe:0", "-c", "copy",
                "-f", "flv", "-flvflags", "no_duration_filesize", "-rw_timeout", "10000000",
                self._output.url,
                stdin=read_end, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            os.close(write_end)
            return f"ffmpeg cannot be started: {error.strerror}"
        finally:
            os.close(read_end)
        pipe = await self._open_pipe(write_end)
        errors = asyncio.create_task(self._last_words(process))
        feed = asyncio.create_task(self._feed(pipe))
        ended = asyncio.create_task(process.wait())
        try:
            await asyncio.wait({feed, ended}, return_when=asyncio.FIRST_COMPLETED)
            stalled = feed.done() and feed.result()
        finally:
            feed.cancel()
            pipe.close()  # end of input: ffmpeg says goodbye to the partner
            await self._end(process)
            words = await errors
        return "the target takes nothing any more" if stalled else words

    async def _open_pipe(self, descriptor: int) -> asyncio.StreamWriter:
        transport, protocol = await self._loop.connect_write_pipe(
            lambda: asyncio.streams.FlowControlMixin(loop=self._loop), os.fdopen(descriptor, "wb")
        )
        return asyncio.StreamWriter(transport, protocol, None, self._loop)

    async def _feed(self, pipe: asyncio.StreamWriter) -> bool:
        """Feed packets until the pipe stalls (true) or breaks (false)."""
        data = flv.head(self._parameters["video"], self._parameters["audio"])
        pipe.write(data)
        began = self._loop.time()
        self._live_bytes = 0
        while True:
            await self._ready.wait()
            self._ready.clear()
            with self._lock:
                packets = list(self._queue)
                self._queue.clear()
            for packet in packets:
                base = self._parameters[packet.kind].time_base
                data = flv.tag(packet, max(0, round(packet.pts * base * 1000)))
                pipe.write(data)
                self._bytes += len(data)
                self._live_bytes += len(data)
            try:
                await asyncio.wait_for(pipe.drain(), STALLED_S)
            except TimeoutError:
                return True
            except ConnectionError:
                return False
            # ffmpeg holds its input back until the partner accepted the stream; a pipe's worth
            # (64 KiB) and more gone means that it flows.
            flowing = self._live_bytes > 200_000 or self._loop.time() - began > 3
            self._set("live" if flowing else "connecting", "")

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        try:
            await asyncio.wait_for(process.wait(), CLOSE_S)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _last_words(self, process: asyncio.subprocess.Process) -> str:
        """The last line that ffmpeg said, without the address (it holds the partner's key)."""
        assert process.stderr is not None
        last = ""
        with contextlib.suppress(ValueError, ConnectionError):
            async for line in process.stderr:
                text = line.decode("utf-8", "replace").strip()
                if text:
                    last = text.replace(self._output.url, self._output.name)[-300:]
        return last or "the connection ended"
