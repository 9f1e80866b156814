"""The lines of the journal in words, in the languages of the interface."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from linkup.archive.views import Words

# kind: (Chinese, English); {site} is the site's name in that language, the rest is from `data`.
_SAYINGS: dict[str, tuple[str, str]] = {
    "started": ("服务启动", "The server started"),
    "stopped": ("服务停止", "The server stopped"),
    "site-joined": ("{site} 加入", "{site} joined"),
    "site-lost": ("{site} 断开 {reason}", "{site} was lost {reason}"),
    "take": ("切换：{sites}", "On air: {sites}"),
    "undo": ("撤销上一次切换", "The last take was undone"),
    "slate": ("垫片{state}", "Slate {state}"),
    "mute": ("{site} 静音{state}", "{site} muted: {state}"),
    "automatic": ("自动切换{state}", "Automatic switching {state}"),
    "strip": ("字幕条：{strip}", "Name strip: {strip}"),
    "note": ("通知 {site}：{text}", "Note to {site}: {text}"),
    "hand": ("{site} 举手{state}", "{site} raised hand: {state}"),
    "output": ("推流 {name}：{state}", "Output {name}: {state}"),
    "source": ("{site} 信号：{state}", "Signal of {site}: {state}"),
    "operator-joined": ("导播 {who} 登录", "Operator {who} joined"),
    "operator-left": ("导播 {who} 离开", "Operator {who} left"),
    "process": ("{name} 进程：{state}", "Process {name}: {state}"),
    "record-started": ("录制开始", "Recording started"),
    "record-stopped": ("录制停止", "Recording stopped"),
    "gap": ("{site} 录制缺帧", "Frames of {site} are missing"),
    "trouble": ("录制故障：{text}", "Trouble with recording: {text}"),
    "trouble-over": ("录制故障解除：{text}", "Trouble with recording is over: {text}"),
    "torn-line": ("日志残行已移出", "A torn journal line was moved aside"),
    "recovered": ("中断的录制文件已收尾", "Files of an interrupted run were closed"),
}
# These belong to the machinery of the record; a reviewer finds them in the journal itself.
SILENT = frozenset({"seal", "on-air", "segment-opened", "segment-closed", "segment-hashed"})

_STATES = {
    "live": "正常",
    "held": "保持最后一帧",
    "card": "显示名牌",
    "gone": "中断",
    "returned": "恢复",
    "away": "中断",
    "back": "恢复",
    "off": "停止",
    "connecting": "连接中",
    "retrying": "重连中",
    "failed": "失败",
}
_SWITCH = {True: ("开", "on"), False: ("关", "off")}


def event_text(kind: str, who: str, data: Mapping[str, Any], names: Mapping[str, Words]) -> Words:
    """One journal line in Chinese and English; unknown kinds show their name and data."""
    saying = _SAYINGS.get(kind)
    if saying is None:
        shown = ", ".join(f"{key}: {value}" for key, value in data.items())
        text = f"{kind} {shown}".strip()
        return {"zh": text, "en": text}
    return {
        language: " ".join(saying[place].format_map(_parts(who, data, names, place)).split())
        for place, language in enumerate(("zh", "en"))
    }


class _Parts(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return ""


def _parts(who: str, data: Mapping[str, Any], names: Mapping[str, Words], place: int) -> _Parts:
    language = ("zh", "en")[place]

    def name(site: Any) -> str:
        if site == "*":
            return ("全体", "everybody")[place]
        known = names.get(str(site), {})
        return known.get(language) or str(site)

    parts = _Parts({key: _plain(value) for key, value in data.items()})
    parts["who"] = who.partition(":")[2] or who
    site = data.get("site") or data.get("feed")
    if site:
        parts["site"] = name(site)
    sites = data.get("sites")
    if isinstance(sites, list):
        parts["sites"] = "、".join(map(name, sites)) if not place else ", ".join(map(name, sites))
    if not place and parts.get("state") in _STATES:
        parts["state"] = _STATES[parts["state"]]
    switch = next((data[key] for key in ("on", "muted", "raised") if key in data), None)
    if isinstance(switch, bool):
        parts["state"] = _SWITCH[switch][place]
    strip = data.get("strip", data)
    if isinstance(strip, Mapping):
        parts["strip"] = " ".join(_plain(strip.get(key, "")) for key in ("name", "title"))
    if data.get("reason"):
        parts["reason"] = f"({data['reason']})"
    return parts


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return str(value.get("zh") or value.get("en") or value.get("name") or "")
    return "" if value is None else str(value)
