"""Frames and sound → H.264, AAC and Opus, in one thread behind a bounded queue.

H.264: main profile, no B-frames, no look-ahead (a frame comes out as soon as it went in). Key
frames are IDR pictures forced at frame numbers that are multiples of the segment length, so GOPs
are closed and aligned to segments whatever happens; one that is asked for in between is extra.
AAC and Opus get the same samples; all three streams count from the same zero.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import av
import numpy as np
import structlog
from av.video.frame import PictureType
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from linkup.broadcast.packets import Encoded, Parameters
from linkup.config import Program
from linkup.program.opus import CHANNELS, RATE, Sound

log = structlog.get_logger()

VIDEO_CLOCK = 90_000
WAITING_FRAMES = 8  # 267 ms at 30 fps: above this the encoder is too slow, frames are missed
WAITING_BLOCKS = 100
EXTRA_KEY_NS = 1_000_000_000  # key frames that others ask for: at most one a second
OPUS_KBPS = 96

Stream = Literal["video", "aac", "opus"]
Deliver = Callable[[Stream, Encoded], None]


@dataclass(frozen=True, slots=True)
class _Picture:
    frame: av.VideoFrame
    number: int
    at: int


@dataclass(frozen=True, slots=True)
class _Block:
    sound: Sound
    sample: int
    at: int


class Encoders:
    """The three encoders of a program. Opened at once, so that their parameters are known."""

    def __init__(self, program: Program) -> None:
        self.fps = program.fps
        self.gop = program.segment_s * program.fps
        self._ticks = VIDEO_CLOCK // program.fps
        self._video = _h264(program)
        self._aac = _audio("aac", "fltp", program.audio_kbps * 1000)
        self._opus = _audio("libopus", "flt", OPUS_KBPS * 1000)
        self._aac_left = np.zeros((0, CHANNELS), np.float32)
        self._aac_next = 0  # sample number of the first of `_aac_left`
        self._aac_started = False
        self._segment = -1  # the last one that has its key frame
        self.video = Parameters(
            codec="h264",
            time_base=Fraction(1, VIDEO_CLOCK),
            extradata=bytes(self._video.extradata or b""),
            bit_rate=program.video_kbps * 1000,
            width=program.width,
            height=program.height,
            frame_rate=program.fps,
        )
        self.aac = self._sound_parameters("aac", self._aac)
        self.opus = self._sound_parameters("opus", self._opus)

    def encode_picture(
        self, frame: av.VideoFrame, number: int, at: int, extra_key: bool
    ) -> list[Encoded]:
        """One frame, `number` frames after the start."""
        # If the very frame at which a segment begins was missed, the next one begins it.
        segment = number // self.gop
        key = segment != self._segment or extra_key
        frame.pts = number * self._ticks
        frame.time_base = Fraction(1, VIDEO_CLOCK)
        # Decoders leave their own picture type in the frame; x264 would obey it.
        frame.pict_type = PictureType.I if key else PictureType.NONE
        packets = self._video.encode(frame)
        self._segment = segment
        return [
            Encoded("video", bytes(each), each.pts, self._ticks, each.is_keyframe, at)
            for each in packets
        ]

    def encode_sound(self, sound: Sound, sample: int, at: int) -> list[tuple[Stream, Encoded]]:
        """One block of 960 samples, the first of which is sample `sample` since the start."""
        out: list[tuple[Stream, Encoded]] = []
        frame = _audio_frame(np.ascontiguousarray(sound).reshape(1, -1), "flt", sample)
        out += [("opus", each) for each in _packets(self._opus, frame, at - sample_ns(sample))]
        if sample != self._aac_next + len(self._aac_left):  # blocks were dropped
            self._aac_left, self._aac_next = self._aac_left[:0], sample
        self._aac_left = np.concatenate((self._aac_left, sound))
        size = self._aac.frame_size
        while len(self._aac_left) >= size:
            planar = np.ascontiguousarray(self._aac_left[:size].T)
            frame = _audio_frame(planar, "fltp", self._aac_next)
            out += [("aac", each) for each in _packets(self._aac, frame, at - sample_ns(sample))]
            self._aac_left, self._aac_next = self._aac_left[size:], self._aac_next + size
        return out

    @staticmethod
    def _sound_parameters(codec: Literal["aac", "opus"], context: Any) -> Parameters:
        return Parameters(
            codec=codec,
            time_base=Fraction(1, RATE),
            extradata=bytes(context.extradata or b""),
            bit_rate=context.bit_rate,
            sample_rate=RATE,
            channels=CHANNELS,
        )


def sample_ns(sample: int) -> int:
    """Nanoseconds from the start to a sample."""
    return sample * 1_000_000_000 // RATE


class EncodeThread:
    """Runs the encoders. `picture` and `sound` never block; what does not fit is refused."""

    def __init__(self, encoders: Encoders, deliver: Deliver) -> None:
        """`deliver(stream, packet)` is called from the thread."""
        self._encoders = encoders
        self._deliver = deliver
        self._jobs: deque[_Picture | _Block] = deque()
        self._pictures = 0
        self._wake = threading.Condition()
        self._closed = False
        self._extra_key = False
        self._extra_at = 0
        self.errors = 0
        self._thread = threading.Thread(target=self._run, name="encode", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def picture(self, frame: av.VideoFrame, number: int, at: int) -> bool:
        """Queue a frame; False when the encoder is too far behind."""
        with self._wake:
            if self._pictures >= WAITING_FRAMES:
                return False
            self._pictures += 1
            self._jobs.append(_Picture(frame, number, at))
            self._wake.notify()
        return True

    def sound(self, sound: Sound, sample: int, at: int) -> bool:
        """Queue a block; False when the encoder is too far behind."""
        with self._wake:
            if len(self._jobs) - self._pictures >= WAITING_BLOCKS:
                return False
            self._jobs.append(_Block(sound, sample, at))
            self._wake.notify()
        return True

    def ask_keyframe(self) -> None:
        """Make the next frame a key frame, unless one was asked for within the last second."""
        self._extra_key = True

    def close(self) -> None:
        """End after what is queued; waits for it."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        if self._thread.ident is not None:
            self._thread.join(2)

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._jobs and not self._closed:
                    self._wake.wait()
                if not self._jobs:
                    return
                job = self._jobs.popleft()
            try:
                if isinstance(job, _Picture):
                    self._encode(job)
                else:
                    for stream, packet in self._encoders.encode_sound(
                        job.sound, job.sample, job.at
                    ):
                        self._deliver(stream, packet)
            except (av.FFmpegError, ValueError) as error:
                self.errors += 1
                log.error("the encoder refused something", error=str(error))
            finally:
                if isinstance(job, _Picture):
                    with self._wake:
                        self._pictures -= 1

    def _encode(self, job: _Picture) -> None:
        extra = self._extra_key and job.at - self._extra_at >= EXTRA_KEY_NS
        if extra:
            self._extra_key, self._extra_at = False, job.at
        for packet in self._encoders.encode_picture(job.frame, job.number, job.at, extra):
            self._deliver("video", packet)


