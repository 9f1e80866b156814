"""Simulated sites at a real server (control and media): join, receive, lose, yield."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import pytest

from linkup.crowd.client import Client, Manners
from linkup.crowd.clips import Clip
from linkup.crowd.impair import Profile
from linkup.crowd.offers import Wish
from linkup.crowd.operator import Operator, script, seat_free
from linkup.crowd.pages import Page, Refused, socket_url
from linkup.crowd.running import Running, fit, running
from linkup.crowd.sites import SimulatedSite
from linkup.crowd.whip import Resource

PATIENCE_S = 10.0


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Running]:
    ports = {"server": {"port": 0, "media_port": 0}}
    file, settings = fit(None, tmp_path, branches=2, loopback=True, changes=ports)
    async with running(file, settings, tmp_path, ("control", "media")) as found:
        yield found


def site(
    server: Running, name: str, clip: Clip, way: str = "page", **more: object
) -> SimulatedSite:
    token = server.invitation("site", name).token
    return SimulatedSite(server.session, server.url, name, token, clip, way=way, **more)  # type: ignore[arg-type]


async def until(what: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not what():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.02)


async def test_two_sites_see_and_hear_each_other(server: Running, clip: Clip) -> None:
    main, school = site(server, "main", clip), site(server, "school", clip, way="whip")
    main.start()
    school.start()
    try:
        await until(lambda: main.present.is_set() and school.present.is_set())
        await until(lambda: main.client and main.client.slots[0].counts.frames > 20)
        await until(lambda: main.client and main.client.slots[4].counts.packets > 20)
        whep = Client(Wish(audio=False, video=None, video_slots=1, audio_slots=1))
        operator = server.invitation("operator").token
        resource = Resource(server.session, f"{server.url}/whep/main", operator)
        await whep.connect(resource.signal)
        await whep.first_picture(5)
        whep.close()
        await resource.end()
    finally:
        await main.stop()
        await school.stop()
    assert (main.totals.lost, school.totals.lost, whep.lost()) == (0, 0, 0)
    assert main.totals.errors == school.totals.errors == []


async def test_loss_is_repaired_both_ways(server: Running, clip: Clip) -> None:
    wire = Profile(loss=0.05, delay_ms=10, jitter_ms=5, reorder=0.01, duplicate=0.01)
    bad = site(server, "main", clip, manners=Manners(impairment=wire, seed=7))
    good = site(server, "school", clip)
    bad.start()
    good.start()
    try:
        await until(lambda: bad.present.is_set() and good.present.is_set())
        await until(lambda: bad.client and bad.client.slots[0].counts.frames > 40)
        await until(lambda: good.client and good.client.slots[0].counts.frames > 40)
        assert bad.client and good.client and bad.client.publisher
        assert bad.client.publisher.counts().repeated > 0
        assert bad.client.slots[0].counts.recovered > 0
        assert bad.client.slots[0].counts.freezes == good.client.slots[0].counts.freezes == 0
    finally:
        await bad.stop()
        await good.stop()


async def test_a_browser_takes_the_seat_and_gives_it_back(server: Running, clip: Clip) -> None:
    console = Page(server.session, socket_url(server.url, "/ws/console"),
                   server.invitation("operator").token)  # fmt: skip
    await console.open()
    free = partial(seat_free, console, "school", 0.3)
    simulated = site(server, "school", clip, seat_free=free)
    browser = site(server, "school", clip)
    simulated.start()
    try:
        await until(simulated.present.is_set)
        browser.start()
        await until(browser.present.is_set)
        await until(lambda: simulated.totals.yielded == 1)
        assert not simulated.present.is_set() and simulated.client is None
        await browser.stop()
        await until(simulated.present.is_set)
        assert simulated.totals.joined == 2
    finally:
        await simulated.stop()
        await browser.stop()
        await console.close()


async def test_the_operator_hands_over(server: Running, clip: Clip) -> None:
    address = socket_url(server.url, "/ws/console")
    demo = Page(server.session, address, server.invitation("operator", name="demo").token)
    anna = Page(server.session, address, server.invitation("operator", name="anna").token)
    await demo.open()
    await anna.open()
    sites = [site(server, name, clip) for name in ("main", "school")]
    for each in sites:
        each.start()
    operator = Operator(demo, 1.0)
    switching = asyncio.create_task(operator.run())
    try:
        await until(lambda: operator.takes)
        with pytest.raises(Refused):
            await anna.ask("preview", layout="no such layout")
        await anna.ask("preview", layout="side", sites=["school", "main"])
        await until(lambda: operator.handed_over_to)
        await asyncio.wait_for(switching, PATIENCE_S)
        assert operator.handed_over_to == "anna" and operator.errors == []
    finally:
        switching.cancel()
        for each in sites:
            await each.stop()
        await anna.close()
        await demo.close()


async def test_a_wrong_token_is_the_end(server: Running, clip: Clip) -> None:
    wrong = SimulatedSite(server.session, server.url, "school", "no token", clip)
    wrong.start()
    try:
        await until(lambda: wrong.totals.errors)
    finally:
        await wrong.stop()
    assert wrong.totals.joined == 0


@pytest.mark.parametrize(
    ("count", "layouts"),
    [(1, {"full"}), (2, {"full", "side", "pip"}), (5, {"full", "side", "pip", "four"})],
)
def test_the_script_uses_every_scene(count: int, layouts: set[str]) -> None:
    people = [{"name": {"zh": "李明"}, "title": {"zh": "教师"}}]
    shots = script([{"id": f"s{number}", "people": people} for number in range(count)])
    found = [next(shots) for _ in range(20)]
    assert {shot.layout for shot in found} == layouts
    assert all(len(set(shot.sites)) == len(shot.sites) for shot in found)
    assert found[0].strip == {"name": "李明", "title": "教师"}
    assert list(script([])) == []
