"""An offer and what control wants of it → what is answered, what comes in, which slots go out.

Every m-line ends as one of three: an *inlet* (the peer sends, we receive), an *outlet* (a slot:
we send), or refused with port 0. Nothing here has state.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from linkup.errors import PeerError
from linkup.media.forward import PROFILES
from linkup.media.track import Codec, Kind, new_ssrc
from linkup.messages import OpenPeer
from linkup.wire import rtp, sdp

MAX_SLOTS = 32  # of each kind, a peer
_FEEDBACK = ("nack", "nack pli", "ccm fir", "goog-remb")
_BASELINE = "42000a"  # RFC 6184 §8.1: what an absent profile-level-id means


@dataclass(slots=True)
class Inlet:
    """An m-line on which the peer sends."""

    kind: Kind
    mid: str
    codec: Codec
    payload_type: int
    profile: str = ""
    ssrcs: list[int] = field(default_factory=list)  # declared in the offer
    mid_id: int = 0  # header extension ids, 0: not negotiated
    audio_level_id: int = 0
    nack: bool = False
    remb: bool = False


@dataclass(slots=True)
class Outlet:
    """An m-line on which we send."""

    kind: Kind
    mid: str
    ssrc: int
    payload_types: dict[str, int]  # as `Slot.payload_types`
    send_time_id: int = 0  # header extension abs-send-time


@dataclass(slots=True)
class Plan:
    """What becomes of an offer."""

    answered: list[sdp.Answered]
    inlets: list[Inlet]
    outlets: list[Outlet]
    active: bool = False  # we are the DTLS client


def plan(offer: sdp.Offer, wanted: OpenPeer) -> Plan:
    """Decide about each m-line. Raises `PeerError` with code `codec` or `sdp`."""
    out = Plan([], [], [], active=offer.setup == "passive")
    for media in offer.media:
        out.answered.append(_decide(media, wanted, out))
    if not out.inlets and not out.outlets:
        raise PeerError("sdp", "the offer neither sends nor receives anything that is served here")
    return out


def _decide(media: sdp.Media, wanted: OpenPeer, out: Plan) -> sdp.Answered:
    refused = sdp.Answered(media)
    if media.kind not in ("audio", "video") or "SAVP" not in media.protocol:
        return refused
    kind: Kind = "audio" if media.kind == "audio" else "video"
    if wanted.publishes is not None and media.sends:
        if any(inlet.kind == kind for inlet in out.inlets):
            return refused  # one microphone and one camera a feed
        return _inlet(media, kind, out)
    if media.receives:
        if sum(outlet.kind == kind for outlet in out.outlets) >= MAX_SLOTS:
            return refused
        return _outlet(media, kind, wanted, out)
    return refused


def _inlet(media: sdp.Media, kind: Kind, out: Plan) -> sdp.Answered:
    codec = _best(media, kind)
    if codec is None:
        raise _no_codec(media, kind)
    inlet = Inlet(
        kind=kind,
        mid=media.mid or str(media.index),
        codec=_name(codec),
        payload_type=codec.payload_type,
        profile=codec.parameters.get("profile-level-id", _BASELINE),
        ssrcs=[ssrc for ssrc in media.ssrcs if ssrc not in media.repair][:1],
        mid_id=media.extensions.get(rtp.URI_MID, 0),
        audio_level_id=media.extensions.get(rtp.URI_AUDIO_LEVEL, 0) if kind == "audio" else 0,
        nack="nack" in codec.feedback and kind == "video",
        remb="goog-remb" in codec.feedback,
    )
    out.inlets.append(inlet)
    extensions = {}
    if inlet.mid_id and media.mid:
        extensions[rtp.URI_MID] = inlet.mid_id
    if inlet.audio_level_id:
        extensions[rtp.URI_AUDIO_LEVEL] = inlet.audio_level_id
    return sdp.Answered(media, "recvonly", [_answered(codec, kind)], extensions)


def _outlet(media: sdp.Media, kind: Kind, wanted: OpenPeer, out: Plan) -> sdp.Answered:
    codecs: list[sdp.Codec] = []
    payload_types: dict[str, int] = {}
    for codec in media.codecs:
        name = _slot_codec(codec, kind)
        if name is not None and name not in payload_types:
            payload_types[name] = codec.payload_type
            codecs.append(_answered(codec, kind))
    if not codecs:
        raise _no_codec(media, kind)
    codecs.sort(key=lambda codec: codec.name != "vp8")  # browsers take the first for the default
    outlet = Outlet(kind, media.mid or str(media.index), new_ssrc(), payload_types)
    extensions = {}
    number = media.extensions.get(rtp.URI_ABS_SEND_TIME, 0)
    if kind == "video" and 0 < number < 15:  # what a receiver's REMB is reckoned from
        outlet.send_time_id = extensions[rtp.URI_ABS_SEND_TIME] = number
    out.outlets.append(outlet)
    return sdp.Answered(
        media,
        "sendonly",
        codecs,
        extensions,
        ssrc=outlet.ssrc,
        cname=wanted.peer,
        stream=_stream(wanted, kind, out),
        track=f"{kind}-{outlet.mid}",
    )


def _stream(wanted: OpenPeer, kind: Kind, out: Plan) -> str:
    """The msid. Receivers keep lip sync between the tracks of one stream, so a picture and its
    own sound share one; loudest voices belong to no picture and stand alone."""
    count = sum(outlet.kind == kind for outlet in out.outlets)
    paired = wanted.audio != "loudest" and count == 1
    return "linkup" if paired else f"{kind}{count}"


def _best(media: sdp.Media, kind: Kind) -> sdp.Codec | None:
    """VP8 where there is a choice: the room's codec; else H.264, FU-A able before not."""
    if kind == "audio":
        return next((codec for codec in media.codecs if codec.name == "opus"), None)
    found = next((codec for codec in media.codecs if codec.name == "vp8"), None)
    if found is not None:
        return found
    h264 = [codec for codec in media.codecs if codec.name == "h264"]
    h264 = [codec for codec in h264 if codec.parameters.get("packetization-mode", "0") in "01"]
    # Constrained baseline first: every browser decodes it.
    h264.sort(
        key=lambda codec: (
            codec.parameters.get("packetization-mode", "0") != "1",
            not codec.parameters.get("profile-level-id", _BASELINE).lower().startswith("42"),
        )
    )
    return h264[0] if h264 else None


