from __future__ import annotations

import threading
from typing import Any

import av
import numpy as np
import pytest

from linkup.config import Program
from linkup.program.decode import Coded, VideoDecoder
from linkup.program.encode import WAITING_FRAMES, Encoders, EncodeThread
from linkup.wire.h264 import IDR, PPS, SPS, split_annex_b
from tests.program import clips

SMALL = Program(width=640, height=360, preset="ultrafast", segment_s=1, fps=25)


def types(data: bytes) -> list[int]:
    return [unit[0] & 0x1F for unit in split_annex_b(data)]


def test_key_frames_stand_at_segments_and_where_they_are_asked_for() -> None:
    encoders = Encoders(SMALL)
    out = []
    for number in range(60):
        if number == 25:
            continue  # missed: the next one begins the segment
        frame = clips.plain(clips.RED, 640, 360)
        out += encoders.encode_picture(frame, number, 0, extra_key=number == 40)
    assert len(out) == 59  # one in, one out: no delay, no B-frames
    keys = [each.pts // 3600 for each in out if each.keyframe]
    assert keys == [0, 26, 40, 50]
    assert all(IDR in types(each.data) for each in out if each.keyframe)
    assert [each.pts for each in out] == [n * 3600 for n in range(60) if n != 25]


def test_parameters_describe_the_streams() -> None:
    encoders = Encoders(SMALL)
    assert types(encoders.video.extradata) == [SPS, PPS]
    assert Encoders(Program()).video.extradata[5] == 77  # profile_idc: main
    assert (encoders.video.width, encoders.video.height, encoders.video.frame_rate) == (
        640,
        360,
        25,
    )
    assert len(encoders.aac.extradata) >= 2 and encoders.aac.sample_rate == 48_000
    assert encoders.opus.channels == 2


@pytest.mark.parametrize("stream", ["aac", "opus"])
def test_a_sound_comes_out_at_its_own_time(stream: str) -> None:
    encoders = Encoders(SMALL)
    sound = np.zeros((48_000, 2), np.float32)
    sound[9600:14_400] = 0.5 * np.sin(np.arange(4800) * 2 * np.pi * 1000 / 48_000)[:, None]
    decoder: Any = av.CodecContext.create("aac" if stream == "aac" else "libopus", "r")
    decoder.sample_rate, decoder.layout = 48_000, "stereo"
    if stream == "aac":
        decoder.extradata = encoders.aac.extradata
    heard = np.zeros(48_000)
    for block in range(50):
        part = sound[block * 960 : block * 960 + 960]
        for name, packet in encoders.encode_sound(part, block * 960, block * 20_000_000):
            if name != stream:
                continue
            assert abs(packet.at - packet.pts * 1_000_000 // 48) <= 1
            for frame in decoder.decode(av.Packet(packet.data)):
                samples = frame.to_ndarray()
                left = samples[0] if stream == "aac" else samples.reshape(-1, 2)[:, 0] / 32768
                heard[packet.pts : packet.pts + len(left)] = left[: 48_000 - packet.pts]
    first = int(np.flatnonzero(np.abs(heard) > 0.1)[0])
    assert abs(first - 9600) < 48  # within a millisecond


def test_the_queue_is_bounded_and_refuses_instead_of_waiting() -> None:
    encoders = Encoders(SMALL)
    held = threading.Event()
    thread = EncodeThread(encoders, lambda *_: (held.wait(5), None)[1])
    thread.start()
    frame = clips.plain(clips.RED, 640, 360)
    taken = [thread.picture(frame, number, 0) for number in range(40)]
    assert WAITING_FRAMES <= sum(taken) <= WAITING_FRAMES + 1
    held.set()
    thread.close()


def decoded(decoder: VideoDecoder, count: int) -> None:
    for _ in range(500):
        if len(decoder.ready) >= count:
            return
        threading.Event().wait(0.01)
    raise AssertionError(f"{len(decoder.ready)} of {count}")


@pytest.mark.parametrize("codec", ["vp8", "h264"])
def test_after_a_gap_only_a_key_frame_is_decoded(codec: Any) -> None:
    asked = threading.Event()
    decoder = VideoDecoder("x", codec, asked.set)
    clip = clips.colour_clip(codec, clips.BLUE)
    try:
        decoder.put(Coded(clip[1], 0, False, False))  # in the middle of a stream
        assert asked.wait(5)
        asked.clear()
        for index in range(5):
            decoder.put(Coded(clip[index], index, index == 0, False))
        decoded(decoder, 5)
        decoder.put(Coded(clip[7], 7, False, True))
        assert asked.wait(5)
        decoder.put(Coded(clip[8], 8, False, False))
        decoder.put(Coded(clip[0], 9, True, True))
        decoded(decoder, 6)
        assert [each.rtp for each in decoder.ready] == [0, 1, 2, 3, 4, 9]
        assert clips.near(clips.mean(decoder.ready[-1].frame), clips.BLUE)
    finally:
        decoder.close()


@pytest.mark.parametrize("codec", ["vp8", "h264"])
def test_a_hostile_bitstream_asks_for_a_key_frame_and_nothing_breaks(codec: Any) -> None:
    asked = threading.Event()
    decoder = VideoDecoder("x", codec, asked.set)
    clip = clips.colour_clip(codec, clips.BLUE)
    chance = np.random.default_rng(3)
    try:
        for index in range(60):
            data = bytearray(clip[index % len(clip)])
            for place in chance.integers(0, len(data), 4):
                data[place] = int(chance.integers(0, 256))
            decoder.put(Coded(bytes(data), index, index % 5 == 0, False))
        if codec == "vp8":  # 16383 × 16383 pixels
            huge = bytearray(clip[0])
            huge[6:10] = b"\xff\x3f\xff\x3f"
            decoder.put(Coded(bytes(huge), 98, True, False))
            assert asked.wait(5)
        decoder.put(Coded(clip[0], 99, True, False))
        for _ in range(500):
            if decoder.ready and decoder.ready[-1].rtp == 99:
                break
            threading.Event().wait(0.01)
        assert clips.near(clips.mean(decoder.ready[-1].frame), clips.BLUE)
        assert all(each.frame.width <= 4096 for each in decoder.ready)
    finally:
        decoder.close()
