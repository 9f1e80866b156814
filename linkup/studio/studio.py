"""The studio: a thin shell around the show.

Requests of pages and facts of processes go into the pure objects of `linkup.show`; what comes out
is journaled, told to the operators, and applied. Applying is declarative: after every change
`_apply` computes what media and program should be doing and sends what differs from what was sent
last. A process that (re)connects is sent everything; so a restart of any process, or of this one,
puts itself right and no picture stops anywhere.

Nothing here waits for a process, a page or the disk.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import structlog

from linkup import clock, messages
from linkup.config import Settings
from linkup.errors import BusyError, LinkupError, MissingError, PeerError
from linkup.messages import AnyMessage, Hello, PeerKind, PeerOpened, Strip
from linkup.requests import ConsoleRequest, SiteRequest
from linkup.show.director import Director
from linkup.show.events import SECOND, Event, Shot, SiteJoined, SourceMoved, Taken
from linkup.show.guard import Guard
from linkup.show.roster import Roster
from linkup.show.switcher import Switcher
from linkup.studio import desk, facts, kept, sentences, slots, views
from linkup.studio.face import StateStore
from linkup.studio.lines import PROCESSES, Lines, Process
from linkup.studio.measures import Measures
from linkup.studio.outbox import Outbox
from linkup.studio.peers import Peer, Peers

log = structlog.get_logger()

DECODED = 4  # feeds that program decodes ahead
LOG_LINES = 30
GRACE = 10 * SECOND  # a site lost for less keeps its place in the others' pictures
SYSTEM = "system"
STOP_S = 0.5  # to get the last entries onto the disk


class Studio:
    """Implements `linkup.studio.face.StudioFace` and `linkup.hub.Ears`.

    Args:
        settings: sites.yaml.
        lines: to the other processes.
        store: where the state is kept over restarts.
        folder: whose disk must not become full.
        run: names this run of the supervisor; another one than kept means a fresh start.
        now: UTC in ns (monotonic within a run); tests hand in their own.
    """

    def __init__(
        self,
        settings: Settings,
        lines: Lines,
        store: StateStore,
        folder: Path,
        run: str,
        now: Callable[[], int] = clock.utc_ns,
    ) -> None:
        self.settings, self.lines, self.folder, self.now = settings, lines, folder, now
        self.sites = tuple(site.id for site in settings.sites)
        self.names = sentences.Names(settings)
        self.roster = Roster(
            [each.id for each in settings.halls], [each.id for each in settings.branches]
        )
        switching = settings.program.switching
        self.switcher = Switcher(
            self.sites,
            Shot(sites=(settings.halls[0].id,)),
            automatic=switching.automatic,
            now=now(),
        )
        self.director = Director(minimum_shot_s=switching.minimum_shot_s, hold_s=switching.hold_s)
        self.guard = Guard()
        self.peers = Peers()
        self.measures = Measures(self.sites)
        self.outbox = Outbox(lambda entry: lines.send("record", entry))
        self.outputs: dict[str, bool] = {}
        self.seen: set[str] = set()
        self.log: deque[kept.LogLine] = deque(maxlen=LOG_LINES)
        self.operators: dict[str, str] = {}  # connection → user
        self.viewers = 0
        self.live_since: int | None = None
        self.confirmed = 0  # the last take that program confirmed
        self.changes = 0
        self.candidate: str | None = None  # speaks, and is not on air
        self._media_told = asyncio.Event()
        self._away: dict[Process, int] = {}  # was there, and is not: since when, ns
        self._told_away: set[Process] = set()
        self._run = run
        self._keeper = kept.Keeper(store, f"show:{settings.consultation.id}", self._state)
        self._listeners: list[Callable[[str], None]] = []
        self._sent: dict[tuple[Process, str], AnyMessage] = {}
        self._task: asyncio.Task[None] | None = None

    # ------------------------------------------------------------ life

    async def start(self) -> bool:
        """Take up the show where it was, and begin to work.

        True when only this process was restarted and the others still run.
        """
        state = await self._keeper.load()
        again = state is not None and state.run == self._run
        if state is not None:
            self._restore(state, again)
        if not again:
            now = self.now()
            title = sentences.both(self.settings.consultation.title)
            self.note("started", SYSTEM, {"title": title, "resumed": state is not None}, now)
            first = Taken(self.switcher.take_number, self.switcher.on_air, "cut", True, "hand")
            for kind, data in sentences.journal_data(first, self.names):
                self.note(kind, SYSTEM, data | {"cause": "start"}, now)
        self._keeper.start()
        self._keeper.touch()
        self._task = asyncio.create_task(self._tick_for_ever())
        return again

    async def adopted(self, timeout_s: float) -> bool:
        """Wait until the media process has told what it holds, or for `timeout_s`."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._media_told.wait(), timeout_s)
        return self._media_told.is_set()

    async def stop(self) -> None:
        """Keep the state; the other processes go on."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if not (self.lines.connected("media") or self.lines.connected("program")):
            # Else only this process is restarted and the show goes on.
            self.note("stopped", SYSTEM, {}, self.now())
        if self.lines.connected("record"):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.outbox.empty.wait(), STOP_S)
        await self._keeper.stop()

    async def _tick_for_ever(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            try:
                await self._tick()
            except Exception:
                log.exception("studio tick failed")

    async def _tick(self) -> None:
        """Once a second: what time alone decides."""
        now = self.now()
        self.outbox.pump()
        self._note_absences(SECOND * 3 // 2)
        for peer in self.peers.given_up(now):
            self.close_peer(peer, "no answer")
        if not self.lines.connected("media"):
            self.measures.all_dead()
        # In a thread: a stalled disk must not stop the show.
        with contextlib.suppress(OSError):
            usage = await asyncio.to_thread(shutil.disk_usage, self.folder)
            self.measures.free_mb = usage.free // 1024 // 1024
        self.settle()
        self.changed()

    def _state(self) -> kept.State:
        return kept.State(
            run=self._run,
            switcher=self.switcher.keep(),
            seats=self.roster.keep(),
            live_since=self.live_since,
            outputs=self.outputs,
            seen=sorted(self.seen),
            log=list(self.log),
            confirmed=self.confirmed,
        )

    def _restore(self, state: kept.State, again: bool) -> None:
        self.switcher.restore(state.switcher)
        self.roster.restore(state.seats)
        self.outputs = {
            each.name: state.outputs[each.name]
            for each in self.settings.outputs
            if each.name in state.outputs
        }
        if again:  # only this process was restarted: all that is on air stays
            self.live_since, self.confirmed = state.live_since, state.confirmed
            self.seen = set(state.seen) & set(self.sites)
            self.log.extend(state.log)
            return
        for seat in self.roster.seats.values():
            seat.present, seat.hand, seat.device = False, None, ""

    # ------------------------------------------------------------ listeners

    def listen(self, callback: Callable[[str], None]) -> Callable[[], None]:
        """See `StudioFace.listen`."""
        self._listeners.append(callback)

        def forget() -> None:
            with contextlib.suppress(ValueError):
                self._listeners.remove(callback)

        return forget

    def tell(self, what: str) -> None:
        """Tell all listeners; one that fails does not keep the others from it."""
        for callback in list(self._listeners):
            try:
                callback(what)
            except Exception:
                log.exception("listener failed")

    def changed(self) -> None:
        """Something that pages show is different now."""
        self.changes += 1
        self.tell("state")

    # ------------------------------------------------------------ pages

    def take_seat(self, site: str, device: str, connection: str, name: str = "") -> str | None:
        """See `StudioFace.take_seat`."""
        lost = self.roster.take_seat(site, device, connection, name)
        self.settle()
        self.changed()
        return lost

    def leave_seat(self, site: str, connection: str) -> None:
        """See `StudioFace.leave_seat`."""
        self.roster.leave_seat(site, connection)
        self.changed()

    def site_request(self, site: str, request: SiteRequest) -> None:
        """See `StudioFace.site_request`."""
        desk.site_request(self, site, request)

    def console_request(self, user: str, request: ConsoleRequest) -> None:
        """See `StudioFace.console_request`."""
        desk.console_request(self, user, request)

    def console_opened(self, user: str, connection: str) -> None:
        """See `StudioFace.console_opened`."""
        first = user not in self.operators.values()
        self.operators[connection] = user
        if first:
            self.note("operator-joined", f"operator:{user}", {"user": user}, self.now())
        self.changed()

    def console_closed(self, connection: str) -> None:
        """See `StudioFace.console_closed`."""
        user = self.operators.pop(connection, None)
        if user is not None and user not in self.operators.values():
            self.note("operator-left", f"operator:{user}", {"user": user}, self.now())
        self.changed()

    def watching(self, count: int) -> None:
        """See `StudioFace.watching`."""
        if count != self.viewers:
            self.viewers = count
            self.changed()

    def site_view(self, site: str) -> dict[str, Any]:
        """See `StudioFace.site_view`."""
        return views.site(self, site)

    def console_view(self, peer: str | None = None) -> dict[str, Any]:
        """See `StudioFace.console_view`."""
        return views.console(self, peer)

    def watch_view(self) -> dict[str, Any]:
        """See `StudioFace.watch_view`."""
        return views.watch(self)

    def levels(self) -> dict[str, int]:
        """See `StudioFace.levels`."""
        return self.measures.all_levels()

    def ready(self) -> dict[str, bool]:
        """See `StudioFace.ready`."""
        return {process: self.lines.connected(process) for process in PROCESSES}

    def figures(self) -> dict[str, float]:
        """See `StudioFace.figures`."""
        return views.figures(self)

    # ------------------------------------------------------------ peer connections

    async def offer(
        self,
        kind: PeerKind,
        owner: str,
        sdp: str,
        *,
        publishes: str | None = None,
        watches: str | None = None,
    ) -> PeerOpened:
        """See `StudioFace.offer`."""
        if kind in ("site", "whip"):
            publishes = self.roster[publishes or owner].site
        if watches is not None and watches != messages.PROGRAM:
            self.roster[watches]  # raises MissingError
        if len(self.peers) >= self.settings.server.max_peers:
            raise BusyError("busy", "The server has reached its limit of connections.")
        peer = self.peers.open(kind, owner, publishes, watches, self.now())
        try:
            return await self._opened(peer, sdp)
        except BaseException:
            # Also when the page went away meanwhile: media may have opened it, or may yet.
            self._peer_closed(peer.peer, "offer failed")
            self.lines.send("media", messages.ClosePeer(peer=peer.peer, reason="offer failed"))
            raise

    async def _opened(self, peer: Peer, sdp: str) -> PeerOpened:
        peer.wanted = self._wanted(peer)
        request = messages.OpenPeer(
            request=self.lines.next_request(),
            peer=peer.peer,
            kind=peer.kind,
            publishes=peer.publishes,
            offer=sdp,
            video_slots=peer.wanted,
            audio=peer.audio,
        )
        if not self.lines.connected("media"):
            raise BusyError("media-away", "The media process is not there; try again in a moment.")
        answer = await self.lines.ask(request)
        peer.opening = False
        if not isinstance(answer, PeerOpened):
            kinds: dict[str, type[LinkupError]] = {"busy": BusyError, "media-away": BusyError}
            raise kinds.get(answer.code, PeerError)(answer.code, answer.text)
        peer.slots = len(answer.video_slots)
        self._sent["media", peer.peer] = self._mapping(peer)  # it came with the offer
        if peer.publishes and peer.peer in self.peers.by_id and peer.state == "new":
            self.roster.peer_moved(peer.publishes, peer.peer, "new", self.now())
        self.settle()
        self.changed()
        return answer

    def peer_lives(self, peer: str) -> bool:
        """See `StudioFace.peer_lives`."""
        known = self.peers.by_id.get(peer)
        return known is not None and not known.opening

    def close_peer(self, peer: str, reason: str) -> None:
        """See `StudioFace.close_peer`."""
        if peer in self.peers.by_id:
            self.lines.send("media", messages.ClosePeer(peer=peer, reason=reason))
            self._peer_closed(peer, reason)
            self.settle()
            self.changed()

    def _peer_closed(self, peer: str, reason: str) -> None:
        known = self.peers.by_id.pop(peer, None)
        if known is not None and known.publishes:
            events = self.roster.peer_moved(known.publishes, peer, "closed", self.now(), reason)
            self.happened(SYSTEM, events)

    # ------------------------------------------------------------ processes

    def process_came(self, hello: Hello) -> None:
        """A process connected: adopt what it has, and tell it everything."""
        log.info("process connected", child=hello.process, pid=hello.pid)
        if hello.process == "record":
            self.outbox.start_again()  # first what it missed, then what is new
        self._process_back(hello.process)
        self._sent = {key: each for key, each in self._sent.items() if key[0] != hello.process}
        if hello.process == "media":
            facts.adopt(self, hello.peers)
            self._media_told.set()
        elif hello.process == "program":
            self.switcher.mixed = False  # the dissolve is over
            self.guard.forget()
            for name, on in self.outputs.items():
                self.lines.send("program", messages.SwitchOutput(output=name, on=on))
        self.settle()
        self.changed()

    def process_went(self, process: Process) -> None:
        """A process is away; the supervisor brings it back."""
        log.warning("process away", child=process)
        self._away[process] = self.now()
        self.measures.process_went(process)
        if process == "program":
            self.guard.forget()
        self.changed()

    def _note_absences(self, older_than: int) -> None:
        """A restart is seen by the operators, and in the archive; the end of everything is not.

        When all is stopped, the processes go one after the other within a moment: so only who
        stays away for longer, or comes back, is worth an entry.
        """
        now = self.now()
        for process, since in self._away.items():
            if now - since >= older_than and process not in self._told_away:
                self._told_away.add(process)
                self._process_noted(process, "away", since)

    def _process_back(self, process: Process) -> None:
        if process in self._away:
            self._note_absences(0)
            del self._away[process]
            self._told_away.discard(process)
            self._process_noted(process, "back", self.now())

    def _process_noted(self, process: Process, state: str, at: int) -> None:
        self.note("process", SYSTEM, {"name": process, "state": state}, at)
        zh = "中断" if state == "away" else "已恢复"
        self.say(SYSTEM, sentences.words(f"{process} 进程{zh}", f"Process {process}: {state}"), at)

    def fact(self, process: Process, message: AnyMessage) -> None:
        """A process tells something."""
        facts.learn(self, message)

    # ------------------------------------------------------------ decisions become true

    def note(self, kind: str, who: str, data: dict[str, Any], at: int) -> None:
        """Put something into the journal; `at`: UTC ns."""
        self.outbox.put(kind, who, data, at - clock.utc_ns(0))

    def happened(self, who: str, events: Sequence[Event], at: int | None = None) -> None:
        """Journal events and tell the operators. `who`: "operator:…", "site:…", "system"."""
        now = self.now() if at is None else at
        for event in events:
            if isinstance(event, SiteJoined):
                self.seen.add(event.site)
                if self.live_since is None:
                    self.live_since = now
            for kind, data in sentences.journal_data(event, self.names):
                self.note(kind, who, data, now)
            if isinstance(event, SourceMoved) and event.state == "live":
                continue  # the good news are not worth one of thirty lines
            text = sentences.sentence(event, self.names)
            self.say(who, text, now)

    def say(self, who: str, text: sentences.Words, now: int) -> None:
        """A line in the operators' log."""
        self.log.append(
            kept.LogLine(at=now // 1_000_000, who=who.partition(":")[2] or who, text=text)
        )

    def done(self, who: str, events: Sequence[Event]) -> None:
        """Events that a request or a fact has led to: journal, apply, keep, show."""
        self.happened(who, events)
        self.settle()
        self.changed()

    def settle(self) -> None:
        """Let the guard decide, then make the processes do what the show wants."""
        self._guard()
        before = self._sent.get(("program", "compose"))
        self._apply()
        self._keeper.touch(urgent=self._sent.get(("program", "compose")) != before)

    def living(self) -> list[str]:
        """Sites whose sound or picture is there."""
        return [site for site in self.roster.present() if self.measures.carries(site)]

    def there(self) -> list[str]:
        """Sites whose picture is worth a place: there, or lost a moment ago."""
        now = self.now()
        seats = self.roster.seats.values()
        return [
            seat.site
            for seat in seats
            if seat.present or (seat.lost_at is not None and now - seat.lost_at < GRACE)
        ]

    def _guard(self) -> None:
        switcher, now = self.switcher, self.now()
        living = self.living()
        if switcher.slate == "off":
            age = now - switcher.since
            fallback = self.guard.decide(
                switcher.on_air, self.roster.halls(), living, self.seen, age
            )
            if fallback is not None:
                self.happened(SYSTEM, switcher.fall_back(fallback.shot, now))
        returns = self.guard.look_for_returns(living)
        for event in returns:
            switcher.offer(event.shot)
        self.happened(SYSTEM, returns)
        self.guard.settled(switcher.on_air, switcher.slate != "off")

    def _apply(self) -> None:
        heard = self.roster.heard()
        self._want("media", "microphones", messages.OpenMicrophones(feeds=heard))
        for peer in list(self.peers.by_id.values()):
            if not peer.opening:
                self._map(peer)
        silent = self.switcher.slate == "operator"  # a pause must not be overheard
        self._want("program", "compose", self._compose([] if silent else heard))

    def _compose(self, heard: list[str]) -> messages.Compose:
        switcher, language = self.switcher, self.settings.program.language
        return messages.Compose(
            take=switcher.take_number,
            on_air=switcher.on_air.picture(),
            next=self._next(),
            slate=switcher.slate != "off",
            mix_ms=self.settings.program.switching.mix_ms if switcher.mixed else 0,
            microphones=heard,
            names={
                site.id: Strip(
                    name=site.name.in_language(language), title=site.city.in_language(language)
                )
                for site in self.settings.sites
            },
        )

    def _next(self) -> messages.Picture | None:
        """What program decodes ahead: the preview, and whom the voice may bring next."""
        preview = self.switcher.preview
        ahead = dict.fromkeys((*preview.sites, *([self.candidate] if self.candidate else ())))
        if len(ahead) == len(preview.sites):
            return preview.picture() if preview.sites else None
        return messages.Picture(layout="four", feeds=list(ahead)[:DECODED])

    def _map(self, peer: Peer) -> None:
        peer.wanted = self._wanted(peer)
        if peer.kind != "whip" and peer.slots != 0:
            self._want("media", peer.peer, self._mapping(peer))

    def _mapping(self, peer: Peer) -> messages.MapSlots:
        slots_there = peer.wanted if peer.slots is None else peer.wanted[: peer.slots]
        return messages.MapSlots(peer=peer.peer, video_slots=slots_there, audio=peer.audio)

    def _wanted(self, peer: Peer) -> list[str | None]:
        if peer.kind == "site" and peer.publishes:
            seat = self.roster[peer.publishes]
            return slots.of_site(
                seat.site,
                seat.main,
                self.switcher.on_air.sites,
                self.roster.halls(),
                self.there(),
                peer.wanted,
            )
        if peer.kind == "console":
            return slots.of_console(self.sites)
        if peer.kind in ("viewer", "whep"):
            return [peer.watches or messages.PROGRAM]
        return []

    def _want(self, process: Process, what: str, message: AnyMessage) -> None:
        """Send unless exactly this was sent last."""
        if self._sent.get((process, what)) == message or not self.lines.connected(process):
            return
        if self.lines.send(process, message):
            self._sent[process, what] = message

    def forget_sent(self, peer: str) -> None:
        """A peer that has gone needs no memory."""
        self._sent.pop(("media", peer), None)

    # ------------------------------------------------------------ questions of the desk

    def fill(self) -> list[str]:
        """Whom a scene with empty places takes: halls, who is on air, who is there."""
        present = self.roster.present()
        halls = self.roster.halls()
        return [*halls, *self.switcher.on_air.sites, *present]

    def look_ahead(self) -> None:
        """Whose picture automatic switching may want within a second."""
        switcher = self.switcher
        speaking = self.director.speaking() if switcher.voice_decides else []
        found = next((site for site in speaking if site not in switcher.on_air.sites), None)
        if found != self.candidate:
            self.candidate = found
            self.settle()

    def output(self, name: str) -> None:
        """Raises `MissingError` for an output that sites.yaml does not have."""
        if name not in {each.name for each in self.settings.outputs}:
            raise MissingError("no-such-output", f"There is no output '{name}' in sites.yaml.")
