import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkup.wire import rtp

values = st.dictionaries(st.integers(1, 255), st.binary(min_size=1, max_size=40), max_size=6)


@given(
    st.integers(0, 127),
    st.integers(0, 65535),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
    st.binary(max_size=50),
    st.booleans(),
    values,
)
def test_what_is_built_is_read(kind, sequence, timestamp, ssrc, payload, marker, extensions):
    data = rtp.build(kind, sequence, timestamp, ssrc, payload, marker=marker, extensions=extensions)
    packet = rtp.parse(data)
    assert (packet.payload_type, packet.sequence, packet.timestamp, packet.ssrc, packet.marker) == (
        kind,
        sequence,
        timestamp,
        ssrc,
        marker,
    )
    assert packet.payload == payload
    assert dict(packet.extensions()) == extensions
    for identifier, value in extensions.items():
        assert packet.extension(identifier) == value
    assert rtp.parse(memoryview(data)).payload == payload


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(data):
    try:
        packet = rtp.parse(data)
    except ValueError:
        return
    assert rtp.HEADER_BYTES <= packet.start <= packet.end <= len(data)
    list(packet.extensions())


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "shorter"),
        (bytes(12), "version"),
        (b"\x8f" + bytes(11), "header is cut"),
        (b"\x90" + bytes(11), "extension is cut"),
        (b"\x90" + bytes(11) + b"\xbe\xde\x00\x04", "header is cut"),
        (b"\xa0" + bytes(11), "padding"),
        (b"\xa0" + bytes(11) + b"\x05", "padding"),
    ],
)
def test_what_is_refused_says_why(data, why):
    with pytest.raises(ValueError, match=why):
        rtp.parse(data)


def test_padding_and_csrc_are_left_out():
    head = rtp.HEADER.pack(0xA1, 96, 1, 2, 3) + b"csrc"
    assert rtp.parse(head + b"data\0\0\x03").payload == b"data"


@pytest.mark.parametrize("dbov", [0, -1, -50, -127])
@pytest.mark.parametrize("voice", [True, False])
def test_audio_level(dbov, voice):
    assert rtp.audio_level(rtp.pack_audio_level(dbov, voice=voice)) == (dbov, voice)


def test_one_byte_extension_as_browsers_send_it():
    block = bytes.fromhex("bede0002" + "10ff" + "42303132" + "0000")
    packet = rtp.parse(rtp.HEADER.pack(0x90, 111, 1, 2, 3) + block + b"x")
    assert dict(packet.extensions()) == {1: b"\xff", 4: b"012"}
    assert packet.payload == b"x"


def test_abs_send_time_wraps_after_64_seconds():
    second = 1_000_000_000
    assert rtp.abs_send_time(second) == 1 << 18
    assert rtp.abs_send_time(65 * second) == rtp.abs_send_time(second)
