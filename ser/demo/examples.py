"""The example clips: one for each emotion, by actors that the shipped models were not trained on."""

from dataclasses import dataclass
from pathlib import Path

from ser.__main__ import shipped
from ser.labels import EMOTIONS

EXAMPLES_DIR = Path(shipped("examples"))


@dataclass(frozen=True)
class Example:
    """A clip to try the demo with.

    Attributes:
        path: Where it lies.
        emotion: What the actor meant.
        speaker: "woman" or "man".
    """

    path: Path
    emotion: str
    speaker: str

    @property
    def title(self) -> str:
        """Its name in the page."""
        return f"{self.emotion.capitalize()} ({self.speaker})"


def example_clips() -> list[Example]:
    """Return the clips in `examples/`, in the order of the emotions.

    A file is named after its emotion and its RAVDESS codes, such as `sad_03-01-04-02-01-01-24.flac`, of which
    the last is the actor; even actors are women.
    """
    clips = []
    for path in EXAMPLES_DIR.glob("*_*.flac"):
        emotion, _, codes = path.stem.partition("_")
        clips.append(Example(path, emotion, "woman" if int(codes[-2:]) % 2 == 0 else "man"))
    return sorted(clips, key=lambda clip: EMOTIONS.index(clip.emotion))
