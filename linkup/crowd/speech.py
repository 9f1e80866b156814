"""The voice of a simulated site: spoken by espeak-ng where it is installed, else sung by sines.

48 kHz, one channel, 16 bit. Each site has its own pitch, so that a mix can be told apart by ear
and by spectrum.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import wave

import numpy as np
import numpy.typing as npt

from linkup.crowd.looks import Look

RATE = 48_000  # Hz
Samples = npt.NDArray[np.int16]
_PEAK = 9_000  # of 32,767: about -11 dBFS, as a careful speaker

_SENTENCES = (
    "各位委员，大家好。这里是{name}。我们认为，保护水质要从上游做起。",
    "主持人好，这里是{name}。关于这个问题，我们部门已经在办理，下个月有结果。",
    "大家好，我在{name}发言。希望两地共同建立监测站，把数据公开。",
    "感谢主会场。{name}的委员提出三点建议，请有关部门回应。",
)


def speak(look: Look, seconds: float) -> Samples:
    """As many seconds as asked for, silence after the last word."""
    length = round(seconds * RATE)
    spoken = _espeak(look)
    if spoken is None:
        spoken = _syllables(look, length)
    out = np.zeros(length, dtype=np.int16)
    out[: min(length, spoken.size)] = spoken[:length]
    return out


def pitch_hz(look: Look) -> float:
    """The ground tone of the synthesised voice."""
    return 110.0 * 2 ** ((look.number % 12) / 8)


def _espeak(look: Look) -> Samples | None:
    program = shutil.which("espeak-ng")
    if program is None:
        return None
    text = _SENTENCES[look.number % len(_SENTENCES)].format(name=look.name or look.site)
    pitch, speed = 20 + look.number * 17 % 75, 165 + look.number * 7 % 40
    command = [program, "-v", "cmn", "-p", str(pitch), "-s", str(speed), "--stdout", text]
    try:
        done = subprocess.run(command, capture_output=True, timeout=20, check=True)
        # The length in the header of a WAV from a pipe is not true: all that came is read.
        with wave.open(io.BytesIO(done.stdout)) as file:
            rate = file.getframerate()
            data = np.frombuffer(done.stdout[44:], dtype="<i2", count=(len(done.stdout) - 44) // 2)
    except (OSError, subprocess.SubprocessError, wave.Error, EOFError):
        return None
    if data.size < rate:
        return None
    at = np.arange(0, data.size - 1, rate / RATE)
    return _level(np.interp(at, np.arange(data.size), data.astype(np.float64)))


def _syllables(look: Look, length: int) -> Samples:
    """A ground tone with overtones, in syllables of about a fifth of a second."""
    time = np.arange(length) / RATE
    ground = pitch_hz(look)
    tone = np.zeros(length)
    for overtone in range(1, 6):
        tone += np.sin(2 * np.pi * ground * overtone * time) / overtone
    rate = 4.0 + look.number % 3 * 0.4
    syllable = np.clip(np.sin(np.pi * rate * time), 0, None) ** 0.7
    breath = (time % 3.0) < 2.4
    return _level(tone * syllable * breath)


def _level(samples: npt.NDArray[np.float64]) -> Samples:
    peak = float(np.abs(samples).max()) or 1.0
    return (samples * (_PEAK / peak)).astype(np.int16)