def _h264(program: Program) -> Any:
    context: Any = av.CodecContext.create("libx264", "w")
    context.width, context.height = program.width, program.height
    context.pix_fmt = "yuv420p"
    context.time_base = Fraction(1, VIDEO_CLOCK)
    context.framerate = Fraction(program.fps)
    context.bit_rate = program.video_kbps * 1000
    context.gop_size = 10 * program.segment_s * program.fps  # ours are forced, long before
    context.max_b_frames = 0
    # 1080 lines at veryfast come near to a whole core: two slices then share the work.
    context.thread_count = 1 if program.height <= 720 else 2
    # Browsers' VP8 and all our drawings are BT.601, limited range; saying so keeps colours true.
    context.colorspace = Colorspace.SMPTE170M
    context.color_primaries = ColorPrimaries.SMPTE170M
    context.color_trc = ColorTrc.SMPTE170M
    context.color_range = ColorRange.MPEG
    context.options = {
        "preset": program.preset,
        "profile": "main",
        "tune": "zerolatency",
        "forced-idr": "1",
        "sc_threshold": "0",
        "maxrate": f"{program.video_kbps * 1000}",
        "bufsize": f"{program.video_kbps * 1000}",
        "flags": "+global_header+cgop",
    }
    context.open()
    return context


def _audio(codec: str, sample_format: str, bit_rate: int) -> Any:
    context: Any = av.CodecContext.create(codec, "w")
    context.sample_rate = RATE
    context.layout = "stereo"
    context.format = sample_format
    context.bit_rate = bit_rate
    context.time_base = Fraction(1, RATE)
    options = {"flags": "+global_header"}
    if codec == "libopus":
        options |= {"application": "audio", "frame_duration": "20", "fec": "1", "packet_loss": "5"}
    context.options = options
    context.open()
    return context


def _audio_frame(samples: np.ndarray[Any, Any], sample_format: str, pts: int) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(samples, format=sample_format, layout="stereo")
    frame.sample_rate = RATE
    frame.pts = pts
    frame.time_base = Fraction(1, RATE)
    return frame


def _packets(context: Any, frame: av.AudioFrame, start: int) -> list[Encoded]:
    """What comes out for a frame; the encoder's priming before sample 0 is left out."""
    out = []
    for packet in context.encode(frame):
        if packet.pts < 0:
            continue
        duration = packet.duration or context.frame_size
        at = start + sample_ns(packet.pts)
        out.append(Encoded("audio", bytes(packet), packet.pts, duration, True, at))
    return out
