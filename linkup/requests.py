"""What pages ask for, as typed structs (docs/protocol.md).

A page's text frame is decoded straight into one of these; whatever does not fit (unknown `type`,
wrong kind of value, text too long) raises `UserError` with code `bad-message` and says where.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType, field

from linkup.errors import UserError
from linkup.messages import Layout, Strip

MAX_TEXT = 256 * 1024  # characters of one frame; an offer with 24 slots has about 30,000

Id = Annotated[int, Meta(ge=0, le=2**53)] | Annotated[str, Meta(max_length=64)]
Word = Annotated[str, Meta(min_length=1, max_length=64)]  # ids of sites, peers, devices, outputs
Name = Annotated[str, Meta(max_length=80)]  # somebody's name, a line of a strip
Sentence = Annotated[str, Meta(max_length=400)]
Sdp = Annotated[str, Meta(min_length=1, max_length=200_000)]
Share = Annotated[float, Meta(ge=0, le=1)]
Amount = Annotated[float, Meta(ge=0, le=1e9)]


class _Request(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag_field="type",
    tag=lambda name: name.lower(),
):
    id: Id | None = None  # comes back in `done` or `error`


# ---------------------------------------------------------------- both pages


class Hello(_Request, frozen=True, kw_only=True):
    """First frame of a page. `peer`: the peer connection that it still has, if any."""

    peer: Word | None = None
    device: Word = "unknown"  # a site's page: chosen by the browser, kept over reloads
    name: Name = ""  # a site's page: who sits there


class Offer(_Request, frozen=True, kw_only=True):
    """An SDP offer, to be answered once."""

    sdp: Sdp


# ---------------------------------------------------------------- a site's page


class Microphone(_Request, frozen=True, kw_only=True):
    """The site opened or closed its own microphone."""

    open: bool


class Camera(_Request, frozen=True, kw_only=True):
    """The site switched its own camera."""

    on: bool


class Hand(_Request, frozen=True, kw_only=True):
    """The site asks for the floor, or no longer."""

    raised: bool


class Main(_Request, frozen=True, kw_only=True):
    """What the site's large slot shows: the site on air as it is, or the program."""

    show: Literal["air", "program"]


class ReceiverReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the page's getStats says about what it receives, over the last two seconds."""

    freezes: Amount = 0.0
    fps: Amount = 0.0
    loss: Share = 0.0
    rtt_ms: Amount | None = None
    jitter_ms: Amount = 0.0


class Report(_Request, frozen=True, kw_only=True):
    """How the site's page receives."""

    stats: ReceiverReport


class Leave(_Request, frozen=True, kw_only=True):
    """The site goes; its seat becomes free."""


# ---------------------------------------------------------------- the console


class StripText(msgspec.Struct, frozen=True, kw_only=True):
    """A name strip as typed or chosen by the operator."""

    name: Name
    title: Name = ""

    def strip(self) -> Strip | None:
        """The strip for the program; nothing when the name is empty."""
        name, title = self.name.strip(), self.title.strip()
        return Strip(name=name, title=title) if name else None


class Preview(_Request, frozen=True, kw_only=True):
    """Prepare what goes on air next. What is not given stays; a strip only with its sites."""

    layout: Layout | UnsetType = UNSET
    sites: Annotated[list[Word], Meta(max_length=4)] | UnsetType = UNSET
    strip: StripText | UnsetType | None = UNSET


class Take(_Request, frozen=True, kw_only=True):
    """Put the preview on air."""

    mode: Literal["cut", "mix"] = "cut"


class Undo(_Request, frozen=True, kw_only=True):
    """What was on air before the last take, again."""


class Slate(_Request, frozen=True, kw_only=True):
    """Put the slate over everything, or take it away."""

    on: bool


class StripOnAir(_Request, frozen=True, kw_only=True, tag="strip"):
    """Change the name strip that is on air, at once. None takes it away."""

    strip: StripText | None


class Mute(_Request, frozen=True, kw_only=True):
    """The hall closes a site's microphone, or gives it back."""

    site: Word
    muted: bool


class MuteAll(_Request, frozen=True, kw_only=True, tag="mute_all"):
    """Mute every site but these."""

    but: Annotated[list[Word], Meta(max_length=100)] = field(name="except", default_factory=list)


class LowerHand(_Request, frozen=True, kw_only=True, tag="lower_hand"):
    """The operator has seen this raised hand."""

    site: Word


class Note(_Request, frozen=True, kw_only=True):
    """Write a line to a site's page. Site `*`: to all; an empty text takes it away."""

    site: Word
    text: Sentence


class Automatic(_Request, frozen=True, kw_only=True):
    """Automatic switching by voice. On also ends a hold."""

    on: bool


class Output(_Request, frozen=True, kw_only=True):
    """Start or stop sending to a streaming partner."""

    name: Word
    on: bool


class Drop(_Request, frozen=True, kw_only=True):
    """End a site's connection."""

    site: Word


SiteRequest = Hello | Offer | Microphone | Camera | Hand | Main | Report | Leave
ConsoleRequest = (
    Hello | Offer | Preview | Take | Undo | Slate | StripOnAir | Mute | MuteAll | LowerHand
    | Note | Automatic | Output | Drop
)  # fmt: skip

_site: msgspec.json.Decoder[SiteRequest] = msgspec.json.Decoder(SiteRequest)
_console: msgspec.json.Decoder[ConsoleRequest] = msgspec.json.Decoder(ConsoleRequest)


class _Bare(msgspec.Struct):
    id: Id | None = None


_bare = msgspec.json.Decoder(_Bare)


def site_request(text: str | bytes) -> SiteRequest:
    """Decode a frame of `/ws/site`. Raises `UserError` `bad-message`."""
    return _decode(_site, text)


def console_request(text: str | bytes) -> ConsoleRequest:
    """Decode a frame of `/ws/console`. Raises `UserError` `bad-message`."""
    return _decode(_console, text)


def request_id(text: str | bytes) -> int | str | None:
    """The `id` of a frame that could not be decoded otherwise, so that its sender is answered."""
    if len(text) > MAX_TEXT:
        return None
    try:
        return _bare.decode(text).id
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


_T = TypeVar("_T")


def _decode(decoder: msgspec.json.Decoder[_T], text: str | bytes) -> _T:
    if len(text) > MAX_TEXT:
        raise UserError("bad-message", "The message is too long.")
    try:
        return decoder.decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise UserError("bad-message", f"The message was not understood: {error}") from None
