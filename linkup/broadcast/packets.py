"""What the program's encoders give to the outputs, and what an output is."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, Protocol

from linkup.messages import OutputState


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a muxer must know about one encoded stream before the first packet."""

    codec: Literal["h264", "aac", "opus"]
    time_base: Fraction
    extradata: bytes  # H.264: SPS and PPS in Annex B; AAC: AudioSpecificConfig
    bit_rate: int  # bits/s
    width: int = 0
    height: int = 0
    frame_rate: int = 0
    sample_rate: int = 0
    channels: int = 0


@dataclass(frozen=True, slots=True)
class Encoded:
    """One encoded packet. Video is an access unit in Annex B without B-frames (dts = pts)."""

    kind: Literal["video", "audio"]
    data: bytes
    pts: int  # in `time_base` of its Parameters; both streams count from the same zero
    duration: int
    keyframe: bool
    at: int  # CLOCK_MONOTONIC ns of the program frame or of the first sample


class Output(Protocol):
    """Something that takes the encoded program: HLS, a push target.

    Each output is its own failure domain: `write` never blocks and never raises; what the output
    cannot take in time it drops up to the next key frame, and counts.
    """

    def write(self, packet: Encoded) -> None: ...

    def state(self) -> OutputState: ...

    async def close(self) -> None:
        """Finish what is open; within two seconds."""
        ...
