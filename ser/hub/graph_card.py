"""The part of a model card about the ONNX graph: use without transformers, interface, and files."""

from collections.abc import Iterator

from ser.hub.measurements import Measurements
from ser.onnx.recognizer import GRAPH_FILE, QUANTIZED_FILE
from ser.recognizer.out_of_distribution import FILE_NAME as STATISTICS_FILE

CODE = f"""```python
import json, numpy, onnxruntime, soundfile

session = onnxruntime.InferenceSession("{GRAPH_FILE}")
waveform, sampling_rate = soundfile.read("speech.wav", dtype="float32")
inputs = {{"waveform": waveform[None], "num_samples": numpy.array([len(waveform)])}}
probabilities = session.run(["probabilities"], inputs)[0][0].tolist()
print(dict(zip(json.loads(session.get_modelmeta().custom_metadata_map["emotions"]), probabilities)))
```"""

INTERFACE = (
    ("input `waveform`", "float32 (batch, samples)", "mono at 16 kHz, between -1 and 1, padded with zeros"),
    ("input `num_samples`", "int64 (batch,)", "samples of each recording before padding"),
    ("output `probabilities`", "float32 (batch, emotions)", "rows sum to one"),
    ("output `attention`", "float32 (batch, frames)", "share of each frame in the answer"),
    ("output `attention_seconds`", "float32 (batch, frames)", "time of each frame in the recording"),
)
DISTANCE = ("output `ood_distance`", "float32 (batch,)", "distance from the recordings of the training")

CONTENTS = {
    GRAPH_FILE: "the graph",
    QUANTIZED_FILE: "the graph with 8-bit weights",
    STATISTICS_FILE: "statistics for out-of-distribution detection",
}


def graph_lines(measured: Measurements) -> Iterator[str]:
    """Yield the lines of the part; none for a checkpoint without a graph."""
    if GRAPH_FILE not in measured.file_bytes:
        return
    yield from ("### Without transformers", "")
    yield (
        "The ONNX graph takes waveforms and computes everything from the level to the probabilities. In a "
        "clone of this repository, with onnxruntime and soundfile installed, and a mono recording at 16 kHz, "
        "at most ten seconds long:"
    )
    yield from ("", *CODE.splitlines(), "", "| graph | type | content |", "|---|---|---|")
    has_distance = STATISTICS_FILE in measured.file_bytes
    for row in (*INTERFACE, DISTANCE) if has_distance else INTERFACE:
        yield f"| {' | '.join(row)} |"
    yield from ("", "Its metadata names the emotions, sampling rate and thresholds.", "")
    yield from ("| file | size | content |", "|---|---|---|")
    for name, num_bytes in measured.file_bytes.items():
        yield f"| `{name}` | {num_bytes / 1e6:.1f} MB | {CONTENTS.get(name, 'weights for transformers')} |"
