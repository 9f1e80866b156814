"""Counts the packets of many sockets at little cost: `recvmmsg` into buffers that take only the
beginning of each packet. RTP's header is not encrypted, so sequence numbers can be followed
without decrypting (RFC 3711 §3.1)."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from functools import cache
from typing import Any

import cffi

from linkup.wire.sequence import difference

BATCH = 64  # packets of one socket in one call
HEAD = 128  # bytes kept of each: enough for a whole STUN answer
MSG_DONTWAIT = 0x40
_FIRST = struct.Struct("!BBH")


@cache
def _library() -> Any:
    ffi = cffi.FFI()
    ffi.cdef(
        """
        struct iovec { void *iov_base; size_t iov_len; };
        struct msghdr {
            void *msg_name; unsigned int msg_namelen;
            struct iovec *msg_iov; size_t msg_iovlen;
            void *msg_control; size_t msg_controllen; int msg_flags;
        };
        struct mmsghdr { struct msghdr msg_hdr; unsigned int msg_len; };
        int recvmmsg(int fd, struct mmsghdr *v, unsigned int n, int flags, void *timeout);
        """
    )
    return ffi, ffi.dlopen(None)


class Count:
    """One receiver's RTP packets."""

    __slots__ = ("first", "highest", "packets")

    def __init__(self) -> None:
        self.packets = self.highest = 0
        self.first: int | None = None

    def add(self, sequence: int) -> None:
        """One packet; duplicates are not told apart (there are none on loopback)."""
        if self.first is None:
            self.first = self.highest = sequence
        else:
            ahead = difference(sequence, self.highest & 0xFFFF)
            if ahead > 0:
                self.highest += ahead
        self.packets += 1

    def mark(self) -> None:
        """Count anew from the next packet on."""
        self.packets = 0
        self.first = None

    @property
    def expected(self) -> int:
        """By the sequence numbers."""
        return 0 if self.first is None else self.highest - self.first + 1


class Drain:
    """One set of buffers for all sockets, used one after the other."""

    def __init__(self) -> None:
        self._ffi, self._lib = _library()
        self._buffer = self._ffi.new("unsigned char[]", BATCH * HEAD)
        self._view = self._ffi.buffer(self._buffer)
        self._vectors = self._ffi.new("struct iovec[]", BATCH)
        self._headers = self._ffi.new("struct mmsghdr[]", BATCH)
        for index in range(BATCH):
            self._vectors[index].iov_base = self._buffer + index * HEAD
            self._vectors[index].iov_len = HEAD
            self._headers[index].msg_hdr.msg_iov = self._vectors + index
            self._headers[index].msg_hdr.msg_iovlen = 1

    def drain(self, sock: socket.socket, count: Count, other: Callable[[bytes], None]) -> None:
        """Count all RTP that waits; the beginning of all else goes to `other`."""
        unpack = _FIRST.unpack_from
        descriptor, view = sock.fileno(), self._view
        while True:
            got = self._lib.recvmmsg(descriptor, self._headers, BATCH, MSG_DONTWAIT, self._ffi.NULL)
            for index in range(got):
                first, second, sequence = unpack(view, index * HEAD)
                if 127 < first < 192 and not 192 <= second <= 223:
                    count.add(sequence)
                else:
                    at = index * HEAD
                    other(bytes(view[at : at + self._headers[index].msg_len]))
            if got < BATCH:
                return
