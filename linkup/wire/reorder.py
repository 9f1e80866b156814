"""A bounded reordering buffer: packets in any order in, packets in order out.

Time is handed in (ns of any one clock). A gap is waited for at most `wait_ms`, counted from the
arrival of the packet behind it; then it is given up and counted in `lost`. Never holds more than
`capacity` packets: when full, the oldest gap is given up at once.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from linkup.wire.sequence import Unwrapper

T = TypeVar("T")
JUMP = 3000  # sequence numbers; a larger step is a new source (RFC 3550 A.1 MAX_DROPOUT)


class Reorder(Generic[T]):
    """Give packets to `insert`; call `expire` from time to time while nothing arrives."""

    def __init__(self, wait_ms: float = 100.0, capacity: int = 512) -> None:
        self.wait_ns = int(wait_ms * 1_000_000)
        self.capacity = capacity
        self.lost = 0  # given up
        self.late = 0  # came after they were given up
        self.duplicates = 0
        self._unwrapper = Unwrapper()
        self._next: int | None = None
        self._held: dict[int, tuple[T, int]] = {}

    def __len__(self) -> int:
        return len(self._held)

    def insert(self, sequence: int, packet: T, at: int) -> list[tuple[int, T]]:
        """Take one packet; give what is now in order, as `(extended sequence number, packet)`.

        Numbers grow by one; where some are skipped packets were lost.
        """
        out: list[tuple[int, T]] = []
        newest = self._unwrapper.newest
        number = self._unwrapper.unwrap(sequence)
        if newest is not None and abs(number - newest) > JUMP:
            out = self.flush()
            number = self._restart(newest, sequence)
        if self._next is None:
            self._next = number
        if number < self._next:
            self.late += 1
            return out
        if number in self._held:
            self.duplicates += 1
            return out
        if number == self._next and not self._held:  # the usual case
            self._next = number + 1
            out.append((number, packet))
            return out
        self._held[number] = (packet, at)
        self._release(out)
        while len(self._held) > self.capacity:
            self._give_up()
            self._release(out)
        return out + self.expire(at) if self._held else out

    def expire(self, at: int) -> list[tuple[int, T]]:
        """Give up gaps that were waited for long enough; give what is then in order."""
        out: list[tuple[int, T]] = []
        while self._held:
            first = min(self._held)
            if at - self._held[first][1] < self.wait_ns:
                break
            self._give_up()
            self._release(out)
        return out

    def flush(self) -> list[tuple[int, T]]:
        """Everything that is held, in order, gaps given up (at the end of a track)."""
        out: list[tuple[int, T]] = []
        while self._held:
            self._give_up()
            self._release(out)
        return out

    def _restart(self, newest: int, sequence: int) -> int:
        # Numbers go on growing after a restart of the source; one is missing, which shows the gap.
        self._unwrapper = Unwrapper()
        base = newest + 2
        number = base + ((sequence - base) & 0xFFFF)
        self._unwrapper.newest = number
        self._next = number
        return number

    def _give_up(self) -> None:
        first = min(self._held)
        assert self._next is not None
        self.lost += first - self._next
        self._next = first

    def _release(self, out: list[tuple[int, T]]) -> None:
        number = self._next
        assert number is not None
        while number in self._held:
            out.append((number, self._held.pop(number)[0]))
            number += 1
        self._next = number
