"""What a slot counts: tables of sequence numbers."""

from __future__ import annotations

import struct

import pytest

from linkup.crowd.receive import Receiver, Slot
from linkup.wire import rtcp


def packet(sequence: int, marker: bool = True, key: bool = True, ssrc: int = 5) -> bytes:
    payload = bytes((0x90, 0x80, 0x81, 0x23, 0 if key else 1))
    second = 96 | (0x80 if marker else 0)
    head = struct.pack("!BBHII", 0x80, second, sequence & 0xFFFF, sequence * 3600, ssrc)
    return head + payload


@pytest.mark.parametrize(
    ("sequences", "lost", "recovered", "duplicates", "reordered"),
    [
        ([1, 2, 3, 4], 0, 0, 0, 0),
        ([1, 2, 5, 6], 2, 0, 0, 0),
        ([1, 3, 2, 4], 0, 1, 0, 1),
        ([1, 2, 2, 3, 3], 0, 0, 2, 0),
        ([65534, 65535, 65536, 65537], 0, 0, 0, 0),
        ([65535, 65538, 65536], 1, 1, 0, 1),
    ],
)
def test_counts(
    sequences: list[int], lost: int, recovered: int, duplicates: int, reordered: int
) -> None:
    slot = Slot("2", "video", 5, 90_000)
    receiver = Receiver([slot], {96: "vp8"}, None)
    for index, sequence in enumerate(sequences):
        receiver.take(packet(sequence), index * 0.04)
    for tick in range(60):
        receiver.asks(1 + tick * 0.03, 1)
    counts = slot.counts
    assert (counts.lost, counts.recovered, counts.duplicates, counts.reordered) == (
        lost, recovered, duplicates, reordered,
    )  # fmt: skip
    assert counts.restarts == 0


def test_asks_again_then_for_a_keyframe() -> None:
    slot = Slot("2", "video", 5, 90_000)
    receiver = Receiver([slot], {96: "vp8"}, None)
    for sequence in (1, 2, 5):
        receiver.take(packet(sequence), 0.0)
    assert receiver.asks(0.005, 9) == []
    assert receiver.asks(0.02, 9) == [rtcp.Nack(9, 5, (3, 4))]
    assert receiver.asks(0.05, 9) == []
    assert receiver.asks(0.20, 9) == [rtcp.Nack(9, 5, (3, 4))]
    assert receiver.asks(1.10, 9) == [rtcp.Pli(9, 5)]
    assert slot.counts.lost == 2


def test_a_picture_counts_from_the_first_keyframe() -> None:
    slot = Slot("2", "video", 5, 90_000)
    for sequence, key in ((1, False), (2, False), (3, True), (4, False)):
        slot.take(packet(sequence, key=key), "vp8", sequence * 0.04)
    assert (slot.counts.frames, slot.counts.keyframes, slot.counts.first_at) == (2, 1, 0.12)


def test_jump_is_a_restart_not_a_loss() -> None:
    slot = Slot("2", "video", 5, 90_000)
    for sequence in (1, 2, 9000, 9001):
        slot.take(packet(sequence), "vp8", 0.0)
    assert slot.counts.restarts == 1 and slot.ask(5.0) == ([], False)


def test_report_block() -> None:
    slot = Slot("2", "video", 5, 90_000)
    for sequence in (10, 11, 13, 14):
        slot.take(packet(sequence), "vp8", sequence * 0.04)
    block = slot.block(1.0)
    assert block is not None
    assert (block.highest, block.lost, block.fraction) == (14, 1, 256 // 5)


def test_unknown_ssrc_is_counted() -> None:
    receiver = Receiver([Slot("2", "video", 5, 90_000)], {96: "vp8"}, None)
    receiver.take(packet(1, ssrc=6), 0.0)
    assert receiver.unmapped == 1
