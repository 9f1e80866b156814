"""The sockets of pages: seats, state, levels, bad input, slow readers, goodbyes."""

from __future__ import annotations

import asyncio
import contextlib
import json

import pytest
from aiohttp import WSServerHandshakeError

from linkup.errors import BusyError
from linkup.messages import Failed, Levels
from linkup.server import lines
from tests.server.conftest import OFFER, House, closed, hear


async def test_a_site_takes_its_seat_is_answered_and_keeps_its_media(house: House) -> None:
    socket = await house.site()
    state = await hear(socket, "state")
    assert state["site"]["id"] == "school" and house.studio.roster["school"].device == "d1"
    await socket.send_json({"type": "offer", "id": 7, "sdp": OFFER})
    answer = await hear(socket, "answer")
    assert (answer["id"], answer["sdp"]) == (7, "v=0\r\nanswer\r\n")
    assert (answer["video"], answer["audio"]) == (["2", "3"], ["4"])
    assert house.processes.asked[0].publishes == "school"
    await socket.send_json({"type": "hand", "id": "x", "raised": True})
    assert (await hear(socket, "done"))["id"] == "x"
    assert house.studio.roster["school"].hand is not None
    await socket.close()
    # The line alone is lost: the page says what it still has.
    again = await house.client.ws_connect("/ws/site", params={"token": house.token()})
    await again.send_json({"type": "hello", "device": "d1", "peer": answer["peer"]})
    welcome = await hear(again, "welcome")
    assert (welcome["media"], welcome["peer"]) == ("keep", answer["peer"])
    await again.send_json({"type": "hello", "device": "d1", "peer": "site-gone"})
    assert (await hear(again, "welcome"))["media"] == "renew"
    await again.close()


async def test_nobody_keeps_the_media_of_another(house: House) -> None:
    socket = await house.site()
    await socket.send_json({"type": "offer", "id": 1, "sdp": OFFER})
    peer = (await hear(socket, "answer"))["peer"]
    other = await house.client.ws_connect("/ws/site", params={"token": house.token(site="tax")})
    await other.send_json({"type": "hello", "device": "t", "peer": peer})
    assert (await hear(other, "welcome"))["media"] == "renew"
    await socket.close()
    await other.close()


async def test_a_second_device_takes_the_seat(house: House) -> None:
    first = await house.site(device="laptop")
    second = await house.site(device="phone")
    assert await closed(first) == (4003, "seat-taken")
    assert house.studio.roster["school"].device == "phone"
    await second.send_json({"type": "leave", "id": 1})
    await hear(second, "done")
    await second.close()


async def test_media_that_cannot_be_opened_is_explained(house: House) -> None:
    socket = await house.site()
    house.processes.fail = Failed(request=1, code="codec", text="no common codec")
    await socket.send_json({"type": "offer", "id": 1, "sdp": OFFER})
    error = await hear(socket, "error")
    assert (error["id"], error["code"], error["text"]["en"]) == (1, "codec", "no common codec")
    house.processes.away.add("media")
    await socket.send_json({"type": "offer", "id": 2, "sdp": OFFER})
    assert (await hear(socket, "error"))["code"] == "media-away"
    await socket.close()


async def test_nothing_before_hello(house: House) -> None:
    socket = await house.client.ws_connect("/ws/site", params={"token": house.token()})
    await socket.send_json({"type": "hand", "id": 1, "raised": True})
    assert (await hear(socket, "error"))["code"] == "hello-first"
    await socket.close()


BAD = [
    "", "null", "[]", "{", '"x"', "1e999", '{"type":5}', '{"type":"nothing"}', '{"id":3}',
    '{"type":"hand","raised":"yes"}', '{"type":"offer"}', '{"type":"hello","device":""}',
    '{"type":"hello","device":"' + "x" * 100 + '"}', "[" * 5000, '{"type":"take"}', "\x00",
]  # fmt: skip


async def test_garbage_is_answered_and_disturbs_nobody(house: House) -> None:
    socket = await house.site()
    for text in BAD:
        await socket.send_str(text)
        assert (await hear(socket, "error"))["code"] == "bad-message", text[:40]
    await socket.send_bytes(b"\xff\x00")
    assert (await hear(socket, "error"))["code"] == "bad-message"
    await socket.send_str(json.dumps({"id": 9, "type": "hand", "raised": 1}))
    assert (await hear(socket, "error"))["id"] == 9
    await socket.send_json({"type": "hand", "id": 10, "raised": True})
    assert (await hear(socket, "done"))["id"] == 10
    await socket.close()


async def test_too_large_and_too_fast_end_the_line(house: House) -> None:
    socket = await house.site()
    await socket.send_str("x" * (300 * 1024))
    assert (await closed(socket))[0] == 1009
    socket = await house.site()
    for _ in range(80):
        await socket.send_str("{}")
    assert await closed(socket) == (4008, "too-fast")


@pytest.mark.parametrize(
    ("path", "role", "code"),
    [
        ("/ws/site", None, "token-missing"),
        ("/ws/site", "operator", "token-role"),
        ("/ws/site", "nonsense", "token-wrong"),
        ("/ws/console", None, "token-missing"),
        ("/ws/console", "site", "token-role"),
        ("/ws/console", "reviewer", "token-role"),
        ("/ws/console", "partner", "token-role"),
        ("/ws/watch/other", None, "no-consultation"),
    ],
)
async def test_those_who_may_not_are_told_why(
    house: House, path: str, role: str | None, code: str
) -> None:
    token = {} if role is None else {"token": "a.b.c" if role == "nonsense" else house.token(role)}
    socket = await house.client.ws_connect(path, params=token)
    assert await closed(socket) == (4001, code)


