"""What the processes say to each other: the only place where it is defined.

Control listens on a Unix stream socket (`{run}/control.sock`); media, program and record connect
to it, again and again if need be, and say `Hello` first. Each frame is a 4-byte big-endian length
and one JSON object with a `type`. Commands go from control to a process and are *declarative*
wherever possible (the whole wanted state, not a change of it), so that after a restart of either
side one message puts everything right. Facts go from a process to control.

Media between processes is not here: see `linkup.wire.tap`.
All times are CLOCK_MONOTONIC nanoseconds (`linkup.clock`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Literal

import msgspec

PeerKind = Literal["site", "console", "viewer", "whip", "whep"]
PROGRAM = "program"  # the feed id of what is on air; site ids may not be this
MAX_FRAME = 4 * 1024 * 1024  # bytes; a longer frame is a defect, the connection is closed


class Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=True):
    """Base of all messages; the JSON field `type` is the class name."""


# ---------------------------------------------------------------- everyone → control


class PeerState(msgspec.Struct, frozen=True, kw_only=True):
    """One peer connection as the media process holds it."""

    peer: str
    kind: PeerKind
    publishes: str | None  # feed id
    state: Literal["new", "connected", "silent", "closed"]
    video_slots: list[str | None] = []  # feed shown per slot, in order of the offer's m-lines
    audio_slots: list[str | None] = []
    reason: str = ""  # why closed, or why silent, in English for the log


class Hello(Message, frozen=True, kw_only=True):
    """First frame of every connection to control. `peers` only from media: control adopts them."""

    process: Literal["media", "program", "record"]
    pid: int
    peers: list[PeerState] = []


class Failed(Message, frozen=True, kw_only=True):
    """A command could not be done. `request` as in the command, 0 if it had none."""

    request: int
    code: str
    text: str


# ---------------------------------------------------------------- control → media


class OpenPeer(Message, frozen=True, kw_only=True):
    """Answer an SDP offer. Reply: `PeerOpened`, or `Failed` with code `sdp`, `busy`, `codec`.

    A peer with the same `publishes` as a living one replaces it: the newer connection takes the
    feed over (same feed id, its sinks stay), the older peer is closed with reason `replaced`.
    """

    request: int
    peer: str  # chosen by control, unique for ever
    kind: PeerKind
    publishes: str | None  # feed id that its sendonly/sendrecv m-lines become
    offer: str  # SDP
    video_slots: list[str | None] = []  # initial mapping of its recvonly video m-lines
    audio: str = "loudest"  # "loudest": the three loudest others; else a feed id ("program")


class PeerOpened(Message, frozen=True, kw_only=True):
    """The answer to an offer. `video_slots`/`audio_slots`: the mids of the receive slots."""

    request: int
    peer: str
    answer: str  # SDP
    video_slots: list[str]
    audio_slots: list[str]


class ClosePeer(Message, frozen=True, kw_only=True):
    """Close a peer connection (DTLS close_notify, then forgotten). Unknown peers are ignored."""

    peer: str
    reason: str


class MapSlots(Message, frozen=True, kw_only=True):
    """The whole wanted mapping of a peer's receive slots.

    The picture changes at the new feed's next key frame (`SlotShown` tells); until then the old
    one goes on. `None` empties a slot. Shorter lists leave the rest empty.
    """

    peer: str
    video_slots: list[str | None]
    audio: str = "loudest"


class OpenMicrophones(Message, frozen=True, kw_only=True):
    """The whole set of feeds whose sound may be heard; all others are silent for every receiver.

    Recording (ISO) is not affected.
    """

    feeds: list[str]


class AskKeyframe(Message, frozen=True, kw_only=True):
    """Request a key frame of a feed (coalesced by media to one a second)."""

    feed: str


# ---------------------------------------------------------------- media → control


class PeerChanged(Message, frozen=True, kw_only=True):
    """A peer connected, fell silent (nothing for 8 s), came back or was closed."""

    peer: PeerState
    at: int


class FeedChanged(Message, frozen=True, kw_only=True):
    """A feed started, changed or stopped carrying audio or video."""

    feed: str
    peer: str
    audio: str | None  # codec "opus", None: no packet for 2 s
    video: str | None  # codec "vp8" or "h264", None: no packet for 2 s
    at: int


class SlotShown(Message, frozen=True, kw_only=True):
    """From now on this slot shows this feed (its key frame was forwarded)."""

    peer: str
    slot: int
    feed: str | None
    at: int


class Levels(Message, frozen=True, kw_only=True):
    """Loudness of each feed with sound, ten times a second: -127 (silence) … 0 dBov (RFC 6464)."""

    levels: dict[str, int]
    at: int


class FeedStats(msgspec.Struct, frozen=True, kw_only=True):
    """One feed as it arrives from its publisher, over the last second."""

    feed: str
    video_bps: int
    audio_bps: int
    video_fps: float
    loss: float  # share of packets missing after retransmission, 0…1
    jitter_ms: float  # RFC 3550 §6.4.1, video
    rtt_ms: float | None
    freezes: int  # gaps of more than 500 ms between frames since the feed began
    width: int = 0  # 0: not known
    height: int = 0


class ReceiveStats(msgspec.Struct, frozen=True, kw_only=True):
    """What one peer receives, from its receiver reports, over the last second."""

    peer: str
    sent_bps: int
    loss: float
    rtt_ms: float | None
    nacks: int
    plis: int
    remb_bps: int | None


class MediaStats(Message, frozen=True, kw_only=True):
    """Once a second, everything that the packet plane counts."""

    feeds: list[FeedStats]
    receivers: list[ReceiveStats]
    packets_in: int  # since start
    packets_out: int
    dropped: dict[str, int]  # by reason, since start: garbage, unauthenticated, slow-sink, …
    lost_inside: int  # packets that reached us and a sink should have got, but did not
    cpu_s: float  # CPU seconds of the process since its start
    rss_mb: float
    at: int


# ---------------------------------------------------------------- control → program

Layout = Literal["full", "side", "pip", "four"]


class Strip(msgspec.Struct, frozen=True, kw_only=True):
    """A name strip (lower third)."""

    name: str
    title: str = ""


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """One composed picture: a layout and the feeds that stand in it, in the layout's order."""

    layout: Layout = "full"
    feeds: list[str] = []
    strip: Strip | None = None


