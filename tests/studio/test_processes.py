"""Processes come, go and come again; nothing on air is disturbed."""

from __future__ import annotations

import asyncio

import pytest

from linkup import clock, hub, messages, requests
from linkup.errors import BusyError, MissingError, PeerError
from linkup.messages import Compose, Entry, MapSlots, OpenMicrophones, Strip
from tests.studio.stage import Stage


async def test_each_process_is_told_everything_when_it_comes(show: Stage) -> None:
    assert show.studio.ready() == {"media": False, "program": False, "record": False}
    media, program, record = await show.all()
    assert show.studio.ready() == {"media": True, "program": True, "record": True}
    compose = await program.hears(Compose)
    assert compose.on_air.feeds == ["hall"] and compose.take == 1
    assert compose.names["school"] == Strip(name="School", title="Zhuzhou")
    assert (await media.hears(OpenMicrophones)).feeds == []
    await record.hears(Entry, lambda each: each.kind == "take")
    assert [each.kind for each in record.entries()] == ["started", "take"]
    assert record.entries("started")[0].data["title"] == {"zh": "湘江", "en": "River"}


async def test_a_program_that_was_restarted_gets_its_picture_at_once(show: Stage) -> None:
    media, program, _ = await show.all()
    await show.join(media, "school")
    show.show("school", mode="mix")
    told = await program.hears(Compose, lambda each: each.on_air.feeds == ["school"])
    assert told.mix_ms == 500
    await program.disconnect()
    await show.until(lambda: not show.studio.ready()["program"])
    assert "program-away" in [each["code"] for each in show.studio.console_view()["warnings"]]
    again = await show.process("program", pid=2)
    told = await again.hears(Compose)
    assert told.on_air.feeds == ["school"] and told.take == 2
    assert told.mix_ms == 0  # the dissolve was over long ago
    assert told.microphones == ["school"]


async def test_a_recorder_that_was_restarted_gets_what_was_not_noted(show: Stage) -> None:
    media, _, record = await show.all()
    await record.hears(Entry, lambda each: each.kind == "take")
    started, first = record.entries()
    record.send(messages.Noted(ids=[started.id]))
    await show.until(lambda: len(show.studio.outbox) == 1)
    await record.disconnect()
    await show.until(lambda: not show.studio.ready()["record"])
    await show.join(media, "school")
    again = await show.process("record", pid=2)
    await again.hears(Entry, lambda each: each.data.get("state") == "back")
    assert [each.kind for each in again.entries()] == ["take", "site-joined", "process", "process"]
    joined, away, back = again.entries()[1:]
    assert away.at < joined.at < back.at  # told late, with the right time
    assert again.entries()[0] == first  # the same id: record would ignore what it has
    again.send(messages.Noted(ids=[each.id for each in again.entries()]))
    await show.until(lambda: not len(show.studio.outbox))
    assert len({each.id for each in (*record.entries(), *again.entries())}) == 5


