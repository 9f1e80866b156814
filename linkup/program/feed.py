"""The program back to media, as the feed `program`: for WHEP viewers and the sites' return
pictures.

H.264 and Opus in RTP, paced: a key frame of a hundred packets in one burst would overflow
somebody's queue. Sender reports map RTP time to UTC by the program's own clock, so that lip sync
is exact at every receiver.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Callable

from linkup import clock
from linkup.broadcast.packets import Encoded
from linkup.messages import PROGRAM
from linkup.program.encode import VIDEO_CLOCK
from linkup.program.opus import RATE
from linkup.wire import h264, rtp, tap
from linkup.wire.rtcp import ntp_from_utc_ns
from linkup.wire.tap import Track

VIDEO_TRACK, AUDIO_TRACK = 1, 2
VIDEO_TYPE, AUDIO_TYPE = 102, 111  # RTP payload types; media rewrites them for each receiver
BURST = 16  # packets a message
PACE_S = 0.002  # between bursts: 8000 packets/s at most
RETRY_S = 0.01  # when media did not take a burst
WAITING = 1000  # packets, two seconds or so; more is a media process that hangs

# Both tracks come from one publisher; another process of the program is another one.
_PEER = f"program-{secrets.token_hex(4)}"

Send = Callable[[bytes], bool]


class _Stream:
    """One outgoing RTP stream."""

    def __init__(self, track: Track) -> None:
        self.track = track
        self.sequence = secrets.randbits(15)
        self.offset = secrets.randbits(31)  # RFC 3550 §5.1: timestamps start anywhere
        self.last: tuple[int, int] | None = None  # RTP time and moment of the last packet

    def packets(self, payloads: list[bytes], packet: Encoded) -> list[bytes]:
        moment = (self.offset + packet.pts) & 0xFFFFFFFF
        self.last = moment, packet.at
        out = []
        for index, payload in enumerate(payloads):
            last = index == len(payloads) - 1
            marker = last and self.track.kind == "video"
            built = rtp.build(
                self.track.payload_type,
                self.sequence,
                moment,
                self.track.ssrc,
                payload,
                marker=marker,
            )
            self.sequence = (self.sequence + 1) & 0xFFFF
            out.append(tap.entry(tap.RTP, self.track.track, packet.at, built))
        return out


class ProgramFeed:
    """Lives in the event loop. `send` takes one message for the tap; False: try again soon."""

    def __init__(self, send: Send, extradata: bytes) -> None:
        """`extradata`: SPS and PPS, put before every key frame."""
        self._send = send
        self._extradata = extradata
        self._video = _Stream(_track(VIDEO_TRACK, "video", VIDEO_CLOCK, VIDEO_TYPE))
        self._audio = _Stream(_track(AUDIO_TRACK, "audio", RATE, AUDIO_TYPE))
        self._queue: deque[bytes] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self.dropped = 0  # packets

    def announce(self) -> None:
        """Say what the two tracks are, and which UTC their RTP times mean; once a second."""
        now = clock.now_ns()
        message = b""
        for stream in (self._video, self._audio):
            message += tap.track_entry(stream.track, now)
            if stream.last is not None:
                moment, at = stream.last
                body = tap.REPORT_BODY.pack(ntp_from_utc_ns(clock.utc_ns(at)), moment)
                message += tap.entry(tap.REPORT, stream.track.track, now, body)
        self._send(message)

    def video(self, packet: Encoded) -> None:
        """One access unit."""
        data = self._extradata + packet.data if packet.keyframe else packet.data
        self._put(self._video.packets(h264.packetise(data), packet))

    def audio(self, packet: Encoded) -> None:
        """One Opus packet."""
        self._put(self._audio.packets([packet.data], packet))

    def close(self) -> None:
        """Nothing more is sent; the tracks end."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now = clock.now_ns()
        self._send(b"".join(tap.entry(tap.GONE, each, now) for each in (VIDEO_TRACK, AUDIO_TRACK)))

    def _put(self, entries: list[bytes]) -> None:
        if len(self._queue) + len(entries) > WAITING:
            self.dropped += len(self._queue)
            self._queue.clear()
        self._queue.extend(entries)
        if self._timer is None:
            self._pump()

    def _pump(self) -> None:
        self._timer = None
        burst = [self._queue.popleft() for _ in range(min(BURST, len(self._queue)))]
        pause = PACE_S
        if burst and not self._send(b"".join(burst)):
            self._queue.extendleft(reversed(burst))
            pause = RETRY_S
        if self._queue:
            self._timer = asyncio.get_running_loop().call_later(pause, self._pump)


def _track(number: int, kind: str, rate: int, payload_type: int) -> Track:
    return Track(
        track=number,
        feed=PROGRAM,
        kind="video" if kind == "video" else "audio",
        codec="h264" if kind == "video" else "opus",
        clock_rate=rate,
        ssrc=secrets.randbits(32) or 1,
        payload_type=payload_type,
        peer=_PEER,
    )
