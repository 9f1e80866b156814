"""The one UDP port: many datagrams a system call, no object per datagram.

Reading and writing go through `recvmmsg` and `sendmmsg` (cffi ABI mode on the C library) with
buffers allocated once; where those calls do not exist, through `recvfrom_into` and `sendto`.
Addresses are kept as the raw `sockaddr` bytes that the kernel gives: they are dictionary keys and
are handed back unchanged.

Each destination has a `Lane` of a few packet slots. A sender fills slot `lane.count` in place and
counts it up (`forward.py` does so by hand), so that a packet is encrypted where it lies; `flush`
sends the lanes of everybody. Neighbours of equal size go as one message that the kernel cuts apart
(UDP generic segmentation offload, `udp(7)`). Measured on Linux 6.18, loopback, 80 destinations,
1.17 kB: 2.8 µs of kernel time a packet alone, 2.0 µs in pairs, 1.1 µs in fives, 0.7 µs in twenties.
"""

from __future__ import annotations

import errno
import socket
import struct
import sys
from typing import Any

import structlog
from cffi import FFI

log = structlog.get_logger()

BATCH = 64  # datagrams a read
READ_SIZE = 2048  # bytes; longer datagrams are cut and then fail their authentication
OUT_SLOTS = 128  # messages a system call, datagrams of the cold path a flush
RUN = 8  # slots of a lane: a longer run saves little more and makes its first packet wait
OUT_SIZE = 2048  # bytes; 1500 of packet and SRTP's trailer of at most 148
MAX_PACKET = 1500  # bytes of a plain packet that we send
KERNEL_BUFFER = 8 * 1024 * 1024  # bytes asked for; the kernel may give less

ffi: Any = FFI()
ffi.cdef("""
struct iovec { void *iov_base; size_t iov_len; };
struct msghdr { void *msg_name; unsigned int msg_namelen; struct iovec *msg_iov;
                size_t msg_iovlen; void *msg_control; size_t msg_controllen; int msg_flags; };
struct mmsghdr { struct msghdr msg_hdr; unsigned int msg_len; };
int sendmmsg(int, struct mmsghdr *, unsigned int, int);
int recvmmsg(int, struct mmsghdr *, unsigned int, int, void *);
""")


_CONTROL = struct.Struct("=QiiH6x")  # cmsghdr and one u16, padded
_SOL_UDP, _UDP_SEGMENT = 17, 103


def _library() -> Any:
    """The C library when it has both calls on this machine, else None."""
    if not sys.platform.startswith("linux") or sys.byteorder != "little":
        return None  # lengths are written through an `int *` into the low half of a `size_t`
    try:
        library = ffi.dlopen(None)
        _ = library.sendmmsg, library.recvmmsg
    except (OSError, AttributeError):
        return None
    return library


_V6 = struct.Struct("=H2sI16sI")
_V4 = struct.Struct("=H2s4s8x")


def pack_address(host: str, port: int, family: int) -> bytes:
    """`sockaddr` bytes of a numeric address, as a socket of `family` uses them."""
    number = port.to_bytes(2, "big")
    if family == socket.AF_INET:
        return _V4.pack(family, number, socket.inet_pton(socket.AF_INET, host))
    if ":" not in host:
        host = "::ffff:" + host
    return _V6.pack(family, number, 0, socket.inet_pton(socket.AF_INET6, host), 0)


def unpack_address(name: bytes) -> tuple[str, int]:
    """`(host, port)`; IPv4-mapped addresses as plain IPv4."""
    if len(name) == _V4.size:
        _, number, host = _V4.unpack(name)
        return socket.inet_ntop(socket.AF_INET, host), int.from_bytes(number, "big")
    _, number, _, host, _ = _V6.unpack(name)
    port = int.from_bytes(number, "big")
    if host[:12] == b"\0" * 10 + b"\xff\xff":
        return socket.inet_ntop(socket.AF_INET, host[12:]), port
    return socket.inet_ntop(socket.AF_INET6, host), port


