"""What pages are shown (docs/protocol.md). All times are UTC milliseconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from linkup.config import Site
from linkup.show import scene
from linkup.show.events import Shot
from linkup.show.roster import Seat
from linkup.studio import slots, troubles
from linkup.studio.kept import as_json
from linkup.studio.sentences import both, words

if TYPE_CHECKING:
    from linkup.studio.studio import Studio

_MS = 1_000_000
RECORD_TEXTS = {
    "ok": words("录制正常", "Recording"),
    "warning": words("录制需要注意", "Recording needs attention"),
    "stopped": words("录制中断", "Recording has stopped"),
}


def _ms(at: int | None) -> int | None:
    return None if at is None else at // _MS


def _shot(shot: Shot) -> dict[str, Any]:
    return {"layout": shot.layout, "sites": list(shot.sites), "strip": as_json(shot.strip)}


def _note(seat: Seat) -> dict[str, Any] | None:
    return {"text": seat.note.text, "at": _ms(seat.note.at)} if seat.note else None


# ---------------------------------------------------------------- a site's page


def site(studio: Studio, name: str) -> dict[str, Any]:
    """The state of a site's page."""
    seat, switcher = studio.roster[name], studio.switcher
    configured = studio.settings.site(name)
    assert configured is not None  # the roster is made of the same settings
    hands, line = studio.roster.hands(), studio.measures.lines[name]
    covered = switcher.slate != "off"
    peer = studio.peers.by_id.get(seat.peer or "")
    shown = list(peer.shown[: slots.SITE_SLOTS]) if peer else []
    return {
        "site": {"id": name, "name": both(configured.name), "city": both(configured.city)},
        "tally": switcher.tally()[name],
        "muted": seat.muted,
        "microphone": seat.microphone,
        "camera": seat.camera,
        "hand": seat.hand is not None,
        "main": seat.main,
        "place": hands.index(name) if name in hands else None,
        "on_air": [] if covered else _named(studio, switcher.on_air),
        "next": _named(studio, switcher.preview),
        "strip": None if covered else as_json(switcher.on_air.strip),
        "slate": covered,
        "sites": [
            {
                "id": each.site,
                "name": studio.names.site(each.site),
                "hall": each.hall,
                "present": each.present,
            }
            for each in studio.roster.seats.values()
        ],
        "slots": shown + [None] * (slots.SITE_SLOTS - len(shown)),
        "note": _note(seat),
        "live_since": _ms(studio.live_since),
        "line": {"quality": line.quality, "text": line.text()},
    }


def _named(studio: Studio, shot: Shot) -> list[dict[str, Any]]:
    return [{"id": each, "name": studio.names.site(each)} for each in shot.sites]


# ---------------------------------------------------------------- the console


def console(studio: Studio, peer: str | None) -> dict[str, Any]:
    """The state of a console; `slots` are those of its peer connection."""
    switcher = studio.switcher
    known = studio.peers.by_id.get(peer or "")
    shown = list(known.shown[: slots.CONSOLE_SLOTS]) if known else []
    tally = switcher.tally()
    return {
        "version": studio.changes,
        "consultation": {
            "id": studio.settings.consultation.id,
            "title": both(studio.settings.consultation.title),
        },
        "live_since": _ms(studio.live_since),
        "now": _ms(studio.now()),
        "on_air": {
            **_shot(switcher.on_air),
            "since": _ms(switcher.since),
            "by": switcher.by,
            "take": switcher.take_number,
            "confirmed": studio.confirmed,
        },
        "preview": _shot(switcher.preview),
        "slate": switcher.slate != "off",
        "automatic": switcher.control != "manual",
        "undo": bool(switcher.history),
        "held": {"by": switcher.held_by} if switcher.control == "held" else None,
        "scenes": scene.data(),
        "sites": [_site_line(studio, each, tally[each.id]) for each in studio.settings.sites],
        "slots": shown + [None] * (slots.CONSOLE_SLOTS - len(shown)),
        "outputs": _outputs(studio),
        "record": _record(studio),
        "program": _program(studio),
        "viewers": studio.viewers,
        "consoles": sorted(set(studio.operators.values())),
        "processes": studio.ready(),
        "warnings": troubles.warnings(studio),
        "log": as_json(list(studio.log)),
    }


def _site_line(studio: Studio, configured: Site, tally: str) -> dict[str, Any]:
    seat = studio.roster[configured.id]
    halls = {each.id for each in studio.settings.halls}
    return {
        "id": seat.site,
        "name": both(configured.name),
        "city": both(configured.city),
        "hall": seat.site in halls,
        "people": [
            {"name": both(each.name), "title": both(each.title)} for each in configured.people
        ],
        "present": seat.present,
        "since": _ms(seat.since) if seat.present else None,
        "microphone": seat.microphone,
        "camera": seat.camera,
        "hand": _ms(seat.hand),
        "muted": seat.muted,
        "tally": tally,
        "note": _note(seat),
        "line": _line(studio, seat.site),
        # Off air nobody watches the source: what was last said of it says nothing now.
        "source": (
            studio.guard.sources.get(seat.site)
            if seat.site in studio.switcher.on_air.sites
            else None
        ),
    }


