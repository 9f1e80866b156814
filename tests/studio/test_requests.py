"""What pages may say: everything else is refused with a reason."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, get_args

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from msgspec import UNSET

from linkup import requests
from linkup.errors import UserError
from linkup.messages import Strip
from linkup.studio import desk

PROTOCOL = Path(__file__).parents[2] / "docs" / "protocol.md"

SITE: list[tuple[dict[str, Any], requests.SiteRequest]] = [
    ({"type": "hello", "device": "d", "peer": "p", "name": "n"},
     requests.Hello(device="d", peer="p", name="n")),
    ({"type": "offer", "id": 1, "sdp": "v=0"}, requests.Offer(id=1, sdp="v=0")),
    ({"type": "microphone", "open": True}, requests.Microphone(open=True)),
    ({"type": "camera", "on": False}, requests.Camera(on=False)),
    ({"type": "hand", "raised": True, "id": "x"}, requests.Hand(raised=True, id="x")),
    ({"type": "main", "show": "program"}, requests.Main(show="program")),
    ({"type": "report", "stats": {"freezes": 1, "fps": 29.9, "loss": 0.1, "rtt_ms": None}},
     requests.Report(stats=requests.ReceiverReport(freezes=1, fps=29.9, loss=0.1))),
    ({"type": "leave"}, requests.Leave()),
]  # fmt: skip
CONSOLE: list[tuple[dict[str, Any], requests.ConsoleRequest]] = [
    ({"type": "hello"}, requests.Hello()),
    ({"type": "offer", "sdp": "v=0"}, requests.Offer(sdp="v=0")),
    ({"type": "preview"}, requests.Preview()),
    ({"type": "preview", "layout": "pip", "sites": ["a", "b"], "strip": None},
     requests.Preview(layout="pip", sites=["a", "b"], strip=None)),
    ({"type": "preview", "strip": {"name": "李明", "title": "主席"}},
     requests.Preview(strip=requests.StripText(name="李明", title="主席"))),
    ({"type": "take", "mode": "mix"}, requests.Take(mode="mix")),
    ({"type": "undo"}, requests.Undo()),
    ({"type": "slate", "on": True}, requests.Slate(on=True)),
    ({"type": "strip", "strip": None}, requests.StripOnAir(strip=None)),
    ({"type": "mute", "site": "a", "muted": True}, requests.Mute(site="a", muted=True)),
    ({"type": "mute_all", "except": ["a"]}, requests.MuteAll(but=["a"])),
    ({"type": "lower_hand", "site": "a"}, requests.LowerHand(site="a")),
    ({"type": "note", "site": "*", "text": ""}, requests.Note(site="*", text="")),
    ({"type": "automatic", "on": True}, requests.Automatic(on=True)),
    ({"type": "output", "name": "news", "on": False}, requests.Output(name="news", on=False)),
    ({"type": "drop", "site": "a"}, requests.Drop(site="a")),
]  # fmt: skip


@pytest.mark.parametrize(("frame", "expected"), SITE, ids=lambda each: str(each)[:30])
def test_sites(frame: dict[str, Any], expected: requests.SiteRequest) -> None:
    assert requests.site_request(json.dumps(frame)) == expected


@pytest.mark.parametrize(("frame", "expected"), CONSOLE, ids=lambda each: str(each)[:30])
def test_consoles(frame: dict[str, Any], expected: requests.ConsoleRequest) -> None:
    assert requests.console_request(json.dumps(frame)) == expected


def test_what_is_not_given_is_not_none() -> None:
    request = requests.console_request('{"type":"preview"}')
    assert isinstance(request, requests.Preview)
    assert (request.layout, request.sites, request.strip) == (UNSET, UNSET, UNSET)


@pytest.mark.parametrize(
    ("text", "strip"),
    [
        (requests.StripText(name="A", title="B"), Strip(name="A", title="B")),
        (requests.StripText(name=" A ", title=" "), Strip(name="A", title="")),
        (requests.StripText(name="  ", title="B"), None),
    ],
)
def test_strips(text: requests.StripText, strip: Strip | None) -> None:
    assert text.strip() == strip


@pytest.mark.parametrize(
    "frame",
    [
        "", "{", "[]", "null", "7", '"take"', "{}", '{"type":"rm"}', '{"type":7}', '{"type":null}',
        '{"type":"take","mode":"wipe"}', '{"type":"mute","site":"a"}',
        '{"type":"mute","site":"a","muted":"yes"}', '{"type":"mute","site":"","muted":true}',
        json.dumps({"type": "note", "site": "a", "text": "x" * 401}),
        json.dumps({"type": "preview", "sites": ["a"] * 5}),
        json.dumps({"type": "preview", "strip": {"name": "x" * 81}}),
        json.dumps({"type": "offer", "sdp": "x" * 200_001}),
        json.dumps({"type": "undo", "id": "x" * 65}),
        '{"type":"undo","id":-1}', '{"type":"undo","id":1.5}',
        '{"type":"undo","x":"' + "x" * requests.MAX_TEXT + '"}',
        "[" * 100_000, '{"type":"undo","id":' * 3000, '{"type":"take","mode":"\ud800"}',
    ],
    ids=lambda each: each[:24].encode("ascii", "replace").decode(),
)  # fmt: skip
def test_refused_with_a_reason(frame: str) -> None:
    with pytest.raises(UserError) as refused:
        requests.console_request(frame)
    assert refused.value.code == "bad-message" and refused.value.message


def test_the_id_of_what_was_not_understood() -> None:
    assert requests.request_id('{"type":"nonsense","id":7}') == 7
    assert requests.request_id('{"id":"a","x":[1,2]}') == "a"
    for frame in ("{", '{"id":[1]}', '{"id":null}', "[1]", '"\ud800"', "x" * 300_000):
        assert requests.request_id(frame) is None


@given(st.text(max_size=200) | st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["type", "id", "site", "strip", "sites", "on", "mode"]), inner, max_size=4),
    max_leaves=8,
).map(json.dumps))  # fmt: skip
@settings(max_examples=80, deadline=None, derandomize=True)
def test_anything_is_decoded_or_refused(frame: str) -> None:
    for decode in (requests.site_request, requests.console_request):
        try:
            decode(frame)
        except UserError as error:
            assert error.code == "bad-message"
    requests.request_id(frame)


def tags(union: Any) -> set[str]:
    return {each.__struct_config__.tag for each in get_args(union)}


def test_docs_protocol_lists_them_all() -> None:
    site, console = PROTOCOL.read_text(encoding="utf-8").split("## /ws/console")
    site = site.split("## /ws/site")[1].split("Server → page")[0]
    console = console.split("Server → page")[0]
    assert set(re.findall(r"`([a-z_]+)(?: [^`]*)?`", site)) == tags(requests.SiteRequest)
    assert set(re.findall(r"`([a-z_]+)(?: [^`]*)?`", console)) == tags(requests.ConsoleRequest)


def test_the_desk_does_them_all() -> None:
    of_the_server = {requests.Hello, requests.Offer}
    assert set(desk._SITE) == set(get_args(requests.SiteRequest)) - of_the_server
    assert set(desk._CONSOLE) == set(get_args(requests.ConsoleRequest)) - of_the_server
