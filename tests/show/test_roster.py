"""Seats, hands, microphones."""

from __future__ import annotations

import msgspec
import pytest

from linkup.errors import ConflictError, MissingError
from linkup.show import roster
from linkup.show.events import HandChanged, MuteChanged, NoteChanged, SiteJoined, SiteLost
from linkup.show.roster import Roster


@pytest.fixture
def seats() -> Roster:
    return Roster(["hall"], ["school", "tax"])


def join(seats: Roster, site: str, peer: str = "p1", now: int = 1) -> None:
    seats.peer_moved(site, peer, "connected", now)


def test_a_seat_belongs_to_the_site_not_to_the_connection(seats: Roster) -> None:
    assert seats.take_seat("school", "laptop", "c1", "Wang") is None
    seats.raise_hand("school", True, 5)
    seats.mute("school", True)
    # The page reloads: another connection of the same device; the old one may still be open.
    assert seats.take_seat("school", "laptop", "c2") == "c1"
    # The late end of the old connection changes nothing.
    seats.leave_seat("school", "c1")
    seat = seats["school"]
    assert (seat.connection, seat.hand, seat.muted, seat.name) == ("c2", 5, True, "Wang")


def test_another_device_takes_the_seat_over(seats: Roster) -> None:
    seats.take_seat("school", "laptop", "c1")
    assert seats.take_seat("school", "phone", "c2") == "c1"
    assert seats["school"].device == "phone"
    seats.leave_seat("school", "c2")
    assert seats["school"].connection is None
    assert seats.take_seat("school", "phone", "c3") is None


def test_presence_is_told_by_media_alone(seats: Roster) -> None:
    seats.take_seat("school", "laptop", "c1")
    assert seats.peer_moved("school", "p1", "new", 1) == []
    assert seats.present() == []
    assert seats.peer_moved("school", "p1", "connected", 2) == [SiteJoined("school", "laptop")]
    assert seats.peer_moved("school", "p1", "connected", 3) == []
    assert seats.present() == ["school"]
    assert seats.peer_moved("school", "p1", "silent", 4) == [SiteLost("school", "silent")]
    assert seats.peer_moved("school", "p1", "connected", 5) == [SiteJoined("school", "laptop")]
    assert seats.peer_moved("school", "p1", "closed", 6, "left") == [SiteLost("school", "left")]
    assert seats["school"].peer is None


def test_a_renewed_connection_is_no_loss(seats: Roster) -> None:
    join(seats, "school", "old")
    assert seats.peer_moved("school", "new", "new", 2) == []
    assert seats["school"].peer == "new"
    assert seats.peer_moved("school", "new", "connected", 3) == []
    assert seats.peer_moved("school", "old", "closed", 4, "replaced") == []
    assert seats.present() == ["school"]


def test_the_newer_connection_is_told_after_the_end_of_the_older(seats: Roster) -> None:
    join(seats, "school", "old")
    seats.peer_moved("school", "new", "new", 2)
    assert seats.peer_moved("school", "old", "closed", 3, "replaced") == []
    assert seats.present() == ["school"]
    assert seats.peer_moved("school", "new", "connected", 3) == []
    assert seats.peer_moved("school", "new", "closed", 4, "left") == [SiteLost("school", "left")]


def test_an_encoder_needs_no_page(seats: Roster) -> None:
    assert seats.peer_moved("tax", "w", "connected", 1) == [SiteJoined("tax", "whip")]
    assert seats.heard() == ["tax"]


def test_hands_in_the_order_of_raising(seats: Roster) -> None:
    assert seats.raise_hand("tax", True, 10) == [HandChanged("tax", True)]
    seats.raise_hand("hall", True, 20)
    assert seats.raise_hand("tax", True, 30) == []  # it keeps its place
    assert seats.hands() == ["tax", "hall"]
    seats.raise_hand("tax", False, 40)
    seats.raise_hand("tax", True, 50)
    assert seats.hands() == ["hall", "tax"]


@pytest.mark.parametrize(
    ("present", "microphone", "muted", "heard"),
    [
        (True, True, False, True),
        (False, True, False, False),
        (True, False, False, False),
        (True, True, True, False),
    ],
)
def test_who_is_heard(
    seats: Roster, present: bool, microphone: bool, muted: bool, heard: bool
) -> None:
    if present:
        join(seats, "school")
    seats["school"].microphone = microphone
    seats.mute("school", muted)
    assert (seats.heard() == ["school"]) is heard


def test_mute_all_but(seats: Roster) -> None:
    assert seats.mute_all(["hall"]) == [MuteChanged("school", True), MuteChanged("tax", True)]
    assert seats.mute_all([]) == [MuteChanged("hall", True)]
    assert seats.mute("hall", False) == [MuteChanged("hall", False)]
    with pytest.raises(MissingError):
        seats.mute_all(["nobody"])


def test_notes(seats: Roster) -> None:
    assert seats.write_note("*", " Two minutes ", 7) == [NoteChanged("*", "Two minutes")]
    assert {seat.note and seat.note.text for seat in seats.seats.values()} == {"Two minutes"}
    seats.write_note("tax", "", 8)
    assert seats["tax"].note is None
    assert seats["school"].note == roster.Note(text="Two minutes", at=7)


def test_leaving_for_good(seats: Roster) -> None:
    seats.take_seat("school", "laptop", "c1")
    seats.raise_hand("school", True, 1)
    assert seats.drop("school") == "c1"
    assert seats.vacate("school") == [HandChanged("school", False)]
    with pytest.raises(ConflictError):
        seats.drop("school")


def test_the_media_process_was_restarted(seats: Roster) -> None:
    join(seats, "school", "p1")
    join(seats, "tax", "p2")
    gone = seats.all_peers_gone(["p2"], 9, "media restarted")
    assert gone == [SiteLost("school", "media restarted")]
    assert seats.present() == ["tax"]


def test_what_outlives_a_restart(seats: Roster) -> None:
    seats.take_seat("school", "laptop", "c1", "Wang")
    join(seats, "school")
    seats.mute("school", True)
    seats.raise_hand("school", True, 3)
    seats.write_note("school", "soon", 4)
    seats["school"].main = "program"
    body = msgspec.json.encode(seats.keep())
    again = Roster(["hall"], ["school"])  # the tax office is no longer invited
    again.restore(msgspec.json.decode(body, type=list[roster.Kept]))
    seat = again["school"]
    assert (seat.muted, seat.hand, seat.device, seat.main) == (True, 3, "laptop", "program")
    assert seat.note is not None and seat.note.text == "soon"
    assert seat.present and seat.connection is None
    # Adopted again: not a new arrival. Not adopted: lost.
    assert again.peer_moved("school", "p1", "connected", 5) == []
    assert again.all_peers_gone(["p1"], 6, "x") == []
    assert again.all_peers_gone([], 7, "x") == [SiteLost("school", "x")]
    with pytest.raises(MissingError):
        again["tax"]
