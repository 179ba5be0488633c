"""Scoring one part of a job: reads clips one by one and classifies them in batches; none stops the others."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ser.audio import AudioError
from ser.batch.diary import Diary
from ser.batch.job import Job, replacing
from ser.batch.segmenting import segment_part
from ser.batch.tables import ScoredClip, write_part
from ser.recognizer import EmotionRecognizer

MAX_CLIPS_IN_MEMORY = 256  # many, so that batches hold clips of similar length
MAX_SECONDS_IN_MEMORY = 1200.0  # 77 MB at 16 kHz


@dataclass(frozen=True)
class ModelChoice:
    """The model to load, as each process is given it.

    Attributes:
        name: Folder of a checkpoint, or a Hub id.
        revision: Branch, tag or commit of a model on the Hub.
        backend: "torch" or "onnx", as for `EmotionRecognizer.from_pretrained`.
        enrolment: Recordings of the one speaker of all clips, as for `EmotionRecognizer.enrol`.
    """

    name: str
    revision: str | None = None
    backend: str = "torch"
    enrolment: tuple[str, ...] = ()

    @property
    def library(self) -> str:
        """The module whose import is the slow part of loading the model."""
        return "ser.onnx.recognizer" if self.backend == "onnx" else "ser.recognizer.mfcc_lstm"

    def load(self) -> EmotionRecognizer:
        """Load the model.

        Raises:
            ValueError: If its parts do not fit together, or a recording to enrol cannot be used.
            OSError: If there is no such model.
        """
        recognizer = EmotionRecognizer.from_pretrained(self.name, self.revision, backend=self.backend)
        if torch := sys.modules.get("torch"):
            torch.set_num_threads(1)  # workers share the cores; a model this small is fastest on one thread
        return recognizer.enrol(self.enrolment) if self.enrolment else recognizer


def score_part(job: Job, part: int, recognizer: EmotionRecognizer) -> int:
    """Score a part's clips and write its table.

    A clip that cannot be read gets a row with the reason. So does a clip whose decoder killed the process
    several times: it must not stop the job for good.

    Returns:
        The number of clips in the part.
    """
    if "segments" in job.settings:
        return segment_part(job, part, recognizer)
    clips = [ScoredClip(path) for path in job.clips_of(part)]
    with Diary(job.folder / f"part-{part:08d}.reading") as diary:
        for loaded in _loaded(clips, Path(job.settings["root"]), recognizer, diary):
            probabilities = recognizer.predict_probabilities([waveform for _, waveform in loaded])
            for (clip, _), row in zip(loaded, probabilities, strict=True):
                clip.probabilities = row
                named = dict(zip(recognizer.emotions, row.tolist(), strict=True))
                clip.confidence = str(recognizer.confidence(named))
        with replacing(job.part_file(part)) as unfinished:
            write_part(unfinished, clips, job.settings["emotions"])
    return len(clips)


def _loaded(
    clips: list[ScoredClip], root: Path, recognizer: EmotionRecognizer, diary: Diary
) -> Iterator[list[tuple[ScoredClip, np.ndarray]]]:
    """Yield the clips that can be read, as many at a time as fit in memory, and note why others cannot."""
    loaded: list[tuple[ScoredClip, np.ndarray]] = []
    seconds_loaded = 0.0
    for index, clip in enumerate(clips):
        clip.error = diary.gives_up(index)
        if clip.error:
            continue
        try:
            with diary.reading(index):
                waveform = recognizer.load(root / clip.path)
        except AudioError as error:
            clip.error = str(error)
            continue
        clip.duration_seconds = len(waveform) / recognizer.sampling_rate
        seconds_loaded += clip.duration_seconds
        if loaded and (len(loaded) == MAX_CLIPS_IN_MEMORY or seconds_loaded > MAX_SECONDS_IN_MEMORY):
            yield loaded
            loaded, seconds_loaded = [], clip.duration_seconds
        loaded.append((clip, waveform))
    if loaded:
        yield loaded
