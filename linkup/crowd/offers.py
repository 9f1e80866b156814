"""The offer of a simulated site, and what it needs from the answer (RFC 8829, 9143).

The order of the m-lines is that of `docs/protocol.md`: own microphone and camera, then receive
slots for pictures, then for sound.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Literal

from linkup.crowd.dtls import identity
from linkup.crowd.ice import Address, Credentials
from linkup.errors import PeerError
from linkup.wire import rtp

VideoCodec = Literal["vp8", "h264"]
Setup = Literal["active", "passive", "actpass"]

EXTENSIONS = {1: rtp.URI_MID, 2: rtp.URI_AUDIO_LEVEL, 3: rtp.URI_ABS_SEND_TIME}
_OPUS, _VP8, _H264 = 111, 96, 102


@dataclass(frozen=True)
class Wish:
    """What a client wants to send and to receive."""

    audio: bool = True
    video: VideoCodec | None = "vp8"
    video_slots: int = 4
    audio_slots: int = 3


@dataclass(frozen=True)
class Line:
    """One m-line of an offer: how it was offered."""

    mid: str
    kind: Literal["audio", "video"]
    sends: bool


@dataclass(frozen=True)
class Offered:
    """An offer and what must be remembered until the answer comes."""

    sdp: str
    lines: tuple[Line, ...]
    credentials: Credentials
    audio_ssrc: int
    video_ssrc: int


@dataclass
class Section:
    """One m-line of an answer."""

    kind: str
    port: int
    payload_types: list[int]
    mid: str = ""
    direction: str = "sendrecv"
    codecs: dict[int, str] = field(default_factory=dict)  # payload type → name, lower case
    extensions: dict[str, int] = field(default_factory=dict)
    ssrcs: list[int] = field(default_factory=list)

    def payload_type(self, codec: str) -> int | None:
        """The payload type of a codec, None when the answer refused it."""
        return next((each for each in self.payload_types if self.codecs.get(each) == codec), None)


@dataclass
class Answer:
    """An answer as far as a client needs it. ICE and DTLS values are those of the bundle."""

    sections: list[Section]
    credentials: Credentials
    fingerprint: str  # SHA-256
    setup: str
    candidates: list[Address]


def build(wish: Wish, addresses: list[Address], setup: Setup = "actpass") -> Offered:
    """Write an offer."""
    credentials = Credentials()
    ssrcs = secrets.randbits(31) | 1, (secrets.randbits(31) | 1) ^ 2
    lines: list[Line] = []
    sending: list[Literal["audio", "video"]] = []
    if wish.audio:
        sending.append("audio")
    if wish.video:
        sending.append("video")
    lines += [Line(str(index), kind, True) for index, kind in enumerate(sending)]
    for _ in range(wish.video_slots):
        lines.append(Line(str(len(lines)), "video", False))
    for _ in range(wish.audio_slots):
        lines.append(Line(str(len(lines)), "audio", False))
    text = [
        "v=0",
        f"o=- {secrets.randbits(50)} 1 IN IP4 0.0.0.0",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE " + " ".join(line.mid for line in lines),
        "a=extmap-allow-mixed",
        "a=msid-semantic:WMS *",
    ]
    for line in lines:
        text += _media(line, wish, ssrcs)
        text += _transport(credentials, addresses if line.mid == "0" else [], setup)
    return Offered("\r\n".join(text) + "\r\n", tuple(lines), credentials, *ssrcs)


def _media(line: Line, wish: Wish, ssrcs: tuple[int, int]) -> list[str]:
    if line.kind == "audio":
        out = [f"m=audio 9 UDP/TLS/RTP/SAVPF {_OPUS}", f"a=rtpmap:{_OPUS} opus/48000/2"]
        out += [f"a=fmtp:{_OPUS} minptime=10;useinbandfec=1"]
    elif line.sends:
        number, codec = _codec(wish.video or "vp8")
        out = [f"m=video 9 UDP/TLS/RTP/SAVPF {number}", *codec]
    else:
        codecs = [_codec("vp8"), _codec("h264")]
        out = [f"m=video 9 UDP/TLS/RTP/SAVPF {' '.join(str(number) for number, _ in codecs)}"]
        out += [each for _, codec in codecs for each in codec]
    out += ["c=IN IP4 0.0.0.0", f"a=mid:{line.mid}", "a=rtcp-mux", "a=rtcp-rsize"]
    out += ["a=sendonly" if line.sends else "a=recvonly"]
    out += [
        f"a=extmap:{number} {uri}"
        for number, uri in EXTENSIONS.items()
        if line.kind == "audio" or uri != rtp.URI_AUDIO_LEVEL
    ]
    if line.sends:
        ssrc = ssrcs[0] if line.kind == "audio" else ssrcs[1]
        out += [f"a=msid:site {line.kind}", f"a=ssrc:{ssrc} cname:site"]
    return out


def _codec(name: VideoCodec) -> tuple[int, list[str]]:
    number = _VP8 if name == "vp8" else _H264
    out = [f"a=rtpmap:{number} {name.upper()}/90000"]
    out += [f"a=rtcp-fb:{number} {each}" for each in ("nack", "nack pli", "ccm fir", "goog-remb")]
    if name == "h264":
        level = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"
        out.append(f"a=fmtp:{number} {level}")
    return number, out


def _transport(credentials: Credentials, addresses: list[Address], setup: str) -> list[str]:
    candidates = [
        f"a=candidate:{index} 1 udp {2130706431 - index} {host} {port} typ host"
        for index, (host, port) in enumerate(addresses, 1)
    ]
    return [
        f"a=ice-ufrag:{credentials.ufrag}",
        f"a=ice-pwd:{credentials.password}",
        f"a=fingerprint:sha-256 {identity().fingerprint}",
        f"a=setup:{setup}",
        *candidates,
        *(["a=end-of-candidates"] if candidates else []),
    ]


def answer(offer: str, addresses: list[Address]) -> tuple[str, Credentials]:
    """Answer another's offer: receive everything it sends, in its first codec; DTLS active.

    For servers whose subscribers are called instead of calling (Janus).
    """
    credentials = Credentials()
    theirs = read(offer)
    mids = " ".join(section.mid for section in theirs.sections)
    text = ["v=0", f"o=- {secrets.randbits(50)} 1 IN IP4 0.0.0.0", "s=-", "t=0 0"]
    text += [f"a=group:BUNDLE {mids}"]
    for index, section in enumerate(theirs.sections):
        number = section.payload_types[0]
        name = section.codecs.get(number, "vp8")
        rate = "opus/48000/2" if section.kind == "audio" else f"{name.upper()}/90000"
        text += [
            f"m={section.kind} 9 UDP/TLS/RTP/SAVPF {number}",
            "c=IN IP4 0.0.0.0",
            f"a=rtpmap:{number} {rate}",
            f"a=mid:{section.mid}",
            "a=rtcp-mux",
            "a=recvonly",
        ]
        if section.kind == "video":
            text += [f"a=rtcp-fb:{number} nack", f"a=rtcp-fb:{number} nack pli"]
        text += _transport(credentials, addresses if index == 0 else [], "active")
    return "\r\n".join(text) + "\r\n", credentials


def read(sdp: str) -> Answer:
    """Read an answer. Raises `PeerError` with code `sdp` when something needed is missing."""
    sections: list[Section] = []
    values: dict[str, str] = {}
    candidates: list[Address] = []
    for line in sdp.replace("\r\n", "\n").split("\n"):
        kind, _, value = line.partition("=")
        if kind == "m":
            sections.append(_section(value))
        elif kind == "a":
            name, _, value = value.partition(":")
            if name == "candidate":
                candidates += _candidate(value)
            elif name == "fingerprint":
                algorithm, _, digest = value.partition(" ")
                if algorithm.lower() == "sha-256":
                    values.setdefault(name, digest)
            elif name in ("ice-ufrag", "ice-pwd", "setup"):
                values.setdefault(name, value.strip())
            elif sections:
                _attribute(sections[-1], name, value)
    missing = {"ice-ufrag", "ice-pwd", "fingerprint"} - set(values)
    if missing or not sections:
        what = ", ".join(sorted(missing)) or "m-lines"
        raise PeerError("sdp", f"the server's answer lacks {what}")
    return Answer(
        sections,
        Credentials(values["ice-ufrag"], values["ice-pwd"]),
        values["fingerprint"].strip(),
        values.get("setup", "passive"),
        list(dict.fromkeys(candidates)),
    )


def _section(value: str) -> Section:
    kind, port, _, *formats = value.split()
    return Section(kind, int(port), [int(each) for each in formats if each.isdigit()])


def _candidate(value: str) -> list[Address]:
    parts = value.split()
    if len(parts) < 6 or parts[1] != "1" or parts[2].lower() != "udp" or parts[4].endswith("local"):
        return []
    return [(parts[4], int(parts[5]))]


def _attribute(section: Section, name: str, value: str) -> None:
    if name == "mid":
        section.mid = value.strip()
    elif name in ("sendrecv", "sendonly", "recvonly", "inactive"):
        section.direction = name
    elif name == "rtpmap":
        number, _, codec = value.partition(" ")
        section.codecs[int(number)] = codec.split("/")[0].lower()
    elif name == "extmap":
        number, uri = value.split()[:2]
        section.extensions[uri] = int(number.split("/")[0])
    elif name == "ssrc":
        ssrc = int(value.split()[0])
        if ssrc not in section.ssrcs:
            section.ssrcs.append(ssrc)