class _Vector:
    """`count` message headers, each with one buffer of `size` bytes and room for an address."""

    def __init__(self, count: int, size: int, name_size: int) -> None:
        self.block = ffi.new("char[]", count * size)
        self.memory = memoryview(ffi.buffer(self.block))
        self.names_block = ffi.new("char[]", count * 32)
        self.names = memoryview(ffi.buffer(self.names_block))
        self._iovecs = ffi.new("struct iovec[]", count)
        self.messages = ffi.new("struct mmsghdr[]", count)
        self.entries = [self.messages + index for index in range(count)]
        self.pointers = [self.block + index * size for index in range(count)]
        self.headers: list[Any] = []
        self.lengths: list[Any] = []  # `int *`, the low half of each iov_len
        for index in range(count):
            vector = self._iovecs[index]
            vector.iov_base = self.pointers[index]
            vector.iov_len = size
            header = self.messages[index].msg_hdr
            header.msg_iov = self._iovecs + index
            header.msg_iovlen = 1
            header.msg_name = self.names_block + index * 32
            header.msg_namelen = name_size
            self.headers.append(header)
            self.lengths.append(ffi.cast("int *", ffi.addressof(vector, "iov_len")))


class Lane:
    """Packets on their way to one destination. Fill slot `count`, then count it up.

    A sender that begins with slot 0 puts the lane into `Outbox.dirty`; one that finds `RUN` slots
    full flushes first.
    """

    def __init__(self, name: Any) -> None:
        self.name = name  # sockaddr cdata, 32 bytes
        self.block = ffi.new("char[]", RUN * OUT_SIZE)
        self.memory = memoryview(ffi.buffer(self.block))  # slot i begins at i * OUT_SIZE
        self.pointers = [self.block + index * OUT_SIZE for index in range(RUN)]
        self.bodies = [pointer + 12 for pointer in self.pointers]  # behind the RTP header
        self.timed_bodies = [pointer + 20 for pointer in self.pointers]  # and one extension
        self.iovecs = ffi.new("struct iovec[]", RUN)
        self.starts = [self.iovecs + index for index in range(RUN)]
        self.lengths: list[Any] = []  # `int *`: bytes of each slot
        for index in range(RUN):
            self.iovecs[index].iov_base = self.pointers[index]
            self.lengths.append(ffi.cast("int *", ffi.addressof(self.iovecs[index], "iov_len")))
        self.count = 0
        self.segments = True  # this way takes runs in one message


