from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from linkup.program import opus
from linkup.program.sound import AHEAD, CEILING, STEP, Gain, Limiter, Mixer
from linkup.program.timeline import Timeline
from linkup.program.voices import BLOCK, Voice
from tests.program import clips

S, MS = 1_000_000_000, 1_000_000
Array = np.ndarray[Any, Any]


def tone(samples: int, loudness: float, frequency: float = 400) -> Array:
    wave = loudness * np.sin(2 * np.pi * frequency * np.arange(samples) / 48_000)
    return np.repeat(wave[:, None], 2, axis=1).astype(np.float32)


def blocks(sound: Array) -> list[Array]:
    return [sound[start : start + BLOCK] for start in range(0, len(sound) - BLOCK + 1, BLOCK)]


def test_the_limiter_delays_and_otherwise_changes_nothing_below_the_ceiling() -> None:
    limiter = Limiter()
    sound = tone(9600, 0.8)
    out = np.concatenate([limiter.process(each) for each in blocks(sound)])
    delay = AHEAD * STEP
    assert np.allclose(out[delay:], sound[:-delay], atol=1e-6)


@pytest.mark.parametrize("seed", range(20))
def test_the_limiter_holds_whatever_comes(seed: int) -> None:
    chance = np.random.default_rng(seed)
    sound = chance.normal(0, 0.2, (48_000, 2)).astype(np.float32)
    for _ in range(20):  # bursts and single clicks
        start = chance.integers(0, 47_000)
        sound[start : start + chance.integers(1, 900)] *= chance.uniform(1, 60)
    limiter = Limiter()
    out = np.concatenate([limiter.process(each) for each in blocks(sound)])
    assert np.abs(out).max() <= CEILING + 1e-4


def test_the_limiter_lets_go_again() -> None:
    limiter = Limiter()
    sound = np.concatenate((tone(9600, 3.0), tone(48_000, 0.5)))
    out = np.concatenate([limiter.process(each) for each in blocks(sound)])
    assert np.abs(out[-9600:]).max() == pytest.approx(0.5, abs=0.01)


def test_a_gain_opens_and_closes_in_10_ms_without_a_step() -> None:
    gain = Gain()
    ones = np.ones((BLOCK, 2), np.float32)
    opening, closing = gain.apply(ones, True)[:, 0], gain.apply(ones, False)[:, 0]
    assert opening[-1] == 1 and (opening[480:] == 1).all() and opening[0] < 0.01
    assert closing[-1] == 0 and (closing[480:] == 0).all() and closing[0] > 0.99
    assert max(np.abs(np.diff(opening)).max(), np.abs(np.diff(closing)).max()) < 0.01


def test_the_level_of_a_full_tone_and_of_silence() -> None:
    mixer = Mixer()
    assert mixer.level == -127
    for each in blocks(tone(48_000, 0.5)):
        mixer.mix([each])
    assert mixer.level == -9  # 0.5 peak: -6 dB, RMS 3 dB below


def listen(
    voice: Voice, timeline: Timeline, packets: list[tuple[int, int, bytes]], count: int
) -> Array:
    """Packets (rtp, arrival, payload) into a voice, blocks out on an even clock from 1 s on."""
    waiting = sorted(packets, key=lambda each: each[1])
    out = []
    for index in range(count):
        now = S + index * 20 * MS
        while waiting and waiting[0][1] <= now:
            rtp, at, payload = waiting.pop(0)
            timeline.arrived("audio", rtp, at)
            voice.put(rtp, payload)
        sound = voice.block(now)
        out.append(np.zeros((BLOCK, 2), np.float32) if sound is None else sound)
    return np.concatenate(out)


def started() -> tuple[Timeline, Voice]:
    timeline = Timeline()
    timeline.start("audio", 48_000)
    return timeline, Voice(timeline)


def packets_of(
    payloads: list[bytes], seconds: int, tempo: float = 1.0
) -> list[tuple[int, int, bytes]]:
    return [
        (index * 960, S + int(index * 20 * MS * tempo), payloads[index % len(payloads)])
        for index in range(seconds * 50)
    ]


