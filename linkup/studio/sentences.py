"""What happened, in a sentence for the operators, and what it is called in the journal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from linkup.config import Settings, Text
from linkup.messages import Strip
from linkup.show import events
from linkup.show.events import Event, Shot

Words = dict[str, str]

_SCENES = {
    "full": Text(zh="全屏", en="full"),
    "side": Text(zh="双画面", en="side by side"),
    "pip": Text(zh="画中画", en="picture in picture"),
    "four": Text(zh="四画面", en="four"),
}
_SOURCES = {
    "live": Text(zh="画面正常", en="the picture is live"),
    "held": Text(zh="画面停住，保持最后一帧", en="the picture stopped, the last frame is held"),
    "card": Text(zh="没有画面，显示名牌", en="no picture, the name card is shown"),
    "gone": Text(zh="没有画面和声音", en="neither picture nor sound"),
}


def words(zh: str, en: str) -> Words:
    """A text for people."""
    return {"zh": zh, "en": en}


def both(text: Text) -> Words:
    """A text of sites.yaml for people; where a language is missing, the other one."""
    return words(text.in_language("zh"), text.in_language("en"))


class Names:
    """The names of the sites, and of the people in their strips."""

    def __init__(self, settings: Settings) -> None:
        self._sites = {site.id: site for site in settings.sites}

    def site(self, site: str) -> Words:
        """A site's name; `*`: all sites."""
        if site == "*":
            return words("全体会场", "all sites")
        known = self._sites.get(site)
        return both(known.name) if known else words(site, site)

    def sites(self, sites: tuple[str, ...]) -> Words:
        """Several, as a list in a sentence."""
        names = [self.site(site) for site in sites]
        return words(
            "、".join(each["zh"] for each in names), ", ".join(each["en"] for each in names)
        )

    def person(self, strip: Strip, sites: tuple[str, ...]) -> tuple[Words, Words]:
        """Name and title in a strip; in both languages when sites.yaml knows the person."""
        for site in sites:
            for person in self._sites[site].people if site in self._sites else ():
                if strip.name in (person.name.zh, person.name.en):
                    return both(person.name), both(person.title)
        return words(strip.name, strip.name), words(strip.title, strip.title)

    def shot(self, shot: Shot) -> Words:
        """A shot in words."""
        scene, names = _SCENES[shot.layout], self.sites(shot.sites)
        if shot.layout == "full":
            return names
        return words(f"{names['zh']}（{scene.zh}）", f"{names['en']} ({scene.en})")


def shot_data(shot: Shot, names: Names) -> dict[str, Any]:
    """A shot as the journal keeps it."""
    strip = shot.strip
    return {
        "layout": shot.layout,
        "sites": list(shot.sites),
        "names": [names.site(site) for site in shot.sites],
        "strip": {"name": strip.name, "title": strip.title} if strip else None,
    }


def journal_data(event: Event, names: Names) -> list[tuple[str, dict[str, Any]]]:
    """The journal's entries for an event: kind and data (docs/archive.md lists the kinds)."""
    match event:
        case events.SiteJoined(site, device):
            return [("site-joined", {"site": site, "device": device})]
        case events.SiteLost(site, reason):
            return [("site-lost", {"site": site, "reason": reason})]
        case events.HandChanged(site, raised):
            return [("hand", {"site": site, "raised": raised})]
        case events.MuteChanged(site, muted):
            return [("mute", {"site": site, "muted": muted})]
        case events.NoteChanged(site, text):
            return [("note", {"site": site, "text": text})]
        case events.Taken(take, shot, mode, automatic, cause):
            data = {
                "take": take,
                **shot_data(shot, names),
                "mode": mode,
                "automatic": automatic,
                "cause": cause,
            }
            return [("take", data)]
        case events.Undone(take, shot):
            data = {
                "take": take,
                **shot_data(shot, names),
                "mode": "cut",
                "automatic": False,
                "cause": "undo",
            }
            return [("undo", {"take": take}), ("take", data)]
        case events.SlateChanged(on, take, cause):
            return [("slate", {"on": on, "take": take, "cause": cause})]
        case events.StripChanged(strip, take):
            shown = {"name": strip.name, "title": strip.title} if strip else None
            return [("strip", {"strip": shown, "take": take})]
        case events.AutomaticChanged(on):
            return [("automatic", {"on": on})]
        case events.SourceMoved(feed, state):
            return [("source", {"feed": feed, "state": state})]
        case events.SiteReturned(site):
            return [("source", {"feed": site, "state": "returned"})]


