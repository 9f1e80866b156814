"""VP8, H.264 and Opus: tables, and real encoders' output through the wire and back."""

import random
from fractions import Fraction

import av
import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkup.wire import h264, opus, rtp, vp8

# ---------------------------------------------------------------- VP8


@pytest.mark.parametrize(
    ("data", "picture", "bits", "tl0", "tid", "size", "begins"),
    [
        ("10", -1, 0, -1, -1, 1, True),
        ("00", -1, 0, -1, -1, 1, False),
        ("11", -1, 0, -1, -1, 1, False),
        ("90807f", 0x7F, 7, -1, -1, 3, True),
        ("9080ffff", 0x7FFF, 15, -1, -1, 4, True),
        ("90e0812355e0", 0x123, 15, 0x55, 3, 6, True),
        ("901005", -1, 0, -1, -1, 3, True),
        ("90205f", -1, 0, -1, 1, 3, True),
    ],
)
def test_descriptor(data, picture, bits, tl0, tid, size, begins):
    found = vp8.parse(bytes.fromhex(data))
    assert (found.picture_id, found.picture_id_bits) == (picture, bits)
    assert (found.tl0picidx, found.temporal_id, found.size) == (tl0, tid, size)
    assert found.begins_frame is begins


@pytest.mark.parametrize("data", ["", "80", "9080", "908080", "90c08101", "90f081"])
def test_a_cut_descriptor_is_refused(data):
    with pytest.raises(ValueError):
        found = vp8.parse(bytes.fromhex(data))
        assert found is None, found.size


@given(st.binary(min_size=1, max_size=12), st.integers(0, 0x7FFF), st.integers(0, 255))
def test_rewriting_changes_nothing_else(data, picture, tl0):
    try:
        before = vp8.parse(data)
    except ValueError:
        return
    changed = bytearray(b"head" + data)
    vp8.rewrite(changed, vp8.parse(changed, 4), picture, tl0)
    after = vp8.parse(changed, 4)
    assert after.size == before.size and changed[:4] == b"head"
    if before.picture_id_bits:
        assert after.picture_id == picture & (0x7FFF if before.picture_id_bits == 15 else 0x7F)
    if before.tl0picidx >= 0:
        assert after.tl0picidx == tl0
    vp8.rewrite(changed, after, max(0, before.picture_id), max(0, before.tl0picidx))
    assert bytes(changed[4:]) == data


# ---------------------------------------------------------------- real encoders


def encoded(codec, count=6, width=320, height=180, **options):
    context = av.CodecContext.create(codec, "w")
    context.width, context.height, context.pix_fmt = width, height, "yuv420p"
    context.time_base = Fraction(1, 30)
    context.bit_rate = 2_000_000
    context.options = options
    rng = numpy.random.default_rng(1)
    out = []
    for index in range(count):
        image = rng.integers(0, 255, (height, width, 3), dtype=numpy.uint8)
        frame = av.VideoFrame.from_ndarray(image)
        frame.pts = index
        out += [bytes(packet) for packet in context.encode(frame)]
    return out + [bytes(packet) for packet in context.encode(None)]


def vp8_packets(frames):
    sequence, out = 65533, []
    for index, frame in enumerate(frames):
        parts = [frame[at : at + 1000] for at in range(0, len(frame), 1000)]
        for number, part in enumerate(parts):
            head = bytes((0x90 if number == 0 else 0x80, 0x80, 0x80 | index >> 8, index & 255))
            last = number == len(parts) - 1
            out.append(rtp.build(96, sequence, 3000 * index, 1, head + part, marker=last))
            sequence += 1
    return out


def h264_packets(units):
    sequence, out = 65533, []
    for index, unit in enumerate(units):
        payloads = h264.packetise(unit, 1000)
        assert all(len(payload) <= 1000 for payload in payloads)
        for number, payload in enumerate(payloads):
            last = number == len(payloads) - 1
            out.append(rtp.build(102, sequence, 3000 * index, 1, payload, marker=last))
            sequence += 1
    return out


def through(assembler, packets):
    frames = []
    for number, data in packets:
        frame = assembler.push(number, rtp.parse(data), number)
        if frame is not None:
            frames.append(frame)
    return frames


@pytest.fixture(scope="module")
def vp8_frames():
    return encoded("libvpx", deadline="realtime", g="3")


@pytest.fixture(scope="module")
def h264_units():
    return encoded("libx264", preset="ultrafast", tune="zerolatency", g="3", profile="main")


def test_vp8_frames_come_back(vp8_frames):
    packets = vp8_packets(vp8_frames)
    got = through(vp8.FrameAssembler(), enumerate(packets))
    assert [frame.data for frame in got] == vp8_frames
    assert [frame.keyframe for frame in got] == [not frame[0] & 1 for frame in vp8_frames]
    assert (got[0].width, got[0].height) == (320, 180) and not any(f.gap for f in got)
    first = rtp.parse(packets[0])
    assert vp8.is_keyframe(first.data, vp8.parse(first.data, first.start), first.start)


