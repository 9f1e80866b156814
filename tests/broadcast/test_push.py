"""RTMP against nginx with its RTMP module: the partner gets our program; targets are alone."""

from __future__ import annotations

import asyncio
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import av
import pytest

from linkup.broadcast.packets import Encoded
from linkup.broadcast.push import Push
from linkup.config import Output
from tests.broadcast.conftest import Encoders


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Nginx:
    """A real RTMP server that records what it gets."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self.recordings = folder / "rec"
        self.recordings.mkdir(exist_ok=True)
        self.recordings.chmod(0o777)
        modules = Path("/usr/lib/nginx/modules/ngx_rtmp_module.so")
        self.file = folder / "nginx.conf"
        self.file.write_text(
            f"load_module {modules};\n"
            f"daemon off; master_process off; pid {folder}/nginx.pid;\n"
            f"error_log {folder}/error.log;\n"
            "events {}\n"
            f"rtmp {{ server {{ listen 127.0.0.1:{port}; application live {{ live on;"
            f" record all; record_path {self.recordings}; record_unique on; }} }} }}\n"
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        process = await asyncio.create_subprocess_exec(
            "nginx", "-c", str(self.file), "-p", str(self.folder), stderr=subprocess.DEVNULL
        )
        try:
            for _ in range(100):
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                    writer.close()
                    await writer.wait_closed()
                    break
                except OSError:
                    await asyncio.sleep(0.05)
            yield
        finally:
            process.terminate()
            await process.wait()


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[Nginx]:
    yield Nginx(tmp_path, free_port())


async def _play(pushes: list[Push], packets: list[Encoded], pace: float) -> None:
    """Write packets `pace` times as fast as real time."""
    start, first = asyncio.get_running_loop().time(), packets[0].at
    for packet in packets:
        due = start + (packet.at - first) / 1e9 / pace
        delay = due - asyncio.get_running_loop().time()
        if delay > 0:
            await asyncio.sleep(delay)
        for push in pushes:
            push.write(packet)


async def test_partner_gets_the_program(nginx: Nginx, encoders: Encoders) -> None:
    packets = list(encoders.packets(8))
    async with nginx.running():
        url = f"rtmp://127.0.0.1:{nginx.port}/live/show"
        push = Push(Output(name="news", url=url), *encoders.parameters())
        dead = Push(
            Output(name="dead", url=f"rtmp://127.0.0.1:{free_port()}/live/x"),
            *encoders.parameters(),
        )
        await _play([push, dead], packets, pace=2)
        assert push.state().state == "live"
        assert dead.state().state == "retrying"
        assert "127.0.0.1" not in dead.state().text  # the address holds the partner's key
        assert push.state().dropped == 0
        await push.close()
        await dead.close()
    with av.open(str(next(nginx.recordings.glob("show*.flv")))) as container:
        frames = sum(1 for _ in container.decode(video=0))
        assert frames >= 6 * 30  # what came before the first key frame it accepted is not there
    with av.open(str(next(nginx.recordings.glob("show*.flv")))) as container:
        assert sum(frame.samples for frame in container.decode(audio=0)) > 6 * 48_000 * 0.9


async def test_a_partner_that_comes_back_is_served_again(nginx: Nginx, encoders: Encoders) -> None:
    packets = list(encoders.packets(16))
    url = f"rtmp://127.0.0.1:{nginx.port}/live/show"
    push = Push(Output(name="news", url=url), *encoders.parameters())
    half = len(packets) // 2
    async with nginx.running():
        await _play([push], packets[:half], pace=2)
    async with nginx.running():
        await _play([push], packets[half:], pace=2)
        assert push.state().retries >= 1
        assert push.state().state == "live"
        await push.close()
    files = sorted(nginx.recordings.glob("show*.flv"))
    assert len(files) >= 2
    with av.open(str(files[-1])) as container:
        assert next(container.decode(video=0)).key_frame
