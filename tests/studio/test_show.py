"""What operators and sites do, and what they and the processes see of it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from linkup import clock, messages, requests
from linkup.errors import ConflictError, LinkupError, MissingError, UserError
from linkup.messages import Compose, Entry, MapSlots, OpenMicrophones
from linkup.show.events import SECOND
from tests.studio.stage import SITES, Process, Stage, stage


def codes(show: Stage) -> list[str]:
    return [each["code"] for each in show.studio.console_view()["warnings"]]


def shown(show: Stage, site: str) -> dict[str, object]:
    return next(each for each in show.studio.console_view()["sites"] if each["id"] == site)


async def test_two_consoles_stay_in_step(show: Stage) -> None:
    media, program, record = await show.all()
    await show.join(media, "school")
    heard: list[str] = []
    stop = show.studio.listen(heard.append)
    show.studio.console_opened("anna", "c1")
    show.studio.console_opened("bo", "c2")
    show.ask(requests.Preview(sites=["school"], strip=requests.StripText(name="Wang")), "anna")
    show.ask(requests.Take(mode="mix"), "bo")
    with pytest.raises(ConflictError):
        show.ask(requests.Take(), "anna")  # pressed at the same moment
    view = show.studio.console_view()
    assert view["on_air"]["sites"] == ["school"] and view["on_air"]["by"] == "bo"
    assert view["on_air"]["strip"] == {"name": "Wang", "title": ""}
    assert view["preview"]["sites"] == ["hall"]
    assert view["consoles"] == ["anna", "bo"]
    assert heard.count("state") >= 4
    taken = await record.hears(Entry, lambda each: each.data.get("cause") == "hand")
    assert taken.who == "operator:bo"
    assert taken.data == {
        "take": 2, "layout": "full", "sites": ["school"], "names": [{"zh": "学校", "en": "School"}],
        "strip": {"name": "Wang", "title": ""}, "mode": "mix", "automatic": False, "cause": "hand",
    }  # fmt: skip
    compose = await program.hears(Compose, lambda each: each.take == 2)
    assert compose.next is not None and compose.next.feeds == ["hall"]
    at = clock.now_ns()
    program.send(messages.OnAir(take=2, at=at))
    entry = await record.hears(Entry, lambda each: each.kind == "on-air")
    assert (entry.data, entry.at) == ({"take": 2}, at)
    stop()
    count = len(heard)
    show.studio.console_closed("c2")
    assert len(heard) == count
    left = await record.hears(Entry, lambda each: each.kind == "operator-left")
    assert left.who == "operator:bo"


async def test_undo(show: Stage) -> None:
    media, program, record = await show.all()
    await show.join(media, "school")
    with pytest.raises(ConflictError):
        show.ask(requests.Undo())
    show.show("school")
    show.ask(requests.Undo(), "bo")
    compose = await program.hears(Compose, lambda each: each.take == 3)
    assert compose.on_air.feeds == ["hall"] and compose.mix_ms == 0
    await record.hears(Entry, lambda each: each.data.get("cause") == "undo")
    assert record.entries("undo")[0].data == {"take": 3}
    assert show.studio.console_view()["log"][-1]["text"]["en"] == "Undone, back to: Hall"
    assert show.studio.console_view()["log"][-1]["who"] == "bo"


async def test_a_site_page_follows_the_show(show: Stage) -> None:
    media, *_ = await show.all()
    school = await show.join(media, "school")
    view = show.studio.site_view("school")
    assert view["tally"] == "off" and view["place"] is None and view["slots"] == [None] * 4
    assert view["site"] == {
        "id": "school", "name": {"zh": "学校", "en": "School"},
        "city": {"zh": "株洲", "en": "Zhuzhou"},
    }  # fmt: skip
    show.studio.site_request("tax", requests.Hand(raised=True))
    show.studio.site_request("school", requests.Hand(raised=True))
    show.ask(requests.Preview(sites=["school"]))
    show.ask(requests.Note(site="*", text="Please be quiet"))
    view = show.studio.site_view("school")
    assert (view["tally"], view["place"], view["hand"]) == ("next", 1, True)
    assert view["next"] == [{"id": "school", "name": {"zh": "学校", "en": "School"}}]
    assert view["note"]["text"] == "Please be quiet"
    show.ask(requests.Take())
    assert show.studio.site_view("school")["tally"] == "air"
    show.ask(requests.Slate(on=True))
    view = show.studio.site_view("school")
    assert (view["tally"], view["slate"], view["on_air"]) == ("off", True, [])
    media.send(messages.SlotShown(peer=school, slot=1, feed="hall", at=0))
    await show.until(lambda: show.studio.site_view("school")["slots"][1] == "hall")
    with pytest.raises(MissingError):
        show.studio.site_view("nobody")


async def test_slots_follow_who_is_on_air_and_keep_their_places(show: Stage) -> None:
    media, *_ = await show.all()
    peers = {site: await show.join(media, site) for site in ("hall", "school", "tax", "studio")}

    def mapped(site: str) -> list[str | None]:
        return [each for each in media.of(MapSlots) if each.peer == peers[site]][-1].video_slots

    await show.until(lambda: mapped("school") == ["hall", "tax", "studio", None])
    show.show("tax")
    await show.until(lambda: mapped("school") == ["tax", "hall", "studio", None])
    await show.until(lambda: mapped("tax")[0] == "hall")  # not oneself: the first hall
    show.show("school")
    await show.until(lambda: mapped("hall") == ["school", "tax", "studio", None])
    show.studio.site_request("hall", requests.Main(show="program"))
    # The site on air goes to a free place, the others do not move.
    await show.until(lambda: mapped("hall") == ["program", "tax", "studio", "school"])
    assert show.studio.site_view("hall")["main"] == "program"
    # The media process was told of the wall only once, when the console came.
    console = (await show.studio.offer("console", "anna", "v=0")).peer
    request = media.last(messages.OpenPeer)
    assert request.peer == console and request.audio == "loudest"
    assert request.video_slots[:5] == ["hall", "school", "tax", "studio", "abroad"]
    assert len(request.video_slots) == 24 and request.video_slots[23] == "program"
    show.show("tax")
    await show.until(lambda: mapped("school")[0] == "tax")
    assert console not in [each.peer for each in media.of(MapSlots)]


async def test_viewers_and_encoders(show: Stage) -> None:
    media, *_ = await show.all()
    await show.studio.offer("viewer", "x", "v=0")
    assert media.last(messages.OpenPeer).video_slots == ["program"]
    assert media.last(messages.OpenPeer).audio == "program"
    await show.studio.offer("whep", "x", "v=0", watches="tax")
    assert media.last(messages.OpenPeer).audio == "tax"
    whip = await show.studio.offer("whip", "tax", "v=0", publishes="tax")
    media.change(whip.peer, "connected")
    await show.until(lambda: show.studio.roster.present() == ["tax"])
    assert (await media.hears(OpenMicrophones, lambda each: bool(each.feeds))).feeds == ["tax"]
    show.studio.watching(7)
    assert show.studio.console_view()["viewers"] == 7 == show.studio.watch_view()["viewers"]


async def test_another_device_takes_the_seat_and_the_picture(show: Stage) -> None:
    media, _, record = await show.all()
    laptop = await show.join(media, "school", "laptop")
    show.studio.site_request("school", requests.Hand(raised=True))
    assert show.studio.take_seat("school", "phone", "c-phone") == "c-school-laptop"
    phone = (await show.studio.offer("site", "school", "v=0", publishes="school")).peer
    media.change(phone, "connected")
    media.change(laptop, "closed", "replaced")
    await show.until(lambda: not show.studio.peer_lives(laptop))
    show.studio.leave_seat("school", "c-school-laptop")
    assert show.studio.roster["school"].connection == "c-phone"
    assert shown(show, "school")["present"] and shown(show, "school")["hand"]
    await record.hears(Entry, lambda each: each.kind == "hand")
    assert not record.entries("site-lost")  # nobody was away for a moment


async def test_a_reload_keeps_the_seat(show: Stage) -> None:
    media, _, record = await show.all()
    old = await show.join(media, "school")
    show.ask(requests.Mute(site="school", muted=True))
    show.studio.leave_seat("school", "c-school-laptop")
    media.change(old, "closed", "page left")
    await record.hears(Entry, lambda each: each.kind == "site-lost")
    # Others keep its picture's place for a moment.
    assert "school" in show.studio.there()
    show.studio.take_seat("school", "laptop", "c2")
    new = (await show.studio.offer("site", "school", "v=0", publishes="school")).peer
    media.change(new, "connected")
    await show.until(lambda: shown(show, "school")["present"])
    assert shown(show, "school")["muted"]
    told = ("site-joined", "site-lost", "site-joined")
    await show.until(
        lambda: tuple(each.kind for each in record.entries("site-joined", "site-lost")) == told
    )


async def test_leaving_and_being_dropped(show: Stage) -> None:
    media, *_ = await show.all()
    peer = await show.join(media, "school")
    show.studio.site_request("school", requests.Leave())
    assert (await media.hears(messages.ClosePeer)).peer == peer
    assert not shown(show, "school")["present"]
    heard: list[str] = []
    show.studio.listen(heard.append)
    peer = await show.join(media, "tax")
    show.ask(requests.Drop(site="tax"))
    await media.hears(messages.ClosePeer, lambda each: each.peer == peer)
    assert "bye:c-tax-laptop:dropped" in heard
    with pytest.raises(ConflictError):
        show.ask(requests.Drop(site="tax"))


async def test_microphones(show: Stage) -> None:
    media, program, _ = await show.all()
    for site in ("hall", "school", "tax"):
        await show.join(media, site)

    async def open_to_all(*feeds: str) -> None:
        await show.until(lambda: media.last(OpenMicrophones).feeds == list(feeds))
        await show.until(lambda: program.last(Compose).microphones == list(feeds))

    await open_to_all("hall", "school", "tax")
    show.studio.site_request("school", requests.Microphone(open=False))
    await open_to_all("hall", "tax")
    show.ask(requests.MuteAll(but=["hall"]))
    await open_to_all("hall")
    show.ask(requests.Mute(site="tax", muted=False))
    await open_to_all("hall", "tax")
    # A pause of the show must not be overheard by the public; the sites go on talking.
    show.ask(requests.Slate(on=True))
    await program.hears(Compose, lambda each: each.slate and not each.microphones)
    assert media.last(OpenMicrophones).feeds == ["hall", "tax"]
    show.show("school")
    await program.hears(Compose, lambda each: not each.slate and each.on_air.feeds == ["school"])
    assert "on-air-muted:school" in codes(show)


def say(media: Process, show: Stage, seconds: float, **levels: int) -> int:
    """Levels of so many seconds, at a clock that runs as fast."""
    for _ in range(round(seconds * 10)):
        show.ahead += SECOND // 10
        message = messages.Levels(levels=levels, at=clock.now_ns() + show.ahead)
        show.studio.fact("media", message)
    return show.studio.switcher.take_number


async def test_automatic_switching(show: Stage) -> None:
    media, program, record = await show.all()
    for site in ("hall", "school", "tax"):
        await show.join(media, site)
    quiet = {"hall": -70, "school": -70, "tax": -70}
    assert say(media, show, 6, **quiet | {"school": -25}) == 1  # switched off
    say(media, show, 2, **quiet)
    show.ask(requests.Automatic(on=True))
    say(media, show, 0.4, **quiet | {"school": -25})
    # It begins to speak: its picture is decoded before it is wanted.
    ahead = await program.hears(Compose, lambda each: each.next is not None)
    assert ahead.next is not None and ahead.next.feeds == ["school"]
    assert show.studio.switcher.on_air.sites == ("hall",)
    heard: list[str] = []
    show.studio.listen(heard.append)
    say(media, show, 2, **quiet | {"school": -25})
    assert heard.count("levels") == 20
    assert show.studio.levels()["school"] == -25 and "program" in show.studio.levels()
    assert show.studio.switcher.on_air.sites == ("school",)
    taken = await record.hears(Entry, lambda each: each.data.get("cause") == "voice")
    assert (taken.who, taken.data["automatic"]) == ("system", True)
    # By hand: from now on the voice waits.
    show.show("hall", user="bo")
    assert show.studio.console_view()["held"] == {"by": "bo"}
    say(media, show, 10, **quiet | {"tax": -25})
    assert show.studio.switcher.on_air.sites == ("hall",)
    show.ask(requests.Automatic(on=True))
    say(media, show, 2, **quiet | {"tax": -25})
    assert show.studio.switcher.on_air.sites == ("tax",)
    show.ask(requests.Automatic(on=False))
    assert not show.studio.console_view()["automatic"]
    await program.hears(Compose, lambda each: each.on_air.feeds == ["tax"])


async def test_a_site_that_fails_on_air(show: Stage) -> None:
    media, program, record = await show.all()
    peers = {site: await show.join(media, site) for site in ("hall", "school")}
    show.show("school")
    show.ahead += 60 * SECOND
    for state in ("live", "held", "card"):
        program.send(messages.SourceChanged(feed="school", state=state, at=clock.now_ns()))  # type: ignore[arg-type]
    await show.until(lambda: "on-air-card:school" in codes(show))
    assert shown(show, "school")["source"] == "card"
    assert show.studio.switcher.on_air.sites == ("school",)
    media.change(peers["school"], "silent", "nothing for 8 s")
    program.send(messages.SourceChanged(feed="school", state="gone", at=clock.now_ns()))
    compose = await program.hears(Compose, lambda each: each.take == 3)
    assert compose.on_air.feeds == ["hall"]
    taken = await record.hears(Entry, lambda each: each.data.get("cause") == "failure")
    assert taken.who == "system"
    assert [each.data["state"] for each in record.entries("source")] == [
        "live", "held", "card", "gone",
    ]  # fmt: skip
    # It comes back: offered, not forced.
    media.change(peers["school"], "connected")
    await show.until(lambda: "returned:school" in codes(show))
    assert show.studio.switcher.on_air.sites == ("hall",)
    assert show.studio.console_view()["preview"]["sites"] == ["school"]
    show.ask(requests.Take())
    assert "returned:school" not in codes(show)


async def test_the_hall_fails_and_nothing_is_left(show: Stage) -> None:
    media, program, _ = await show.all()
    peer = await show.join(media, "hall")
    show.ahead += 60 * SECOND
    media.change(peer, "closed", "left")
    program.send(messages.SourceChanged(feed="hall", state="gone", at=clock.now_ns()))
    await program.hears(Compose, lambda each: each.slate)
    assert "slate-failure" in codes(show)
    assert show.studio.console_view()["slate"]
    await show.join(media, "hall")
    assert show.studio.switcher.slate == "failure"  # the operator lifts it
    show.ask(requests.Slate(on=False))
    await program.hears(Compose, lambda each: each.take == 3 and not each.slate)


async def test_outputs(show: Stage) -> None:
    _, program, record = await show.all()
    with pytest.raises(MissingError):
        show.ask(requests.Output(name="nobody", on=True))
    show.ask(requests.Output(name="news", on=False))
    assert (await program.hears(messages.SwitchOutput)).on is False
    assert show.studio.console_view()["outputs"][0]["state"] == "off"
    again = await show.process("program", pid=2)
    assert (await again.hears(messages.SwitchOutput)).output == "news"  # it is told again
    output = messages.OutputState(
        name="news", kind="rtmp", state="retrying", text="refused", since=0, bytes=0, dropped=3,
        retries=2, bps=64_000,
    )  # fmt: skip
    stats = messages.ProgramStats(
        frames=300, missed=1, fps=29.97, level=-20, outputs=[output], hls_segments=4,
        cpu_s=1.0, rss_mb=100.0, at=0,
    )  # fmt: skip
    again.send(stats)
    again.send(stats)
    await show.until(lambda: "output-retrying:news" in codes(show))
    view = show.studio.console_view()
    assert view["outputs"][0] == {
        "name": "news", "kind": "rtmp", "state": "retrying", "text": "refused", "retries": 2,
        "kbps": 64, "dropped": 3,
    }  # fmt: skip
    assert view["program"] == {"fps": 30.0, "missed": 1, "level": -20}
    await record.hears(Entry, lambda each: each.data.get("state") == "retrying")
    assert len([each for each in record.entries("output") if each.who == "system"]) == 1


async def test_recorder_and_disk(show: Stage) -> None:
    _, _, record = await show.all()
    assert show.studio.console_view()["record"]["state"] == "stopped"
    now = clock.now_ns()
    stats = messages.RecordStats(
        files_open=3, files=5, bytes=10**6, dropped=0, errors=[], flushed=now - SECOND // 2,
        cpu_s=0, rss_mb=0, at=now,
    )  # fmt: skip
    record.send(stats)
    await show.until(lambda: show.studio.console_view()["record"]["state"] == "ok")
    assert show.studio.console_view()["record"]["verified_s"] == 0.5
    broken = messages.RecordStats(
        files_open=3, files=5, bytes=10**6, dropped=0, errors=["disk full"],
        flushed=now - 9 * SECOND, cpu_s=0, rss_mb=0, at=now,
    )  # fmt: skip
    record.send(broken)
    await show.until(lambda: show.studio.console_view()["record"]["state"] == "warning")
    assert {"record-error:0", "record-behind"} <= set(codes(show))
    show.studio.measures.free_mb = 10
    assert "disk-low" in codes(show)
    await record.disconnect()
    await show.until(lambda: show.studio.console_view()["record"]["state"] == "stopped")
    assert "record-away" in codes(show)


async def test_the_word_for_a_line(show: Stage) -> None:
    media, *_ = await show.all()
    peer = await show.join(media, "school")

    def stats(loss: float) -> messages.MediaStats:
        feed = messages.FeedStats(
            feed="school", video_bps=900_000, audio_bps=40_000, video_fps=24.9, loss=loss,
            jitter_ms=3.0, rtt_ms=20.0, freezes=0,
        )  # fmt: skip
        return messages.MediaStats(
            feeds=[feed], receivers=[], packets_in=1, packets_out=2, dropped={"garbage": 3},
            lost_inside=0, cpu_s=1, rss_mb=50, at=0,
        )  # fmt: skip

    show.studio.fact("media", stats(0))
    line = shown(show, "school")["line"]
    assert isinstance(line, dict)
    assert (line["quality"], line["kbps"], line["fps"]) == ("good", 940, 24.9)
    for _ in range(3):
        show.studio.fact("media", stats(0.2))
    assert show.studio.site_view("school")["line"]["quality"] == "poor"
    for _ in range(6):
        show.studio.fact("media", stats(0))
        # What the page itself receives counts as well.
        report = requests.ReceiverReport(loss=0.03)
        show.studio.site_request("school", requests.Report(stats=report))
    assert show.studio.site_view("school")["line"]["quality"] == "fair"
    media.change(peer, "silent")
    await show.until(lambda: not shown(show, "school")["present"])
    show.studio.fact("media", stats(0))
    assert show.studio.site_view("school")["line"]["quality"] == "lost"
    figures = show.studio.figures()
    assert figures["media_dropped_garbage_total"] == 3 and figures["sites_present"] == 0


async def test_peers_that_never_connect_are_given_up(show: Stage) -> None:
    media, *_ = await show.all()
    peer = (await show.studio.offer("site", "school", "v=0", publishes="school")).peer
    await show.studio._tick()
    assert show.studio.peer_lives(peer)
    show.ahead += 21 * SECOND
    await show.studio._tick()
    assert not show.studio.peer_lives(peer)
    assert (await media.hears(messages.ClosePeer)).peer == peer
    assert show.studio.measures.free_mb is not None


@pytest.mark.parametrize(
    "request_",
    [
        requests.Preview(sites=["nobody"]),
        requests.Preview(sites=["school", "tax"]),
        requests.Mute(site="nobody", muted=True),
        requests.MuteAll(but=["nobody"]),
        requests.LowerHand(site="nobody"),
        requests.Note(site="nobody", text="x"),
        requests.Drop(site="nobody"),
        requests.Take(),
        requests.Undo(),
        requests.Hello(),
    ],
)
async def test_refused_requests_change_nothing(
    show: Stage, request_: requests.ConsoleRequest
) -> None:
    await show.all()
    kept = show.studio._state()
    with pytest.raises(LinkupError):
        show.ask(request_)
    assert show.studio._state() == kept
    with pytest.raises((UserError, MissingError)):
        show.studio.site_request("nobody", requests.Hand(raised=True))


async def test_whoever_listens_badly_disturbs_nobody(show: Stage) -> None:
    def fail(what: str) -> None:
        raise RuntimeError("a page's defect")

    heard: list[str] = []
    show.studio.listen(fail)
    show.studio.listen(heard.append)
    show.studio.watching(3)
    assert heard == ["state"]


async def test_the_public_is_told_who_speaks(show: Stage) -> None:
    media, *_ = await show.all()
    assert not show.studio.watch_view()["live"]
    await show.join(media, "hall")
    view = show.studio.watch_view()
    assert view["live"] and view["title"] == {"zh": "湘江", "en": "River"}
    show.ask(requests.StripOnAir(strip=requests.StripText(name="Li Ming", title="Chair")))
    assert show.studio.watch_view()["speaking"] == [
        {
            "name": {"zh": "李明", "en": "Li Ming"},
            "title": {"zh": "主席", "en": "主席"},
            "site": {"zh": "主会场", "en": "Hall"},
        }
    ]
    show.ask(requests.Slate(on=True))
    assert show.studio.watch_view()["speaking"] == []


async def test_automatic_from_the_beginning() -> None:
    text = SITES.replace("{language: en}", "{language: en, switching: {automatic: true}}")
    with tempfile.TemporaryDirectory(prefix="lk-") as folder:
        async with stage(Path(folder), text) as show:
            assert show.studio.console_view()["automatic"]
            assert show.studio.console_view()["held"] is None