async def test_control_is_killed_and_no_picture_stops(show: Stage) -> None:
    media, program, record = await show.all()
    peers = {site: await show.join(media, site) for site in ("hall", "school", "tax")}
    console = (await show.studio.offer("console", "anna", "v=0")).peer
    media.change(console, "connected")
    await show.until(lambda: show.studio.peers.by_id[console].state == "connected")
    show.show("school")
    show.ask(requests.Preview(sites=["tax"]))
    show.ask(requests.Mute(site="tax", muted=True))
    show.studio.site_request("hall", requests.Hand(raised=True))
    show.ask(requests.Note(site="school", text="two minutes"))
    await program.hears(Compose, lambda each: each.next is not None and "tax" in each.next.feeds)
    program.send(messages.OnAir(take=2, at=clock.now_ns()))
    await show.until(lambda: show.studio.confirmed == 2)
    before = show.studio.console_view()
    saves = show.store.saves
    await show.until(lambda: show.store.saves > saves)  # written behind, within 0.3 s
    await asyncio.sleep(0)
    await show.kill()
    for each in (media, program, record):
        await each.disconnect()
        each.told.clear()

    assert await show.start()  # the same run of the supervisor
    page = asyncio.create_task(show.studio.adopted(5))
    for each in (media, program, record):
        await each.connect()
    assert await page
    # A page comes back with its old peer: it lives.
    assert all(show.studio.peer_lives(peer) for peer in (*peers.values(), console))
    compose = await program.hears(Compose)
    assert (compose.take, compose.on_air.feeds) == (2, ["school"])
    program.send(messages.OnAir(take=2, at=clock.now_ns()))  # it may say so again
    assert sorted((await media.hears(OpenMicrophones)).feeds) == ["hall", "school"]
    await show.until(
        lambda: {each.peer for each in media.of(MapSlots)} == {*peers.values(), console}
    )
    assert not media.of(messages.ClosePeer) and not media.of(messages.OpenPeer)
    after = show.studio.console_view()
    for key in ("on_air", "preview", "undo", "live_since", "slate"):
        assert after[key] == before[key]
    for old, new in zip(before["sites"], after["sites"], strict=True):
        for key in ("present", "since", "hand", "muted", "note", "tally", "camera", "microphone"):
            assert new[key] == old[key]
    show.studio.console_opened("anna", "c9")
    await record.hears(Entry, lambda each: each.kind == "operator-joined")
    assert [each.kind for each in record.entries()] == ["operator-joined"]  # nothing happened


async def test_another_run_begins_with_nobody_there(show: Stage) -> None:
    media, _, record = await show.all()
    await show.join(media, "school")
    show.show("school")
    show.studio.site_request("school", requests.Hand(raised=True))
    show.ask(requests.Mute(site="tax", muted=True))
    for each in show.processes:
        await each.disconnect()
    await show.stop()
    assert not await show.start(run="run-2")
    view = show.studio.console_view()
    assert view["on_air"]["sites"] == ["school"] and view["live_since"] is None
    assert not any(each["present"] or each["hand"] for each in view["sites"])
    assert [each["id"] for each in view["sites"] if each["muted"]] == ["tax"]
    record = await show.process("record")
    entry = await record.hears(Entry, lambda each: each.kind == "take")
    assert entry.data["take"] == 2 and entry.data["cause"] == "start"


async def test_a_restart_of_control_alone_is_not_the_end(show: Stage) -> None:
    media, program, record = await show.all()
    await show.studio.stop()
    assert not record.entries("stopped")
    for each in (media, program):
        await each.disconnect()
    await show.until(lambda: list(show.studio.ready().values()) == [False, False, True])
    await show.studio.stop()
    await record.hears(Entry, lambda each: each.kind == "stopped")


async def test_a_media_process_that_died_took_its_peers_along(show: Stage) -> None:
    media, _, record = await show.all()
    peer = await show.join(media, "school")
    await media.disconnect()
    await show.until(lambda: not show.studio.ready()["media"])
    with pytest.raises(BusyError, match="not there"):
        await show.studio.offer("site", "tax", "v=0", publishes="tax")
    await show.process("media", pid=2)
    await show.until(lambda: not show.studio.roster.present())
    assert not show.studio.peer_lives(peer)
    lost = await record.hears(Entry, lambda each: each.kind == "site-lost")
    assert lost.data == {"site": "school", "reason": "media restarted"}
    assert [each.data["state"] for each in record.entries("process")] == ["away", "back"]


async def test_a_newer_line_of_the_same_process_replaces_the_older(show: Stage) -> None:
    old = await show.process("program", pid=1)
    await old.hears(Compose)
    new = await show.process("program", pid=2)
    await new.hears(Compose)
    show.show("school")
    await new.hears(Compose, lambda each: each.take == 2)
    assert old.last(Compose).take == 1
    assert show.studio.ready()["program"]


