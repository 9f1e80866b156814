"""The clusters of a Matroska file, as far as finding a moment in it needs them.

PURE: bytes in, numbers out. The recorder's files have no seek index while they grow (nor after a
kill), but clusters of half a second with known sizes: hopping from one to the next costs one small
read each, a few milliseconds for an hour.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

# Element ids, RFC 9559 §5.1 (with their length markers, as they stand in the file)
_SEGMENT = b"\x18\x53\x80\x67"
_CLUSTER = b"\x1f\x43\xb6\x75"
_TIMESTAMP = 0xE7  # first in every cluster, ms with the default timestamp scale
_SIMPLE_BLOCK = 0xA3
_KEYFRAME = 0x80
_HEAD = 64  # bytes read of each element: id, size, and of a cluster the timestamp

Read = Callable[[int, int], bytes]  # (offset, length) → as many bytes as there are


@dataclass(frozen=True, slots=True)
class Cluster:
    """`offset` and `end` in bytes; `start` in ms of the file."""

    offset: int
    end: int
    start: int


@dataclass(slots=True)
class Scan:
    """What is known of one file. `header`: bytes before the first cluster, 0 before it is seen."""

    offset: int = 0
    header: int = 0
    clusters: list[Cluster] = field(default_factory=list)
    broken: bool = False
    _inside: bool = False  # of the segment element

    def follow(self, read: Read, size: int) -> None:
        """Take in all elements that are whole within the first `size` bytes."""
        while not self.broken and self.offset < size:
            head = read(self.offset, _HEAD)
            try:
                identifier, body, length = _element(head)
            except (ValueError, IndexError):
                self.broken = len(head) == _HEAD
                return
            if not self._inside and identifier == _SEGMENT:
                self._inside = True
                self.offset += body  # into it; its size may be unknown while it grows
                continue
            if length is None:
                self.broken = True
                return
            end = self.offset + body + length
            if end > size:
                return
            if identifier == _CLUSTER:
                self.header = self.header or self.offset
                self.clusters.append(Cluster(self.offset, end, _timestamp(head[body:])))
            self.offset = end

    def before(self, read: Read, moment_ms: int) -> Cluster | None:
        """The last cluster with a key frame of the first track that is not after this moment; the
        first cluster of all when there is none."""
        for cluster in reversed(self.clusters):
            if cluster.start <= moment_ms and any(
                cluster.start + after <= moment_ms
                for after in keyframes(read(cluster.offset, cluster.end - cluster.offset))
            ):
                return cluster
        return self.clusters[0] if self.clusters else None


def keyframes(cluster: bytes, track: int = 1) -> Iterator[int]:
    """Times of a track's key frames in a whole cluster, in ms after its start.

    Our files have only simple blocks, but for the very last packet of sound.
    """
    try:
        _, position, _ = _element(cluster)
        while position < len(cluster):
            identifier, inner, length = _element(cluster[position : position + _HEAD])
            begin = position + inner
            if identifier[0] == _SIMPLE_BLOCK:
                number, size, _ = _vint(cluster, begin)
                if number == track and cluster[begin + size + 2] & _KEYFRAME:
                    yield int.from_bytes(
                        cluster[begin + size : begin + size + 2], "big", signed=True
                    )
            position = begin + (length or 0)
    except (ValueError, IndexError):
        return


def _vint(data: bytes, position: int) -> tuple[int, int, int]:
    """`(value without its marker, length in bytes, the value when all bits are ones)`."""
    first = data[position]
    if not first:
        raise ValueError("EBML number of more than 8 bytes")
    length = 9 - first.bit_length()
    mask = (1 << 7 * length) - 1
    part = data[position : position + length]
    if len(part) < length:
        raise ValueError("EBML number is cut off")
    return int.from_bytes(part, "big") & mask, length, mask


def _element(head: bytes) -> tuple[bytes, int, int | None]:
    """`(id, offset of the body, length of the body or None when it is unknown)`."""
    _, first, _ = _vint(head, 0)
    value, second, unknown = _vint(head, first)
    return head[:first], first + second, None if value == unknown else value


def _timestamp(body: bytes) -> int:
    """Timestamp of a cluster, from the beginning of its body."""
    position = 0
    while position < len(body):
        identifier, inner, length = _element(body[position:])
        begin = position + inner
        if identifier[0] == _TIMESTAMP and length:
            return int.from_bytes(body[begin : begin + length], "big")
        if not length:
            break
        position = begin + length
    return 0
