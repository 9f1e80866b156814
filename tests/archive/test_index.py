"""What the review page is told, from the journal alone."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from linkup.archive import index
from linkup.errors import MissingError
from linkup.record import journal
from tests.archive.conftest import ID, Archive


def take(archive: Archive, number: int, sites: list[str], at_s: float) -> None:
    data = {
        "take": number, "layout": "full", "sites": sites, "names": sites, "mode": "cut",
        "strip": {"name": "李明", "title": ""}, "automatic": False,
    }  # fmt: skip
    archive.say("take", data, who="operator:anna", at_s=at_s)


def test_tracks_and_chapters_of_a_finished_consultation(archive: Archive) -> None:
    take(archive, 1, ["hall"], 0.5)
    archive.say("on-air", {"take": 1}, at_s=0.6)
    take(archive, 2, ["school"], 3.0)
    archive.say("on-air", {"take": 2}, at_s=3.1)
    archive.say("site-lost", {"site": "school", "reason": "silent"}, at_s=5.0)
    archive.finish()
    view = index.consultation(archive.data, ID)
    assert not view.live and view.title["zh"] == "协商会"
    assert [track.site for track in view.tracks] == ["program", "hall", "school"]
    assert view.tracks[1].name["zh"] == "主会场"
    for track in view.tracks:
        (segment,) = track.segments
        assert segment.sha256 and segment.ended and segment.bytes
        assert abs(segment.ended - segment.started - 6000) < 200
    first, second = view.chapters
    assert (first.at, first.until) == (archive.ms(0.6), archive.ms(3.1))
    assert (second.at, second.until, second.by) == (archive.ms(3.1), view.ended, "operator:anna")
    assert second.strip == {"name": "李明", "title": ""}
    lost = [event for event in view.events if event.kind == "site-lost"]
    assert lost[0].text == {"zh": "学校 断开 (silent)", "en": "School was lost (silent)"}
    assert not [event for event in view.events if event.kind.startswith("seg")]


def test_a_consultation_that_is_being_recorded_grows(archive: Archive) -> None:
    take(archive, 1, ["hall"], 0.5)
    archive.book.flush()
    view = index.consultation(archive.data, ID)
    assert view.live and view.ended is None
    assert view.chapters[0].until is None
    segments = [segment for track in view.tracks for segment in track.segments]
    assert len(segments) == 3 and all(s.ended is None and s.bytes for s in segments)
    take(archive, 2, ["school"], 2.0)
    archive.book.flush()
    assert len(index.consultation(archive.data, ID).chapters) == 2
    assert view.chapters[0].until is None, "an answer that was given out does not change any more"
    (summary,) = index.consultations(archive.data)
    assert summary.live and summary.id == ID and summary.bytes > 0
    archive.finish()
    (summary,) = index.consultations(archive.data)
    assert not summary.live and summary.ended


def test_answers_the_json_of_the_protocol(archive: Archive) -> None:
    take(archive, 1, ["hall"], 0.5)
    archive.finish()
    body = msgspec.json.decode(msgspec.json.encode(index.consultation(archive.data, ID)))
    assert set(body) == {
        "id", "title", "live", "started", "ended", "tracks", "chapters", "events"
    }  # fmt: skip
    assert set(body["tracks"][0]) == {"site", "name", "kind", "segments"}
    assert set(body["tracks"][0]["segments"][0]) == {
        "file", "started", "ended", "bytes", "codec", "sha256"
    }  # fmt: skip
    assert set(body["chapters"][0]) == {"at", "until", "sites", "names", "layout", "strip", "by"}
    (summary,) = msgspec.json.decode(msgspec.json.encode(index.consultations(archive.data)))
    assert set(summary) == {"id", "title", "live", "started", "ended", "duration_s", "bytes"}


def test_only_new_lines_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    book = journal.Journal(tmp_path / ID)
    for number in range(3000):
        book.append("take", "operator:anna", {"take": number, "sites": ["hall"]})
    book.flush()
    assert len(index.consultation(tmp_path, ID).chapters) == 3000
    book.append("take", "operator:anna", {"take": 3000, "sites": ["hall"]})
    book.flush()
    read: list[bytes] = []
    parse = journal.parse
    monkeypatch.setattr(journal, "parse", lambda raw: read.append(raw) or parse(raw))
    assert len(index.consultation(tmp_path, ID).chapters) == 3001
    assert len(read) == 1
    book.close()


def test_strange_lines_do_not_hide_the_others(tmp_path: Path) -> None:
    book = journal.Journal(tmp_path / ID)
    for kind in ("take", "segment-closed", "on-air", "record-started", "site-joined", "strip"):
        book.append(kind, "x", {"take": "one", "path": 5, "sites": 7, "strip": 3})
    book.append("take", "operator:anna", {"take": 1, "sites": ["hall"]})
    book.close()
    assert len(index.consultation(tmp_path, ID).chapters) == 1


@pytest.mark.parametrize("id", ["", "..", "../river", "nothing", "keys"])
def test_unknown_consultations(archive: Archive, id: str) -> None:
    archive.finish()
    with pytest.raises(MissingError):
        index.consultation(archive.data, id)


def test_only_recorded_files_are_given_out(archive: Archive) -> None:
    archive.finish()
    name = index.consultation(archive.data, ID).tracks[0].segments[0].file
    assert index.file(archive.data, ID, name).is_file()
    for other in ("../keys/archive.pem", "sites/hall/other.mkv", "archive.pub", ""):
        with pytest.raises(MissingError):
            index.file(archive.data, ID, other)


def test_nothing_is_on_air_between_two_runs_of_the_server(archive: Archive) -> None:
    archive.say("started", {"title": {"zh": "会", "en": "C"}, "resumed": False}, at_s=0)
    take(archive, 1, ["hall"], 1.0)
    archive.say("record-stopped", {"files": 0, "bytes": 0}, at_s=5.0)
    archive.say("record-started", {"title": {"zh": "会"}, "sites": [], "version": "0"}, at_s=60.0)
    archive.say("started", {"title": {"zh": "会", "en": "C"}, "resumed": True}, at_s=60.1)
    take(archive, 1, ["school"], 60.2)
    archive.say("on-air", {"take": 1}, at_s=60.3)
    archive.finish()
    view = index.consultation(archive.data, ID)
    assert [chapter.sites for chapter in view.chapters] == [["hall"], ["school"]]
    assert view.chapters[0].until == archive.ms(5.0)
    assert view.chapters[1].at == archive.ms(60.3)
