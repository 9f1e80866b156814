"""One simulated site's way to the server: a socket with ICE, DTLS and SRTP on it.

The thin shell around `ice`, `dtls` and `impair`: it owns the socket and the timers and decides
nothing. Packets are read until the socket would block (bounded), so that a crowd of them in one
process stays cheap.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pylibsrtp

from linkup.crowd.dtls import Dtls
from linkup.crowd.ice import Address, Credentials, Ice
from linkup.crowd.impair import Counts, Profile, Wire
from linkup.errors import PeerError
from linkup.wire.rtcp import is_rtcp

BATCH = 64  # packets read in one wake-up; others get their turn then
RECEIVE_BUFFER = 1 << 20  # bytes asked of the kernel
IN_FLIGHT = 20_000  # packets that a bad wire may hold; more are dropped and counted
HELLO_AGAIN_S = 0.05  # RFC 9147 §5.8.2 allows less than 1 s where round trips are short
CONSENT_LOST_S = 30.0  # RFC 7675 §5.1


@dataclass(frozen=True)
class Remote:
    """Where to connect and whom to expect there, from the answer."""

    credentials: Credentials
    fingerprint: str
    candidates: list[Address]
    setup: str = "passive"


@dataclass
class LinkCounts:
    """Packets of this link since its start."""

    sent: int = 0
    received: int = 0
    refused: int = 0  # the kernel took no more, or a bad wire was full
    undecipherable: int = 0
    up: Counts = field(default_factory=Counts)
    down: Counts = field(default_factory=Counts)


class Link:
    """Connect, then `send_rtp`/`send_rtcp`; what comes in goes to `on_rtp` and `on_rtcp`."""

    def __init__(self, impairment: Profile | None = None, seed: int | str = 0) -> None:
        self.counts = LinkCounts()
        self.on_rtp: Callable[[bytes], None] = lambda _: None
        self.on_rtcp: Callable[[bytes], None] = lambda _: None
        self.on_close: Callable[[str], None] = lambda _: None
        self.dtls: Dtls | None = None
        self.socket = _socket()
        self._loop = asyncio.get_running_loop()
        self._ice: Ice | None = None
        self._connected: asyncio.Future[None] = self._loop.create_future()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._selected = self._dtls_heard = False
        self._first_flight: list[bytes] = []
        self.closed = False
        self._up = self._down = None
        self._in_flight = 0
        if impairment is not None and not impairment.clean:
            self._up = Wire(impairment, f"{seed}-up")
            self._down = Wire(impairment, f"{seed}-down")
            self.counts.up, self.counts.down = self._up.counts, self._down.counts

    @property
    def addresses(self) -> list[Address]:
        """Our own candidates. The server learns the true one from our checks."""
        return [("127.0.0.1", self.socket.getsockname()[1])]

    @property
    def peer(self) -> Address:
        """The server's address in use."""
        assert self._ice is not None and self._ice.selected is not None
        return self._ice.selected

    async def connect(self, local: Credentials, remote: Remote, timeout: float = 10.0) -> None:
        """ICE, then DTLS. Raises `PeerError` with code `ice` or `dtls`."""
        if not remote.candidates:
            raise PeerError("ice", "the server's answer names no UDP candidate")
        self._ice = Ice(local, remote.credentials, [self._mapped(c) for c in remote.candidates])
        self.dtls = Dtls("server" if remote.setup == "active" else "client", remote.fingerprint)
        self._loop.add_reader(self.socket, self._readable)
        self._check()
        try:
            await asyncio.wait_for(asyncio.shield(self._connected), timeout)
        except TimeoutError:
            done = self._ice.selected is not None
            what = "no DTLS answer" if done else "no answer to ICE checks"
            self.close()
            raise PeerError(
                "dtls" if done else "ice", f"{what} from {remote.candidates[0]} in {timeout:g} s"
            ) from None
        except PeerError:
            self.close()
            raise

    def send_rtp(self, packet: bytes) -> bytes:
        """Encrypt and send; returns what was sent, so that it can be sent again."""
        assert self.dtls is not None
        data: bytes = self.dtls.outbound.protect(packet)
        self.send_again(data)
        return data

    def send_again(self, data: bytes) -> None:
        """Send an encrypted packet once more (the answer to a NACK)."""
        self.counts.sent += 1
        self._send(data)

    def send_rtcp(self, packet: bytes) -> None:
        """Encrypt and send an RTCP compound packet."""
        if self.dtls is not None and self.dtls.done and not self.closed:
            self._send(self.dtls.outbound.protect_rtcp(packet))

    def close(self) -> None:
        """Say so by DTLS (straight, a bad wire would swallow it after us) and free the socket."""
        if self.closed:
            return
        if self.dtls is not None and self.dtls.done:
            for datagram in self.dtls.close():
                self._out(datagram)
        self._end("closed")

    def _end(self, why: str) -> None:
        if self.closed:
            return
        self.closed = True
        for timer in self._timers.values():
            timer.cancel()
        self._loop.remove_reader(self.socket)
        self.socket.close()
        if not self._connected.done():
            self._connected.set_exception(PeerError("dtls", why))
            self._connected.exception()  # taken: nobody may be waiting any more
        self.on_close(why)

    # ------------------------------------------------------------ in

    def _readable(self) -> None:
        receive = self.socket.recvfrom
        for _ in range(BATCH):
            try:
                data, source = receive(2048)
            except BlockingIOError:
                return
            except OSError:
                continue  # ICMP of an earlier packet: the server may be starting again
            if self._down is None:
                self.take(data, source)
            else:
                self._later(self._down, len(data), self.take, data, source)
            if self.closed:
                return

    def take(self, data: bytes, source: Any) -> None:
        """One datagram that somebody else has read; demultiplexed by its first byte (RFC 7983)."""
        if self.closed or not data:
            return
        first = data[0]
        dtls = self.dtls
        if 127 < first < 192:
            if dtls is None or not dtls.done:
                return
            try:
                if is_rtcp(data):
                    self.on_rtcp(dtls.inbound.unprotect_rtcp(data))
                else:
                    self.counts.received += 1
                    self.on_rtp(dtls.inbound.unprotect(data))
            except pylibsrtp.Error:
                self.counts.undecipherable += 1
        elif first < 4:
            self._take_stun(data, source)
        elif 19 < first < 64 and dtls is not None:
            self._take_dtls(dtls, data)

    def _take_stun(self, data: bytes, source: Any) -> None:
        if self._ice is None:
            return
        answer = self._ice.receive(data, (source[0], source[1]), self._loop.time())
        if answer is not None:
            with contextlib.suppress(OSError):
                self.socket.sendto(answer, source)
        if self._ice.selected is not None and not self._selected:
            self._selected = True
            self.socket.connect(self._ice.selected)
            self._check()
            self._handshake(lambda dtls: dtls.start())
            self._hello_again(HELLO_AGAIN_S)

    def _take_dtls(self, dtls: Dtls, data: bytes) -> None:
        self._dtls_heard = True
        self._handshake(lambda each: each.receive(data))
        if dtls.closed:
            self._end("the server closed the connection")

    def _hello_again(self, wait: float) -> None:
        """Repeat the first flight before OpenSSL would (1 s), as browsers do: some servers are
        not ready for it when they answer the check that makes us send it."""

        def send() -> None:
            if not self._dtls_heard and self.dtls is not None and not self.dtls.done:
                for datagram in self._first_flight:
                    self._send(datagram)
                self._hello_again(wait * 2)

        self._timer("hello", wait, send)

    def _handshake(self, step: Callable[[Dtls], list[bytes]]) -> None:
        dtls = self.dtls
        assert dtls is not None
        try:
            datagrams = step(dtls)
        except PeerError as error:
            if not self._connected.done():
                self._connected.set_exception(error)
            return
        if self._selected:
            self._first_flight = self._first_flight or datagrams
            for datagram in datagrams:
                self._send(datagram)
        if dtls.done:
            self._cancel("dtls")
            if not self._connected.done():
                self._connected.set_result(None)
        elif (wait := dtls.timeout()) is not None:
            self._timer("dtls", wait, lambda: self._handshake(lambda each: each.expire()))

    # ------------------------------------------------------------ out

    def _check(self) -> None:
        """ICE requests while there is no pair, consent after that."""
        ice = self._ice
        assert ice is not None
        if self._selected and self._loop.time() - ice.consented_at > CONSENT_LOST_S:
            self._end("the server answers no more")
            return
        requests, wait = ice.due()
        for data, to in requests:
            if self._selected:
                self._send(data)
            else:
                with contextlib.suppress(OSError):
                    self.socket.sendto(data, to)
        self._timer("ice", wait, self._check)

    def _send(self, data: bytes) -> None:
        if self._up is None:
            self._out(data)
        else:
            self._later(self._up, len(data), self._out, data)

    def _out(self, data: bytes) -> None:
        if self.closed:
            return
        try:
            self.socket.send(data)
        except BlockingIOError:
            self.counts.refused += 1
        except OSError:
            self.counts.refused += 1  # ECONNREFUSED while the server starts again

    def _later(self, wire: Wire, size: int, what: Callable[..., None], *args: Any) -> None:
        now = self._loop.time()
        for at in wire.send(size, now):
            if at <= now:
                what(*args)
            elif self._in_flight < IN_FLIGHT:
                self._in_flight += 1
                self._loop.call_at(at, self._arrive, what, args)
            else:
                self.counts.refused += 1

    def _arrive(self, what: Callable[..., None], args: tuple[Any, ...]) -> None:
        self._in_flight -= 1
        what(*args)

    def _timer(self, name: str, wait: float, what: Callable[[], None]) -> None:
        self._cancel(name)
        self._timers[name] = self._loop.call_later(wait, what)

    def _cancel(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()

    def _mapped(self, address: Address) -> Address:
        """An IPv4 address as our dual-stack socket wants it."""
        host, port = address
        if self.socket.family == socket.AF_INET6 and ":" not in host:
            return f"::ffff:{host}", port
        return address


def _socket() -> socket.socket:
    """A non-blocking UDP socket for both IP versions, IPv4 alone where there is no other."""
    try:
        made = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        try:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            made.bind(("::", 0))
        except OSError:
            made.close()
            raise
    except OSError:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind(("0.0.0.0", 0))
    made.setblocking(False)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    return made
