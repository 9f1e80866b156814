"""Debian's Janus (VideoRoom) as the peer of our packet plane: started here on loopback, spoken to
by its HTTP API. https://janus.conf.meetecho.com/docs/rest.html, …/videoroom.html"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from linkup.crowd.offers import Offered, Wish, answer, build
from linkup.errors import MissingError, PeerError

ROOM = 1234
PROGRAM = "janus"
_FOLDERS = ("/usr/lib/x86_64-linux-gnu/janus", "/usr/lib/aarch64-linux-gnu/janus",
            "/usr/lib/janus", "/usr/local/lib/janus", "/opt/janus/lib/janus")  # fmt: skip
START_S = 10.0
ANSWER_S = 10.0


@dataclass
class Janus:
    """A Janus that runs."""

    url: str
    pid: int


def installed() -> bool:
    """Whether there is a Janus with its plugins."""
    return shutil.which(PROGRAM) is not None and _folder() is not None


def _folder() -> Path | None:
    return next((Path(each) for each in _FOLDERS if Path(each, "plugins").is_dir()), None)


@contextlib.asynccontextmanager
async def janus() -> AsyncIterator[Janus]:
    """Start one with its own configuration and one room. Raises `MissingError`, `PeerError`."""
    folder, program = _folder(), shutil.which(PROGRAM)
    if folder is None or program is None:
        raise MissingError("janus", "Janus is not installed (Debian: apt-get install janus).")
    with tempfile.TemporaryDirectory(prefix="linkup-janus-") as place:
        port = _free_port()
        _configure(Path(place), folder, port)
        log = Path(place, "janus.log").open("wb")  # noqa: SIM115 - closed below
        process = await asyncio.create_subprocess_exec(
            program, "--config", str(Path(place, "janus.jcfg")), "--configs-folder", place,
            stdout=log, stderr=log, stdin=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            url = f"http://127.0.0.1:{port}/janus"
            await _answers(url, process, Path(place, "janus.log"))
            yield Janus(url, process.pid)
        finally:
            if process.returncode is None:
                process.terminate()
                try:
                    await asyncio.wait_for(process.wait(), 5)
                except TimeoutError:
                    process.kill()
            log.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _configure(place: Path, folder: Path, port: int) -> None:
    plugins = ",".join(
        each.name
        for each in sorted((folder / "plugins").glob("*.so"))
        if "videoroom" not in each.name
    )
    transports = ",".join(
        each.name
        for each in sorted((folder / "transports").glob("*.so"))
        if "http" not in each.name
    )
    (place / "janus.jcfg").write_text(f"""
general: {{
    configs_folder = "{place}"
    plugins_folder = "{folder / "plugins"}"
    transports_folder = "{folder / "transports"}"
    events_folder = "{folder / "events"}"
    loggers_folder = "{folder / "loggers"}"
    debug_level = 3
    admin_secret = "{secrets.token_hex(8)}"
    session_timeout = 120
}}
media: {{ ipv6 = false }}
nat: {{ ice_lite = true, ice_tcp = false, full_trickle = false }}
plugins: {{ disable = "{plugins}" }}
transports: {{ disable = "{transports}" }}
events: {{ broadcast = false }}
loggers: {{ disable = "libjanus_jsonlog.so" }}
""")
    (place / "janus.transport.http.jcfg").write_text(f"""
general: {{ json = "compact", base_path = "/janus", http = true, port = {port}, ip = "127.0.0.1",
    https = false, max_nb_sessions = 100 }}
admin: {{ admin_http = false, admin_https = false }}
""")
    (place / "janus.plugin.videoroom.jcfg").write_text(f"""
