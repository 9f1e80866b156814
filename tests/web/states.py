"""States of an event as big as the first real one: two halls and seventeen branches."""

from __future__ import annotations

import copy
from typing import Any

NOW = 1_795_224_600_000  # 21 November 2026, 01:30 UTC
TITLE = {"zh": "湘江保护两地协商会", "en": "Two-city consultation on the Xiang River"}

_SITES = [
    ("changsha", "长沙主会场", "Changsha main hall", "长沙", "Changsha"),
    ("guangzhou", "广州主会场", "Guangzhou main hall", "广州", "Guangzhou"),
    ("school", "育才学校分会场", "Yucai School", "株洲", "Zhuzhou"),
    ("tax-office", "税务中心分会场", "Tax service centre", "湘潭", "Xiangtan"),
    ("studio", "委员工作室", "Members' studio", "广州", "Guangzhou"),
    ("web-studio", "网络演播室", "Web studio", "长沙", "Changsha"),
    ("port", "城陵矶港", "Chenglingji port", "岳阳", "Yueyang"),
    ("wetland", "洞庭湿地观测站", "Dongting wetland station", "岳阳", "Yueyang"),
    ("village", "十八洞村委会", "Shibadong village office", "湘西", "Xiangxi"),
    ("hospital", "人民医院", "People's hospital", "衡阳", "Hengyang"),
    ("water", "水务集团调度中心", "Water company control room", "湘潭", "Xiangtan"),
    ("court", "环境资源法庭", "Environmental court", "长沙", "Changsha"),
    ("factory", "有色金属工厂", "Non-ferrous metals works", "郴州", "Chenzhou"),
    ("field", "督查组（现场）", "Supervision group (field)", "永州", "Yongzhou"),
    ("university", "湖南大学分会场", "Hunan University", "长沙", "Changsha"),
    ("library", "市图书馆", "City library", "株洲", "Zhuzhou"),
    ("farm", "生态农场", "Ecological farm", "益阳", "Yiyang"),
    ("hong-kong", "香港委员", "Member in Hong Kong", "香港", "Hong Kong"),
    ("toronto", "多伦多委员", "Member in Toronto", "多伦多", "Toronto"),
]
_PEOPLE = [
    ("李明", "Li Ming", "省政协副主席", "Vice-chair of the provincial committee"),
    ("赵丽", "Zhao Li", "政协委员", "Committee member"),
    ("王芳", "Wang Fang", "教师", "Teacher"),
    ("陈建国", "Chen Jianguo", "税务局局长", "Director of the tax office"),
]


def both(zh: str, en: str) -> dict[str, str]:
    return {"zh": zh, "en": en}


def console_site(number: int, present: bool = True) -> dict[str, Any]:
    identifier, zh, en, city, city_en = _SITES[number]
    first = _PEOPLE[number % len(_PEOPLE)]
    second = _PEOPLE[(number + 1) % len(_PEOPLE)]
    return {
        "id": identifier,
        "name": both(zh, en),
        "city": both(city, city_en),
        "hall": number < 2,
        "people": [
            {"name": both(each[0], each[1]), "title": both(each[2], each[3])}
            for each in (first, second)
        ],
        "present": present,
        "since": NOW - 900_000 if present else None,
        "microphone": present,
        "camera": present,
        "hand": None,
        "muted": False,
        "tally": "off",
        "note": None,
        "line": {
            "quality": "good" if present else "lost",
            "loss": 0.0,
            "jitter_ms": 4,
            "rtt_ms": 12,
            "freezes": 0,
            "kbps": 1480,
            "fps": 30,
            "text": both("线路良好", "The line is good"),
        },
        "source": "live" if present else None,
    }


def console_state(count: int = 4) -> dict[str, Any]:
    """A calm moment: the hall is on air, the school comes next."""
    sites = [console_site(n) for n in range(count)]
    state: dict[str, Any] = {
        "version": 1,
        "consultation": {"id": "river-2026", "title": TITLE},
        "live_since": NOW - 2_537_000,
        "now": NOW,
        "on_air": {
            "layout": "full",
            "sites": ["changsha"],
            "strip": {"name": "李明", "title": "省政协副主席"},
            "since": NOW - 42_000,
            "by": "anna",
        },
        "preview": {
            "layout": "full",
            "sites": ["school"],
            "strip": {"name": "王芳", "title": "教师"},
        },
        "slate": False,
        "automatic": False,
        "undo": True,
        "held": None,
        "sites": sites,
        "slots": [each["id"] for each in sites] + [None] * (23 - count) + ["program"],
        "outputs": [
            _output("hls", "hls", "live"),
            _output("city-news", "rtmp", "live"),
            _output("provincial-tv", "rtmp", "live"),
        ],
        "record": {
            "state": "ok",
            "files": count + 1,
            "bytes": 1_843_000_000,
            "verified_s": 3,
            "text": both("正在录制", "Recording"),
        },
        "program": {"fps": 30.0, "missed": 0, "level": -18},
        "viewers": 12_840,
        "consoles": ["anna"],
        "processes": {"media": True, "program": True, "record": True},
        "warnings": [],
        "log": _log(),
    }
    return retally(state)


def _output(name: str, kind: str, state: str, retries: int = 0, text: str = "") -> dict[str, Any]:
    return {
        "name": name, "kind": kind, "state": state, "text": text,
        "retries": retries, "kbps": 2630, "dropped": 0,
    }  # fmt: skip


