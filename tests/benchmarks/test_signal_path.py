"""The picture in `docs/how-it-works.md` is that of the shipped checkpoint."""

from pathlib import Path

from random_checkpoint import save_random_checkpoint

from benchmarks.report import signal_path
from ser import EmotionRecognizer

ROOT = Path(__file__).resolve().parents[2]


def test_the_committed_picture_is_what_the_command_draws():
    recognizer = EmotionRecognizer.from_pretrained(ROOT / "checkpoint")
    clip = signal_path.example_clips()[0].path
    parts = signal_path.signal_path(recognizer, clip)
    assert signal_path.diagram(parts) in signal_path.DOCUMENT.read_text(), "run make report"
    assert parts[-1][1] == parts[-2][1] == str(recognizer.model.config.num_labels)


def test_shapes_are_those_of_the_tensors_with_frames_first(tmp_path: Path):
    save_random_checkpoint(tmp_path)
    recognizer = EmotionRecognizer.from_pretrained(tmp_path)
    clip = signal_path.example_clips()[0].path
    shapes = dict(signal_path.signal_path(recognizer, clip))
    config = recognizer.model.config
    frames, size = map(int, shapes["cosine transform, normalise: the features"].split(" × "))
    assert size == recognizer.feature_extractor.feature_size
    for stride in config.conv_strides:
        frames = -(-frames // stride)
    assert shapes["convolution over time, batch norm, ReLU"] == f"{frames} × {config.conv_channels[-1]}"
    assert shapes["LSTM, forwards and backwards"] == f"{frames} × {2 * config.hidden_size}"