def _slot_codec(codec: sdp.Codec, kind: Kind) -> str | None:
    """The name under which a slot knows this payload type; None: not of use."""
    if kind == "audio":
        return "opus" if codec.name == "opus" and codec.clock_rate == 48000 else None
    if codec.name == "vp8":
        return "vp8"
    if codec.name == "h264" and codec.parameters.get("packetization-mode") == "1":
        profile = codec.parameters.get("profile-level-id", _BASELINE)[:4].lower()
        return f"h264:{profile}" if profile in PROFILES else None
    return None


def _name(codec: sdp.Codec) -> Codec:
    return "opus" if codec.name == "opus" else "vp8" if codec.name == "vp8" else "h264"


def _answered(codec: sdp.Codec, kind: Kind) -> sdp.Codec:
    parameters = dict(codec.parameters)
    if codec.name == "opus":
        parameters = {"minptime": "10", "useinbandfec": "1"}
    feedback = [each for each in codec.feedback if each in _FEEDBACK] if kind == "video" else []
    return sdp.Codec(
        codec.payload_type,
        codec.name,
        codec.clock_rate,
        codec.channels,
        parameters,
        feedback,
    )


def _no_codec(media: sdp.Media, kind: Kind) -> PeerError:
    offered = ", ".join(dict.fromkeys(codec.name for codec in media.codecs if codec.name)) or "none"
    served = "Opus" if kind == "audio" else "VP8 and H.264 (packetization-mode=1)"
    return PeerError(
        "codec", f"no common {kind} codec: offered {offered}, this server takes {served}"
    )
