"""A light WebRTC end for tests: full ICE as far as one server needs it, DTLS client, plain RTP.

It shares no code with `linkup.media`: STUN by aioice, DTLS and SRTP by aiortc and pylibsrtp.
"""

from __future__ import annotations

import asyncio
import random
import re
import socket

import pylibsrtp
from aioice import stun
from aiortc import RTCCertificate
from aiortc.rtcdtlstransport import RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport

from linkup.wire import rtcp, rtp

CERTIFICATE = RTCCertificate.generateCertificate()
FEEDBACK = ("nack", "nack pli", "ccm fir", "goog-remb")


def offer_sdp(lines, ufrag="abcd", pwd="0123456789abcdef01234567", bundle=True):
    """`lines`: (kind, direction, ssrc) in order; VP8 96, H.264 102, Opus 111."""
    digest = next(f.value for f in CERTIFICATE.getFingerprints() if f.algorithm == "sha-256")
    out = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0"]
    if bundle:
        out.append("a=group:BUNDLE " + " ".join(str(i) for i in range(len(lines))))
    for mid, (kind, direction, ssrc, *codecs) in enumerate(lines):
        codecs = codecs or (["opus"] if kind == "audio" else ["vp8", "h264"])
        types = {"opus": 111, "vp8": 96, "h264": 102, "av1": 45}
        out += [
            f"m={kind} 9 UDP/TLS/RTP/SAVPF " + " ".join(str(types[c]) for c in codecs),
            "c=IN IP4 0.0.0.0",
            f"a=mid:{mid}",
            f"a=ice-ufrag:{ufrag}",
            f"a=ice-pwd:{pwd}",
            f"a=fingerprint:sha-256 {digest}",
            "a=setup:actpass",
            "a=rtcp-mux",
            f"a={direction}",
            "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
        ]
        if kind == "audio":
            out.append("a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level")
        for codec in codecs:
            number = types[codec]
            rate = "opus/48000/2" if codec == "opus" else f"{codec.upper()}/90000"
            out.append(f"a=rtpmap:{number} {rate}")
            if codec == "h264":
                out.append(
                    f"a=fmtp:{number} level-asymmetry-allowed=1;packetization-mode=1;"
                    "profile-level-id=42e01f"
                )
            if kind == "video":
                out += [f"a=rtcp-fb:{number} {each}" for each in FEEDBACK]
        if ssrc:
            out.append(f"a=ssrc:{ssrc} cname:test")
    return "\r\n".join(out) + "\r\n"


class _Protocol(asyncio.DatagramProtocol):
    def __init__(self, end):
        self.end = end

    def datagram_received(self, data, addr):
        self.end._datagram(data)


class _Ice:
    role = "controlling"

    def __init__(self, end):
        self.end = end
        self.queue = asyncio.Queue()

    async def _recv(self):
        return await self.queue.get()

    async def _send(self, data):
        self.end.raw(data)