class Compose(Message, frozen=True, kw_only=True):
    """The whole wanted state of the program. The newest wins; sent again after every Hello."""

    take: int  # counts up with every change of what is on air; reported back in OnAir
    on_air: Picture
    next: Picture | None = None  # decoded ahead so that a cut is exact to the frame
    slate: bool = False  # the slate stands over everything
    mix_ms: int = 0  # 0: cut; else length of the dissolve into `on_air`
    microphones: list[str] = []  # feeds that are mixed into the program's sound
    names: dict[str, Strip] = {}  # name card of each feed, shown when its picture is gone


class SwitchOutput(Message, frozen=True, kw_only=True):
    """Start or stop one push target of sites.yaml by its name."""

    output: str
    on: bool


# ---------------------------------------------------------------- program → control


class OnAir(Message, frozen=True, kw_only=True):
    """The composition of this `take` went on air with the program frame of time `at`."""

    take: int
    at: int


class SourceChanged(Message, frozen=True, kw_only=True):
    """A source on air moved on the failure ladder: live → held (last frame) → card → gone."""

    feed: str
    state: Literal["live", "held", "card", "gone"]
    at: int


class OutputState(msgspec.Struct, frozen=True, kw_only=True):
    """One push target, or HLS."""

    name: str
    kind: Literal["hls", "rtmp"]
    state: Literal["off", "connecting", "live", "retrying", "failed"]
    text: str  # why, in English, for the log and the tooltip
    since: int
    bytes: int
    dropped: int  # frames dropped because the target was slow
    retries: int
    bps: int


class ProgramStats(Message, frozen=True, kw_only=True):
    """Once a second."""

    frames: int  # since the start of this process
    missed: int  # frames whose time came and that could not be made
    fps: float
    level: int  # loudness of the program's sound, dBov
    outputs: list[OutputState]
    hls_segments: int
    cpu_s: float
    rss_mb: float
    at: int


# ---------------------------------------------------------------- control → record


class Entry(Message, frozen=True, kw_only=True):
    """One thing that happened, for the journal. Kept by control until `Noted` comes back.

    `id` is unique for ever; record ignores an id that it has already written.
    """

    id: str
    kind: str  # "take", "site-joined", "site-lost", "mute", …; list in docs/archive.md
    who: str  # "operator:anna", "site:changsha", "system"
    data: dict[str, Any]
    at: int


# ---------------------------------------------------------------- record → control


class Noted(Message, frozen=True, kw_only=True):
    """These journal entries are on disk."""

    ids: list[str]


class RecordStats(Message, frozen=True, kw_only=True):
    """Once a second."""

    files_open: int
    files: int
    bytes: int
    dropped: int  # packets the recorder was too slow for, since start
    errors: list[str]  # present troubles in words (disk full, …); empty: all is well
    flushed: int  # monotonic time up to which everything is on disk
    cpu_s: float
    rss_mb: float
    at: int


AnyMessage = (
    Hello | Failed
    | OpenPeer | PeerOpened | ClosePeer | MapSlots | OpenMicrophones | AskKeyframe
    | PeerChanged | FeedChanged | SlotShown | Levels | MediaStats
    | Compose | SwitchOutput | OnAir | SourceChanged | ProgramStats
    | Entry | Noted | RecordStats
)  # fmt: skip

_encode = msgspec.json.Encoder().encode
_decoder: msgspec.json.Decoder[AnyMessage] = msgspec.json.Decoder(AnyMessage)


def encode(message: AnyMessage) -> bytes:
    """One frame: length and JSON."""
    body = _encode(message)
    return len(body).to_bytes(4, "big") + body


def decode(body: bytes) -> AnyMessage:
    """One message from a frame's body. Raises `msgspec.MsgspecError` on anything else."""
    return _decoder.decode(body)


async def frames(reader: asyncio.StreamReader) -> AsyncIterator[AnyMessage]:
    """All messages of a stream until it ends. An over-long or torn frame ends it too."""
    while True:
        try:
            length = int.from_bytes(await reader.readexactly(4), "big")
            if length > MAX_FRAME:
                return
            body = await reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        yield decode(body)
