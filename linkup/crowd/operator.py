"""A simulated operator at a console: switches every few seconds, until a person does."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from linkup.crowd.pages import Page
from linkup.errors import LinkupError

PREPARE_S = 0.8  # between preview and take: what is next is decoded ahead
NAME = "demo"


@dataclass(frozen=True)
class Shot:
    """One thing to put on air."""

    layout: str
    sites: tuple[str, ...]
    mode: str  # "cut" or "mix"
    strip: dict[str, Any] | None = None


def script(sites: list[dict[str, Any]]) -> Iterator[Shot]:
    """Shots without end over the sites that are present, in the console's order."""
    names = [str(site["id"]) for site in sites]
    strips = {str(site["id"]): _strip(site) for site in sites}
    if not names:
        return
    hall, rest = names[0], names[1:] or names
    for round_ in itertools.count():
        guest = rest[round_ % len(rest)]
        yield Shot("full", (hall,), "cut", strips[hall])
        yield Shot("full", (guest,), "cut", strips[guest])
        if len(names) > 1:
            yield Shot("side", (hall, guest), "mix")
            yield Shot("pip", (guest, hall), "cut", strips[guest])
        if len(names) > 3:
            yield Shot("four", (*names[:3], names[3 + round_ % (len(names) - 3)]), "mix")


def _strip(site: dict[str, Any]) -> dict[str, str] | None:
    people = site.get("people") or []
    if not people:
        return None
    person = people[0]
    return {key: _chinese(person.get(key)) for key in ("name", "title")}


def _chinese(text: Any) -> str:
    if isinstance(text, dict):
        return str(text.get("zh") or text.get("en") or "")
    return str(text or "")


class Operator:
    """Switches by the script; hands over as soon as somebody else takes or previews."""

    def __init__(self, page: Page, every_s: float) -> None:
        self.takes = 0
        self.confirmed = 0
        self.handed_over_to = ""
        self.errors: list[str] = []
        self._page, self._every = page, every_s
        self._name = str(page.welcome.get("user") or NAME)
        self._prepared: tuple[str, list[str]] | None = None

    async def run(self) -> None:
        """Until cancelled, or a person has the console."""
        await self._page.until(lambda state: any(s["present"] for s in state["sites"]), 60)
        known: list[str] = []
        shots: Iterator[Shot] = iter(())
        while not self.handed_over_to and not self._page.closed:
            present = [site for site in self._page.state["sites"] if site["present"]]
            if [site["id"] for site in present] != known:
                known = [site["id"] for site in present]
                shots = script(present)
            shot = next(shots, None)
            if shot is not None:
                try:
                    await self._put_on_air(shot)
                except LinkupError as error:
                    if len(self.errors) < 20:
                        self.errors.append(f"{shot.layout} {shot.sites}: {error.message}")
            await asyncio.sleep(max(0.2, self._every - PREPARE_S))

    async def _put_on_air(self, shot: Shot) -> None:
        wanted = (shot.layout, list(shot.sites))
        if self._somebody_else() or _shown(self._page.state["on_air"]) == wanted:
            return
        await self._page.ask("preview", layout=shot.layout, sites=shot.sites, strip=shot.strip)
        self._prepared = wanted
        await asyncio.sleep(PREPARE_S)
        if self._somebody_else():
            return
        await self._page.ask("take", mode=shot.mode)
        self.takes += 1
        if await self._page.until(lambda state: _shown(state["on_air"]) == wanted, 2):
            self.confirmed += 1
        # A take changes the preview as well; what it is now is still nobody else's doing.
        self._prepared = _shown(self._page.state["preview"])

    def _somebody_else(self) -> bool:
        """A person has taken, or prepares something: they must not be surprised."""
        state = self._page.state
        by = str((state.get("on_air") or {}).get("by") or "")
        others = [user for user in state.get("consoles") or [] if user != self._name]
        if others and by in others:
            self.handed_over_to = by
        elif others and self._prepared and _shown(state["preview"]) != self._prepared:
            self.handed_over_to = others[0]
        return bool(self.handed_over_to)


def _shown(shot: dict[str, Any]) -> tuple[str, list[str]]:
    return str(shot.get("layout")), list(shot.get("sites") or [])


async def seat_free(page: Page, site: str, quiet_s: float = 4.0) -> None:
    """Wait until a real browser has taken the seat of `site` and has left it for `quiet_s`."""
    loop = asyncio.get_running_loop()

    def present() -> bool:
        sites = page.state.get("sites") or []
        return any(each["id"] == site and each["present"] for each in sites)

    free_since = loop.time()
    while True:
        now = loop.time()
        if present() or page.closed:
            free_since = now
        elif now - free_since >= quiet_s:
            return
        await asyncio.sleep(0.25)