def _log() -> list[dict[str, Any]]:
    lines = [
        (95, "site:school", both("育才学校分会场入席", "Yucai School joined")),
        (60, "operator:anna", both("预监：育才学校分会场", "Preview: Yucai School")),
        (42, "operator:anna", both("硬切：长沙主会场", "Cut: Changsha main hall")),
        (20, "site:school", both("育才学校分会场举手", "Yucai School raised a hand")),
    ]
    return [{"at": NOW - ago * 1000, "who": who, "text": text} for ago, who, text in lines]


def retally(state: dict[str, Any]) -> dict[str, Any]:
    """Tally follows what is on air and in preview."""
    for site in state["sites"]:
        on_air = site["id"] in state["on_air"]["sites"] and not state["slate"]
        following = site["id"] in state["preview"]["sites"]
        site["tally"] = "air" if on_air else "next" if following else "off"
    return state


def busy_console() -> dict[str, Any]:
    """Nineteen sites, and something wrong almost everywhere."""
    state = console_state(19)
    by_id = {each["id"]: each for each in state["sites"]}
    state["on_air"].update(layout="side", sites=["changsha", "guangzhou"])
    state["preview"].update(layout="four", sites=["school", "port", "wetland", "hong-kong"])
    by_id["school"]["hand"] = NOW - 20_000
    by_id["village"]["hand"] = NOW - 65_000
    by_id["port"]["muted"] = True
    by_id["tax-office"]["microphone"] = False
    by_id["court"]["camera"] = False
    by_id["studio"]["note"] = "请把灯光调亮一些，三分钟后轮到您"
    weak = by_id["hong-kong"]
    weak["line"].update(quality="poor", loss=0.062, jitter_ms=140, rtt_ms=210, freezes=3, kbps=410)
    weak["line"]["text"] = both("丢包较多，画面已降低", "Many packets lost, picture reduced")
    by_id["field"]["line"].update(quality="fair", loss=0.018, jitter_ms=60, rtt_ms=95, kbps=880)
    by_id["toronto"].update(console_site(18, present=False))
    by_id["library"].update(console_site(15, present=False))
    by_id["wetland"]["source"] = "held"
    state["outputs"][2] = _output("provincial-tv", "rtmp", "retrying", 7, "connection refused")
    state["record"].update(state="warning", text=both("磁盘快满了", "The disk is nearly full"))
    state["consoles"] = ["anna", "wei"]
    state["automatic"] = True
    state["held"] = {"by": "anna"}
    state["processes"]["record"] = True
    state["warnings"] = [
        {"code": "disk", "text": both("磁盘只剩 0.9 GB", "Only 0.9 GB of disk left")},
        {
            "code": "frozen",
            "text": both(
                "预监中的洞庭湿地观测站画面停住了", "Dongting wetland in preview is frozen"
            ),
        },
    ]
    return retally(state)


def empty_console() -> dict[str, Any]:
    """Nobody is there yet."""
    state = console_state(4)
    for n, site in enumerate(state["sites"]):
        site.update(console_site(n, present=False))
    state.update(live_since=None, viewers=0, undo=False, log=[], outputs=[])
    state["on_air"].update(sites=[], strip=None)
    state["preview"].update(sites=[], strip=None)
    state["record"].update(files=0, bytes=0, verified_s=None)
    return retally(state)


def site_state() -> dict[str, Any]:
    """The school watches; the hall is on air."""
    sites = [console_site(n) for n in range(4)]
    return {
        "site": {"id": "school", "name": sites[2]["name"], "city": sites[2]["city"]},
        "tally": "off",
        "muted": False,
        "microphone": True,
        "camera": True,
        "hand": False,
        "main": "air",
        "place": None,
        "on_air": [{"id": "changsha", "name": sites[0]["name"]}],
        "next": [],
        "strip": {"name": "李明", "title": "省政协副主席"},
        "slate": False,
        "sites": [{key: each[key] for key in ("id", "name", "hall", "present")} for each in sites],
        "slots": ["changsha", "guangzhou", "tax-office", None],
        "note": None,
        "live_since": NOW - 2_537_000,
        "line": {"quality": "good", "text": both("线路良好", "The line is good")},
    }


def site_on_air() -> dict[str, Any]:
    state = site_state()
    state.update(tally="air", strip={"name": "王芳", "title": "教师"})
    state["on_air"] = [state["site"]]
    return state


def site_next_with_note() -> dict[str, Any]:
    state = site_state()
    state.update(tally="next", hand=True, place=0)
    state["next"] = [state["site"]]
    state["slots"] = ["changsha", "guangzhou", "tax-office", "studio"]
    state["note"] = {"text": "请把灯光调亮一些，两分钟后轮到您发言。", "at": NOW}
    return state


def site_in_trouble() -> dict[str, Any]:
    state = site_state()
    state.update(hand=True, place=2, muted=True, slots=["changsha", None, None, None])
    state["line"] = {
        "quality": "poor",
        "text": both(
            "网络较慢，画面已降低，声音不受影响", "Slow network: picture reduced, voice kept"
        ),
    }
    return state


def site_before() -> dict[str, Any]:
    state = site_state()
    state.update(live_since=None, on_air=[], slots=[None] * 4, strip=None)
    return state


def changed(state: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A copy with other values."""
    out = copy.deepcopy(state)
    out.update(more)
    return out
