import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkup.wire.reorder import Reorder
from linkup.wire.sequence import Unwrapper, difference

MS = 1_000_000


@pytest.mark.parametrize(
    ("a", "b", "bits", "want"),
    [
        (1, 0, 16, 1),
        (0, 65535, 16, 1),
        (65535, 0, 16, -1),
        (32768, 0, 16, -32768),
        (0, 2**32 - 5, 32, 5),
    ],
)
def test_difference(a, b, bits, want):
    assert difference(a, b, bits) == want


@given(st.integers(0, 65535), st.lists(st.integers(-1000, 20_000), max_size=50))
def test_unwrapping_follows_the_true_number(first, steps):
    unwrapper = Unwrapper()
    assert unwrapper.unwrap(first) == first
    true = first
    for step in steps:
        assert unwrapper.unwrap((true + step) & 0xFFFF) == true + step
        true = max(true, true + step)


def test_in_order_passes_at_once():
    buffer = Reorder(wait_ms=50)
    for number in range(65530, 65545):
        assert buffer.insert(number & 0xFFFF, number, 0) == [(number, number)]
    assert (buffer.lost, buffer.late, buffer.duplicates) == (0, 0, 0)


def test_a_gap_is_waited_for_then_given_up():
    buffer = Reorder(wait_ms=50)
    buffer.insert(1, "a", 0)
    assert buffer.insert(3, "c", 10 * MS) == []
    assert buffer.insert(2, "b", 20 * MS) == [(2, "b"), (3, "c")]
    assert buffer.insert(5, "e", 30 * MS) == []
    assert buffer.expire(79 * MS) == []
    assert buffer.expire(80 * MS) == [(5, "e")]
    assert buffer.insert(4, "d", 81 * MS) == []
    assert (buffer.lost, buffer.late) == (1, 1)


def test_never_more_than_its_capacity():
    buffer = Reorder(wait_ms=10_000, capacity=10)
    buffer.insert(0, 0, 0)
    out = [number for n in range(2, 40) for number, _ in buffer.insert(n, n, 0)]
    assert len(buffer) <= 10
    assert out == sorted(out)


def test_a_restarted_source_goes_on_behind_a_gap():
    buffer = Reorder(wait_ms=50)
    buffer.insert(100, "a", 0)
    buffer.insert(102, "c", 0)
    out = buffer.insert(40_000, "x", 1) + buffer.insert(40_001, "y", 2)
    assert [packet for _, packet in out] == ["c", "x", "y"]
    numbers = [number for number, _ in out]
    assert numbers[1] > numbers[0] + 1 and numbers[2] == numbers[1] + 1


@given(st.permutations(list(range(30))), st.integers(0, 65535))
def test_any_order_comes_out_in_order(order, start):
    buffer = Reorder(wait_ms=1000, capacity=64)
    out = []
    buffer.insert((start - 1) & 0xFFFF, None, 0)
    for number in order:
        out += [packet for _, packet in buffer.insert((start + number) & 0xFFFF, number, 0)]
        out += [packet for _, packet in buffer.insert((start + number) & 0xFFFF, number, 0)]
    assert out == list(range(30))
    assert buffer.lost == 0 and buffer.late + buffer.duplicates == 30