async def test_another_web_site_opens_no_socket(house: House) -> None:
    await house.sign_in()
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
    ):
        with pytest.raises(WSServerHandshakeError) as refused:
            await house.client.ws_connect("/ws/console", headers=headers)
        assert refused.value.status == 403
    own = f"http://{house.client.host}:{house.client.port}"
    socket = await house.client.ws_connect("/ws/console", headers={"Origin": own})
    await socket.close()


async def test_revoked_and_signed_out_are_sent_away(house: House) -> None:
    socket = await house.site()
    await socket.send_json({"type": "offer", "id": 1, "sdp": OFFER})
    peer = (await hear(socket, "answer"))["peer"]
    await house.sign_in()
    desk = await house.client.ws_connect("/ws/console")
    await desk.send_json({"type": "hello"})
    await hear(desk, "welcome")
    for visitor, _ in list(house.context.doorkeeper._watched.values()):
        if visitor.site and visitor.jti:
            await house.store.revoke(visitor.jti, "test")
    await house.context.doorkeeper.look_again()
    assert await closed(socket) == (4001, "token-revoked")
    assert house.processes.closed() == [peer]
    assert (await house.client.post("/sign-out", allow_redirects=False)).status == 303
    assert await closed(desk) == (4001, "signed-out")


async def test_console_previews_takes_and_hears_levels(house: House) -> None:
    desk = await house.console()
    await desk.send_json({"type": "preview", "id": 1, "layout": "full", "sites": ["school"]})
    await hear(desk, "done")
    await desk.send_json({"type": "take", "id": 2, "mode": "cut"})
    await hear(desk, "done")
    while (await hear(desk, "state"))["on_air"]["sites"] != ["school"]:
        pass
    await desk.send_json({"type": "preview", "id": 3, "sites": ["nobody"]})
    error = await hear(desk, "error")
    assert error["code"] == "no-such-site" and error["text"]["zh"]
    house.studio.fact("media", Levels(levels={"school": -20}, at=0))
    await hear(desk, "levels")
    await desk.send_json({"type": "offer", "id": 4, "sdp": OFFER})
    first = (await hear(desk, "answer"))["peer"]
    await desk.send_json({"type": "offer", "id": 5, "sdp": OFFER})
    await hear(desk, "answer")
    assert house.processes.closed() == [first]
    await desk.close()


async def test_viewers_are_counted_and_need_no_token(house: House) -> None:
    sockets = [await house.client.ws_connect("/ws/watch/river") for _ in range(3)]
    state = await hear(sockets[0], "state")
    assert {"live", "speaking", "viewers"} <= set(state)
    assert house.context.viewers.count() == 3
    await sockets[0].send_str("{broken")  # nobody listens
    for socket in sockets:
        await socket.close()
    async with asyncio.timeout(5):
        while house.context.viewers.count():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_viewers_cannot_take_the_places_of_sites(house: House) -> None:
    crowd = lines.Lines(dict, lines.KEPT_FREE + 2)
    with contextlib.ExitStack() as all_:
        for _ in range(2):
            crowd.check_room(public=True)
            all_.enter_context(crowd.kept(lines.Line(bytes), levels=False))
        with pytest.raises(BusyError):
            crowd.check_room(public=True)
        crowd.check_room()
    crowd.check_room(public=True)


async def test_states_are_coalesced(house: House) -> None:
    desk = await house.console()
    await hear(desk, "state")
    for at in range(200):
        house.studio.say("test", {"zh": str(at), "en": str(at)}, at)
        house.studio.changed()
        await asyncio.sleep(0)
    heard = 0
    while True:
        heard += 1
        if (await hear(desk, "state"))["log"][-1]["text"]["en"] == "199":
            break
    assert heard <= 5
    await desk.close()


async def test_a_slow_page_is_let_go_and_holds_nobody_up(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "SLOW_S", 0.2)
    monkeypatch.setattr(lines, "STATE_S", 0.0)
    slow = await house.console()
    transport = slow._conn.transport  # type: ignore[union-attr]
    transport.pause_reading()
    line = next(iter(house.client.app[_lines_key()]._lines.values()))
    size = 0

    def large() -> bytes:
        nonlocal size
        size += 1
        return lines.encode({"type": "state", "n": size, "fill": "x" * 200_000})

    line._state = large
    quick = await house.console()
    async with asyncio.timeout(20):
        while not line.closed:
            house.studio.changed()
            await asyncio.sleep(0.005)
    assert size < 100  # made only when the socket took it
    assert line._transport.get_write_buffer_size() < 2_000_000
    await quick.send_json({"type": "automatic", "id": 1, "on": True})
    await hear(quick, "done")
    await quick.close()
    transport.resume_reading()
    await slow.close()


def _lines_key():  # type: ignore[no-untyped-def]
    from linkup.server.signalling import LINES

    return LINES


async def test_a_stopping_server_says_come_back(house: House) -> None:
    site, watcher = await house.site(), await house.client.ws_connect("/ws/watch/river")
    stopping = asyncio.create_task(house.client.server.close())
    assert await closed(site) == (1012, "server-restarts")
    assert (await closed(watcher))[0] == 1012
    await stopping


async def test_the_operator_ends_a_connection(house: House) -> None:
    socket = await house.site()
    await socket.send_json({"type": "offer", "id": 1, "sdp": OFFER})
    await hear(socket, "answer")
    desk = await house.console()
    await desk.send_json({"type": "drop", "id": 1, "site": "school"})
    assert await closed(socket) == (4003, "dropped")
    await desk.close()
