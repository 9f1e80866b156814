"""SDP offers and answers (RFC 8866, 8829, 9143): read what matters, write the one answer.

An offer is read line by line, unknown lines are passed over. `parse` raises `PeerError` with a
sentence that says what is missing, so that whoever wrote the client knows what to change.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from linkup.errors import PeerError

Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]
_DIRECTIONS: tuple[Direction, ...] = ("sendrecv", "sendonly", "recvonly", "inactive")
MAX_BYTES = 256 * 1024
MAX_MEDIA = 64


@dataclass(slots=True)
class Codec:
    """One payload type of an m-line."""

    payload_type: int
    name: str  # lower case
    clock_rate: int
    channels: int = 1
    parameters: dict[str, str] = field(default_factory=dict)  # fmtp
    feedback: list[str] = field(default_factory=list)  # "nack", "nack pli", "goog-remb", …


@dataclass(slots=True)
class Media:
    """One m-line of an offer."""

    index: int
    kind: str  # "audio", "video", "application", …
    port: int
    protocol: str
    mid: str = ""
    direction: Direction = "sendrecv"
    codecs: list[Codec] = field(default_factory=list)
    extensions: dict[str, int] = field(default_factory=dict)  # URI → id
    ssrcs: list[int] = field(default_factory=list)
    repair: set[int] = field(default_factory=set)  # SSRCs of FID groups that carry RTX
    rids: list[str] = field(default_factory=list)
    ice_ufrag: str = ""
    ice_pwd: str = ""
    fingerprints: list[tuple[str, str]] = field(default_factory=list)
    setup: str = ""
    rtcp_mux: bool = False
    formats: list[str] = field(default_factory=list)

    @property
    def sends(self) -> bool:
        """The offerer wants to send here."""
        return self.direction in ("sendrecv", "sendonly")

    @property
    def receives(self) -> bool:
        """The offerer wants to receive here."""
        return self.direction in ("sendrecv", "recvonly")


@dataclass(slots=True)
class Offer:
    """A whole offer. ICE and DTLS values are those of the bundle."""

    media: list[Media]
    bundle: list[str]
    ice_ufrag: str
    ice_pwd: str
    fingerprints: list[tuple[str, str]]  # (algorithm, value)
    setup: str


@dataclass(slots=True)
class Answered:
    """What is answered to one m-line; `codecs` empty: refused (port 0)."""

    media: Media
    direction: Direction = "inactive"
    codecs: list[Codec] = field(default_factory=list)
    extensions: dict[str, int] = field(default_factory=dict)
    ssrc: int = 0  # ours, when we send
    cname: str = ""
    stream: str = ""  # msid
    track: str = ""


@dataclass(slots=True)
class Local:
    """Our side of the transport."""

    ice_ufrag: str
    ice_pwd: str
    fingerprints: Sequence[tuple[str, str]]
    addresses: Sequence[str]
    port: int


# ---------------------------------------------------------------- reading


def parse(text: str) -> Offer:
    """Read an offer. Raises `PeerError` with code `sdp`."""
    if len(text) > MAX_BYTES:
        raise _bad("the offer is longer than 256 KiB")
    if not text.lstrip().startswith("v=0"):
        raise _bad("the offer does not begin with v=0")
    session = Media(index=-1, kind="session", port=0, protocol="")
    groups: list[str] = []
    media: list[Media] = []
    for raw in text.splitlines():
        line = raw.strip()
        if len(line) < 2 or line[1] != "=":
            continue
        current = media[-1] if media else session
        if line[0] == "m":
            if len(media) == MAX_MEDIA:
                raise _bad(f"the offer has more than {MAX_MEDIA} m-lines")
            media.append(_media(line[2:], len(media), session))
        elif line[0] == "a":
            name, _, value = line[2:].partition(":")
            if name == "group" and not media:
                kind, *mids = value.split()
                if kind == "BUNDLE":
                    groups = mids
            else:
                _attribute(current, name, value)
    if not media:
        raise _bad("the offer has no m-line")
    return _offer(media, session, groups)


def _bad(text: str) -> PeerError:
    return PeerError("sdp", text)


def _media(value: str, index: int, session: Media) -> Media:
    parts = value.split()
    if len(parts) < 3 or not re.fullmatch(r"\d{1,5}(/\d+)?", parts[1]):
        raise _bad(f"m-line {index + 1} is not valid: m={value[:80]}")
    out = Media(index=index, kind=parts[0], port=int(parts[1].split("/")[0]), protocol=parts[2])
    out.formats = parts[3:]
    out.direction = session.direction
    out.extensions = dict(session.extensions)
    for each in parts[3:]:
        # Static payload types may have no rtpmap; none of them is of use here.
        if each.isdigit() and int(each) < 128 and "RTP" in out.protocol:
            out.codecs.append(Codec(int(each), "", 0))
    return out


def _attribute(media: Media, name: str, value: str) -> None:
    if name in _DIRECTIONS:
        media.direction = name
    elif name == "mid":
        media.mid = value.strip()[:32]
    elif name == "ice-ufrag":
        media.ice_ufrag = value.strip()
    elif name == "ice-pwd":
        media.ice_pwd = value.strip()
    elif name == "setup":
        media.setup = value.strip().lower()
    elif name == "fingerprint":
        algorithm, _, digest = value.strip().partition(" ")
        media.fingerprints.append((algorithm.lower(), digest.strip().upper()))
    elif name == "rtcp-mux":
        media.rtcp_mux = True
    elif name in _READERS:
        _READERS[name](media, value)


def _codec(media: Media, payload_type: str) -> list[Codec]:
    if payload_type == "*":
        return media.codecs
    return [codec for codec in media.codecs if str(codec.payload_type) == payload_type]


def _rtpmap(media: Media, value: str) -> None:
    match = re.match(r"(\d+)\s+([^/\s]+)/(\d{1,9})(?:/(\d{1,2}))?", value)
    if match:
        for codec in _codec(media, match[1]):
            codec.name, codec.clock_rate = match[2].lower(), int(match[3])
            codec.channels = int(match[4] or 1)


def _fmtp(media: Media, value: str) -> None:
    payload_type, _, rest = value.partition(" ")
    for codec in _codec(media, payload_type):
        for each in rest.split(";"):
            key, _, text = each.strip().partition("=")
            if key:
                codec.parameters[key.lower()] = text.strip()


def _feedback(media: Media, value: str) -> None:
    payload_type, _, rest = value.partition(" ")
    for codec in _codec(media, payload_type):
        codec.feedback.append(rest.strip().lower())


def _extension(media: Media, value: str) -> None:
    match = re.match(r"(\d{1,5})(?:/\w+)?\s+(\S+)", value)
    if match and 0 < int(match[1]) < 256:
        media.extensions[match[2]] = int(match[1])


def _ssrc(media: Media, value: str) -> None:
    head = value.split(" ", 1)[0]
    if head.isdigit() and int(head) < 1 << 32 and int(head) not in media.ssrcs:
        media.ssrcs.append(int(head))


def _ssrc_group(media: Media, value: str) -> None:
    kind, *numbers = value.split() or [""]
    if kind == "FID":
        media.repair.update(int(each) for each in numbers[1:] if each.isdigit())


def _rid(media: Media, value: str) -> None:
    name, _, rest = value.partition(" ")
    if rest.startswith("send") and re.fullmatch(r"[A-Za-z0-9_-]{1,16}", name):
        media.rids.append(name)


_READERS = {
    "rtpmap": _rtpmap,
    "fmtp": _fmtp,
    "rtcp-fb": _feedback,
    "extmap": _extension,
    "ssrc": _ssrc,
    "ssrc-group": _ssrc_group,
    "rid": _rid,
}


def _offer(media: list[Media], session: Media, groups: list[str]) -> Offer:
    live = [each for each in media if each.kind in ("audio", "video")]
    if not live:
        raise _bad("the offer has neither audio nor video")
    first = next((each for each in live if each.mid and each.mid in groups), live[0])
    ufrag = first.ice_ufrag or session.ice_ufrag
    password = first.ice_pwd or session.ice_pwd
    fingerprints = first.fingerprints or session.fingerprints
    setup = first.setup or session.setup or "actpass"
    if not ufrag or not password:
        raise _bad("the offer has no ice-ufrag and ice-pwd: only ICE transports are served")
    if not fingerprints:
        raise _bad("the offer has no fingerprint: media must be encrypted (DTLS-SRTP)")
    if setup not in ("actpass", "active", "passive"):
        raise _bad(f"setup:{setup[:20]} is not a DTLS role")
    if not any("UDP" in each.protocol and "SAVP" in each.protocol for each in live):
        raise _bad("the offer has no UDP/TLS/RTP/SAVPF m-line")
    mids = [each.mid for each in media if each.mid]
    if len(set(mids)) != len(mids):
        raise _bad("two m-lines of the offer have the same mid")
    if len(live) > 1 and any(each.mid not in groups for each in live):
        raise _bad("all m-lines must be in one BUNDLE group: this server has one port")
    return Offer(media, groups, ufrag, password, fingerprints, setup)


# ---------------------------------------------------------------- writing


def build_answer(offer: Offer, answered: Sequence[Answered], local: Local, session: int) -> str:
    """The answer: ICE-lite, bundled, all candidates in it. One `Answered` per m-line.

    We wait for the DTLS client (`setup:passive`), unless the offerer insists on waiting itself.
    """
    bundled = [each.media.mid for each in answered if each.codecs and each.media.mid]
    lines = [
        "v=0",
        f"o=- {session} 1 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=ice-lite",
        *([f"a=group:BUNDLE {' '.join(bundled)}"] if offer.bundle and bundled else []),
        "a=extmap-allow-mixed",
        "a=msid-semantic: WMS *",
    ]
    first = True
    for each in answered:
        if not each.codecs:
            lines += _refused(each.media)
            continue
        lines += _transport(each, local, offer, with_candidates=first or not offer.bundle)
        lines += _description(each)
        first = False
    return "\r\n".join(lines) + "\r\n"


def _refused(media: Media) -> list[str]:
    formats = " ".join(media.formats) or "0"
    lines = [f"m={media.kind} 0 {media.protocol} {formats}", "c=IN IP4 0.0.0.0", "a=inactive"]
    return lines + ([f"a=mid:{media.mid}"] if media.mid else [])


def _transport(each: Answered, local: Local, offer: Offer, *, with_candidates: bool) -> list[str]:
    types = " ".join(str(codec.payload_type) for codec in each.codecs)
    lines = [
        f"m={each.media.kind} {local.port} {each.media.protocol} {types}",
        "c=IN IP4 0.0.0.0",
        "a=rtcp:9 IN IP4 0.0.0.0",
        f"a=ice-ufrag:{local.ice_ufrag}",
        f"a=ice-pwd:{local.ice_pwd}",
        *(f"a=fingerprint:{algorithm} {digest}" for algorithm, digest in local.fingerprints),
        f"a=setup:{'active' if offer.setup == 'passive' else 'passive'}",
        *([f"a=mid:{each.media.mid}"] if each.media.mid else []),
        "a=rtcp-mux",
    ]
    if with_candidates:
        lines += candidates(local)
    return lines


def candidates(local: Local) -> list[str]:
    """One host candidate an address (RFC 8839 §5.1); earlier addresses are preferred."""
    lines = []
    for index, address in enumerate(local.addresses):
        priority = 126 << 24 | (65535 - index) << 8 | 255  # RFC 8445 §5.1.2.1, component 1
        lines.append(f"a=candidate:{index + 1} 1 udp {priority} {address} {local.port} typ host")
    return [*lines, "a=end-of-candidates"]


def _description(each: Answered) -> list[str]:
    lines = [f"a={each.direction}"]
    lines += [f"a=extmap:{number} {uri}" for uri, number in each.extensions.items()]
    for codec in each.codecs:
        channels = f"/{codec.channels}" if codec.channels > 1 else ""
        number = codec.payload_type
        lines.append(f"a=rtpmap:{number} {_NAMES[codec.name]}/{codec.clock_rate}{channels}")
        if codec.parameters:
            text = ";".join(f"{key}={value}" for key, value in codec.parameters.items())
            lines.append(f"a=fmtp:{number} {text}")
        lines += [f"a=rtcp-fb:{number} {feedback}" for feedback in codec.feedback]
    if each.ssrc:
        lines.append(f"a=msid:{each.stream} {each.track}")
        lines.append(f"a=ssrc:{each.ssrc} cname:{each.cname}")
        lines.append(f"a=ssrc:{each.ssrc} msid:{each.stream} {each.track}")
    return lines


_NAMES = {"opus": "opus", "vp8": "VP8", "h264": "H264"}
