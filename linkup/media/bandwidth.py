"""What a publisher is told to send at most: REMB by loss (draft-ietf-rmcat-gcc-02 §6).

Under 2 % loss the allowance grows by 8 % a second, over 10 % it shrinks by half the loss.
It begins at the cap: a browser takes the first REMB as its starting rate, and a camera that
begins at 300 kb/s needs half a minute to become sharp.
"""

from __future__ import annotations

CAP_BPS = 3_000_000  # a good 720p camera at 30 frames/s
FLOOR_BPS = 150_000


class Allowance:
    """Call `update` once a second with the share of packets lost in it."""

    __slots__ = ("bps", "cap")

    def __init__(self, cap: int = CAP_BPS) -> None:
        self.cap = cap
        self.bps = cap

    def update(self, loss: float) -> int:
        """The new allowance in bits/s; `loss` is 0…1, before retransmission."""
        if loss > 0.10:
            self.bps = max(FLOOR_BPS, int(self.bps * (1 - 0.5 * loss)))
        elif loss < 0.02:
            self.bps = min(self.cap, int(self.bps * 1.08))
        return self.bps
