"""What the processes measured last: levels, lines, program, recorder, disk."""

from __future__ import annotations

from collections.abc import Iterable

from linkup.messages import (
    PROGRAM,
    FeedChanged,
    FeedStats,
    Levels,
    MediaStats,
    OutputState,
    ProgramStats,
    ReceiveStats,
    RecordStats,
)
from linkup.requests import ReceiverReport
from linkup.show.line import Line, Sample
from linkup.studio.lines import Process

SILENCE_DB = -127
DEAF_DB = -100  # quieter than any room: the microphone gives nothing


class Measures:
    """The newest figures of everything."""

    def __init__(self, sites: Iterable[str]) -> None:
        self.lines = {site: Line() for site in sites}
        self.feeds: dict[str, FeedChanged] = {}
        self.stats: dict[str, FeedStats] = {}
        self.receivers: dict[str, ReceiveStats] = {}
        self.media: MediaStats | None = None
        self.program: ProgramStats | None = None
        self.record: RecordStats | None = None
        self.free_mb: int | None = None
        self.voices: dict[str, int] = {}
        self._sound: dict[str, int] = {}  # when there was any, ns
        self._heard_at = 0
        self._reports: dict[str, ReceiverReport] = {}
        self._freezes: dict[str, int] = {}

    # ------------------------------------------------------------ sound and picture

    def hear(self, message: Levels) -> None:
        """Loudness of all feeds."""
        self.voices = {feed: level for feed, level in message.levels.items()
                       if feed in self.lines or feed == PROGRAM}  # fmt: skip
        self._heard_at = message.at
        for site in self.lines:
            if self.voices.get(site, SILENCE_DB) > DEAF_DB or site not in self._sound:
                self._sound[site] = message.at

    def all_levels(self) -> dict[str, int]:
        """Loudness of every site with sound, and of the program."""
        program = self.program.level if self.program else SILENCE_DB
        return {**self.voices, PROGRAM: self.voices.get(PROGRAM, program)}

    def silent_s(self, site: str) -> float:
        """For how long a site has sent no sound at all, not even that of a quiet room, s."""
        return (self._heard_at - self._sound.get(site, self._heard_at)) / 1e9

    def carries(self, site: str) -> bool:
        """Whether sound or picture comes from a site; yes until media says otherwise."""
        feed = self.feeds.get(site)
        return feed is None or feed.audio is not None or feed.video is not None

    def sends_picture(self, site: str) -> bool:
        """Whether a picture comes from a site, as far as is known."""
        feed = self.feeds.get(site)
        return feed is None or feed.video is not None

    # ------------------------------------------------------------ once a second

    def media_counted(
        self, message: MediaStats, peers: dict[str, str | None], camera: dict[str, bool]
    ) -> None:
        """Judge every line. `peers`: each site's connection, None: not there; `camera`: on."""
        self.media = message
        self.stats = {each.feed: each for each in message.feeds}
        self.receivers = {each.peer: each for each in message.receivers}
        for site, line in self.lines.items():
            line.judge(self._sample(site, peers.get(site), camera.get(site, True)))
        self._reports.clear()

    def _sample(self, site: str, peer: str | None, camera: bool) -> Sample:
        if peer is None:
            self._freezes.pop(site, None)
            return Sample(alive=False)
        up, down, page = self.stats.get(site), self.receivers.get(peer), self._reports.get(site)
        loss, jitter, freezes = 0.0, 0.0, 0
        if up is not None:
            loss, jitter = up.loss, up.jitter_ms
            freezes = self._new_freezes(site, up.freezes) if camera else 0
        if down is not None:
            loss = max(loss, down.loss)
        if page is not None:
            # Freezes at the page are not counted: a page in the background draws nothing.
            loss, jitter = max(loss, page.loss), max(jitter, page.jitter_ms)
        return Sample(loss=loss, jitter_ms=jitter, freezes=freezes)

    def _new_freezes(self, site: str, total: int) -> int:
        before = self._freezes.get(site, total)
        self._freezes[site] = total
        return max(0, total - before)

    def reported(self, site: str, report: ReceiverReport) -> None:
        """What a site's page says about what it receives."""
        self._reports[site] = report

    def all_dead(self) -> None:
        """No media process, no lines."""
        for line in self.lines.values():
            line.judge(Sample(alive=False))

    def program_counted(self, message: ProgramStats) -> list[OutputState]:
        """Take in the program's figures; returns the outputs that changed their state."""
        before = {each.name: each.state for each in self.program.outputs} if self.program else {}
        self.program = message
        return [each for each in message.outputs if before.get(each.name) != each.state]

    def process_went(self, process: Process) -> None:
        """What a process that is away said is no longer true."""
        if process == "media":
            self.voices, self.feeds, self.stats, self.receivers = {}, {}, {}, {}
        elif process == "record":
            self.record = None
