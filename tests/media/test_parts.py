"""The parts that others' private names live in, and those that need no socket."""

import inspect

import pytest
from aiortc import rtcdtlstransport
from pylibsrtp import Policy, Session

from linkup import messages
from linkup.errors import PeerError
from linkup.media import dtls, srtp, voices
from linkup.media.bandwidth import CAP_BPS, FLOOR_BPS, Allowance
from linkup.media.feed import PublisherClock
from linkup.media.negotiate import plan
from linkup.media.socket import ffi
from linkup.media.track import JUMP, Track
from linkup.wire import rtcp, sdp

from .ends import Camera, offer_sdp

# ---------------------------------------------------------------- private names of libraries


def test_aiortc_still_has_what_dtls_uses():
    """If this fails after an update of aiortc, look at linkup/media/dtls.py."""
    transport = rtcdtlstransport.RTCDtlsTransport
    source = inspect.getsource(transport)
    for name in ("_set_role", "_recv_next", "start", "stop"):
        assert callable(getattr(transport, name)), name
    for name in ("self._srtp_profiles", "self._rx_srtp = Session", "self._tx_srtp = Session"):
        assert name in source, name
    for name in ("transport._recv()", "transport._send(", 'emit("statechange")'):
        assert name in source, name
    assert "allow_repeat_tx = True" in source  # retransmissions answer NACKs
    names = {profile.openssl_profile for profile in rtcdtlstransport.SRTP_PROFILES}
    assert set(dtls._PREFERENCE) == names, "AES-GCM is missing in this build of libsrtp"


def test_srtp_in_place_is_what_the_session_does():
    """If this fails after an update of pylibsrtp, look at linkup/media/srtp.py."""

    def sessions():
        for kind in (Policy.SSRC_ANY_OUTBOUND, Policy.SSRC_ANY_INBOUND):
            profile = Policy.SRTP_PROFILE_AEAD_AES_128_GCM
            yield Session(Policy(key=b"k" * 28, ssrc_type=kind, srtp_profile=profile))

    plain = Camera(5).next(True)[0]
    outbound, inbound = sessions()
    reference = outbound.protect(plain)
    outbound, _ = sessions()
    cipher = srtp.Cipher(inbound, outbound)
    buffer, length = ffi.new("char[]", 2048), ffi.new("int *", len(plain))
    ffi.memmove(buffer, plain, len(plain))
    assert srtp.protect(cipher.outbound, buffer, length) == 0
    assert bytes(ffi.buffer(buffer, length[0])) == reference
    assert srtp.unprotect(cipher.inbound, buffer, length) == 0
    assert bytes(ffi.buffer(buffer, length[0])) == plain
    ffi.memmove(buffer, reference, len(reference))
    length[0] = len(reference)
    assert srtp.unprotect(cipher.inbound, buffer, length) in (srtp.REPLAYED, srtp.REPLAYED_OLD)
    buffer[40] = b"x" if buffer[40] != b"x" else b"y"
    assert srtp.unprotect(cipher.inbound, buffer, length) != 0


# ---------------------------------------------------------------- negotiation


def decide(lines, publishes="north", **more):
    wanted = messages.OpenPeer(
        request=1, peer="p", kind="site", publishes=publishes, offer="", **more
    )
    return plan(sdp.parse(offer_sdp(lines)), wanted)


def test_a_site_gets_its_inlets_and_slots():
    lines = [("audio", "sendonly", 1), ("video", "sendonly", 2)]
    lines += [("video", "recvonly", 0)] * 4 + [("audio", "recvonly", 0)] * 3
    out = decide(lines)
    assert [(each.kind, each.codec, each.mid) for each in out.inlets] == [
        ("audio", "opus", "0"),
        ("video", "vp8", "1"),
    ]
    assert out.inlets[0].audio_level_id == 1 and out.inlets[1].mid_id == 4 and out.inlets[1].nack
    assert [each.kind for each in out.outlets] == ["video"] * 4 + ["audio"] * 3
    assert out.outlets[0].payload_types == {"vp8": 96, "h264:42e0": 102}
    assert len({each.ssrc for each in out.outlets}) == 7
    assert [each.direction for each in out.answered] == ["recvonly"] * 2 + ["sendonly"] * 7
    streams = [each.stream for each in out.answered[2:]]
    assert len(set(streams)) == 7  # no wrong lip sync between strangers


def test_a_viewer_keeps_lip_sync():
    out = decide(
        [("video", "recvonly", 0), ("audio", "recvonly", 0)], publishes=None, audio="program"
    )
    assert {each.stream for each in out.answered} == {"linkup"}


def test_sendrecv_publishes_or_receives():
    lines = [("video", "sendrecv", 1), ("audio", "sendrecv", 2)]
    assert [each.direction for each in decide(lines).answered] == ["recvonly"] * 2
    assert [each.direction for each in decide(lines, None).answered] == ["sendonly"] * 2


def test_a_second_camera_is_refused_alone():
    out = decide([("video", "sendonly", 1), ("video", "sendonly", 2)])
    assert [bool(each.codecs) for each in out.answered] == [True, False]


def test_an_encoder_with_h264_only():
    out = decide([("video", "sendonly", 1, "h264")])
    assert out.inlets[0].codec == "h264" and out.inlets[0].profile == "42e01f"


