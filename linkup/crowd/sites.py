"""A simulated site: joins, sends, receives, comes back by itself, and yields its seat.

By the page's way it does what the branch page does: hello, offer, microphone and camera on, a
report each two seconds, and a new connection after a loss. By WHIP it is an encoder that only
sends.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import aiohttp

from linkup.crowd.client import Client, Manners
from linkup.crowd.clips import Clip
from linkup.crowd.offers import Wish
from linkup.crowd.pages import Page, socket_url
from linkup.crowd.whip import Resource
from linkup.errors import LinkupError

Way = Literal["page", "whip"]
SIGNED_OUT, SEAT_TAKEN, RESTARTS = 4001, 4003, 1012
FIRST_RETRY_S, SLOWEST_RETRY_S = 0.25, 4.0
REPORT_S = 2.0


@dataclass
class Totals:
    """Over all connections of one site."""

    joined: int = 0  # times a connection stood
    renewals: int = 0
    yielded: int = 0
    lost: int = 0
    packets_sent: int = 0
    packets_received: int = 0
    errors: list[str] = field(default_factory=list)
    first_picture_ms: float | None = None
    connected_ms: float | None = None
    tally_air_s: float = 0.0


class SimulatedSite:
    """Runs until `stop`."""

    def __init__(
        self, session: aiohttp.ClientSession, base: str, site: str, token: str, clip: Clip,
        manners: Manners | None = None, way: Way = "page",
        seat_free: Callable[[], Awaitable[None]] | None = None,
    ) -> None:  # fmt: skip
        self.site, self.way = site, way
        self.totals = Totals()
        self.client: Client | None = None
        self.page: Page | None = None
        self.present = asyncio.Event()
        self.ended = ""  # why it will not come back
        self._session, self._base, self._token, self._clip = session, base, token, clip
        self._manners = manners or Manners()
        self._seat_free = seat_free  # waits until a real browser has left the seat
        self._device = f"simulated-{secrets.token_hex(4)}"
        self._task: asyncio.Task[None] | None = None
        self._peer: str | None = None  # the server's name of our connection
        self._last: list[dict[str, Any]] = []  # slots of the last connection

    def start(self) -> None:
        """Begin to join; `present` is set when the connection stands."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Leave as a page does."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self._close_client()

    async def _run(self) -> None:
        wait = FIRST_RETRY_S
        while True:
            try:
                again = await (self._by_page() if self.way == "page" else self._by_whip())
                wait = FIRST_RETRY_S
            except LinkupError as error:
                again = True
                self._note(error.message)
            except (aiohttp.ClientError, OSError) as error:
                again = True
                self._note(str(error))
            finally:
                self.present.clear()
            if not again:
                return
            await asyncio.sleep(wait)
            wait = min(SLOWEST_RETRY_S, wait * 2)
            self.totals.renewals += 1

    def _note(self, text: str) -> None:
        if len(self.totals.errors) < 20:
            self.totals.errors.append(text)

    # ------------------------------------------------------------ the page's way

    async def _by_page(self) -> bool:
        """One WebSocket from open to close; True: come again."""
        page = self.page = Page(self._session, socket_url(self._base, "/ws/site"), self._token)
        alive = self.client is not None and not self.client.ended
        peer = self._peer if alive else None
        try:
            welcome = await page.open(device=self._device, **({"peer": peer} if peer else {}))
            if welcome.get("media") != "keep":
                self._close_client()
                await self._connect(Wish(video=self._clip.codec), page.signal)
                self._peer = page.welcome.get("peer")
            await page.ask("microphone", open=True)
            await page.ask("camera", on=True)
            self.present.set()
            await self._stay(page)
        finally:
            self.present.clear()
            leaving = asyncio.current_task()
            if leaving is not None and leaving.cancelling() and not page.closed:
                with contextlib.suppress(LinkupError):
                    await page.ask("leave")
            await page.close()
        return await self._after(page.close_code)

    async def _after(self, code: int | None) -> bool:
        if code == SEAT_TAKEN:
            self.totals.yielded += 1
            self._close_client()
            if self._seat_free is None:
                self.ended = "another device took the seat"
                return False
            await self._seat_free()
            return True
        if code == SIGNED_OUT:
            self.ended = "the server does not take this token"
            self._note(self.ended)
            self._close_client()
            return False
        return True

    async def _connect(self, wish: Wish, signal: Callable[[str], Awaitable[str]]) -> None:
        client = self.client = Client(wish, self._manners, self._clip)
        await client.connect(signal)
        self.totals.joined += 1
        if self.totals.connected_ms is None:
            self.totals.connected_ms = round(client.times.connected * 1000, 1)

    async def _stay(self, page: Page) -> None:
        """Until the socket closes or the media is gone, whichever is first."""
        assert self.client is not None
        gone = asyncio.Event()
        self.client.on_end = lambda _why: gone.set()

        def renew() -> None:
            gone.set()
            self._close_client()

        page.on_renew = renew
        reports = asyncio.create_task(self._reports(page))
        waits = [asyncio.create_task(page.ended()), asyncio.create_task(gone.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (reports, *waits):
                task.cancel()
            await asyncio.wait([reports, *waits])

    async def _reports(self, page: Page) -> None:
        while True:
            await asyncio.sleep(REPORT_S)
            client = self.client
            if client is None or page.closed:
                return
            pictures = [slot.counts for slot in client.slots if slot.kind == "video"]
            received = sum(each.packets for each in pictures)
            lost = sum(each.lost for each in pictures)
            stats = {
                "freezes": sum(each.freezes for each in pictures),
                "fps": 0,
                "loss": lost / max(1, received + lost),
                "rtt_ms": (client.publisher and client.publisher.counts().rtt_ms) or 0,
                "jitter_ms": 0,
            }
            with contextlib.suppress(LinkupError):
                await page.ask("report", stats=stats)

    # ------------------------------------------------------------ the encoder's way

    async def _by_whip(self) -> bool:
        resource = Resource(self._session, f"{self._base}/whip/{self.site}", self._token)
        wish = Wish(video=self._clip.codec, video_slots=0, audio_slots=0)
        try:
            await self._connect(wish, resource.signal)
            assert self.client is not None
            gone = asyncio.Event()
            self.client.on_end = lambda _why: gone.set()
            self.present.set()
            await gone.wait()
        finally:
            self._close_client()
            await resource.end()
        return True

    # ------------------------------------------------------------ the end

    def _close_client(self) -> None:
        client, self.client = self.client, None
        if client is None:
            return
        client.close()
        self.totals.lost += client.lost()
        summary = client.summary()
        self._last = summary["slots"]
        if summary["sent"]:
            self.totals.packets_sent += summary["sent"]["packets"]
        self.totals.packets_received += sum(slot["packets"] for slot in self._last)
        firsts = [s["first_ms"] for s in self._last if s["kind"] == "video" and s["first_ms"]]
        if firsts and self.totals.first_picture_ms is None:
            self.totals.first_picture_ms = min(firsts)

    def summary(self) -> dict[str, Any]:
        """What `--json` tells of this site; after `stop`."""
        totals = self.totals
        return {
            "site": self.site,
            "joined": totals.joined > 0,
            "connected_ms": totals.connected_ms,
            "first_picture_ms": totals.first_picture_ms,
            "packets_sent": totals.packets_sent,
            "packets_received": totals.packets_received,
            "packets_lost": totals.lost,
            "renewals": totals.renewals,
            "yielded": totals.yielded,
            "errors": totals.errors,
            "slots": self._last,
        }