def same_units(frame, unit):
    return list(h264.split_annex_b(frame.data)) == list(h264.split_annex_b(unit))


def test_h264_access_units_come_back(h264_units):
    packets = h264_packets(h264_units)
    got = through(h264.AccessUnitAssembler(), enumerate(packets))
    assert len(got) == len(h264_units)
    assert all(map(same_units, got, h264_units))
    assert [frame.keyframe for frame in got] == [True, False, False] * 2
    assert (got[0].width, got[0].height) == (320, 180)
    first = rtp.parse(packets[0])
    assert h264.is_keyframe(first.data, first.start)


@pytest.mark.parametrize("seed", range(20))
def test_lost_packets_never_give_a_wrong_frame(vp8_frames, h264_units, seed):
    rng = random.Random(seed)
    for assembler, packets, right in (
        (vp8.FrameAssembler(), vp8_packets(vp8_frames), set(vp8_frames)),
        (h264.AccessUnitAssembler(), h264_packets(h264_units), None),
    ):
        kept = [each for each in enumerate(packets) if rng.random() > 0.04]
        for frame in through(assembler, kept):
            if right is not None:
                assert frame.data in right
            else:
                assert any(same_units(frame, unit) for unit in h264_units)


def test_a_lost_frame_is_told_once(vp8_frames):
    packets = list(enumerate(vp8_packets(vp8_frames)))
    lost = next(i for i, (_, data) in enumerate(packets) if rtp.parse(data).timestamp == 3000)
    got = through(vp8.FrameAssembler(), packets[:lost] + packets[lost + 1 :])
    assert [frame.gap for frame in got] == [False, True, False, False, False]


def test_decoders_take_what_comes_out(h264_units):
    got = through(h264.AccessUnitAssembler(), enumerate(h264_packets(h264_units)))
    decoder = av.CodecContext.create("h264", "r")
    pictures = [p for frame in got for p in decoder.decode(av.Packet(frame.data))]
    pictures += decoder.decode(None)
    assert len(pictures) == len(h264_units)


@pytest.mark.parametrize(
    ("width", "height"), [(320, 180), (640, 360), (1280, 720), (1920, 1080), (322, 242)]
)
@pytest.mark.parametrize("profile", ["baseline", "main", "high"])
def test_sps_size(width, height, profile):
    unit = encoded("libx264", 1, width, height, preset="ultrafast", profile=profile)[0]
    found = next(each for each in h264.split_annex_b(unit) if each[0] & 0x1F == 7)
    assert h264.sps_size(found) == (width, height)


@given(st.binary(max_size=60))
def test_h264_takes_any_bytes(data):
    h264.nal_types(data)
    h264.is_keyframe(data)
    h264.sps_size(b"\x67" + data)
    h264.packetise(data)
    packet = rtp.parse(rtp.build(102, 1, 1, 1, data, marker=True))
    h264.AccessUnitAssembler().push(1, packet, 0)
    vp8.FrameAssembler().push(1, packet, 0)


@given(st.lists(st.binary(min_size=1, max_size=3000), min_size=1, max_size=5))
def test_packetise_keeps_every_unit(bodies):
    bodies = [body.replace(b"\0", b"\1") for body in bodies]
    units = [bytes((0x61 if index else 0x67,)) + body for index, body in enumerate(bodies)]
    stream = b"".join(h264.START_CODE + unit for unit in units)
    payloads = h264.packetise(stream, 500)
    assembler, frame = h264.AccessUnitAssembler(), None
    for index, payload in enumerate(payloads):
        last = index == len(payloads) - 1
        packet = rtp.parse(rtp.build(102, index, 9, 1, payload, marker=last))
        frame = assembler.push(index, packet, 0)
    assert frame is not None and list(h264.split_annex_b(frame.data)) == units


# ---------------------------------------------------------------- Opus


@pytest.mark.parametrize(
    ("data", "samples"),
    [
        ("", 0),
        ("fc", 960),  # CELT FB 20 ms, one frame
        ("f0", 480),
        ("e0", 120),
        ("fd", 1920),
        ("18", 2880),  # SILK NB 60 ms
        ("1b02", 5760),
        ("1b03", 0),  # 180 ms: not allowed
        ("ff06", 5760),
        ("ff", 0),
        ("78", 960),  # hybrid FB 20 ms
    ],
)
def test_opus_duration(data, samples):
    assert opus.duration(bytes.fromhex(data)) == samples


def test_opus_of_a_real_encoder():
    context = av.CodecContext.create("libopus", "w")
    context.sample_rate, context.layout, context.format = 48000, "stereo", "s16"
    frame = av.AudioFrame.from_ndarray(numpy.zeros((1, 1920), numpy.int16), "s16", "stereo")
    frame.sample_rate = 48000
    packet = bytes(context.encode(frame)[0])
    assert opus.duration(packet) == 960 and opus.channels(packet) == 2
