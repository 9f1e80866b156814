"""What the server of the tests tells about its consultations: four stories, all deterministic."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

TITLE = {"zh": "湘江保护两地协商会", "en": "Two-city consultation on the Xiang River"}
OPERATOR = "operator:anna"

PEOPLE = [
    ("changsha", "长沙主会场", "Changsha main hall", "李明", "省政协副主席"),
    ("school", "育才学校分会场", "Yucai School", "王芳", "教师"),
    ("tax-office", "税务中心分会场", "Tax service centre", "陈建国", "税务局局长"),
    ("studio", "委员工作室", "Members' studio", "赵丽", "政协委员"),
]
MORE = [
    ("wuhan", "武汉主会场", "Wuhan main hall", "周国强", "省政协主席"),
    ("river-station", "水文站分会场", "River gauging station", "孙海", "高级工程师"),
    ("tv", "电视演播室", "TV studio", "林晓", "主持人"),
    ("web-studio", "网络演播室", "Web studio", "何静", "主持人"),
    ("port", "港务局分会场", "Port authority", "吴刚", "港务局副局长"),
    ("farm", "农业合作社", "Farm cooperative", "郑秀兰", "合作社理事长"),
    ("hospital", "人民医院分会场", "People's hospital", "冯磊", "主任医师"),
    ("hongkong", "香港连线", "Hong Kong", "黄志豪", "港区政协委员"),
    ("plant", "污水处理厂", "Water treatment plant", "蒋勇", "厂长"),
    ("court", "环境法庭", "Environment court", "沈洁", "审判长"),
    ("union", "工会分会场", "Trade union", "韩梅", "工会主席"),
    ("village", "白沙村", "Baisha village", "杨德福", "村民"),
    ("lab", "水质实验室", "Water laboratory", "朱莉", "研究员"),
    ("ferry", "轮渡公司", "Ferry company", "许涛", "船长"),
    ("abroad", "海外连线", "Abroad", "谢安妮", "海外列席侨胞"),
]


@dataclass
class Story:
    """One consultation as the archive tells it. Times in UTC ms, lengths in seconds."""

    id: str
    started: int
    seconds: int
    people: list[tuple[str, str, str, str, str]]
    live: bool = False
    shot_s: float = 12.0
    title: dict[str, str] = field(default_factory=lambda: dict(TITLE))

    def __post_init__(self) -> None:
        self._random = random.Random(self.id)
        self.chapters = self._make_chapters()
        self.tracks = self._make_tracks()
        self.events = self._make_events()

    @property
    def ended(self) -> int | None:
        return None if self.live else self.started + self.seconds * 1000

    def summary(self) -> Json:
        size = sum(segment["bytes"] for track in self.tracks for segment in track["segments"])
        return {
            "id": self.id,
            "title": self.title,
            "live": self.live,
            "started": self.started,
            "ended": self.ended,
            "duration_s": self.seconds,
            "bytes": size,
        }

    def whole(self) -> Json:
        return {
            "id": self.id,
            "title": self.title,
            "live": self.live,
            "started": self.started,
            "ended": self.ended,
            "tracks": self.tracks,
            "chapters": self.chapters,
            "events": self.events,
        }

    def _make_chapters(self) -> list[Json]:
        chapters: list[Json] = []
        at = 0.0
        while at < self.seconds:
            long = self.shot_s * self._random.uniform(0.6, 1.5)
            until = min(self.seconds, at + long)
            count = self._random.choice([1, 1, 1, 2, 2, 4]) if chapters else 1
            chosen = self._random.sample(self.people, min(count, len(self.people)))
            chosen = chosen if chapters else [self.people[0]]
            last = until >= self.seconds
            speaker = chosen[0]
            chapters.append(
                {
                    "at": self.started + int(at * 1000),
                    "until": None if last and self.live else self.started + int(until * 1000),
                    "sites": [one[0] for one in chosen],
                    "names": [{"zh": one[1], "en": one[2]} for one in chosen],
                    "layout": {1: "full", 2: "side", 4: "four"}[len(chosen)],
                    "strip": {"name": speaker[3], "title": speaker[4]},
                    "by": OPERATOR if self._random.random() < 0.8 else "system",
                }
            )
            at = until
        return chapters

    def _make_tracks(self) -> list[Json]:
        program = {"zh": "播出", "en": "Program"}
        tracks = [self._track("program", program, "program", [(0.0, float(self.seconds))])]
        for index, (site, zh, en, _, _) in enumerate(self.people):
            spans = [(0.5 * index, float(self.seconds))]
            if index and index % 3 == 0:  # lost its line once
                middle = self.seconds * 0.45
                spans = [(0.5 * index, middle), (middle + self.seconds * 0.1, float(self.seconds))]
            tracks.append(self._track(site, {"zh": zh, "en": en}, "site", spans))
        return tracks

    def _track(
        self, site: str, name: dict[str, str], kind: str, spans: list[tuple[float, float]]
    ) -> Json:
        segments = []
        for number, (begin, end) in enumerate(spans):
            going_on = self.live and end >= self.seconds
            suffix = "mp4" if kind == "program" else "mkv"
            segments.append(
                {
                    "file": f"{site}/{number:03d}.{suffix}",
                    "started": self.started + int(begin * 1000),
                    "ended": None if going_on else self.started + int(end * 1000),
                    "bytes": int((end - begin) * (330_000 if kind == "program" else 120_000)),
                    "codec": "h264+aac" if kind == "program" else "vp8+opus",
                    "sha256": None if going_on else f"{self._random.getrandbits(256):064x}",
                }
            )
        return {"site": site, "name": name, "kind": kind, "segments": segments}

    def _make_events(self) -> list[Json]:
        events = [self._event(chapter["at"], "take", chapter["by"], {
            "zh": f"切换到 {'、'.join(name['zh'] for name in chapter['names'])}",
            "en": f"Take: {', '.join(name['en'] for name in chapter['names'])}",
        }) for chapter in self.chapters]  # fmt: skip
        for track in self.tracks[1:]:
            for number, segment in enumerate(track["segments"]):
                name, who = track["name"], f"site:{track['site']}"
                text = {"zh": f"{name['zh']} 进入会场", "en": f"{name['en']} joined"}
                events.append(self._event(segment["started"], "site-joined", who, text))
                if number + 1 < len(track["segments"]):
                    text = {"zh": f"{name['zh']} 线路中断", "en": f"{name['en']} lost its line"}
                    events.append(self._event(segment["ended"], "site-lost", who, text))
        return sorted(events, key=lambda event: event["at"])

    @staticmethod
    def _event(at: int, kind: str, who: str, text: dict[str, str]) -> Json:
        return {"at": at, "kind": kind, "who": who, "text": text}
