"""The failure ladder of a source on air (design.md §8). Pure: time is an argument.

live → held (its last frame stands) → card (its name card; the voice goes on if it still comes)
→ gone (nothing at all for ten seconds; control decides whether the hall takes over) and back to
live with its next frame. Which step it is depends on two ages only, so there is no state to be
wrong:

    age of the last frame   age of the last packet of any kind   state
    under 0.5 s             –                                    live
    under 2 s               –                                    held
    2 s and more            under 10 s                           card
    2 s and more            10 s and more                        gone

A source that never had a picture (sound only) is at `card` at once.
"""

from __future__ import annotations

from typing import Literal

State = Literal["live", "held", "card", "gone"]

HELD_NS = 500_000_000
CARD_NS = 2_000_000_000
GONE_NS = 10_000_000_000


def state(now: int, frame_at: int | None, packet_at: int, watched_since: int) -> State:
    """Where a source stands.

    Args:
        now: CLOCK_MONOTONIC ns.
        frame_at: when its last new frame was due; None: it never had one.
        packet_at: arrival of its last packet of any kind; 0: never.
        watched_since: since when the program has wanted it. Silence from before does not count:
            nothing was asked for then.
    """
    silent = now - max(packet_at, watched_since)
    if frame_at is None:
        return "gone" if silent >= GONE_NS else "card"
    age = now - frame_at
    if age < HELD_NS:
        return "live"
    if age < CARD_NS:
        return "held"
    return "gone" if silent >= GONE_NS else "card"
