"""A real encoded program of a few seconds: picture and sound, as the program process makes it."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np
import pytest

from linkup.broadcast.packets import Encoded, Parameters

FPS, RATE, SEGMENT_S = 30, 48_000, 2
GLOBAL_HEADER = 1 << 22
START_NS = 1_000_000_000


class Encoders:
    """x264 and AAC set up like the program's."""

    def __init__(self) -> None:
        self.video = av.CodecContext.create("libx264", "w")
        self.video.width, self.video.height, self.video.pix_fmt = 320, 180, "yuv420p"
        self.video.time_base, self.video.framerate = Fraction(1, FPS), Fraction(FPS)
        self.video.options = {"preset": "ultrafast", "tune": "zerolatency", "sc_threshold": "0"}
        self.video.gop_size = FPS * SEGMENT_S
        self.video.flags |= GLOBAL_HEADER
        self.video.open()
        self.audio = av.CodecContext.create("aac", "w")
        self.audio.sample_rate, self.audio.layout, self.audio.format = RATE, "stereo", "fltp"
        self.audio.bit_rate = 96_000
        self.audio.flags |= GLOBAL_HEADER
        self.audio.open()

    def parameters(self) -> tuple[Parameters, Parameters]:
        video = Parameters(
            codec="h264", time_base=Fraction(1, 90_000), extradata=self.video.extradata or b"",
            bit_rate=500_000, width=320, height=180, frame_rate=FPS,
        )  # fmt: skip
        audio = Parameters(
            codec="aac", time_base=Fraction(1, RATE), extradata=self.audio.extradata or b"",
            bit_rate=96_000, sample_rate=RATE, channels=2,
        )  # fmt: skip
        return video, audio

    def packets(self, seconds: float) -> Iterator[Encoded]:
        """Picture and sound in the order of time."""
        sound = 0
        for number in range(int(seconds * FPS)):
            at = START_NS + number * 1_000_000_000 // FPS
            frame = av.VideoFrame(320, 180, "yuv420p")
            for position, plane in enumerate(frame.planes):
                value = (number * 5) % 200 if position == 0 else 128
                plane.update(bytes([value]) * plane.buffer_size)
            frame.pts = number
            for packet in self.video.encode(frame):
                yield Encoded("video", bytes(packet), number * 3000, 3000, packet.is_keyframe, at)
            while sound < (number + 1) * RATE // FPS:
                samples = np.sin(np.arange(sound, sound + 1024) * 440 * 6.2832 / RATE) * 0.3
                block = av.AudioFrame.from_ndarray(
                    np.stack([samples, samples]).astype(np.float32), "fltp", "stereo"
                )
                block.sample_rate, block.pts = RATE, sound
                time = START_NS + sound * 1_000_000_000 // RATE
                for packet in self.audio.encode(block):
                    pts = max(0, packet.pts or 0)
                    yield Encoded("audio", bytes(packet), pts, 1024, True, time)
                sound += 1024


@pytest.fixture
def encoders() -> Encoders:
    return Encoders()
