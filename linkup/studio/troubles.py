"""What the operator should know now: warnings, the most urgent first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from linkup.studio.sentences import Words, words

if TYPE_CHECKING:
    from linkup.studio.studio import Studio

SILENT_S = 8.0  # without any sound at all, not even of the room
BEHIND_S = 5.0  # the recorder should be on disk within this time

_AWAY = {
    "media": ("媒体进程中断，正在恢复", "The media process is away; it is being restarted"),
    "program": ("播出进程中断，正在恢复", "The program process is away; it is being restarted"),
    "record": (
        "录制进程中断，正在恢复；分会场不受影响",
        "The recorder is away; it is being restarted, the linkup goes on",
    ),
}
_OUTPUT = {"failed": ("失败", "failed"), "retrying": ("中断，正在重试", "is interrupted, retrying")}
_SOURCE = {
    "held": ("画面停住，正保持最后一帧", "is frozen on air, its last frame is held"),
    "card": ("没有画面，正显示名牌", "sends no picture on air, its name card is shown"),
    "gone": ("没有画面和声音", "is gone from the air"),
}


def warnings(studio: Studio) -> list[dict[str, Any]]:
    """`[{code, text}]`; some codes end with `:` and the id of a site or output."""
    found = [
        *_on_air(studio),
        *_processes(studio),
        *_record(studio),
        *_outputs(studio),
        *_preview(studio),
        *_returned(studio),
    ]
    return [{"code": code, "text": text} for code, text in found]


def record_behind_s(studio: Studio) -> float | None:
    """For how long back the recordings are not yet on disk; None: not known."""
    record = studio.measures.record
    if record is None or not studio.lines.connected("record"):
        return None
    return max(0.0, (record.at - record.flushed) / 1e9)


_Found = Iterator[tuple[str, Words]]


def _processes(studio: Studio) -> _Found:
    for process, there in studio.ready().items():
        if not there:
            yield f"{process}-away", words(*_AWAY[process])


def _on_air(studio: Studio) -> _Found:
    if studio.switcher.slate == "failure":
        yield (
            "slate-failure",
            words(
                "没有可用画面，已自动显示垫片；请选择会场后切换",
                "Nothing can be shown, the slate is on; choose a site and take it",
            ),
        )
        return
    if studio.switcher.slate != "off":
        return
    for site in studio.switcher.on_air.sites:
        yield from _site_on_air(studio, site)


def _site_on_air(studio: Studio, site: str) -> _Found:
    name, seat = studio.names.site(site), studio.roster[site]
    state = studio.guard.sources.get(site)
    if not seat.present:
        yield (
            f"on-air-absent:{site}",
            words(f"{name['zh']}正在播出但未连接", f"{name['en']} is on air but not connected"),
        )
    elif state in _SOURCE:
        zh, en = _SOURCE[state]
        yield f"on-air-{state}:{site}", words(f"{name['zh']}{zh}", f"{name['en']} {en}")
    if not seat.present:
        return
    if not seat.heard:
        yield (
            f"on-air-muted:{site}",
            words(
                f"{name['zh']}正在播出但话筒关闭",
                f"{name['en']} is on air with its microphone closed",
            ),
        )
    elif studio.measures.silent_s(site) > SILENT_S:
        yield (
            f"on-air-silent:{site}",
            words(f"{name['zh']}正在播出但没有声音", f"{name['en']} is on air without any sound"),
        )


def _record(studio: Studio) -> _Found:
    free, least = studio.measures.free_mb, studio.settings.storage.minimum_free_mb
    if free is not None and free < least:
        yield (
            "disk-low",
            words(
                f"磁盘剩余 {free} MB，低于 {least} MB",
                f"{free} MB of disk left, less than {least} MB",
            ),
        )
    for number, text in enumerate(studio.measures.record.errors if studio.measures.record else ()):
        yield f"record-error:{number}", words(f"录制故障：{text}", f"Recording: {text}")
    behind = record_behind_s(studio)
    if behind is not None and behind > BEHIND_S:
        yield (
            "record-behind",
            words(f"录制落后 {behind:.0f} 秒", f"The recording is {behind:.0f} s behind"),
        )
    if studio.outbox.dropped:
        yield (
            "journal-dropped",
            words("留痕缓存已满，有记录丢失", "The journal's queue is full, entries were lost"),
        )


def _outputs(studio: Studio) -> _Found:
    for each in studio.measures.program.outputs if studio.measures.program else ():
        if each.state in ("failed", "retrying"):
            zh, en = _OUTPUT[each.state]
            yield (
                f"output-{each.state}:{each.name}",
                words(f"推流 {each.name} {zh}", f"Output {each.name} {en}"),
            )


def _preview(studio: Studio) -> _Found:
    for site in studio.switcher.preview.sites:
        name, seat = studio.names.site(site), studio.roster[site]
        if not seat.present:
            yield (
                f"preview-absent:{site}",
                words(f"预监中的{name['zh']}未连接", f"{name['en']} in preview is not connected"),
            )
        elif not studio.measures.sends_picture(site):
            yield (
                f"preview-no-picture:{site}",
                words(f"预监中的{name['zh']}没有画面", f"{name['en']} in preview sends no picture"),
            )


def _returned(studio: Studio) -> _Found:
    for site in studio.guard.offers():
        name = studio.names.site(site)
        yield (
            f"returned:{site}",
            words(f"{name['zh']}已恢复，可切回", f"{name['en']} is back and can be taken"),
        )
