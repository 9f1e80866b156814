"""What processes tell, and what each fact changes: one table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from linkup import clock, messages
from linkup.messages import AnyMessage, PeerState
from linkup.studio import sentences

if TYPE_CHECKING:
    from linkup.studio.studio import Studio

SYSTEM = "system"


def learn(studio: Studio, message: AnyMessage) -> None:
    """Take in one fact; those that nobody waits for are ignored."""
    act = _FACTS.get(type(message))
    if act is not None:
        act(studio, message)


def adopt(studio: Studio, states: Sequence[PeerState]) -> None:
    """The media process (re)connected with these peers: nothing of them is disturbed."""
    now = studio.now()
    living = [state for state in states if state.state != "closed"]
    for state in living:
        peer = studio.peers.adopt(state, now)
        if peer.publishes in studio.roster.seats:
            events = studio.roster.peer_moved(peer.publishes, peer.peer, state.state, now)
            studio.happened(SYSTEM, events)
    names = [state.peer for state in living]
    studio.peers.forget_all_but(names)
    opening = [peer.peer for peer in studio.peers.by_id.values() if peer.opening]
    gone = studio.roster.all_peers_gone([*names, *opening], now, "media restarted")
    studio.happened(SYSTEM, gone)


def _peer_changed(studio: Studio, message: messages.PeerChanged) -> None:
    state = message.peer
    peer = studio.peers.by_id.get(state.peer)
    if peer is None:
        return  # closed by us, or of an offer that failed
    studio.peers.moved(peer, state.state, studio.now())
    if state.video_slots:
        peer.shown = list(state.video_slots)
    if state.state == "closed":
        studio.forget_sent(peer.peer)
    if peer.publishes:
        events = studio.roster.peer_moved(
            peer.publishes, peer.peer, state.state, studio.now(), state.reason
        )
        studio.happened(SYSTEM, events, _utc(message.at))
    studio.settle()
    studio.changed()


def _feed_changed(studio: Studio, message: messages.FeedChanged) -> None:
    studio.measures.feeds[message.feed] = message
    studio.settle()
    studio.changed()


def _slot_shown(studio: Studio, message: messages.SlotShown) -> None:
    studio.peers.showing(message.peer, message.slot, message.feed)
    studio.changed()


def _levels(studio: Studio, message: messages.Levels) -> None:
    studio.measures.hear(message)
    switcher, now = studio.switcher, studio.now()
    heard = studio.roster.heard()
    site = studio.director.hear(
        studio.measures.voices, heard, switcher.on_air.sites, switcher.since, now
    )
    if site is not None and switcher.voice_decides and studio.measures.sends_picture(site):
        studio.done(SYSTEM, switcher.follow_voice(site, now))
    studio.look_ahead()
    studio.tell("levels")


def _media_stats(studio: Studio, message: messages.MediaStats) -> None:
    seats = studio.roster.seats.values()
    studio.measures.media_counted(
        message,
        {seat.site: seat.peer if seat.present else None for seat in seats},
        {seat.site: seat.camera for seat in seats},
    )
    studio.changed()


def _on_air(studio: Studio, message: messages.OnAir) -> None:
    if message.take <= studio.confirmed:
        return  # a program process that was restarted says it again
    studio.confirmed = message.take
    studio.note("on-air", SYSTEM, {"take": message.take}, _utc(message.at))
    studio.changed()


def _source_changed(studio: Studio, message: messages.SourceChanged) -> None:
    events = studio.guard.source_moved(message.feed, message.state)
    if message.feed in studio.switcher.on_air.sites:
        studio.happened(SYSTEM, events, _utc(message.at))
    studio.settle()
    studio.changed()


def _program_stats(studio: Studio, message: messages.ProgramStats) -> None:
    now = studio.now()
    for each in studio.measures.program_counted(message):
        data = {"name": each.name, "state": each.state, "text": each.text}
        studio.note("output", SYSTEM, data, now)
        if each.state in ("live", "failed", "retrying"):
            zh, en = _OUTPUTS[each.state]
            studio.say(SYSTEM, sentences.words(f"{each.name}：{zh}", f"{each.name}: {en}"), now)
    studio.changed()


def _record_stats(studio: Studio, message: messages.RecordStats) -> None:
    studio.measures.record = message
    studio.changed()


def _noted(studio: Studio, message: messages.Noted) -> None:
    studio.outbox.noted_down(message.ids)


def _utc(at: int) -> int:
    return clock.utc_ns(at)


_OUTPUTS = {
    "live": ("推流正常", "sending"),
    "retrying": ("推流中断，正在重试", "interrupted, trying again"),
    "failed": ("推流失败", "failed"),
}

_FACTS: dict[type, Callable[[Studio, Any], None]] = {
    messages.PeerChanged: _peer_changed,
    messages.FeedChanged: _feed_changed,
    messages.SlotShown: _slot_shown,
    messages.Levels: _levels,
    messages.MediaStats: _media_stats,
    messages.OnAir: _on_air,
    messages.SourceChanged: _source_changed,
    messages.ProgramStats: _program_stats,
    messages.RecordStats: _record_stats,
    messages.Noted: _noted,
}
