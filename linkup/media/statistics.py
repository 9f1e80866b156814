"""What the plane counted, once a second, as `MediaStats`. Reads; changes nothing but its memory."""

from __future__ import annotations

from linkup import messages
from linkup.media.peer import Peer
from linkup.media.plane import Plane
from linkup.media.track import Track
from linkup.runtime import cpu_seconds, rss_mb


class Statistics:
    """Remembers the counters of a second ago."""

    def __init__(self, plane: Plane) -> None:
        self._plane = plane
        self._at = plane.now()
        self._tracks: dict[int, tuple[int, int, int, int]] = {}
        self._peers: dict[str, tuple[int, int, int]] = {}

    def take(self) -> messages.MediaStats:
        """The last second."""
        plane = self._plane
        now = plane.now()
        seconds = max(1e-3, (now - self._at) / 1e9)
        self._at = now
        feeds = [self._feed(identifier, seconds) for identifier in plane.feeds]
        receivers = [self._receiver(peer, seconds) for peer in plane.peers.values() if peer.slots]
        alive = {id(track) for feed in plane.feeds.values() for track in feed.tracks.values()}
        self._tracks = {key: value for key, value in self._tracks.items() if key in alive}
        self._peers = {key: value for key, value in self._peers.items() if key in plane.peers}
        failed = plane.lost_before + sum(peer.way.failed for peer in plane.peers.values())
        dropped = dict(plane.dropped)
        if plane.box.refused:
            dropped["socket-full"] = plane.box.refused
        return messages.MediaStats(
            feeds=[each for each in feeds if each is not None],
            receivers=receivers,
            packets_in=plane.packets_in,
            packets_out=plane.box.sent,
            dropped=dropped,
            lost_inside=failed + plane.box.refused + plane.dropped["slow-sink"],
            cpu_s=cpu_seconds(),
            rss_mb=rss_mb(),
            at=now,
        )

    def _since(self, track: Track | None) -> tuple[int, int, int, int]:
        """Packets, octets, frames and expected packets of the last second."""
        if track is None:
            return 0, 0, 0, 0
        now = (track.packets, track.octets, track.frames, track.expected())
        before = self._tracks.get(id(track), (0, 0, 0, 0))
        self._tracks[id(track)] = now
        return (now[0] - before[0], now[1] - before[1], now[2] - before[2], now[3] - before[3])

    def _feed(self, identifier: str, seconds: float) -> messages.FeedStats | None:
        feed = self._plane.feeds[identifier]
        audio, video = feed.audio, feed.video
        if audio is None and video is None:
            return None
        heard = self._since(audio)
        seen = self._since(video)
        came, should = heard[0] + seen[0], heard[3] + seen[3]
        waiting = len(video.missing) if video is not None else 0  # may still come
        lost = max(0, should - came - waiting)
        peer = self._plane.peers.get(feed.publisher)
        rtt = peer.rtt_ns if peer is not None else None
        return messages.FeedStats(
            feed=identifier,
            video_bps=int(seen[1] * 8 / seconds),
            audio_bps=int(heard[1] * 8 / seconds),
            video_fps=round(seen[2] / seconds, 1),
            loss=round(lost / should, 4) if should > 0 else 0.0,
            jitter_ms=round(video.jitter / 90, 2) if video is not None else 0.0,
            rtt_ms=None if rtt is None else round(rtt / 1e6, 2),
            freezes=video.freezes if video is not None else 0,
            width=video.width if video is not None else 0,
            height=video.height if video is not None else 0,
        )

    def _receiver(self, peer: Peer, seconds: float) -> messages.ReceiveStats:
        now = (peer.way.octets, peer.nacks, peer.plis)
        before = self._peers.get(peer.id, (0, 0, 0))
        self._peers[peer.id] = now
        return messages.ReceiveStats(
            peer=peer.id,
            sent_bps=int((now[0] - before[0]) * 8 / seconds),
            loss=round(max(peer.losses.values(), default=0.0), 4),
            rtt_ms=None if peer.rtt_ns is None else round(peer.rtt_ns / 1e6, 2),
            nacks=now[1] - before[1],
            plis=now[2] - before[2],
            remb_bps=peer.remb_bps,
        )