class Outbox:
    """Sends what lies in the lanes, and single datagrams of the cold path (`put`)."""

    def __init__(self, sock: socket.socket, name_size: int) -> None:
        self._socket = sock
        self._fd = sock.fileno()
        self._library = _library()
        self.segments = self._library is not None and _has_segmentation(sock)
        self.name_size = name_size
        self.dirty: list[Lane] = []
        self.sent = 0
        self.refused = 0  # the kernel's queue was full, or it knew no way
        # single datagrams
        self._single = _Vector(OUT_SLOTS, OUT_SIZE, name_size)
        self._single_names = [self._single.names_block + index * 32 for index in range(OUT_SLOTS)]
        self.singles = 0
        # runs of lanes
        self._messages = ffi.new("struct mmsghdr[]", OUT_SLOTS)
        self._controls = ffi.new("char[]", OUT_SLOTS * _CONTROL.size)
        self._headers: list[Any] = []
        self._sizes: list[Any] = []  # `uint16_t *` of each control message
        self._runs: list[tuple[Lane, int, int]] = []  # lane, first slot, slots
        blank = _CONTROL.pack(18, _SOL_UDP, _UDP_SEGMENT, 0)
        for index in range(OUT_SLOTS):
            control = self._controls + index * _CONTROL.size
            ffi.memmove(control, blank, len(blank))
            header = self._messages[index].msg_hdr
            header.msg_namelen = name_size
            header.msg_control = control
            self._headers.append(header)
            self._sizes.append(ffi.cast("uint16_t *", control + 16))

    def put(self, data: bytes, name: bytes) -> None:
        """Queue one datagram to the sockaddr `name`."""
        if len(data) > OUT_SIZE:
            self.refused += 1
            return
        if self.singles == OUT_SLOTS:
            self.flush()
        index = self.singles
        ffi.memmove(self._single.pointers[index], data, len(data))
        self._single.lengths[index][0] = len(data)
        ffi.memmove(self._single_names[index], name, len(name))
        self.singles = index + 1

    def flush(self) -> None:
        """Send everything that is queued; what the kernel does not take is dropped and counted."""
        if self.dirty:
            dirty, self.dirty = self.dirty, []
            for lane in dirty:
                count = lane.count
                if count:
                    lane.count = 0
                    self._add_runs(lane, count)
            self._send_runs()
        if self.singles:
            count, self.singles = self.singles, 0
            self._send_singles(count)

    def _add_runs(self, lane: Lane, count: int) -> None:
        """Cut a lane's slots into messages: equal sizes, of which the last may be smaller."""
        if count == 1 or not (lane.segments and self.segments):
            for index in range(count):
                self._add(lane, index, 1)
            return
        lengths = lane.lengths
        start = 0
        while start < count:
            size = lengths[start][0]
            end = start + 1
            while end < count and lengths[end][0] == size:
                end += 1
            if end < count and lengths[end][0] < size:
                end += 1
            self._add(lane, start, end - start, size)
            start = end

    def _add(self, lane: Lane, start: int, count: int, size: int = 0) -> None:
        runs = self._runs
        index = len(runs)
        if index == OUT_SLOTS:
            self._send_runs()
            index = 0
        header = self._headers[index]
        header.msg_name = lane.name
        header.msg_iov = lane.starts[start]
        header.msg_iovlen = count
        if count > 1:
            self._sizes[index][0] = size
            header.msg_controllen = 24
        else:
            header.msg_controllen = 0
        runs.append((lane, start, count))

    def _send_runs(self) -> None:
        runs = self._runs
        if not runs:
            return
        if self._library is None:
            self._send_runs_one_by_one()
            return
        total, done = len(runs), 0
        while done < total:
            sent = self._library.sendmmsg(
                self._fd, self._messages + done, total - done, socket.MSG_DONTWAIT
            )
            if sent > 0:
                self.sent += sum(run[2] for run in runs[done : done + sent])
                done += sent
            elif ffi.errno == errno.EAGAIN:
                self.refused += sum(run[2] for run in runs[done:])
                break
            elif ffi.errno != errno.EINTR:  # this one cannot go (no route, …); the next may
                self._send_apart(*runs[done])
                done += 1
        runs.clear()

    def _send_apart(self, lane: Lane, start: int, count: int) -> None:
        """A message was refused: packets larger than the path's MTU can only go by themselves."""
        if count == 1:
            self.refused += 1
            return
        lane.segments = False
        one = ffi.new("struct mmsghdr *")
        one.msg_hdr.msg_name = lane.name
        one.msg_hdr.msg_namelen = self.name_size
        one.msg_hdr.msg_iovlen = 1
        for index in range(start, start + count):
            one.msg_hdr.msg_iov = lane.starts[index]
            if self._library.sendmmsg(self._fd, one, 1, socket.MSG_DONTWAIT) == 1:
                self.sent += 1
            else:
                self.refused += 1

    def _send_runs_one_by_one(self) -> None:
        for lane, start, count in self._runs:
            name = bytes(ffi.buffer(lane.name, self.name_size))
            for index in range(start, start + count):
                begin = index * OUT_SIZE
                self._send_to(lane.memory[begin : begin + lane.lengths[index][0]], name)
        self._runs.clear()

    def _send_singles(self, count: int) -> None:
        vector = self._single
        if self._library is None:
            for index in range(count):
                name = bytes(vector.names[index * 32 : index * 32 + self.name_size])
                begin = index * OUT_SIZE
                self._send_to(vector.memory[begin : begin + vector.lengths[index][0]], name)
            return
        done = 0
        while done < count:
            sent = self._library.sendmmsg(
                self._fd, vector.entries[done], count - done, socket.MSG_DONTWAIT
            )
            if sent > 0:
                done += sent
                self.sent += sent
            elif ffi.errno == errno.EAGAIN:
                self.refused += count - done
                return
            elif ffi.errno != errno.EINTR:
                self.refused += 1
                done += 1

    def _send_to(self, data: memoryview, name: bytes) -> None:
        try:
            self._socket.sendto(data, unpack_for(self._socket.family, name))
            self.sent += 1
        except OSError:
            self.refused += 1


