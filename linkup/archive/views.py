"""What the archive tells about consultations: exactly the JSON of docs/protocol.md.

All times are UTC milliseconds. `msgspec.json.encode` of these is what the API answers.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Words = dict[str, str]  # {"zh": …, "en": …}


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a track. `file` is relative to the consultation's folder."""

    file: str
    started: int
    ended: int | None  # None: being written
    bytes: int
    codec: str  # "vp8+opus", "h264+opus", "opus", …
    sha256: str | None  # None: being written or hashed


class Track(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was recorded of one site, or of the program."""

    site: str  # site id, or "program"
    name: Words
    kind: Literal["program", "site"]
    segments: list[Segment]


class Chapter(msgspec.Struct, frozen=True, kw_only=True):
    """Who was on air from `at` until `until`, and who put them there."""

    at: int
    until: int | None  # None: still on air
    sites: list[str]
    names: list[Any]
    layout: str
    strip: dict[str, Any] | None
    by: str


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the journal, in words."""

    at: int
    kind: str
    who: str
    text: Words


class ConsultationSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One consultation in the list. `bytes` and `duration_s` grow while `live`."""

    id: str
    title: Words
    live: bool
    started: int
    ended: int | None
    duration_s: float
    bytes: int


class ConsultationView(msgspec.Struct, frozen=True, kw_only=True):
    """One consultation with all that a review page shows."""

    id: str
    title: Words
    live: bool
    started: int
    ended: int | None
    tracks: list[Track]
    chapters: list[Chapter]
    events: list[Event]