def test_no_common_codec():
    with pytest.raises(PeerError, match=r"av1.*VP8") as caught:
        decide([("video", "recvonly", 0, "av1")], None)
    assert caught.value.code == "codec"


# ---------------------------------------------------------------- voices


def test_everybody_is_heard_while_they_are_few():
    loudest = voices.Loudest()
    assert loudest.update({"a": -20, "b": None, "c": -127}) == ["a", "b", "c"]
    assert loudest.update({"c": -1, "a": -127}) == ["a", "c"]


def test_a_louder_voice_needs_patience():
    loudest = voices.Loudest(2)
    loudest.update({"a": -20, "b": -30})
    quiet = {"a": -20, "b": -30, "c": -28}
    for _ in range(20):
        assert loudest.update(quiet) == ["a", "b"]  # not louder by enough
    loud = {**quiet, "c": -22}
    assert loudest.update(loud) == ["a", "b"]
    assert loudest.update(loud) == ["a", "b"]
    assert loudest.update(loud) == ["a", "c"]


def test_the_first_syllable_is_not_lost_when_others_are_silent():
    loudest = voices.Loudest(2)
    for _ in range(40):
        loudest.update({"a": -20, "b": -127, "c": -127})
    assert loudest.update({"a": -20, "b": -127, "c": -25}) == ["a", "c"]


def test_who_stays_keeps_his_slot():
    slots = voices.assign([None] * 3, ["a", "b", "c", "d"], "b")
    assert slots == ["a", "c", "d"]
    assert voices.assign(slots, ["d", "e", "c", "b"], "b") == ["e", "c", "d"]
    assert voices.assign(slots, [], "b") == [None] * 3


# ---------------------------------------------------------------- track, clock, allowance


def video_track(**more):
    return Track("north", "p", "video", "vp8", 5, 96, nack=True, **more)


def test_nacks_are_asked_again_then_given_up():
    track = video_track()
    camera = Camera(5, first=10)
    packets = [each for key in (True, False) for each in camera.next(key)]
    for packet in packets[:2] + packets[4:]:
        track.receive(packet, 1)
    ms = 1_000_000
    assert track.due_nacks(1) == []  # may only be reordered
    assert track.due_nacks(20 * ms) == [12, 13]
    assert track.due_nacks(30 * ms) == []
    assert track.due_nacks(90 * ms, rtt_ns=300 * ms) == [12, 13]
    assert track.due_nacks(200 * ms) == []
    track.receive(packets[2], 210 * ms)
    assert track.due_nacks(500 * ms) == [13]
    assert track.due_nacks(2000 * ms) == [] and track.given_up == 1 and not track.missing
    assert track.expected() - track.packets == 1


def test_key_frames_are_asked_for_once_a_second():
    track, second = video_track(), 10**9
    assert not track.keyframe_due(second)
    track.request_keyframe()
    track.request_keyframe()
    assert track.keyframe_due(second)
    track.request_keyframe()
    assert not track.keyframe_due(second + second // 2)
    assert track.keyframe_due(2 * second)
    assert not track.keyframe_due(4 * second)


def test_a_jump_is_a_restart_not_a_loss():
    track = video_track()
    camera = Camera(5, first=100)
    for packet in camera.next(True):
        track.receive(packet, 1)
    camera.sequence = (camera.sequence + JUMP + 500) & 0xFFFF
    for packet in camera.next(True):
        track.receive(packet, 2)
    assert track.restarts == 1 and not track.missing
    assert track.expected() == track.packets == 6
    assert (track.width, track.height) == (640, 360)


def test_history_forgets():
    track, camera = video_track(), Camera(5, first=100)
    for index in range(400):
        for packet in camera.next(index == 0):
            track.receive(packet, 1)
    assert track.stored(track.newest, track.arrival) is not None
    assert track.stored(track.newest - 400, track.arrival) is not None
    assert track.stored(track.newest - 1000, track.arrival) is None
    assert track.stored(track.newest + 1, track.arrival) is None


def test_the_publishers_clock_is_learnt():
    clock, second = PublisherClock(), 10**9
    track = video_track()
    track.receive(Camera(5).next(True)[0], second)
    assert clock.timestamp(track, 2 * second) == track.newest_timestamp + 90_000
    ntp = rtcp.ntp_from_utc_ns(10**18)
    clock.note(ntp, 5 * second)
    track.note_report(ntp, 1000, 5 * second)
    assert abs(clock.timestamp(track, 6 * second) - 91_000) <= 1
    clock.note(rtcp.ntp_from_utc_ns(10**18 + second), 6 * second + 40_000_000)  # came late
    assert abs(clock.timestamp(track, 6 * second) - 91_000) <= 20


def test_allowance_follows_loss():
    allowance = Allowance()
    assert allowance.update(0.0) == CAP_BPS
    assert allowance.update(0.05) == CAP_BPS
    assert allowance.update(0.2) == int(CAP_BPS * 0.9)
    for _ in range(100):
        allowance.update(0.5)
    assert allowance.bps == FLOOR_BPS
    assert allowance.update(0.0) == int(FLOOR_BPS * 1.08)
