"""WHIP and WHEP as encoders and players speak them, each in its own way."""

from __future__ import annotations

import pytest

from linkup.messages import Failed
from tests.server.conftest import OFFER, House

SDP = {"Content-Type": "application/sdp"}
FRAGMENT = {"Content-Type": "application/trickle-ice-sdpfrag"}


async def test_publish_and_end(house: House) -> None:
    bearer = house.bearer("site", "school")
    made = await house.client.post("/whip/school", data=OFFER, headers=SDP | bearer)
    assert made.status == 201 and made.content_type == "application/sdp"
    assert await made.text() == "v=0\r\nanswer\r\n"
    place = made.headers["Location"]
    assert place.startswith("/whip/school/whip-") and made.headers["ETag"]
    assert made.headers["Access-Control-Allow-Origin"] == "*"
    asked = house.processes.asked[0]
    assert (asked.kind, asked.publishes) == ("whip", "school")
    candidate = "a=candidate:1 1 udp 1 10.0.0.1 1 typ host\r\n"
    patched = await house.client.patch(place, data=candidate, headers=FRAGMENT | bearer)
    assert patched.status == 204
    wrong = await house.client.patch(place, data=candidate, headers=SDP | bearer)
    assert wrong.status == 415
    restart = await house.client.patch(
        place, data="a=ice-ufrag:x\r\n", headers=FRAGMENT | bearer | {"If-Match": "*"}
    )
    assert restart.status == 409
    assert (await house.client.delete(place, headers=bearer)).status == 200
    assert house.processes.closed() == [asked.peer]
    assert (await house.client.delete(place, headers=bearer)).status == 404


@pytest.mark.parametrize("path", ["/whip/school", "/whip/school/"])
@pytest.mark.parametrize(
    "kind", ["application/sdp", "application/sdp; charset=utf-8", "Application/SDP"]
)
async def test_slashes_and_parameters_do_not_matter(house: House, path: str, kind: str) -> None:
    response = await house.client.post(
        path, data=OFFER, headers={"Content-Type": kind} | house.bearer("site", "school")
    )
    assert response.status == 201
    ended = await house.client.delete(
        response.headers["Location"] + "/", headers=house.bearer("operator")
    )
    assert ended.status == 200


async def test_what_is_no_offer_is_refused_in_words(house: House) -> None:
    async def post(data: bytes, kind: str) -> tuple[int, str]:
        response = await house.client.post(
            "/whip/school",
            data=data,
            headers={"Content-Type": kind} | house.bearer("site", "school"),
        )
        return response.status, await response.text()

    status, text = await post(OFFER.encode(), "application/json")
    assert status == 415 and text.startswith("sdp-type: Send") and "application/sdp" in text
    assert (await post(b"", "application/sdp"))[0] == 400
    assert (await post(b"GET / HTTP/1.1", "application/sdp"))[0] == 400
    assert (await post(b"v=0\xff\xfe", "application/sdp"))[0] == 400
    assert (await post(b"v=0" + b"x" * 300_000, "application/sdp"))[0] == 413
    house.processes.fail = Failed(request=1, code="sdp", text="no ice-ufrag")
    status, text = await post(OFFER.encode(), "application/sdp")
    assert (status, text) == (400, "sdp: no ice-ufrag\n")
    house.processes.fail = Failed(request=1, code="busy", text="full")
    assert (await post(OFFER.encode(), "application/sdp"))[0] == 503
    house.processes.away.add("media")
    assert (await post(OFFER.encode(), "application/sdp"))[0] == 503
    assert house.studio.peers.by_id == {}


@pytest.mark.parametrize(
    ("path", "role", "site", "status"),
    [
        ("/whip/school", None, None, 401),
        ("/whip/school", "site", "tax", 403),
        ("/whip/school", "partner", None, 403),
        ("/whip/school", "reviewer", None, 403),
        ("/whip/school", "operator", None, 201),
        ("/whip/nowhere", "operator", None, 404),
        ("/whep/program", None, None, 401),
        ("/whep/program", "site", "school", 403),
        ("/whep/program", "partner", None, 201),
        ("/whep/program", "reviewer", None, 201),
        ("/whep/program/", "operator", None, 201),
        ("/whep/school", "partner", None, 403),
        ("/whep/school", "operator", None, 201),
        ("/whep/nowhere", "operator", None, 404),
    ],
)
async def test_who_may(
    house: House, path: str, role: str | None, site: str | None, status: int
) -> None:
    headers = SDP | (house.bearer(role, site) if role else {})
    response = await house.client.post(path, data=OFFER, headers=headers)
    assert response.status == status
    if status == 401:
        assert response.headers["WWW-Authenticate"].startswith("Bearer")


async def test_nobody_ends_what_is_not_his(house: House) -> None:
    made = await house.client.post(
        "/whip/school", data=OFFER, headers=SDP | house.bearer("site", "school")
    )
    peer = made.headers["Location"].rsplit("/", 1)[1]
    for path in (f"/whip/tax/{peer}", f"/whep/program/{peer}", "/whip/school/unknown"):
        response = await house.client.delete(path, headers=house.bearer())
        assert response.status == 404, path
    refused = await house.client.delete(
        made.headers["Location"], headers=house.bearer("site", "tax")
    )
    assert refused.status == 403
    assert house.processes.closed() == []


async def test_revoking_ends_the_encoder(house: House) -> None:
    from linkup import invite

    made = invite.make(house.data, house.settings, "site", "school")
    headers = SDP | {"Authorization": f"Bearer {made.token}"}
    place = (await house.client.post("/whip/school", data=OFFER, headers=headers)).headers[
        "Location"
    ]
    revoked = await house.client.post(
        f"/api/v1/invitations/{made.jti}/revoke", headers=house.bearer()
    )
    assert revoked.status == 200
    assert house.processes.closed() == [place.rsplit("/", 1)[1]]
    again = await house.client.post("/whip/school", data=OFFER, headers=headers)
    assert again.status == 401


async def test_options_and_preflight(house: House) -> None:
    response = await house.client.options(
        "/whip/school",
        headers={"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"},
    )
    assert response.status == 204
    assert response.headers["Accept-Post"] == "application/sdp"
    assert "Authorization" in response.headers["Access-Control-Allow-Headers"]
    assert (await house.client.get("/whip/school")).status == 405
    # A page of another site may publish, with a token of its own.
    made = await house.client.post(
        "/whip/school",
        data=OFFER,
        headers=SDP | house.bearer("site", "school") | {"Origin": "https://elsewhere.example"},
    )
    assert made.status == 201


async def test_the_media_check(house: House) -> None:
    headers = SDP | house.bearer("site", "school")
    response = await house.client.post("/api/v1/probe/media", data=OFFER, headers=headers)
    assert response.status == 200 and response.content_type == "application/sdp"
    assert house.processes.asked[0].kind == "viewer"
    assert not house.studio.roster["school"].present
    assert (await house.client.post("/api/v1/probe/media", data=OFFER, headers=SDP)).status == 401
