"""`/ws/site`, `/ws/console`, `/ws/watch/{consultation}`: docs/protocol.md in code.

A token that is not valid is told through the socket (`bye`, close 4001): a page cannot read the
status of a refused upgrade.
"""

from __future__ import annotations

import asyncio

from aiohttp import web

from linkup import requests
from linkup.errors import BusyError, ConflictError, LinkupError, UserError
from linkup.messages import PeerKind
from linkup.server.auth import OPERATORS, SITES, Visitor
from linkup.server.context import Context, context
from linkup.server.lines import Line, Lines, encode
from linkup.studio.face import StudioFace

LINES = web.AppKey("lines", Lines)
WATCH_STATE_S = 0.5  # viewers are many, and nothing of theirs is urgent


def routes() -> list[web.RouteDef]:
    """The sockets of the three kinds of pages."""
    return [
        web.get("/ws/site", site),
        web.get("/ws/console", console),
        web.get("/ws/watch/{consultation}", watch),
    ]


async def site(request: web.Request) -> web.WebSocketResponse:
    """A branch site's page."""
    shared, lines = context(request), request.config_dict[LINES]
    lines.check_room()
    try:
        visitor = await shared.doorkeeper.admit(request, SITES)
    except LinkupError as error:
        return await _turn_away(request, error)
    return await _Site(shared, lines, visitor).run(request)


async def console(request: web.Request) -> web.WebSocketResponse:
    """An operator's page."""
    shared, lines = context(request), request.config_dict[LINES]
    lines.check_room()
    try:
        visitor = await shared.doorkeeper.admit(request, OPERATORS)
    except LinkupError as error:
        return await _turn_away(request, error)
    return await _Console(shared, lines, visitor).run(request)


async def watch(request: web.Request) -> web.WebSocketResponse:
    """A viewer's page; public. What it says is not listened to."""
    shared, lines = context(request), request.config_dict[LINES]
    lines.check_room(public=True)
    if request.match_info["consultation"] != shared.settings.consultation.id:
        return await _turn_away(request, UserError("no-consultation", "No such consultation."))
    line = Line(lambda: request.config_dict[WATCHED].text(), state_s=WATCH_STATE_S)
    line.opened()
    address = request.remote or ""
    shared.viewers.page_opened(address)
    try:
        with lines.kept(line, levels=False):
            return await line.run(request, lambda _text: None)
    finally:
        shared.viewers.page_closed(address)


class Watched:
    """What all viewers are told, made once for all of them."""

    def __init__(self, studio: StudioFace, lines: Lines) -> None:
        self._studio, self._lines = studio, lines
        self._version, self._text = -1, b""

    def text(self) -> bytes:
        """The viewers' state, as JSON."""
        if self._version != self._lines.version:
            self._version = self._lines.version
            self._text = encode({"type": "state", **self._studio.watch_view()})
        return self._text


WATCHED = web.AppKey("watched", Watched)


async def _turn_away(request: web.Request, error: LinkupError) -> web.WebSocketResponse:
    line = Line(lambda: b"")
    line.bye(error.code)
    return await line.run(request, lambda _text: None)


