"""What sites and operators may ask, and what each request does: two tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import UNSET

from linkup import messages, requests
from linkup.errors import UserError
from linkup.requests import ConsoleRequest, SiteRequest
from linkup.show.events import Event
from linkup.studio import sentences

if TYPE_CHECKING:
    from linkup.studio.studio import Studio

_Done = Sequence[Event]


def site_request(studio: Studio, site: str, request: SiteRequest) -> None:
    """Do what a site's page asks."""
    act = _SITE.get(type(request))
    if act is None:
        raise UserError("bad-message", f"'{type(request).__name__}' is not for the studio.")
    studio.done(f"site:{site}", act(studio, site, request))


def console_request(studio: Studio, user: str, request: ConsoleRequest) -> None:
    """Do what an operator asks."""
    act = _CONSOLE.get(type(request))
    if act is None:
        raise UserError("bad-message", f"'{type(request).__name__}' is not for the studio.")
    studio.done(f"operator:{user}", act(studio, user, request))


# ---------------------------------------------------------------- a site


def _microphone(studio: Studio, site: str, request: requests.Microphone) -> _Done:
    studio.roster[site].microphone = request.open
    return []


def _camera(studio: Studio, site: str, request: requests.Camera) -> _Done:
    studio.roster[site].camera = request.on
    return []


def _hand(studio: Studio, site: str, request: requests.Hand) -> _Done:
    return studio.roster.raise_hand(site, request.raised, studio.now())


def _main(studio: Studio, site: str, request: requests.Main) -> _Done:
    studio.roster[site].main = request.show
    return []


def _report(studio: Studio, site: str, request: requests.Report) -> _Done:
    studio.roster[site]
    studio.measures.reported(site, request.stats)
    return []


def _leave(studio: Studio, site: str, request: requests.Leave) -> _Done:
    for peer in list(studio.roster[site].peers):
        studio.close_peer(peer, "left")
    return studio.roster.vacate(site)


_SITE: dict[type, Callable[[Studio, str, Any], _Done]] = {
    requests.Microphone: _microphone,
    requests.Camera: _camera,
    requests.Hand: _hand,
    requests.Main: _main,
    requests.Report: _report,
    requests.Leave: _leave,
}

# ---------------------------------------------------------------- the console


def _preview(studio: Studio, user: str, request: requests.Preview) -> _Done:
    strip = request.strip
    studio.switcher.prepare(
        layout=None if request.layout is UNSET else request.layout,
        sites=None if request.sites is UNSET else request.sites,
        strip="same" if strip is UNSET else strip.strip() if strip else None,
        fill=studio.fill(),
    )
    return []


def _take(studio: Studio, user: str, request: requests.Take) -> _Done:
    return studio.switcher.take(request.mode, user, studio.now())


def _undo(studio: Studio, user: str, request: requests.Undo) -> _Done:
    return studio.switcher.undo(user, studio.now())


def _slate(studio: Studio, user: str, request: requests.Slate) -> _Done:
    return studio.switcher.cover(request.on, user, studio.now())


def _strip(studio: Studio, user: str, request: requests.StripOnAir) -> _Done:
    strip = request.strip.strip() if request.strip else None
    return studio.switcher.write(strip, user, studio.now())


def _mute(studio: Studio, user: str, request: requests.Mute) -> _Done:
    return studio.roster.mute(request.site, request.muted)


def _mute_all(studio: Studio, user: str, request: requests.MuteAll) -> _Done:
    return studio.roster.mute_all(request.but)


def _lower_hand(studio: Studio, user: str, request: requests.LowerHand) -> _Done:
    return studio.roster.raise_hand(request.site, False, studio.now())


def _note(studio: Studio, user: str, request: requests.Note) -> _Done:
    return studio.roster.write_note(request.site, request.text, studio.now())


def _automatic(studio: Studio, user: str, request: requests.Automatic) -> _Done:
    return studio.switcher.automate(request.on)


def _output(studio: Studio, user: str, request: requests.Output) -> _Done:
    studio.output(request.name)
    studio.outputs[request.name] = request.on
    studio.lines.send("program", messages.SwitchOutput(output=request.name, on=request.on))
    now, data = studio.now(), {"name": request.name, "on": request.on}
    text = "switched on" if request.on else "switched off"
    state = "on" if request.on else "off"
    studio.note("output", f"operator:{user}", {**data, "state": state, "text": text}, now)
    zh = f"{'开启' if request.on else '停止'}推流 {request.name}"
    studio.say(f"operator:{user}", sentences.words(zh, f"Output {request.name} {text}"), now)
    return []


def _drop(studio: Studio, user: str, request: requests.Drop) -> _Done:
    connection = studio.roster.drop(request.site)
    for peer in list(studio.roster[request.site].peers):
        studio.close_peer(peer, "dropped")
    events = studio.roster.vacate(request.site)
    if connection is not None:
        studio.tell(f"bye:{connection}:dropped")
    return events


_CONSOLE: dict[type, Callable[[Studio, str, Any], _Done]] = {
    requests.Preview: _preview,
    requests.Take: _take,
    requests.Undo: _undo,
    requests.Slate: _slate,
    requests.StripOnAir: _strip,
    requests.Mute: _mute,
    requests.MuteAll: _mute_all,
    requests.LowerHand: _lower_hand,
    requests.Note: _note,
    requests.Automatic: _automatic,
    requests.Output: _output,
    requests.Drop: _drop,
}