def clicks(sound: Array) -> int:
    """Steps that a 440 Hz tone of 0.3 cannot make (its steepest is 0.018 a sample)."""
    return int((np.abs(np.diff(sound[:, 0])) > 0.06).sum())


def test_an_even_stream_comes_out_as_it_is() -> None:
    timeline, voice = started()
    sound = listen(voice, timeline, packets_of(clips.tone(440), 3), 140)
    assert voice.lost == voice.late == voice.jumps == 0
    assert clicks(sound[9600:]) == 0
    assert np.abs(sound[9600:]).max() == pytest.approx(0.3, abs=0.05)


def test_reordered_and_doubled_packets_are_put_right() -> None:
    chance = random.Random(3)
    timeline, voice = started()
    packets = [
        (rtp, at + int(chance.random() * 45 * MS), payload)
        for rtp, at, payload in packets_of(clips.tone(440), 3)
    ]
    sound = listen(voice, timeline, packets + packets[::5], 140)
    assert clicks(sound[24_000:]) == 0
    assert voice.jumps == 0


def test_lost_packets_are_concealed() -> None:
    timeline, voice = started()
    packets = [each for index, each in enumerate(packets_of(clips.tone(440), 3)) if index % 10 != 7]
    sound = listen(voice, timeline, packets, 140)
    assert voice.lost >= 10 * BLOCK
    quietest = min(np.abs(each).max() for each in blocks(sound[9600:130_000]))
    assert quietest > 0.05


@pytest.mark.parametrize("tempo", [0.998, 1.002])
def test_a_sender_with_another_clock_neither_runs_dry_nor_piles_up(tempo: float) -> None:
    timeline, voice = started()
    sound = listen(voice, timeline, packets_of(clips.tone(440), 30, tempo), 1400)
    assert voice.jumps == 0 and voice.lost <= 2 * BLOCK
    assert clicks(sound[48_000:]) == 0


def test_silence_after_the_end_and_a_new_beginning_after_a_pause() -> None:
    timeline, voice = started()
    packets = [each for each in packets_of(clips.tone(440), 4) if not 50 <= each[0] // 960 < 150]
    sound = listen(voice, timeline, packets, 190)
    pause = sound[int(1.5 * 48_000) : int(2.9 * 48_000)]
    assert np.abs(pause).max() < 0.01
    assert np.abs(sound[int(3.3 * 48_000) :]).max() > 0.2


def test_a_mute_voice_that_is_opened_late_starts_at_the_right_place() -> None:
    timeline, voice = started()
    packets = packets_of(clips.tone(440), 8)
    for rtp, at, payload in packets[:300]:
        timeline.arrived("audio", rtp, at)
        voice.put(rtp, payload)
    assert voice.block(S + 6 * S - 100 * MS) is not None
    assert voice.late == 0
    for late in range(80, 0, -20):  # the decoder needs a few packets to find its feet
        sound = voice.block(S + 6 * S - late * MS)
    assert sound is not None and np.abs(sound).max() > 0.25


@pytest.mark.parametrize("make", [opus.decoder, opus.FFmpegOpus])
def test_garbage_is_not_opus_and_both_decoders_decode(make: Any) -> None:
    decoder = make()
    chance = random.Random(1)
    for size in (0, 1, 2, 50, 400, 1500):
        decoder.decode(chance.randbytes(size))
    sounds = [decoder.decode(each) for each in clips.tone(440)]
    whole = np.concatenate([each for each in sounds if each is not None])
    assert len(whole) == 48_000 and np.abs(whole[4800:]).max() == pytest.approx(0.3, abs=0.05)
    assert len(decoder.conceal(960)) == 960


def test_garbage_in_a_voice_is_silence_or_noise_never_an_error() -> None:
    chance = random.Random(2)
    timeline, voice = started()
    packets = [
        (chance.randrange(0, 400_000), S + index * 10 * MS, chance.randbytes(chance.randrange(60)))
        for index in range(400)
    ]
    sound = listen(voice, timeline, packets, 300)
    assert np.isfinite(sound).all()
