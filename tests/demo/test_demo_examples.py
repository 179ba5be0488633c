"""The clips in examples/ are what their README says they are."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from ser import load_audio
from ser.demo.examples import EXAMPLES_DIR, example_clips


@pytest.mark.parametrize("clip", [each.path for each in example_clips()], ids=lambda path: path.stem)
def test_example_is_the_corpus_clip_at_16_khz(clip: Path, ravdess_dir: Path):
    info = soundfile.info(clip)
    assert (info.samplerate, info.channels, info.format, info.subtype) == (16_000, 1, "FLAC", "PCM_16")
    codes = clip.stem.partition("_")[2]
    (original,) = (ravdess_dir / f"Actor_{codes[-2:]}").glob(f"{codes}.*")
    np.testing.assert_allclose(load_audio(clip, 16_000), load_audio(original, 16_000), atol=2**-15)
    assert clip.name in (EXAMPLES_DIR / "README.md").read_text()