class _Page:
    """What the sockets of sites and consoles have in common."""

    kind: PeerKind

    def __init__(self, shared: Context, lines: Lines, visitor: Visitor) -> None:
        self.shared, self.lines, self.visitor = shared, lines, visitor
        self.studio = shared.studio
        self.line = Line(self.state)
        self.peer: str | None = None
        self._offering: asyncio.Task[None] | None = None

    def state(self) -> bytes:
        raise NotImplementedError

    async def run(self, request: web.Request) -> web.WebSocketResponse:
        code = "signed-out" if self.visitor.session else "token-revoked"
        release = self.shared.doorkeeper.watch(self.visitor, lambda: self.line.bye(code))
        try:
            with self.lines.kept(self.line, levels=True):
                return await self.line.run(request, self.received)
        finally:
            release()
            self.left()

    def received(self, text: str) -> None:
        raise NotImplementedError

    def left(self) -> None:
        """The socket is closed."""

    def welcome(self, peer: str | None) -> dict[str, object]:
        """What becomes of the peer connection that the page says it has."""
        media = "new"
        if peer is not None:
            media = "keep" if self.shared.peers.keep(peer, self.visitor) else "renew"
        self.peer = peer if media == "keep" else None
        return {"type": "welcome", "peer": self.peer, "media": media}

    def notice_loss(self) -> None:
        """The media process was started again and knows this page's peer no more: say so at once.

        By itself a browser finds out after seconds of silence.
        """
        if self.peer is not None and not self.studio.peer_lives(self.peer):
            lost = {"type": "welcome", "peer": None, "media": "renew"}
            self.peer = None
            asyncio.get_running_loop().call_soon(self.line.answer, lost)

    def need_hello(self) -> None:
        if not self.line.open:
            raise ConflictError("hello-first", "Say hello first.")

    def offer(self, request: requests.Offer, publishes: str | None, owner: str) -> None:
        """Have the offer answered; the page may go on talking meanwhile."""
        if self._offering is not None and not self._offering.done():
            raise BusyError("busy", "The last offer is still being answered.")
        self._offering = asyncio.create_task(self._answer(request, publishes, owner))

    async def _answer(self, request: requests.Offer, publishes: str | None, owner: str) -> None:
        try:
            opened = await self.studio.offer(self.kind, owner, request.sdp, publishes=publishes)
        except Exception as error:
            self.line.refuse(request.id, error)
            if not isinstance(error, LinkupError):
                raise
            return
        before, self.peer = self.peer, opened.peer
        self.shared.peers.opened(opened.peer, self.visitor)
        if self.line.closed:
            self.shared.peers.close(opened.peer, "its page went away")
            return
        self.line.answer(
            {
                "type": "answer",
                "id": request.id,
                "peer": opened.peer,
                "sdp": opened.answer,
                "video": opened.video_slots,
                "audio": opened.audio_slots,
            }
        )
        self.line.state_changed()  # the slots are those of another peer now
        # A site's older connection hands its feed over and is closed by the media process.
        if before is not None and before != opened.peer and publishes is None:
            self.shared.peers.close(before, "renewed")


class _Site(_Page):
    kind: PeerKind = "site"

    def __init__(self, shared: Context, lines: Lines, visitor: Visitor) -> None:
        super().__init__(shared, lines, visitor)
        self.site = visitor.site or ""

    def state(self) -> bytes:
        self.notice_loss()
        return encode({"type": "state", **self.studio.site_view(self.site)})

    def received(self, text: str) -> None:
        request = requests.site_request(text)
        match request:
            case requests.Hello():
                self.hello(request)
            case requests.Offer():
                self.need_hello()
                self.offer(request, publishes=self.site, owner=self.site)
                return  # answered by `answer`
            case _:
                self.need_hello()
                self.studio.site_request(self.site, request)
        self.line.done(request.id)

    def hello(self, request: requests.Hello) -> None:
        before = self.studio.take_seat(
            self.site, request.device, self.line.connection, request.name
        )
        if before is not None and before != self.line.connection:
            self.lines.bye(before, "seat-taken")
        self.line.answer({**self.welcome(request.peer), "device": request.device})
        self.line.opened()

    def left(self) -> None:
        if self.line.open:
            self.studio.leave_seat(self.site, self.line.connection)


class _Console(_Page):
    kind: PeerKind = "console"

    def state(self) -> bytes:
        self.notice_loss()
        return encode({"type": "state", **self.studio.console_view(self.peer)})

    def received(self, text: str) -> None:
        request = requests.console_request(text)
        match request:
            case requests.Hello():
                if not self.line.open:
                    self.studio.console_opened(self.visitor.user, self.line.connection)
                self.line.answer({**self.welcome(request.peer), "user": self.visitor.user})
                self.line.opened()
            case requests.Offer():
                self.need_hello()
                self.offer(request, publishes=None, owner=self.visitor.user)
                return
            case _:
                self.need_hello()
                self.studio.console_request(self.visitor.user, request)
        self.line.done(request.id)

    def left(self) -> None:
        if self.line.open:
            self.studio.console_closed(self.line.connection)