def _has_segmentation(sock: socket.socket) -> bool:
    """The kernel cuts one long message into datagrams (Linux 4.18 and later)."""
    try:
        sock.setsockopt(_SOL_UDP, _UDP_SEGMENT, 0)
    except OSError:
        return False
    return True


def unpack_for(family: int, name: bytes) -> tuple[str, int]:
    """The address as `sendto` of a socket of `family` wants it."""
    host, port = unpack_address(name)
    if family == socket.AF_INET6 and ":" not in host:
        host = "::ffff:" + host
    return host, port


class Port:
    """The bound socket. `receive` fills the slots; the attributes say what is in them."""

    def __init__(self, host: str, port: int) -> None:
        """Bind. Raises `OSError`. A host of "::" serves IPv4 too; "" means the same."""
        self.socket = _bind(host or "::", port)
        self.family = int(self.socket.family)
        self.port: int = self.socket.getsockname()[1]
        self.name_size = _V6.size if self.family == socket.AF_INET6 else _V4.size
        self._library = _library()
        self._fd = self.socket.fileno()
        self._vector = vector = _Vector(BATCH, READ_SIZE, self.name_size)
        self.memory = vector.memory  # slot i begins at i * READ_SIZE
        self.names = vector.names  # slot i begins at i * 32
        self.pointers = vector.pointers
        self.sizes = [0] * BATCH
        self.outbox = Outbox(self.socket, self.name_size)

    def new_name(self, name: bytes) -> Any:
        """A sockaddr that message headers may point to; the owner must keep it."""
        block = ffi.new("char[]", 32)
        ffi.memmove(block, name, len(name))
        return block

    def receive(self) -> int:
        """Read what has arrived, at most `BATCH` datagrams; gives how many."""
        if self._library is None:
            return self._receive_one_by_one()
        vector = self._vector
        count: int = self._library.recvmmsg(
            self._fd, vector.messages, BATCH, socket.MSG_DONTWAIT, ffi.NULL
        )
        if count <= 0:  # also ICMP errors of what we sent: nothing to do about them here
            return 0
        sizes, entries = self.sizes, vector.entries
        for index in range(count):
            sizes[index] = entries[index].msg_len
        return count

    def _receive_one_by_one(self) -> int:
        for index in range(BATCH):
            start = index * READ_SIZE
            try:
                size, address = self.socket.recvfrom_into(
                    self.memory[start : start + READ_SIZE], READ_SIZE
                )
            except OSError:
                return index
            name = pack_address(address[0].partition("%")[0], address[1], self.family)
            self.names[index * 32 : index * 32 + len(name)] = name
            self.sizes[index] = size
        return BATCH

    def close(self) -> None:
        self.socket.close()


def _bind(host: str, port: int) -> socket.socket:
    if ":" in host and not _has_ipv6():
        log.warning("no IPv6 on this machine, serving IPv4 only")
        host = "0.0.0.0"
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            sock.setsockopt(socket.SOL_SOCKET, option, KERNEL_BUFFER)
        sock.setblocking(False)
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock


def _has_ipv6() -> bool:
    if not socket.has_ipv6:
        return False
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::", 0))
    except OSError:
        return False
    return True
