"""What pages are shown has exactly the keys of docs/protocol.md (and may have more)."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from linkup import requests
from linkup.show import events
from linkup.show.events import Shot
from linkup.studio import sentences
from tests.studio.stage import Stage

PROTOCOL = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text(encoding="utf-8")


def promised(section: str) -> set[str]:
    """The keys of the first `state {…}` after a heading: the outermost level only."""
    text = PROTOCOL.split(section)[1]
    text = re.split(r"`?state\s+\{", text, maxsplit=1)[1]
    depth, flat = 1, ""
    for letter in text:
        depth += (letter in "{[(") - (letter in "}])")
        if depth == 0:
            break
        flat += letter if depth == 1 else ""
    return set(re.findall(r"(?:^|,)\s*([a-z_]+)", flat))


async def test_the_protocol_is_kept(show: Stage) -> None:
    cases = {
        "## /ws/site": show.studio.site_view("school"),
        "## /ws/console": show.studio.console_view(),
        "## /ws/watch": show.studio.watch_view(),
    }
    for section, view in cases.items():
        keys = promised(section)
        assert len(keys) >= 6
        assert keys <= set(view), f"{section}: {keys - set(view)} missing"
        msgspec.json.encode(view)
    site = show.studio.console_view()["sites"][0]
    block = PROTOCOL.split("## /ws/console")[1].split("sites:[{")[1].split("line:{")[0]
    block = re.sub(r"\[\{[^}]*\}\]", "", block)
    assert set(re.findall(r"([a-z_]+)[,:]", block)) - {"ms", "null"} <= set(site)
    assert set(site["line"]) == {
        "quality", "loss", "jitter_ms", "rtt_ms", "freezes", "kbps", "fps", "text",
    }  # fmt: skip


async def test_sites_keep_their_order_for_ever(show: Stage) -> None:
    media, *_ = await show.all()
    order = [each["id"] for each in show.studio.console_view()["sites"]]
    await show.join(media, "tax")
    show.show("tax")
    assert [each["id"] for each in show.studio.console_view()["sites"]] == order
    assert order == [site.id for site in show.settings.sites]


async def test_a_view_is_made_fast_enough_for_ten_a_second(show: Stage) -> None:
    """Not a measurement: only that nothing grows with what has happened."""
    for number in range(500):
        show.ask(requests.Note(site="school", text=f"{number}"))
    assert len(show.studio.console_view()["log"]) == 30


EVENTS: list[events.Event] = [
    events.SiteJoined("school", "laptop"),
    events.SiteLost("school", "silent"),
    events.HandChanged("school", True),
    events.HandChanged("school", False),
    events.MuteChanged("school", True),
    events.MuteChanged("school", False),
    events.NoteChanged("*", "hello"),
    events.NoteChanged("school", ""),
    events.Taken(2, Shot(layout="side", sites=("hall", "school")), "mix", False, "hand"),
    events.Taken(3, Shot(sites=("hall",)), "cut", True, "voice"),
    events.Taken(4, Shot(sites=("hall",)), "cut", True, "failure"),
    events.Undone(5, Shot(sites=("school",))),
    events.SlateChanged(True, 6, "hand"),
    events.SlateChanged(False, 7, "hand"),
    events.SlateChanged(True, 8, "failure"),
    events.StripChanged(sentences.Strip(name="A", title="B"), 9),
    events.StripChanged(None, 10),
    events.AutomaticChanged(True),
    events.AutomaticChanged(False),
    *(events.SourceMoved("school", state) for state in ("live", "held", "card", "gone")),  # type: ignore[arg-type]
    events.SiteReturned("school", Shot(sites=("school",))),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda each: type(each).__name__)
async def test_every_event_has_its_sentences_and_entries(show: Stage, event: events.Event) -> None:
    said = sentences.sentence(event, show.studio.names)
    assert said["zh"] and said["en"] and "{" not in said["zh"] + said["en"]
    assert not re.search("[一-鿿]", said["en"])
    for kind, data in sentences.journal_data(event, show.studio.names):
        assert re.fullmatch("[a-z-]+", kind)
        msgspec.json.encode(data)


def test_no_event_is_forgotten() -> None:
    kinds = set(events.Event.__args__)
    assert {type(each) for each in EVENTS} == kinds