general: {{ }}
room-{ROOM}: {{
    description = "load", publishers = 4, bitrate = 0, fir_freq = 0, videocodec = "vp8",
    notify_joining = false, audiolevel_ext = false, videoorient_ext = false,
    playoutdelay_ext = false, transport_wide_cc_ext = false
}}
""")


async def _answers(url: str, process: asyncio.subprocess.Process, log: Path) -> None:
    end = asyncio.get_running_loop().time() + START_S
    async with aiohttp.ClientSession() as session:
        while asyncio.get_running_loop().time() < end and process.returncode is None:
            with contextlib.suppress(aiohttp.ClientError, OSError):
                async with session.get(f"{url}/info") as answered:
                    if answered.status == 200:
                        return
            await asyncio.sleep(0.05)
    raise PeerError("janus", f"Janus did not start: {log.read_text(errors='replace')[-500:]}")


class JanusSession:
    """One session with as many handles as wanted; one long poll for all of them."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session, self._url = session, url
        self._events: dict[int, asyncio.Queue[dict[str, Any]]] = {}
        self._poll: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Create the session."""
        reply = await self._post(self._url, {"janus": "create"})
        self._url = f"{self._url}/{reply['data']['id']}"
        self._poll = asyncio.create_task(self._events_come())

    async def close(self) -> None:
        """End it; all its handles hang up."""
        if self._poll is not None:
            self._poll.cancel()
            await asyncio.wait([self._poll])
        with contextlib.suppress(PeerError, aiohttp.ClientError, OSError):
            await self._post(self._url, {"janus": "destroy"})

    async def publish(self, sdp: str) -> tuple[str, int]:
        """Publish by this offer: the answer, and the number of the feed."""
        handle = await self._attach()
        joined = await self._ask(
            handle, {"request": "join", "ptype": "publisher", "room": ROOM, "display": "load"}
        )
        jsep = {"type": "offer", "sdp": sdp}
        done = await self._ask(handle, {"request": "publish", "audio": False}, jsep)
        return str(done["jsep"]["sdp"]), int(joined["plugindata"]["data"]["id"])

    async def subscribe(self, feed: int, offered_addresses: list[tuple[str, int]]) -> Offered:
        """Subscribe: Janus offers; an `Offered` whose `sdp` is *its* offer, answered already."""
        handle = await self._attach()
        wanted = {"request": "join", "ptype": "subscriber", "room": ROOM}
        offer = await self._ask(handle, {**wanted, "streams": [{"feed": feed}]})
        theirs = str(offer["jsep"]["sdp"])
        ours, credentials = answer(theirs, offered_addresses)
        await self._ask(handle, {"request": "start"}, {"type": "answer", "sdp": ours})
        return Offered(theirs, (), credentials, 1, 1)

    async def _attach(self) -> int:
        reply = await self._post(self._url, {"janus": "attach", "plugin": "janus.plugin.videoroom"})
        handle = int(reply["data"]["id"])
        self._events[handle] = asyncio.Queue(maxsize=100)
        return handle

    async def _ask(
        self, handle: int, body: dict[str, Any], jsep: dict[str, str] | None = None
    ) -> dict[str, Any]:
        message: dict[str, Any] = {"janus": "message", "body": body}
        if jsep:
            message["jsep"] = jsep
        await self._post(f"{self._url}/{handle}", message)
        while True:
            event = await asyncio.wait_for(self._events[handle].get(), ANSWER_S)
            if event.get("janus") != "event":
                continue
            data = event.get("plugindata", {}).get("data", {})
            if "error" in data:
                raise PeerError("janus", f"Janus: {data['error']}")
            return event

    async def _post(self, url: str, message: dict[str, Any]) -> dict[str, Any]:
        message = {**message, "transaction": secrets.token_hex(6)}
        async with self._session.post(url, json=message) as answered:
            reply: dict[str, Any] = await answered.json(content_type=None)
        if reply.get("janus") == "error":
            raise PeerError("janus", f"Janus: {reply.get('error')}")
        return reply

    async def _events_come(self) -> None:
        while True:
            async with self._session.get(self._url, params={"maxev": "10"}) as answered:
                events = await answered.json(content_type=None)
            for event in events if isinstance(events, list) else [events]:
                queue = self._events.get(event.get("sender", 0))
                if queue is not None and not queue.full():
                    queue.put_nowait(event)


def publisher_offer(addresses: list[tuple[str, int]]) -> Offered:
    """The offer of the load's publisher, the same for both servers."""
    return build(Wish(audio=False, video="vp8", video_slots=0, audio_slots=0), addresses)
