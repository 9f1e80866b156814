"""One feed as the mixer sees it: packets in on one side, the picture and sound of a moment out
on the other.

The network's thread calls `announce`, `packet`, `report`, `ended`, `want`; the clock's thread
calls `picture`, `sound`, `state`. What both touch is either bounded deques or single values.
"""

from __future__ import annotations

from collections.abc import Callable

import av
import structlog

from linkup.program import ladder
from linkup.program.decode import Coded, VideoCodec, VideoDecoder
from linkup.program.opus import Sound
from linkup.program.timeline import LONGEST_NS, Timeline
from linkup.program.voices import Voice
from linkup.wire import h264, rtp, vp8
from linkup.wire.frames import Frame
from linkup.wire.reorder import Reorder
from linkup.wire.rtcp import utc_ns_from_ntp
from linkup.wire.sequence import Unwrapper
from linkup.wire.tap import Track

log = structlog.get_logger()

VIDEO_WAIT_MS = 150.0  # for a packet to be sent again, before a key frame is asked for
TRACK_WAIT_NS = 400_000_000


class _Video:
    """The video track of a feed, from packets to decoded frames."""

    def __init__(self, track: Track, codec: VideoCodec, trouble: Callable[[], None]) -> None:
        self.track = track
        self.order: Reorder[rtp.Packet] = Reorder(wait_ms=VIDEO_WAIT_MS)
        self.assembler = vp8.FrameAssembler() if codec == "vp8" else h264.AccessUnitAssembler()
        self.times = Unwrapper(32)
        self.decoder = VideoDecoder(track.feed, codec, trouble)


class Source:
    """One feed."""

    def __init__(self, feed: str, ask: Callable[[int], None], now: int) -> None:
        """`ask(track)` requests a key frame; it may be called from any thread."""
        self.feed = feed
        self.timeline = Timeline()
        self.packet_at = 0  # arrival of the last packet of any kind
        self.watched_since = now
        self.frame_at: int | None = None  # when the last new frame was due
        self._ask = ask
        self._video: _Video | None = None
        self._audio: Track | None = None
        self._audio_times = Unwrapper(32)
        self._voice: Voice | None = None
        self.shown: av.VideoFrame | None = None  # the picture of the last moment asked for
        self.garbage = 0  # packets that are not what their track says

    # ------------------------------------------------------------ the network's thread

    def announce(self, track: Track) -> None:
        """A track of this feed, new or known."""
        if track.kind == "audio":
            if self._audio != track:
                self._audio = track
                self._audio_times = Unwrapper(32)
                self.timeline.start("audio", track.clock_rate)
                self._voice = Voice(self.timeline)
            return
        if self._video is not None and self._video.track == track:
            return
        if track.codec not in ("vp8", "h264"):
            return
        self._end_video()
        self.timeline.start("video", track.clock_rate)
        number = track.track
        codec: VideoCodec = "h264" if track.codec == "h264" else "vp8"
        self._video = _Video(track, codec, lambda: self._ask(number))
        self._ask(number)

    def packet(self, track: int, data: memoryview, at: int) -> None:
        """One RTP packet of one of its tracks."""
        try:
            parsed = rtp.parse(data)
        except ValueError:
            self.garbage += 1
            return
        self.packet_at = max(self.packet_at, at)
        video, audio = self._video, self._audio
        if audio is not None and audio.track == track:
            if parsed.end > parsed.start and self._voice is not None:
                moment = self._audio_times.unwrap(parsed.timestamp)
                self.timeline.arrived("audio", moment, at)
                self._voice.put(moment, parsed.payload)
        elif video is not None and video.track.track == track:
            self._push(video, video.order.insert(parsed.sequence, parsed, at), at)

    def tick(self, now: int) -> None:
        """From time to time, so that a gap is given up although nothing comes."""
        if self._video is not None and len(self._video.order):
            self._push(self._video, self._video.order.expire(now), now)

    def report(self, track: int, ntp: int, moment: int) -> None:
        """A sender report: NTP time (32.32) and RTP time."""
        if self._audio is not None and self._audio.track == track:
            if self._audio_times.newest is not None:
                unwrapped = self._audio_times.unwrap(moment)
                self.timeline.report("audio", utc_ns_from_ntp(ntp), unwrapped)
        elif (
            self._video is not None
            and self._video.track.track == track
            and self._video.times.newest is not None
        ):
            unwrapped = self._video.times.unwrap(moment)
            self.timeline.report("video", utc_ns_from_ntp(ntp), unwrapped)

    def ended(self, track: int) -> None:
        """The track is gone; what was decoded is still shown, and the last frame stands."""
        if self._video is not None and self._video.track.track == track:
            self._end_video()
        elif self._audio is not None and self._audio.track == track:
            self._audio = None
            self.timeline.end("audio")

    def ask_keyframe(self) -> None:
        """Its picture is wanted and there is none yet."""
        if self._video is not None:
            self._ask(self._video.track.track)

    def watch(self, now: int) -> None:
        """Its picture is wanted from now on."""
        self.watched_since = now

    def end_picture(self) -> None:
        """Its picture is no longer wanted, its sound still is."""
        self._end_video()
        self.shown, self.frame_at = None, None

    def close(self) -> None:
        """No longer wanted."""
        self._end_video()
        self._audio = self._voice = None

    def _end_video(self) -> None:
        if self._video is not None:
            self._video.decoder.close()
            self._video = None
            self.timeline.end("video")

    def _push(self, video: _Video, ordered: list[tuple[int, rtp.Packet]], at: int) -> None:
        for number, parsed in ordered:
            try:
                frame = video.assembler.push(number, parsed, at)
            except ValueError:
                self.garbage += 1
                continue
            if frame is not None:
                self._frame(video, frame)

    def _frame(self, video: _Video, frame: Frame) -> None:
        moment = video.times.unwrap(frame.timestamp)
        self.timeline.arrived("video", moment, frame.at)
        video.decoder.put(Coded(frame.data, moment, frame.keyframe, frame.gap))

    # ------------------------------------------------------------ the clock's thread

    def waits_for_picture(self, now: int) -> bool:
        """Whether its first picture is still to come: not if it has one, or sends no video."""
        if self.shown is not None:
            return False
        # A track is announced with its first packet, so soon after it was asked for.
        return self._video is not None or now - self.watched_since < TRACK_WAIT_NS

    def picture(self, at: int) -> av.VideoFrame | None:
        """The picture to show at this moment: the newest that is due, else the last one."""
        video = self._video
        if video is None:
            return self.shown
        ready = video.decoder.ready
        while ready:
            due = self.timeline.due("video", ready[0].rtp)
            # Further ahead than any delay: a sender's clock that was set, not a picture to keep.
            if due is not None and at < due < at + 2 * LONGEST_NS:
                break
            self.shown = ready.popleft().frame
            self.frame_at = at
        return self.shown

    def sound(self, at: int) -> Sound | None:
        """The 20 ms of sound due from this moment on."""
        voice = self._voice
        return None if voice is None else voice.block(at)

    def state(self, now: int) -> ladder.State:
        """Its step on the failure ladder."""
        return ladder.state(now, self.frame_at, self.packet_at, self.watched_since)
