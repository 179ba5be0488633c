"""The example clips: one for each emotion, from voices the shipped model never heard."""

from pathlib import Path

from ser.command_line import shipped
from ser.labels import EMOTIONS

EXAMPLES_DIR = Path(shipped("examples"))


def example_clips() -> list[tuple[Path, str]]:
    """The clips that lie in `examples/`, in the order of the emotions, each with what to call it in the page.

    A file is named after its emotion and its RAVDESS codes, such as `sad_03-01-04-02-01-01-24.flac`, of which
    the last is the actor; even actors are women.
    """
    clips = []
    for path in EXAMPLES_DIR.glob("*_*.flac"):
        emotion, _, codes = path.stem.partition("_")
        voice = "woman" if int(codes[-2:]) % 2 == 0 else "man"
        clips.append((path, f"{emotion.capitalize()} ({voice})"))
    return sorted(clips, key=lambda clip: EMOTIONS.index(clip[0].stem.partition("_")[0]))