class End:
    """`await connect(answer)`, then `send_rtp`, `send_rtcp`; what came is in `rtp` and `rtcp`."""

    def __init__(self, host="127.0.0.1"):
        self.host = host
        self.ufrag, self.pwd = "abcd", "0123456789abcdef01234567"
        self.rtp: list[rtp.Packet] = []
        self.rtcp: list[rtcp.Report] = []
        self.on_rtp = None
        self.on_rtcp = None
        self.checked = asyncio.Event()
        self.errors: list[int] = []
        self.mapped = None
        self.replayed = 0
        self.patience = 20  # checks, each waited for 0.3 s
        self.deaf = None  # packets for which this is true are lost before they are looked at
        self.relay = None  # (host, port) instead of the server's

    async def connect(self, answer, port=None, handshake=True):
        self.remote_ufrag = re.search(r"a=ice-ufrag:(\S+)", answer)[1]
        self.remote_pwd = re.search(r"a=ice-pwd:(\S+)", answer)[1]
        digest = re.search(r"a=fingerprint:sha-256 (\S+)", answer)[1]
        server_port = int(re.search(r"a=candidate:\S+ 1 udp \d+ \S+ (\d+) typ host", answer)[1])
        self.target = self.relay or (self.host, port or server_port)
        self.ssrcs = {
            mid: int(ssrc)
            for mid, ssrc in re.findall(
                r"a=mid:(\S+)(?:(?!a=mid).)*?a=ssrc:(\d+) cname", answer, re.S
            )
        }
        family = socket.AF_INET6 if ":" in self.target[0] else socket.AF_INET
        local = "::1" if family == socket.AF_INET6 else "127.0.0.1"
        loop = asyncio.get_running_loop()
        self.transport, _ = await loop.create_datagram_endpoint(
            lambda: _Protocol(self), local_addr=(local, 0), family=family
        )
        self.ice = _Ice(self)
        for _ in range(self.patience):
            self.check()
            try:
                await asyncio.wait_for(self.checked.wait(), 0.3)
                break
            except TimeoutError:
                continue
        assert self.checked.is_set(), "no answer to connectivity checks"
        if handshake:
            self.dtls = RTCDtlsTransport(self.ice, [CERTIFICATE])
            self.dtls._set_role("client")
            await asyncio.wait_for(
                self.dtls.start(
                    RTCDtlsParameters(fingerprints=[RTCDtlsFingerprint("sha-256", digest)])
                ),
                10,
            )
            assert self.dtls.state == "connected", self.dtls.state
        return self

    def check(self, password=None, controlled=False, nominate=True):
        message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        message.attributes["USERNAME"] = f"{self.remote_ufrag}:{self.ufrag}"
        message.attributes["PRIORITY"] = 1
        role = "ICE-CONTROLLED" if controlled else "ICE-CONTROLLING"
        message.attributes[role] = random.getrandbits(63)
        if nominate and not controlled:
            message.attributes["USE-CANDIDATE"] = None
        message.add_message_integrity((password or self.remote_pwd).encode())
        self.raw(bytes(message))

    def raw(self, data):
        self.transport.sendto(data, self.target)

    def _datagram(self, data):
        if data[0] < 4:
            message = stun.parse_message(data)
            assert message.check_message_integrity(self.remote_pwd.encode())
            if message.message_class == stun.Class.RESPONSE:
                self.mapped = message.attributes["XOR-MAPPED-ADDRESS"]
                self.checked.set()
            else:
                self.errors.append(message.error_code)
        elif 19 < data[0] < 64:
            self.ice.queue.put_nowait(data)
        elif rtcp.is_rtcp(data):
            plain = self.dtls._rx_srtp.unprotect_rtcp(data)
            for report in rtcp.parse(plain):
                self.rtcp.append(report)
                if self.on_rtcp:
                    self.on_rtcp(report)
        else:
            if self.deaf and self.deaf(data):
                return
            try:
                packet = rtp.parse(self.dtls._rx_srtp.unprotect(data))
            except pylibsrtp.Error:  # a retransmission of what is already there
                self.replayed += 1
                return
            self.rtp.append(packet)
            if self.on_rtp:
                self.on_rtp(packet)

    def send_rtp(self, data):
        self.raw(self.dtls._tx_srtp.protect(data))

    def send_rtcp(self, *reports):
        self.raw(self.dtls._tx_srtp.protect_rtcp(rtcp.build(*reports)))

    def of(self, mid):
        """Packets that came on the m-line `mid`."""
        return [packet for packet in self.rtp if packet.ssrc == self.ssrcs[str(mid)]]

    async def close(self):
        if hasattr(self, "dtls"):
            await self.dtls.stop()
        if hasattr(self, "transport"):
            self.transport.close()
        await asyncio.sleep(0)


class Camera:
    """Makes VP8 RTP packets with picture ids; each payload says frame and part."""

    def __init__(self, ssrc, first=65500, parts=3, mark=b"A"):
        self.ssrc, self.sequence, self.parts, self.mark = ssrc, first, parts, mark
        self.frame = 0
        self.timestamp = random.getrandbits(32)
        self.picture = 0x7FFE

    def next(self, key=False, size=300):
        out = []
        for part in range(self.parts):
            descriptor = bytes(
                (
                    0x90 if part == 0 else 0x80,
                    0x80,
                    0x80 | self.picture >> 8 & 0x7F,
                    self.picture & 255,
                )
            )
            body = (
                b"" if part else (b"\x10\x00\x00\x9d\x01\x2a\x80\x02\x68\x01" if key else b"\x11")
            )
            payload = descriptor + body + self.mark + b"%d/%d;" % (self.frame, part)
            out.append(
                rtp.build(
                    96,
                    self.sequence,
                    self.timestamp,
                    self.ssrc,
                    payload.ljust(size, b"."),
                    marker=part == self.parts - 1,
                )
            )
            self.sequence = (self.sequence + 1) & 0xFFFF
        self.frame += 1
        self.timestamp = (self.timestamp + 3000) & 0xFFFFFFFF
        self.picture = (self.picture + 1) & 0x7FFF
        return out


async def until(condition, seconds=5.0):
    """Wait for `condition()` to be true."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)
