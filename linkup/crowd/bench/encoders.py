"""The `ffmpeg` command line as a peer in benchmarks."""

from __future__ import annotations

import asyncio
import shutil
from importlib import import_module
from importlib.util import find_spec

from linkup.crowd.bench.figures import Meter, cpu_ns
from linkup.errors import PeerError


def ffmpeg() -> str | None:
    """The system's, else that of the extra `ffmpeg`; None when there is neither."""
    found = shutil.which("ffmpeg")
    if found is None and find_spec("imageio_ffmpeg") is not None:
        found = str(import_module("imageio_ffmpeg").get_ffmpeg_exe())
    return found


async def measure_frames(command: list[str], warm_s: float, seconds: float) -> float:
    """CPU seconds for each frame, of a command with `-progress pipe:1`. Raises `PeerError`."""
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    frames = 0

    async def follow() -> None:
        nonlocal frames
        assert process.stdout is not None
        async for line in process.stdout:
            if line.startswith(b"frame="):
                frames = int(line[6:])

    following = asyncio.create_task(follow())
    try:
        await asyncio.sleep(warm_s)
        cpu, before = cpu_ns(process.pid), frames
        await asyncio.sleep(seconds)
        cpu, made = cpu_ns(process.pid) - cpu, frames - before
        if process.returncode is None and made > 0:
            return cpu / 1e9 / made
    except OSError:
        pass  # it ended: said below
    finally:
        following.cancel()
        if process.returncode is None:
            process.kill()
        await process.wait()
    assert process.stderr is not None
    said = (await process.stderr.read()).decode(errors="replace")
    raise PeerError("peer", f"{command[0]} made no frames: {said[-400:]}")


async def measure_process(command: list[str], warm_s: float, seconds: float) -> float:
    """Share of a core that a command uses after `warm_s`. Raises `PeerError` when it ends."""
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    try:
        await asyncio.sleep(warm_s)
        if process.returncode is None:
            meter = Meter({"peer": process.pid})
            meter.start()
            await asyncio.sleep(seconds)
            if process.returncode is None:
                return meter.stop()["peer"] / meter.seconds
        assert process.stderr is not None
        said = (await process.stderr.read()).decode(errors="replace")
        raise PeerError("peer", f"{command[0]} ended early: {said[-400:]}")
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