_Say = Callable[[Any, Names], Words]


def _taken(event: events.Taken, names: Names) -> Words:
    what = names.shot(event.shot)
    if event.cause == "failure":
        return words(f"信号中断，自动转到：{what['zh']}", f"The source failed, now: {what['en']}")
    if event.cause == "voice":
        return words(f"按声音自动切换：{what['zh']}", f"By voice: {what['en']}")
    how = words("（淡变）", " (mix)") if event.mode == "mix" else words("", "")
    return words(f"切换播出：{what['zh']}{how['zh']}", f"On air: {what['en']}{how['en']}")


def _note(event: events.NoteChanged, names: Names) -> Words:
    site = names.site(event.site)
    if not event.text:
        return words(f"撤去给{site['zh']}的留言", f"Note to {site['en']} taken away")
    return words(f"留言给{site['zh']}：{event.text}", f"Note to {site['en']}: {event.text}")


def _slate(event: events.SlateChanged, names: Names) -> Words:
    if event.cause == "failure":
        return words("没有可用画面，显示垫片", "Nothing to show, the slate is on")
    return words("显示垫片", "Slate on") if event.on else words("撤去垫片", "Slate off")


def _strip(event: events.StripChanged, names: Names) -> Words:
    if event.strip is None:
        return words("撤去字幕条", "Name strip off")
    text = " ".join(filter(None, (event.strip.name, event.strip.title)))
    return words(f"字幕条：{text}", f"Name strip: {text}")


def _of_site(zh: str, en: str) -> _Say:
    def say(event: Any, names: Names) -> Words:
        site = names.site(event.site)
        return words(zh.format(site["zh"]), en.format(site["en"]))

    return say


def _either(flag: str, yes: _Say, no: _Say) -> _Say:
    return lambda event, names: (yes if getattr(event, flag) else no)(event, names)


def _plain(zh: str, en: str) -> _Say:
    return lambda event, names: words(zh, en)


def _undone(event: events.Undone, names: Names) -> Words:
    what = names.shot(event.shot)
    return words(f"撤销切换，恢复：{what['zh']}", f"Undone, back to: {what['en']}")


def _source(event: events.SourceMoved, names: Names) -> Words:
    site, state = names.site(event.feed), _SOURCES[event.state]
    return words(f"{site['zh']}：{state.zh}", f"{site['en']}: {state.en}")


_SENTENCES: dict[type, _Say] = {
    events.SiteJoined: _of_site("{}已加入", "{} joined"),
    events.SiteLost: _of_site("{}断开", "{} was lost"),
    events.HandChanged: _either(
        "raised", _of_site("{}举手", "{} raised a hand"), _of_site("{}放下手", "{}: hand lowered")
    ),
    events.MuteChanged: _either(
        "muted", _of_site("{}已静音", "{} muted"), _of_site("{}取消静音", "{} unmuted")
    ),
    events.NoteChanged: _note,
    events.Taken: _taken,
    events.Undone: _undone,
    events.SlateChanged: _slate,
    events.StripChanged: _strip,
    events.AutomaticChanged: _either(
        "on",
        _plain("开启按声音自动切换", "Automatic switching on"),
        _plain("关闭自动切换", "Automatic switching off"),
    ),
    events.SourceMoved: _source,
    events.SiteReturned: _of_site("{}已恢复，等待切换", "{} is back, ready to be taken"),
}


def sentence(event: Event, names: Names) -> Words:
    """An event for the log at the console."""
    return _SENTENCES[type(event)](event, names)
