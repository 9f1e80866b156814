"""How many watch: open viewer pages, and players elsewhere that fetch the HLS playlist."""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Callable

FRESH_S = 20.0  # a player asks for the playlist every few seconds
MAX_ADDRESSES = 100_000


class Viewers:
    """Counts each open page once, and each address that fetches HLS without having a page open.

    Many viewers of one office share an address: their pages are still counted one by one.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._pages: Counter[str] = Counter()
        self._players: OrderedDict[str, float] = OrderedDict()

    def page_opened(self, address: str) -> None:
        """A viewer's page is there."""
        self._pages[address] += 1

    def page_closed(self, address: str) -> None:
        """A viewer's page is gone."""
        self._pages[address] -= 1
        if self._pages[address] <= 0:
            del self._pages[address]
            # What it fetched for its page is over; another player there asks again in a moment.
            self._players.pop(address, None)

    def fetched(self, address: str) -> None:
        """This address fetched the playlist or a segment."""
        self._players[address] = self._clock()
        self._players.move_to_end(address)
        if len(self._players) > MAX_ADDRESSES:
            self._players.popitem(last=False)

    def count(self) -> int:
        """How many watch now."""
        oldest = self._clock() - FRESH_S
        while self._players and next(iter(self._players.values())) < oldest:
            self._players.popitem(last=False)
        alone = sum(1 for address in self._players if address not in self._pages)
        return self._pages.total() + alone