@pytest.mark.parametrize("body", [b"{", b'{"type":"Nonsense"}', b'{"type":"Levels","at":"x"}'])
async def test_nonsense_on_a_line_ends_that_line_only(show: Stage, body: bytes) -> None:
    media, program, _ = await show.all()
    reader, writer = await asyncio.open_unix_connection(str(show.place.control_socket))
    writer.write(len(body).to_bytes(4, "big") + body)
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()
    await show.join(media, "school")
    show.show("school")
    await program.hears(Compose, lambda each: each.take == 2)


async def test_a_process_that_does_not_read_is_cut_and_not_waited_for(
    show: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "BUFFER", 100_000)
    reader, writer = await asyncio.open_unix_connection(str(show.place.control_socket), limit=1024)
    writer.write(messages.encode(messages.Hello(process="program", pid=1)))
    await show.until(lambda: show.studio.ready()["program"])
    name = 0
    while show.hub.dropped["program"] == 0:
        # Faster than any operator; each is one Compose that nobody reads.
        name += 1
        strip = requests.StripText(name=f"{name}" + "x" * 70, title="y" * 80)
        show.ask(requests.StripOnAir(strip=strip))
        assert name < 200_000
    await show.until(lambda: not show.studio.ready()["program"])
    writer.close()
    program = await show.process("program", pid=2)
    compose = await program.hears(Compose)
    assert compose.on_air.strip is not None and compose.on_air.strip.name.startswith(f"{name}")
    del reader


async def test_offers_that_fail(show: Stage) -> None:
    with pytest.raises(BusyError) as away:
        await show.studio.offer("viewer", "x", "v=0")
    assert away.value.code == "media-away"
    media, *_ = await show.all()
    with pytest.raises(MissingError):
        await show.studio.offer("whip", "nobody", "v=0", publishes="nobody")
    with pytest.raises(MissingError):
        await show.studio.offer("whep", "x", "v=0", watches="nobody")
    media.refuse = messages.Failed(request=0, code="sdp", text="no media line")
    with pytest.raises(PeerError, match="no media line"):
        await show.studio.offer("site", "tax", "rubbish", publishes="tax")
    media.refuse = messages.Failed(request=0, code="busy", text="full")
    with pytest.raises(BusyError):
        await show.studio.offer("site", "tax", "v=0", publishes="tax")
    assert not len(show.studio.peers) and not show.studio.roster["tax"].peers


async def test_media_goes_away_while_an_offer_waits(show: Stage) -> None:
    media, *_ = await show.all()
    media.mute = True
    waiting = asyncio.create_task(show.studio.offer("site", "tax", "v=0", publishes="tax"))
    await media.hears(messages.OpenPeer)
    await media.disconnect()
    with pytest.raises(BusyError):
        await waiting
    assert not len(show.studio.peers)


async def test_a_page_that_goes_while_its_offer_waits_leaves_nothing(show: Stage) -> None:
    media, *_ = await show.all()
    media.mute = True
    waiting = asyncio.create_task(show.studio.offer("site", "tax", "v=0", publishes="tax"))
    opened = await media.hears(messages.OpenPeer)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert (await media.hears(messages.ClosePeer)).peer == opened.peer
    assert not len(show.studio.peers)


async def test_the_limit_of_connections(show: Stage) -> None:
    await show.all()
    show.studio.settings = show.settings.model_copy(
        update={"server": show.settings.server.model_copy(update={"max_peers": 1})}
    )
    await show.studio.offer("viewer", "a", "v=0")
    with pytest.raises(BusyError) as full:
        await show.studio.offer("viewer", "b", "v=0")
    assert full.value.code == "busy"


async def test_the_show_goes_on_with_a_broken_disk(show: Stage) -> None:
    show.store.broken = True
    media, program, _ = await show.all()
    await show.join(media, "school")
    show.show("school")
    await program.hears(Compose, lambda each: each.take == 2)
    await show.until(lambda: show.studio._keeper.failing)
    show.store.broken = False
