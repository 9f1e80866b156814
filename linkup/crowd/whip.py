"""WHIP (RFC 9725) and WHEP from the client's side: an offer by POST, the end by DELETE."""

from __future__ import annotations

import contextlib
from urllib.parse import urljoin

import aiohttp

from linkup.errors import PeerError


class Resource:
    """One WHIP or WHEP resource; `signal` is what `Client.connect` wants."""

    def __init__(self, session: aiohttp.ClientSession, url: str, token: str) -> None:
        self.url = url
        self.location = ""
        self._session = session
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    async def signal(self, sdp: str) -> str:
        """POST the offer; the answer. Raises `PeerError` with code `whip`."""
        headers = {**self._headers, "Content-Type": "application/sdp"}
        try:
            async with self._session.post(self.url, data=sdp.encode(), headers=headers) as answer:
                text = await answer.text()
                if answer.status != 201:
                    raise PeerError("whip", f"{self.url}: HTTP {answer.status}: {text[:300]}")
                self.location = urljoin(self.url, answer.headers.get("Location", ""))
                return text
        except aiohttp.ClientError as error:
            raise PeerError("whip", f"{self.url}: {error}") from None

    async def end(self) -> None:
        """DELETE the resource; a server that is gone needs no telling."""
        if self.location:
            with contextlib.suppress(aiohttp.ClientError, OSError):
                async with self._session.delete(self.location, headers=self._headers):
                    self.location = ""
