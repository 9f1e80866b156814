"""Numbers that wrap around: 16-bit sequence numbers, 32-bit timestamps (RFC 1982 arithmetic)."""

from __future__ import annotations


def difference(a: int, b: int, bits: int = 16) -> int:
    """`a - b` of two wrapping numbers, in -2^(bits-1) … 2^(bits-1)-1: positive when a is newer."""
    half = 1 << (bits - 1)
    return ((a - b + half) & ((1 << bits) - 1)) - half


class Unwrapper:
    """Turns wrapping numbers into ever-growing ones. The first is kept as it is.

    A number up to half the range behind the newest is taken as late, else as ahead.
    The result may be negative when something older than the very first comes late.
    """

    __slots__ = ("_half", "_mask", "newest")

    def __init__(self, bits: int = 16) -> None:
        self._mask = (1 << bits) - 1
        self._half = 1 << (bits - 1)
        self.newest: int | None = None

    def unwrap(self, value: int) -> int:
        """The extended number of `value`; remembers it when it is the newest."""
        newest = self.newest
        if newest is None:
            self.newest = value
            return value
        extended = newest + ((value - newest + self._half) & self._mask) - self._half
        if extended > newest:
            self.newest = extended
        return extended
