"""Which feed stands in which receive slot of a peer connection. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from linkup.messages import PROGRAM

SITE_SLOTS = 4
CONSOLE_SLOTS = 24


def of_site(
    site: str,
    main: str,
    on_air: Sequence[str],
    halls: Sequence[str],
    there: Sequence[str],
    before: Sequence[str | None],
) -> list[str | None]:
    """The four pictures of a branch page; `there`: the sites that have one, in their order.

    Slot 0 is large: who is on air (the first hall for the one who is on air himself), or the
    program. The others keep their places from `before` as far as they are still wanted, because
    each move costs a key frame and makes people look.
    """
    ranked = dict.fromkeys((*on_air, *halls, *there))
    wanted = [each for each in ranked if each != site and each in there]
    if main == PROGRAM:
        wanted.insert(0, PROGRAM)
    if not wanted:
        return [None] * SITE_SLOTS
    return [wanted[0], *_settled(wanted[1:SITE_SLOTS], before[1:SITE_SLOTS])]


def _settled(wanted: list[str], before: Iterable[str | None]) -> list[str | None]:
    places: list[str | None] = [each if each in wanted else None for each in before]
    places += [None] * (SITE_SLOTS - 1 - len(places))
    waiting = [each for each in wanted if each not in places]
    return [waiting.pop(0) if place is None and waiting else place for place in places]


def of_console(sites: Sequence[str]) -> list[str | None]:
    """The wall: slot i shows site i for ever, the last one the program."""
    wall: list[str | None] = list(sites[: CONSOLE_SLOTS - 1])
    return [*wall, *[None] * (CONSOLE_SLOTS - 1 - len(wall)), PROGRAM]
