"""The whole process, with real sockets: killed, stopped, with a full disk."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from linkup import clock, messages
from linkup.archive.verify import verify
from linkup.record import journal
from linkup.wire import tap
from tests.record.footage import FPS, SECOND, Publisher, decode, pictures, sound

SITES = "consultation: {id: river, title: 协商会}\nstorage: {minimum_free_mb: 0}\n"


class Surroundings:
    """The two sockets that the record process talks to, and the process itself."""

    def __init__(self, folder: Path) -> None:
        self.run = folder / "run"
        self.run.mkdir()
        self.data = folder / "data"
        self.sites = folder / "sites.yaml"
        self.sites.write_text(SITES, encoding="utf-8")
        self.tap = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.tap.bind(str(self.run / "tap.sock"))
        self.tap.listen()
        self.tap.setblocking(False)
        self.line: socket.socket | None = None
        self.process: asyncio.subprocess.Process | None = None
        self.heard: list[messages.AnyMessage] = []
        self.to_send: list[messages.AnyMessage] = []
        self.writer: asyncio.StreamWriter | None = None
        self.asked: list[int] = []
        self.sent_at = 0

    @property
    def folder(self) -> Path:
        return self.data / "river"

    async def listen(self) -> asyncio.Server:
        return await asyncio.start_unix_server(self._control, str(self.run / "control.sock"))

    async def _control(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        try:
            async for message in messages.frames(reader):
                self.heard.append(message)
        finally:
            writer.close()

    async def start(self) -> None:
        """Start the process and take its connection to the tap."""
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "linkup", "process", "record", "--run", str(self.run),
            "--data", str(self.data), "--sites", str(self.sites),
            env={**os.environ, **clock.environment(), "LINKUP_LOG": "WARNING"},
        )  # fmt: skip
        loop = asyncio.get_running_loop()
        self.line, _ = await asyncio.wait_for(loop.sock_accept(self.tap), 20)
        self.line.setblocking(False)

    async def play(self, publishers: list[Publisher]) -> None:
        """Give entries at the times of their arrival; listens for requests meanwhile."""
        mixed = sorted(
            (entry for each in publishers for entry in each.entries()), key=lambda each: each[0]
        )
        loop = asyncio.get_running_loop()
        assert self.line is not None
        for at, entry in mixed:
            ahead = at / SECOND - clock.now_ns() / SECOND
            if ahead > 0.005:
                await asyncio.sleep(ahead)
                self._listen()
            await loop.sock_sendall(self.line, entry)
            self.sent_at = at

    def listen_for(self, track: int) -> bool:
        """Was a key frame of this track asked for?"""
        self._listen()
        return track in self.asked

    def _listen(self) -> None:
        assert self.line is not None
        with contextlib.suppress(BlockingIOError):
            while message := self.line.recv(65536):
                self.asked += [track for kind, track, *_ in tap.entries(message) if kind == 4]

    async def until(self, true: Callable[[], Any], patience: float = 30.0) -> None:
        async with asyncio.timeout(patience):
            while not true():  # noqa: ASYNC110 (files and lists have no event)
                await asyncio.sleep(0.02)

    def say(self, *entries: messages.Entry) -> None:
        assert self.writer is not None
        for entry in entries:
            self.writer.write(messages.encode(entry))

    def noted(self) -> set[str]:
        return {id for each in self.heard if isinstance(each, messages.Noted) for id in each.ids}

    def stats(self) -> list[messages.RecordStats]:
        return [each for each in self.heard if isinstance(each, messages.RecordStats)]

    def lines(self, kind: str) -> list[dict[str, Any]]:
        path = self.folder / journal.NAME
        if not path.exists():
            return []
        found = map(journal.parse, journal.raw_lines(path))
        return [line.data for line in found if line.kind == kind]

    async def kill(self) -> None:
        assert self.process is not None and self.line is not None
        self.process.send_signal(signal.SIGKILL)
        await self.process.wait()
        self.line.close()

    async def terminate(self) -> int:
        assert self.process is not None
        self.process.terminate()
        return await asyncio.wait_for(self.process.wait(), 8)


@pytest.fixture
async def around(tmp_path: Path) -> AsyncIterator[Surroundings]:
    made = Surroundings(tmp_path)
    server = await made.listen()
    yield made
    if made.process is not None and made.process.returncode is None:
        made.process.kill()
        await made.process.wait()
    if made.line is not None:
        made.line.close()
    made.tap.close()
    server.close()
    if made.writer is not None:
        made.writer.close()
    await asyncio.sleep(0)


def publishers(start: int, peer: str = "p1", first: int = 1) -> list[Publisher]:
    footage = {"packets": sound(4), "start": start, "peer": peer}
    return [
        Publisher("hall", frames=pictures("vp8", 4), first_track=first, **footage),
        Publisher(
            "program", video="h264", frames=pictures("h264", 4), first_track=first + 10, **footage
        ),
    ]


def entry(number: int) -> messages.Entry:
    data = {"take": number, "sites": ["hall"], "layout": "full"}
    return messages.Entry(
        id=f"e{number}", kind="take", who="operator:anna", data=data, at=clock.now_ns()
    )


def probe(path: Path) -> int:
    """Frames that an independent program decodes."""
    said = subprocess.run(
        ["ffprobe", "-v", "error", "-count_frames", "-select_streams", "v",
         "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0", str(path)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert not said.stderr
    return int(said.stdout.strip().strip(","))


def mount(folder: Path) -> bool:
    """A small disk; False when it is not allowed here."""
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    return subprocess.run(command, capture_output=True).returncode == 0


def unmount(folder: Path) -> None:
    subprocess.run(["umount", "-l", str(folder)], check=True)


async def test_kill_in_the_middle_loses_less_than_a_second(around: Surroundings) -> None:
    await around.start()
    await around.until(lambda: around.writer)
    around.say(entry(1))
    publishers(0)  # the footage is coded now, not while the time runs
    begin = clock.now_ns()
    playing = asyncio.create_task(around.play(publishers(begin)))
    await around.until(lambda: around.sent_at - begin > 2.7 * SECOND)
    await around.kill()
    killed = (around.sent_at - begin) / SECOND
    playing.cancel()
    await asyncio.gather(playing, return_exceptions=True)
    assert "e1" in around.noted()

    files = sorted(around.folder.rglob("*.m[kp][v4]"))
    assert [path.suffix for path in files] == [".mp4", ".mkv"]
    for path in files:
        seen = decode(path)
        assert seen.length > killed - 1.0
        assert seen.frames > (killed - 1.0) * FPS
        assert probe(path) == seen.frames

    # The next run closes what was left, in the journal too, and records into new files.
    await around.start()
    await around.until(lambda: around.lines("recovered"))
    around.heard.clear()
    await around.until(lambda: around.writer)
    around.say(entry(1), entry(2))
    await around.play(publishers(clock.now_ns() - 4 * SECOND, "p2", 101))
    await around.until(lambda: {"e1", "e2"} <= around.noted())
    await around.until(lambda: around.stats() and around.stats()[-1].bytes)
    assert not around.stats()[-1].errors and not around.stats()[-1].dropped
    assert await around.terminate() == 0
    closed = around.lines("segment-closed")
    assert [each["why"] for each in closed[:2]] == ["recovered"] * 2
    assert len(closed) == 4 and all(each["sha256"] for each in closed)
    assert [each["take"] for each in around.lines("take")] == [1, 2]
    report = verify(around.folder, around.data / "keys/archive.pub")
    assert report.ok and report.files_verified == 4 and not report.unsealed
    last = closed[2:]
    assert {each["video_frames"] for each in last} == {4 * FPS}


async def test_asks_for_a_key_frame_and_goes_on_when_the_packet_plane_restarts(
    around: Surroundings,
) -> None:
    await around.start()
    publishers(0)
    (hall, _) = publishers(clock.now_ns() - 4 * SECOND)  # all of it is due already
    await around.play([hall])
    await around.until(lambda: around.listen_for(hall.first_track))
    assert around.line is not None
    around.line.close()  # the packet plane died; its track numbers begin anew
    loop = asyncio.get_running_loop()
    around.line, _ = await asyncio.wait_for(loop.sock_accept(around.tap), 5)
    (again, _) = publishers(clock.now_ns() - 4 * SECOND, "p9")
    await around.play([again])
    assert await around.terminate() == 0
    closed = around.lines("segment-closed")
    assert [(each["peer"], each["why"]) for each in closed] == [("p1", "media"), ("p9", "stop")]
    assert all(each["video_frames"] == 4 * FPS for each in closed)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to mount a small disk")
async def test_a_full_disk_is_said_and_recording_goes_on_when_there_is_room(
    around: Surroundings,
) -> None:
    around.data.mkdir()
    if not mount(around.data):
        pytest.skip("mount is not allowed here")
    try:
        ballast = around.data / "ballast"
        ballast.write_bytes(bytes(3 * 1024 * 1024 + 800 * 1024))
        await around.start()
        await around.until(lambda: around.writer)

        def errors() -> list[str]:
            return around.stats()[-1].errors if around.stats() else []

        playing = asyncio.create_task(around.play(publishers(clock.now_ns())[:1]))
        await around.until(errors)
        assert "space" in errors()[0].lower()
        assert around.process is not None and around.process.returncode is None
        ballast.unlink()
        await around.until(lambda: not errors())
        await playing
        await around.play([Publisher("hall", frames=pictures("vp8", 1), packets=sound(1),
                                     first_track=50, peer="p3", start=clock.now_ns())])  # fmt: skip
        around.say(entry(7))
        await around.until(lambda: "e7" in around.noted())
        assert await around.terminate() == 0
        assert verify(around.folder, around.data / "keys/archive.pub").ok
        assert around.lines("trouble") and around.lines("trouble-over")
        assert json.dumps(around.lines("segment-closed"))
        for path in around.folder.rglob("*.mkv"):
            assert decode(path).frames
    finally:
        if around.process is not None and around.process.returncode is None:
            await around.kill()
        unmount(around.data)
        shutil.rmtree(around.data, ignore_errors=True)
