import pytest
from aiortc.sdp import SessionDescription
from hypothesis import given
from hypothesis import strategies as st

from linkup.errors import PeerError
from linkup.wire import sdp

# Shortened from Chromium 156: microphone, camera, one slot, a data channel.
CHROMIUM = """v=0
o=- 4611731400430051336 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1 2 3
a=extmap-allow-mixed
a=msid-semantic: WMS stream
m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=ice-ufrag:F7gI
a=ice-pwd:x9cml/YzichV2+XlhiMu8gaa
a=ice-options:trickle
a=fingerprint:sha-256 DIGEST
a=setup:actpass
a=mid:0
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid
a=sendonly
a=msid:stream mic
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:63 red/48000/2
a=fmtp:63 111/111
a=rtpmap:9 G722/8000
a=ssrc:1001 cname:abc
m=video 9 UDP/TLS/RTP/SAVPF 96 97 102 103
c=IN IP4 0.0.0.0
a=ice-ufrag:F7gI
a=ice-pwd:x9cml/YzichV2+XlhiMu8gaa
a=fingerprint:sha-256 DIGEST
a=setup:actpass
a=mid:1
a=extmap:4/sendrecv urn:ietf:params:rtp-hdrext:sdes:mid
a=sendonly
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:96 VP8/90000
a=rtcp-fb:96 goog-remb
a=rtcp-fb:96 nack
a=rtcp-fb:96 nack pli
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=rtpmap:102 H264/90000
a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f
a=rid:h send
a=ssrc-group:FID 2001 2002
a=ssrc:2001 cname:abc
a=ssrc:2002 cname:abc
m=video 9 UDP/TLS/RTP/SAVPF 96
c=IN IP4 0.0.0.0
a=mid:2
a=recvonly
a=rtpmap:96 VP8/90000
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=mid:3
a=sctp-port:5000
""".replace("DIGEST", ":".join(["5E"] * 32))


def test_what_chromium_offers_is_understood():
    offer = sdp.parse(CHROMIUM)
    audio, camera, slot, data = offer.media
    assert (offer.ice_ufrag, offer.setup, offer.bundle) == ("F7gI", "actpass", list("0123"))
    assert offer.fingerprints[0][0] == "sha-256"
    assert [each.mid for each in offer.media] == list("0123")
    assert audio.sends and not audio.receives and slot.receives and not slot.sends
    assert audio.codecs[0] == sdp.Codec(
        111, "opus", 48000, 2, {"minptime": "10", "useinbandfec": "1"}, []
    )
    assert camera.codecs[0].feedback == ["goog-remb", "nack", "nack pli"]
    assert camera.codecs[2].parameters["profile-level-id"] == "42001f"
    assert camera.ssrcs == [2001, 2002] and camera.repair == {2002}
    assert camera.rids == ["h"]
    assert audio.extensions["urn:ietf:params:rtp-hdrext:sdes:mid"] == 4
    assert camera.extensions == {"urn:ietf:params:rtp-hdrext:sdes:mid": 4}
    assert data.kind == "application" and data.formats == ["webrtc-datachannel"]


def answer():
    offer = sdp.parse(CHROMIUM)
    audio, camera, slot, data = offer.media
    answered = [
        sdp.Answered(audio, "recvonly", audio.codecs[:1]),
        sdp.Answered(camera, "recvonly", camera.codecs[:1]),
        sdp.Answered(slot, "sendonly", slot.codecs, {}, 77, "name", "stream", "track"),
        sdp.Answered(data),
    ]
    local = sdp.Local("ufrag", "p" * 24, [("sha-256", "AB:CD")], ["192.0.2.1", "::1"], 7000)
    return sdp.build_answer(offer, answered, local, 5)


def test_an_independent_reader_understands_the_answer():
    text = answer()
    assert text.count("a=candidate:") == 2  # once for the bundle
    found = SessionDescription.parse(text)
    assert [each.items for each in found.group] == [["0", "1", "2"]]
    audio, _, slot, data = found.media
    assert audio.ice.iceLite and audio.ice.usernameFragment == "ufrag"
    assert [(c.ip, c.port) for c in audio.ice_candidates] == [("192.0.2.1", 7000), ("::1", 7000)]
    assert audio.dtls.role == "server" and audio.direction == "recvonly"
    assert slot.direction == "sendonly" and slot.ssrc[0].ssrc == 77
    assert slot.msid == "stream track"
    assert data.port == 0


def test_our_answer_can_be_read_back():
    found = sdp.parse(answer())
    assert found.setup == "passive"
    assert [each.port for each in found.media] == [7000, 7000, 7000, 0]


@pytest.mark.parametrize(
    ("change", "to", "why"),
    [
        ("v=0", "v=1", "v=0"),
        ("m=audio 9", "m=audio x", "m-line 1 is not valid"),
        ("a=mid:1", "a=mid:0", "same mid"),
        ("a=setup:actpass", "a=setup:holdconn", "DTLS role"),
        ("UDP/TLS/RTP/SAVPF", "RTP/AVP", "SAVPF"),
        ("BUNDLE 0 1 2 3", "BUNDLE 0", "BUNDLE"),
        ("m=", "x=", "no m-line"),
        ("m=audio", "m=text", None),
    ],
)
def test_what_is_wrong_is_said(change, to, why):
    text = CHROMIUM.replace(change, to)
    if why is None:
        sdp.parse(text)
        return
    with pytest.raises(PeerError, match=why) as caught:
        sdp.parse(text)
    assert caught.value.code == "sdp"


def test_too_much_is_refused():
    with pytest.raises(PeerError, match="256 KiB"):
        sdp.parse("v=0\n" + "a=x\n" * 100_000)
    with pytest.raises(PeerError, match="m-lines"):
        sdp.parse("v=0\n" + "m=video 9 UDP/TLS/RTP/SAVPF 96\n" * 100)


@given(st.data())
def test_any_mutation_is_read_or_refused(data):
    text = list(CHROMIUM)
    for _ in range(data.draw(st.integers(1, 8))):
        position = data.draw(st.integers(0, len(text) - 1))
        text[position] = data.draw(st.characters(codec="utf-8"))
    cut = data.draw(st.integers(0, len(text)))
    try:
        sdp.parse("".join(text[cut // 8 :]))
    except PeerError as error:
        assert error.message