def _line(studio: Studio, site: str) -> dict[str, Any]:
    line, stats = studio.measures.lines[site], studio.measures.stats.get(site)
    return {
        "quality": line.quality,
        "text": line.text(),
        "loss": round(stats.loss, 4) if stats else 0.0,
        "jitter_ms": round(stats.jitter_ms, 1) if stats else 0.0,
        "rtt_ms": stats.rtt_ms if stats else None,
        "freezes": stats.freezes if stats else 0,
        "kbps": (stats.video_bps + stats.audio_bps) // 1000 if stats else 0,
        "fps": round(stats.video_fps, 1) if stats else 0.0,
    }


def _outputs(studio: Studio) -> list[dict[str, Any]]:
    program = studio.measures.program
    known = {each.name: each for each in program.outputs} if program else {}
    rows: list[dict[str, Any]] = [
        {
            "name": each.name,
            "kind": each.kind,
            "state": each.state,
            "text": each.text,
            "retries": each.retries,
            "kbps": each.bps // 1000,
            "dropped": each.dropped,
        }
        for each in known.values()
    ]
    silent = {"kind": "rtmp", "state": "off", "text": "", "retries": 0, "kbps": 0, "dropped": 0}
    rest = [each.name for each in studio.settings.outputs if each.name not in known]
    return [*rows, *({"name": name, **silent} for name in rest)]


def _record(studio: Studio) -> dict[str, Any]:
    record, behind = studio.measures.record, troubles.record_behind_s(studio)
    low = (
        studio.measures.free_mb is not None
        and studio.measures.free_mb < studio.settings.storage.minimum_free_mb
    )
    if record is None or behind is None:
        state = "stopped"
    elif record.errors or low or behind > troubles.BEHIND_S:
        state = "warning"
    else:
        state = "ok"
    text = RECORD_TEXTS[state]
    if record and record.errors:
        text = words(record.errors[0], record.errors[0])
    return {
        "state": state,
        "files": record.files if record else 0,
        "bytes": record.bytes if record else 0,
        "verified_s": None if behind is None else round(behind, 1),
        "text": text,
    }


def _program(studio: Studio) -> dict[str, Any]:
    program = studio.measures.program
    if program is None:
        return {"fps": 0.0, "missed": 0, "level": -127}
    return {"fps": round(program.fps, 1), "missed": program.missed, "level": program.level}


# ---------------------------------------------------------------- viewers, metrics


def watch(studio: Studio) -> dict[str, Any]:
    """The state of a viewer's page."""
    covered = studio.switcher.slate != "off"
    return {
        "live": studio.live_since is not None and studio.lines.connected("program"),
        "live_since": _ms(studio.live_since),
        "title": both(studio.settings.consultation.title),
        "speaking": [] if covered else _speaking(studio),
        "viewers": studio.viewers,
        "slate": covered,
    }


def _speaking(studio: Studio) -> list[dict[str, Any]]:
    """Who is on air; with name and title as far as the name strip tells."""
    shot, nobody = studio.switcher.on_air, words("", "")
    name, title = studio.names.person(shot.strip, shot.sites) if shot.strip else (nobody, nobody)
    rows = [
        {"name": nobody, "title": nobody, "site": studio.names.site(each)} for each in shot.sites
    ]
    if rows and shot.strip:
        rows[0] |= {"name": name, "title": title}
    return rows


def figures(studio: Studio) -> dict[str, float]:
    """Gauges and counters for /metrics, by name without prefix."""
    measures = studio.measures
    values: dict[str, float] = {
        "sites_configured": len(studio.sites),
        "sites_present": len(studio.roster.present()),
        "microphones_open": len(studio.roster.heard()),
        "hands_raised": len(studio.roster.hands()),
        "peers": len(studio.peers),
        "consoles": len(studio.operators),
        "viewers": studio.viewers,
        "take": studio.switcher.take_number,
        "slate": studio.switcher.slate != "off",
        "warnings": len(troubles.warnings(studio)),
        "journal_waiting": len(studio.outbox),
        "journal_noted_total": studio.outbox.noted,
        "journal_dropped_total": studio.outbox.dropped,
    }
    values |= {f"process_{name}_up": there for name, there in studio.ready().items()}
    if measures.media:
        media = measures.media
        values |= {
            "media_packets_in_total": media.packets_in,
            "media_packets_out_total": media.packets_out,
            "media_lost_inside_total": media.lost_inside,
            "media_cpu_seconds_total": media.cpu_s,
            "media_rss_mb": media.rss_mb,
        }
        values |= {
            f"media_dropped_{reason.replace('-', '_')}_total": count
            for reason, count in media.dropped.items()
        }
    if measures.program:
        program = measures.program
        values |= {
            "program_frames_total": program.frames,
            "program_missed_total": program.missed,
            "program_fps": program.fps,
            "program_hls_segments_total": program.hls_segments,
            "program_cpu_seconds_total": program.cpu_s,
            "program_rss_mb": program.rss_mb,
        }
    if measures.record:
        record = measures.record
        values |= {
            "record_files": record.files,
            "record_bytes": record.bytes,
            "record_dropped_total": record.dropped,
            "record_cpu_seconds_total": record.cpu_s,
            "record_rss_mb": record.rss_mb,
        }
    return {name: float(value) for name, value in values.items()}
