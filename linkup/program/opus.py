"""Opus packets → 48 kHz stereo, with concealment of what was lost.

libopus is used directly where it can be found (PyAV's wheel carries it, most systems have it),
because only its own interface offers packet loss concealment and in-band FEC (RFC 6716 §2.1.7).
Without it FFmpeg's decoder serves, and a lost packet is faded out of the one before.
"""

from __future__ import annotations

import ctypes.util
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import av
import cffi
import numpy as np

RATE = 48_000  # Hz
CHANNELS = 2
LONGEST = 5760  # samples: 120 ms, RFC 6716 §2.1.4

Sound = np.ndarray[Any, np.dtype[np.float32]]  # (samples, 2), full scale -1…1


class Decoder(Protocol):
    """One track's decoder. No method raises; what is not Opus gives None."""

    def decode(self, packet: bytes) -> Sound | None: ...

    def recover(self, following: bytes, samples: int) -> Sound | None:
        """The packet before `following`, from its FEC data; None if that is not possible."""
        ...

    def conceal(self, samples: int) -> Sound:
        """Something inaudible for a packet that is lost for good."""
        ...


def decoder() -> Decoder:
    """The best decoder of this machine."""
    library = _library()
    return LibOpus(*library) if library is not None else FFmpegOpus()


@cache
def _library() -> tuple[Any, Any] | None:
    ffi = cffi.FFI()
    ffi.cdef("""
        typedef struct OpusDecoder OpusDecoder;
        OpusDecoder *opus_decoder_create(int32_t rate, int channels, int *error);
        int opus_decode_float(OpusDecoder *st, const unsigned char *data, int32_t len,
                              float *pcm, int frame_size, int decode_fec);
        void opus_decoder_destroy(OpusDecoder *st);
    """)
    beside = Path(av.__file__).parent.parent / "av.libs"
    names = [str(each) for each in sorted(beside.glob("libopus-*.so*"))]
    system = ctypes.util.find_library("opus") if not names else None
    for name in [*names, *([system] if system else [])]:
        try:
            return ffi, ffi.dlopen(name)
        except OSError:
            continue
    return None


class LibOpus:
    """libopus through cffi."""

    def __init__(self, ffi: Any, library: Any) -> None:
        self._ffi, self._library = ffi, library
        error = ffi.new("int *")
        state = library.opus_decoder_create(RATE, CHANNELS, error)
        if error[0] != 0:
            raise MemoryError("no Opus decoder")
        self._state = ffi.gc(state, library.opus_decoder_destroy)
        self._out = np.zeros((LONGEST, CHANNELS), np.float32)
        self._pointer = ffi.cast("float *", ffi.from_buffer(self._out))

    def decode(self, packet: bytes) -> Sound | None:
        return self._run(packet, LONGEST, 0)

    def recover(self, following: bytes, samples: int) -> Sound | None:
        return self._run(following, samples, 1)

    def conceal(self, samples: int) -> Sound:
        sound = self._run(None, samples, 0)
        return np.zeros((samples, CHANNELS), np.float32) if sound is None else sound

    def _run(self, packet: bytes | None, room: int, fec: int) -> Sound | None:
        data = self._ffi.NULL if packet is None else packet
        length = 0 if packet is None else len(packet)
        if packet is not None and not packet:
            return None
        count = self._library.opus_decode_float(
            self._state, data, length, self._pointer, min(room, LONGEST), fec
        )
        return self._out[:count].copy() if count > 0 else None


class FFmpegOpus:
    """FFmpeg's decoder; concealment is a fading repetition of the last 20 ms."""

    def __init__(self) -> None:
        self._context = _open()
        self._last = np.zeros((960, CHANNELS), np.float32)

    def decode(self, packet: bytes) -> Sound | None:
        try:
            frames = self._context.decode(av.Packet(packet)) if packet else []
        except (av.FFmpegError, ValueError):
            return None
        parts = [frame.to_ndarray().reshape(-1, CHANNELS) for frame in frames]
        if not parts:
            return None
        sound = np.concatenate(parts).astype(np.float32)
        if self._context.format.name.startswith("s16"):
            sound /= 32768
        self._last = sound[-960:]
        return sound

    def recover(self, following: bytes, samples: int) -> Sound | None:
        return None

    def conceal(self, samples: int) -> Sound:
        repeats = -(-samples // len(self._last))
        sound = np.concatenate([self._last[:: (-1) ** index] for index in range(1, repeats + 1)])
        sound = sound[:samples] * np.linspace(1, 0.5, samples, dtype=np.float32)[:, None]
        self._last = sound
        return sound


def _open() -> Any:
    context: Any = av.CodecContext.create("libopus", "r")
    context.sample_rate = RATE
    context.layout = "stereo"
    context.open()
    return context
