"""The packet plane: the port, the peers, the feeds and the tap, and the beat that drives them.

One wake-up: read until the socket would block (bounded), hand each datagram to whom it belongs,
flush everything that came of it. Whose it is: RFC 7983 by the first byte, then by source address.
Only an address that has passed a connectivity check is looked at further (`stun.py`).

Invariant: any datagram from outside is handled, or counted in `dropped` by its reason.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import structlog

from linkup import clock, messages
from linkup.errors import BusyError, ConflictError
from linkup.media import dtls, stun, voices
from linkup.media.addresses import local_addresses
from linkup.media.feed import Feed
from linkup.media.forward import Slot, Way
from linkup.media.negotiate import plan
from linkup.media.peer import GONE_NS, SILENT_NS, Peer
from linkup.media.socket import BATCH, READ_SIZE, Port, unpack_address
from linkup.media.tap import Tap
from linkup.media.track import Track
from linkup.wire import sdp

log = structlog.get_logger()

ROUNDS = 8  # batches a wake-up; then timers and sockets of others get their turn
BEAT_S = 0.02
BEATS = 50  # a second's worth: each peer reports at one of them
DEFECT_LOGS = 20  # stack traces a process life: a hostile sender must not fill the disk

REPLACED = "replaced"

Tell = Callable[[messages.AnyMessage], None]


class Plane:
    """Everything of one media process but its line to control."""

    def __init__(
        self, host: str, port: int, tap: Path, public: tuple[str, ...], max_peers: int, tell: Tell
    ) -> None:
        self.port = Port(host, port)
        self.box = self.port.outbox
        self.feeds: dict[str, Feed] = {}
        self.peers: dict[str, Peer] = {}
        self.dropped: Counter[str] = Counter()
        self.packets_in = 0
        self.lost_before = 0  # of peers that are gone
        self.open_microphones: frozenset[str] = frozenset()
        self._tell = tell
        self._max_peers = max_peers
        self._certificate = dtls.new_certificate()
        self._addresses = local_addresses(host, self.port.family, public)
        self._by_fragment: dict[str, Peer] = {}
        self._sources: dict[bytes, Peer] = {}
        self._ordered: list[Peer] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._loudest = voices.Loudest()
        self._beat = 0
        self._opened = 0
        self._defects = 0
        self._loop = asyncio.get_running_loop()
        self.tap = Tap(tap, self)
        self._loop.add_reader(self.port.socket, self._readable)
        self._timer = self._loop.call_later(BEAT_S, self._on_beat)

    @staticmethod
    def now() -> int:
        """CLOCK_MONOTONIC ns."""
        return clock.now_ns()

    def count(self, reason: str, number: int = 1) -> None:
        """Something had to be dropped."""
        self.dropped[reason] += number

    # ------------------------------------------------------------ datagrams

    def _readable(self) -> None:
        at = clock.now_ns()
        port = self.port
        for _ in range(ROUNDS):
            count = port.receive()
            for index in range(count):
                try:
                    self._datagram(index, at)
                except Exception:
                    self._defect()
            if count < BATCH:
                break
        self.wake_up_done()

    def wake_up_done(self) -> None:
        """Send everything that this wake-up has made."""
        self.tap.flush()
        self.box.flush()

    def _defect(self) -> None:
        self.dropped["defect"] += 1
        if self._defects < DEFECT_LOGS:
            self._defects += 1
            log.exception("a datagram met a defect")

    def _datagram(self, index: int, at: int) -> None:
        port = self.port
        size = port.sizes[index]
        if size < 12:
            self.dropped["garbage"] += 1
            return
        base = index * READ_SIZE
        memory = port.memory
        first = memory[base]
        if first < 4:
            self._stun(index, at)
            return
        name = bytes(port.names[index * 32 : index * 32 + port.name_size])
        peer = self._sources.get(name)
        if peer is None:
            self.dropped["unauthenticated"] += 1
        elif 127 < first < 192:
            self.packets_in += 1
            if 192 <= memory[base + 1] <= 223:
                peer.receive_rtcp(port.pointers[index], memory, base, size, at)
            else:
                peer.receive_rtp(port.pointers[index], memory, base, size, at)
        elif 19 < first < 64:
            if not peer.dtls.receive(bytes(memory[base : base + size])):
                self.dropped["dtls-queue"] += 1
        else:
            self.dropped["garbage"] += 1

    def _stun(self, index: int, at: int) -> None:
        port = self.port
        start = index * READ_SIZE
        data = bytes(port.memory[start : start + port.sizes[index]])
        fragment = stun.local_fragment(data)
        peer = self._by_fragment.get(fragment) if fragment else None
        if peer is None:
            self.dropped["stun-stranger" if fragment else "garbage"] += 1
            return
        name = bytes(port.names[index * 32 : index * 32 + port.name_size])
        passed = stun.check(data, peer.password, unpack_address(name))
        if passed is None:
            self.dropped["stun-bad"] += 1
            return
        if not passed.conflict:
            self._sources[name] = peer
            forgotten = peer.checked(name, passed.nominated, at)
            if forgotten is not None:
                self._sources.pop(forgotten, None)
        self.box.put(passed.answer, name)

    def send(self, data: bytes, name: bytes) -> None:
        """Queue one datagram; it leaves at the end of this turn of the loop at the latest."""
        if not self.box.singles:
            self._loop.call_soon(self.box.flush)
        self.box.put(data, name)

    # ------------------------------------------------------------ the beat

    def _on_beat(self) -> None:
        self._timer = self._loop.call_later(BEAT_S, self._on_beat)
        at = clock.now_ns()
        self._beat += 1
        for peer in self._ordered[self._beat % BEATS :: BEATS]:
            try:
                peer.report(at, self.feeds.get)
                self._check_alive(peer, at)
            except Exception:
                self._defect()
        self.ask(at)
        if self._beat % BEATS == 0:
            self.tap.repeat(at)
        if self._beat % 10 == 0:
            for feed in list(self.feeds.values()):
                for track in feed.orphans(at):
                    self._end(track, at)
                feed.look(at)
        self.wake_up_done()

    def ask(self, at: int) -> None:
        """Send NACKs and key frame requests that are due."""
        for peer in self._ordered:
            if peer.tracks:
                peer.ask(at)
        self.tap.ask(at)

    def _check_alive(self, peer: Peer, at: int) -> None:
        silent = at - peer.heard_at
        if silent > GONE_NS:
            why = "never connected" if peer.state == "new" else "nothing heard for 30 s"
            self.peer_closed(peer, why)
        elif peer.state == "connected" and silent > SILENT_NS:
            peer.state, peer.reason = "silent", "nothing heard for 8 s"
            self._changed(peer, at)
        elif peer.state == "silent" and silent < SILENT_NS:
            peer.state, peer.reason = "connected", ""
            self._changed(peer, at)

    # ------------------------------------------------------------ feeds

    def feed(self, identifier: str) -> Feed:
        """The feed of this id, made when it is not there yet."""
        feed = self.feeds.get(identifier)
        if feed is None:
            feed = self.feeds[identifier] = Feed(identifier, self._feed_changed)
        return feed

    def track_began(self, track: Track, at: int) -> None:
        """The first packet of a new track came; it has not been forwarded yet."""
        feed = self.feed(track.feed)
        self.tap.began(track, at)
        old = feed.put(track, at)
        if old is not None:
            self.tap.ended(old, at)
        self._loop.call_soon(self._look, feed)
        if track.kind == "audio":
            self.assign_voices()

    def track_reported(self, track: Track, at: int) -> None:
        """A sender report of a track came."""
        self.tap.reported(track, at)

    def _end(self, track: Track, at: int) -> None:
        if not track.ended:
            self.feed(track.feed).drop(track, at)
            self.tap.ended(track, at)

    def _look(self, feed: Feed) -> None:
        feed.look(clock.now_ns())

    def tell_feeds(self) -> None:
        """Tell the state of every feed that carries something: control has just come (back)."""
        at = clock.now_ns()
        for feed in self.feeds.values():
            if feed.told[:2] != (None, None):
                self._feed_changed(feed, at)

    def _feed_changed(self, feed: Feed, at: int) -> None:
        audio, video, _ = feed.told
        self._tell(
            messages.FeedChanged(feed=feed.id, peer=feed.publisher, audio=audio, video=video, at=at)
        )

    # ------------------------------------------------------------ peers

    def open_peer(self, wanted: messages.OpenPeer) -> messages.PeerOpened:
        """Answer an offer. Raises `PeerError`, `BusyError` or `ConflictError`."""
        if wanted.peer in self.peers:
            raise ConflictError("sdp", f"peer {wanted.peer} is already open")
        if len(self.peers) >= self._max_peers:
            raise BusyError(
                "busy", f"all {self._max_peers} connections are in use, try again later"
            )
        offer = sdp.parse(wanted.offer)
        decided = plan(offer, wanted)
        at = clock.now_ns()
        way = Way(wanted.peer, self.box, self.port.new_name(bytes(self.port.name_size)))
        peer = Peer(
            self,
            wanted.peer,
            wanted.kind,
            wanted.publishes,
            decided,
            self._certificate,
            way,
            self._slot_shown,
            at,
        )
        self._opened += 1
        peer.number = self._opened
        self.peers[peer.id] = peer
        self._by_fragment[peer.fragment] = peer
        self._ordered.append(peer)
        local = sdp.Local(
            peer.fragment,
            peer.password,
            dtls.fingerprints(self._certificate),
            self._addresses,
            self.port.port,
        )
        answer = sdp.build_answer(offer, decided.answered, local, at >> 16)
        peer.connecting = self._spawn(self._connect(peer, offer.fingerprints))
        peer.wanted, peer.audio = wanted.video_slots, wanted.audio  # mapped when connected
        return messages.PeerOpened(
            request=wanted.request,
            peer=peer.id,
            answer=answer,
            video_slots=[slot.mid for slot in peer.video_slots],
            audio_slots=[slot.mid for slot in peer.audio_slots],
        )

    def _spawn(self, body: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._loop.create_task(body)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _connect(self, peer: Peer, expected: list[tuple[str, str]]) -> None:
        try:
            done = await peer.dtls.start(expected)
        except Exception as error:  # whatever OpenSSL makes of a hostile record
            log.info("DTLS failed", peer=peer.id, error=repr(error))
            done = False
        if peer.state == "closed":
            return
        if not done or peer.dtls.cipher is None:
            self.peer_closed(peer, "DTLS failed" if peer.name else "never connected")
            return
        at = clock.now_ns()
        peer.connected(peer.dtls.cipher)
        if not self._take_over(peer):
            return
        self._changed(peer, at)
        self.map_slots(peer.id, peer.wanted, peer.audio)

    def _take_over(self, peer: Peer) -> bool:
        """The newest connection of a publisher has the feed, the others are closed.

        False when `peer` itself is an older one whose handshake took longer.
        """
        if peer.publishes is None:
            return True
        rivals = [each for each in self.peers.values() if each.publishes == peer.publishes]
        if any(each.cipher and each.number > peer.number for each in rivals):
            self.peer_closed(peer, REPLACED)
            return False
        for other in rivals:
            if other.number < peer.number:
                # Tracks stay in the feed: slots hold the old picture until the new key frame.
                self.peer_closed(other, REPLACED)
        self.feed(peer.publishes).take_over(peer.id, peer.clock)
        return True

    def peer_closed(self, peer: Peer, reason: str) -> None:
        """Forget a peer and tell control."""
        if self.peers.get(peer.id) is not peer:
            return
        at = clock.now_ns()
        del self.peers[peer.id]
        self._by_fragment.pop(peer.fragment, None)
        self._ordered.remove(peer)
        for name in peer.sources:
            if self._sources.get(name) is peer:
                del self._sources[name]
        for slot in peer.video_slots:
            if slot.wanted is not None:
                self.feed(slot.wanted).viewers.discard(slot)
        peer.close()
        for track in peer.tracks.values():
            track.orphaned = True
            if reason != REPLACED:
                self._end(track, at)
        self.lost_before += peer.way.failed
        peer.reason = reason
        self._changed(peer, at)
        self._spawn(self._stop_dtls(peer))
        self.assign_voices()

    async def _stop_dtls(self, peer: Peer) -> None:
        if peer.connecting is not None and not peer.connecting.done():
            peer.connecting.cancel()
        try:
            await peer.dtls.stop()
        except Exception as error:
            log.info("DTLS did not end well", peer=peer.id, error=repr(error))
        self.box.flush()

    def _changed(self, peer: Peer, at: int) -> None:
        self._tell(messages.PeerChanged(peer=peer.look(), at=at))

    # ------------------------------------------------------------ slots

    def map_slots(self, identifier: str, video: list[str | None], audio: str) -> None:
        """The whole wanted mapping of a peer's slots; unknown peers are ignored."""
        peer = self.peers.get(identifier)
        if peer is None:
            return
        peer.wanted, peer.audio = video, audio
        if peer.cipher is None:
            return  # a key frame that comes now could not be sent: mapped when connected
        at = clock.now_ns()
        for index, slot in enumerate(peer.video_slots):
            wanted = video[index] if index < len(video) else None
            if wanted == slot.wanted:
                continue
            if slot.wanted is not None:
                self.feed(slot.wanted).viewers.discard(slot)
            slot.wanted = wanted
            if wanted is None:
                slot.clear(at)
            else:
                self.feed(wanted).show_in(slot, at)
        self.assign_voices(peer)
        self.ask(at)
        self.wake_up_done()

    def _slot_shown(self, slot: Slot, feed: str | None, at: int) -> None:
        if slot.kind == "video":
            self._tell(messages.SlotShown(peer=slot.way.peer, slot=slot.index, feed=feed, at=at))

    # ------------------------------------------------------------ voices

    def set_open_microphones(self, feeds: list[str]) -> None:
        """The whole set of feeds that may be heard."""
        self.open_microphones = frozenset(feeds)
        self._loudest.update(dict.fromkeys(self._open_with_sound()))
        self.assign_voices()

    def _open_with_sound(self) -> list[str]:
        at = clock.now_ns()
        return [
            feed.id
            for feed in self.feeds.values()
            if feed.id in self.open_microphones
            and feed.audio is not None
            and feed.audio.alive(at)
            and feed.id != messages.PROGRAM
        ]

    def take_levels(self) -> dict[str, int]:
        """Loudness of each feed with sound since the last call; chooses the loudest anew."""
        at = clock.now_ns()
        levels: dict[str, int] = {}
        known: dict[str, int | None] = {}
        open_ = set(self._open_with_sound())
        for feed in self.feeds.values():
            audio = feed.audio
            if audio is None or not audio.alive(at):
                continue
            level = audio.take_level()
            if level is None and audio.audio_level_id:
                level = -127  # it tells levels, and sent nothing: silence
            if level is not None:
                levels[feed.id] = level
            if feed.id in open_:
                known[feed.id] = level
        before = list(self._loudest.chosen)
        if self._loudest.update(known) != before:
            self.assign_voices()
        return levels

    def assign_voices(self, only: Peer | None = None) -> None:
        """Map the audio slots of one peer or of all."""
        for peer in self._ordered if only is None else [only]:
            if peer.audio_slots and peer.cipher is not None:
                self._assign(peer)

    def _assign(self, peer: Peer) -> None:
        slots = peer.audio_slots
        if peer.audio == "loudest":
            before = [slot.wanted for slot in slots]
            wanted = voices.assign(before, self._loudest.chosen, peer.publishes)
        else:
            heard = peer.audio == messages.PROGRAM or peer.audio in self.open_microphones
            wanted = [peer.audio if heard else None] + [None] * (len(slots) - 1)
        at = clock.now_ns()
        for slot, feed in zip(slots, wanted, strict=True):
            slot.wanted = feed
            track = self.feed(feed).audio if feed is not None else None
            if track is None or not slot.accepts(track):
                if slot.track is not None or slot.pending is not None:
                    slot.clear(at)
            else:
                slot.wait_for(track)

    # ------------------------------------------------------------ the end

    async def close(self) -> None:
        """Say goodbye to everybody and close the port."""
        self._timer.cancel()
        for peer in list(self.peers.values()):
            self.peer_closed(peer, "server stops")
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)
        self.wake_up_done()
        self._loop.remove_reader(self.port.socket)
        self.tap.close()
        self.port.close()
