"""Conversations made of single clips, so that speakers, emotions and boundaries are known to the sample."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ser.audio.recording_quality import block_levels_db
from ser.segments.turns import Turn
from ser.training.augmentation import coloured_noise, limit_band

SAMPLING_RATE = 16_000
BLOCK = 400  # samples: 25 ms
VOICED_BAND_HZ = 100.0, 1000.0
VOICED_RANGE_DB = 25.0  # of a clip's speech, in that band
ROOM_DB = -75.0  # every recording has a room or a microphone's own noise
CLIPS_PER_CONVERSATION = 24


@dataclass(frozen=True)
class SpokenClip:
    """A clip of a corpus.

    Attributes:
        waveform: Its samples at `SAMPLING_RATE`, as `EmotionRecognizer.load` gives them.
        emotion: Its label.
        speaker: Who speaks.
    """

    waveform: np.ndarray
    emotion: str
    speaker: str

    def speech_bounds(self) -> tuple[int, int]:
        """Return the first sample of its speech and the one after the last.

        Judged by the band of the first harmonics, in which breaths before and after a sentence are weak.
        """
        voiced = limit_band(self.waveform, SAMPLING_RATE, *VOICED_BAND_HZ)
        levels_db = block_levels_db(voiced, SAMPLING_RATE)
        loud = np.flatnonzero(levels_db > levels_db.max() - VOICED_RANGE_DB)
        return int(loud[0]) * BLOCK, min((int(loud[-1]) + 1) * BLOCK, len(self.waveform))


@dataclass(frozen=True)
class Setting:
    """The recording conditions of a conversation.

    Attributes:
        name: For the table.
        stereo: Whether each speaker has a channel; else both are in one.
        snr_db: Level of the median clip's speech above that of pink noise; `None`: only a quiet room.
        cross_talk_db: Level of a speaker in the other's channel, beside their own.
        overlap_share: Of the changes of speaker, those that come before the other has finished.
        music_share: Of the pauses, those in which music or noise plays for 3 to 8 s, as loud as the speech.
    """

    name: str
    stereo: bool = False
    snr_db: float | None = None
    cross_talk_db: float | None = None
    overlap_share: float = 0.0
    music_share: float = 0.0


SETTINGS = (
    Setting("mono, quiet room"),
    Setting("mono, noise 20 dB below speech", snr_db=20),
    Setting("mono, noise 10 dB below speech", snr_db=10),
    Setting("mono, noise 5 dB below speech", snr_db=5),
    Setting("mono, music and noise in pauses", snr_db=30, music_share=0.3),
    Setting("mono, one change in three overlaps", snr_db=30, overlap_share=0.33),
    Setting("stereo, quiet room", stereo=True),
    Setting("stereo, cross-talk at -20 dB", stereo=True, snr_db=30, cross_talk_db=-20),
    Setting("stereo, one change in three overlaps", stereo=True, snr_db=30, overlap_share=0.33),
    Setting("stereo, cross-talk at -20 dB, noise 20 dB below", stereo=True, snr_db=20, cross_talk_db=-20),
)


@dataclass
class Conversation:
    """A made recording.

    Attributes:
        samples: Shape `(num_samples, num_channels)`.
        turns: One a clip: where its speech begins and ends.
        clips: The clip of each turn.
        music: Start and end in seconds of what else is heard.
        noise_db: Level of the noise relative to full scale.
    """

    samples: np.ndarray
    turns: list[Turn] = field(default_factory=list)
    clips: list[SpokenClip] = field(default_factory=list)
    music: list[tuple[float, float]] = field(default_factory=list)
    noise_db: float = ROOM_DB


def make_conversation(
    clips: Sequence[SpokenClip], setting: Setting, rng: np.random.Generator
) -> Conversation:
    """Put clips of two speakers in turn, with pauses between 0.3 and 2 s.

    Args:
        clips: Of two speakers at least; two are drawn.
        setting: How it is recorded.
        rng: Draws clips, pauses and noise.
    """
    speakers = rng.choice(sorted({clip.speaker for clip in clips}), 2, replace=False)
    drawn: list[SpokenClip] = []
    turns: list[Turn] = []
    music: list[tuple[float, float]] = []
    placed: list[tuple[int, int, np.ndarray]] = []  # channel, first sample, samples
    end = int(rng.uniform(0.5, 2) * SAMPLING_RATE)
    who = 0
    for _ in range(CLIPS_PER_CONVERSATION):
        changes = rng.random() < 0.6
        who = 1 - who if changes else who
        own = [clip for clip in clips if clip.speaker == speakers[who]]
        clip = own[rng.integers(len(own))]
        first, last = clip.speech_bounds()
        if changes and turns and rng.random() < setting.overlap_share:
            start = end - int(rng.uniform(0.2, 0.6) * SAMPLING_RATE)
        else:
            start = end + int(rng.uniform(0.3, 2.0) * SAMPLING_RATE)
            if turns and rng.random() < setting.music_share:
                sound = _music(rng) if rng.random() < 0.7 else _burst(rng)
                placed.append((who, start, 0.1 * sound))
                music.append((start / SAMPLING_RATE, (start + len(sound)) / SAMPLING_RATE))
                start += len(sound) + int(rng.uniform(0.3, 1.0) * SAMPLING_RATE)
        drawn.append(clip)
        seconds = start / SAMPLING_RATE, (start + last - first) / SAMPLING_RATE
        turns.append(Turn(*seconds, str(speakers[who]), 1 + who if setting.stereo else 1))
        placed.append((who, start, clip.waveform[first:last]))
        end = max(end, start + last - first)
    samples = np.zeros((end + int(rng.uniform(0.5, 2) * SAMPLING_RATE), 2), dtype=np.float32)
    for channel, start, sound in placed:
        samples[start : start + len(sound), channel] += sound
    speech_power = np.median([np.square(each).mean() for _, _, each in placed])
    if setting.cross_talk_db is not None:
        samples = samples + 10 ** (setting.cross_talk_db / 20) * np.roll(samples[:, ::-1], 80, axis=0)
    if not setting.stereo:
        samples = samples.sum(axis=1, keepdims=True)
    noise_db = ROOM_DB if setting.snr_db is None else 10 * np.log10(speech_power) - setting.snr_db
    noise = np.stack([pink_noise(len(samples), noise_db, rng) for _ in samples.T], axis=1)
    return Conversation((samples + noise).astype(np.float32), turns, drawn, music, noise_db)


def pink_noise(num_samples: int, level_db: float, rng: np.random.Generator) -> np.ndarray:
    """Draw noise of a level relative to full scale, shape `(num_samples,)`."""
    noise = coloured_noise(num_samples, 1.0, rng)
    return noise * (10 ** (level_db / 20) / noise.std())


def _music(rng: np.random.Generator) -> np.ndarray:
    """Make chords with a beat and a melody over them, 3 to 8 s."""
    length = int(rng.uniform(3, 8) * SAMPLING_RATE)
    time_seconds = np.arange(length) / SAMPLING_RATE
    beat = time_seconds % 0.5

    def tones(frequencies: np.ndarray) -> np.ndarray:
        orders = np.arange(1, 7)[:, None]
        return (np.sin(2 * np.pi * orders * frequencies * time_seconds) / orders).sum(axis=0)

    def scale(note: np.ndarray) -> np.ndarray:
        return 220 * 2 ** (np.array([0, 2, 4, 5, 7, 9, 11, 12])[note] / 12)

    index = (time_seconds / 0.5).astype(int)
    chord = scale(rng.integers(0, 8, index.max() + 1))[index // 4 * 4 // 4]
    melody = 2 * scale(rng.integers(0, 8, index.max() + 1))[index]
    drum = rng.standard_normal(length) * np.exp(-beat * 40)
    sound = tones(chord) + tones(1.25 * chord) + tones(1.5 * chord) + 1.5 * np.exp(-beat * 3) * tones(melody)
    sound = sound + 2 * drum
    return (sound / np.abs(sound).max()).astype(np.float32)


def _burst(rng: np.random.Generator) -> np.ndarray:
    """Make noise that swells and fades, 3 to 8 s, as of traffic, rain or applause."""
    length = int(rng.uniform(3, 8) * SAMPLING_RATE)
    noise = coloured_noise(length, rng.uniform(0, 1.5), rng) * np.hanning(length)
    return (noise / np.abs(noise).max()).astype(np.float32)
