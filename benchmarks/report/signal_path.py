"""Draw the signal path of the shipped checkpoint, with its shapes, into `docs/how-it-works.md`.

    python -m benchmarks.report.signal_path

An example clip goes through the shipped feature extractor and model; what comes out of every part is written
beside the arrow that leaves it.
"""

import re
from pathlib import Path

import torch
from torch import nn

from ser import load_audio
from ser.demo.examples import example_clips
from ser.recognizer.mfcc_lstm import MfccLstmRecognizer

ROOT = Path(__file__).resolve().parents[2]

DOCUMENT = ROOT / "docs" / "how-it-works.md"
BLOCK = re.compile(
    r"(<!-- signal path: written by python -m benchmarks.report.signal_path -->\n).*?"
    r"(<!-- end of signal path -->)",
    re.DOTALL,
)
PART_TEXTS = {
    "MaskedConvolution": "convolution over time, batch norm, ReLU",
    "BidirectionalLstm": "LSTM, forwards and backwards",
    "AttentiveStatisticsPooling": "attentive pooling: weighted mean and deviation",
    "Linear": "linear layer",
}
"""Names of the parts of the network in the picture; others go by their class."""

UNSEEN = (nn.Dropout, nn.Identity)


def signal_path(recognizer: MfccLstmRecognizer, clip: Path) -> list[tuple[str, str]]:
    """Return the parts that a clip goes through, in order, each with the shape of its output.

    Args:
        recognizer: Feature extractor and model.
        clip: A recording.
    """
    extractor, model = recognizer.feature_extractor, recognizer.model
    rate = extractor.sampling_rate
    waveform = load_audio(clip, rate)
    start, stop = extractor.trim_bounds(torch.from_numpy(waveform))
    batch = extractor(waveform, sampling_rate=rate, return_tensors="pt")
    num_frames = batch["input_features"].shape[1]
    hop_ms = 1000 * extractor.hop_length / rate
    parts = [
        ("a recording, in any format", ""),
        (f"ser/audio/: decode, mix to mono, resample to {rate / 1000:g} kHz", _shape(waveform.shape)),
        ("set the level, cut silence off both ends", _shape((stop - start,))),
        (
            f"power spectrum of a window every {hop_ms:g} ms",
            _shape((num_frames, extractor.n_fft // 2 + 1)),
        ),
        ("mel filters, decibels", _shape((num_frames, extractor.num_mel_bins))),
        ("cosine transform, normalise: the features", _shape(batch["input_features"].shape[1:])),
    ]
    handles = [
        module.register_forward_hook(lambda module, _, output: parts.append(_part(module, output)))
        for module in _parts_of(model.members[0])
    ]
    try:
        with torch.inference_mode():
            model(**batch)
    finally:
        for handle in handles:
            handle.remove()
    num_labels = str(model.config.num_labels)
    if model.config.ensemble_size > 1:
        views = ", ".join(member.view for member in model.members)
        parts.append((f"mean of {model.config.ensemble_size} such networks, their views {views}", num_labels))
    return [*parts, ("divide by the temperature, softmax: probabilities", num_labels)]


def diagram(parts: list[tuple[str, str]]) -> str:
    """Return a Mermaid flow chart of parts and the shapes between them."""
    lines = ["```mermaid", "flowchart TB"]
    lines += [f'    part{number}["{text}"]' for number, (text, _) in enumerate(parts)]
    for number, (_, shape) in enumerate(parts[:-1]):
        arrow = f'-- "{shape}" -->' if shape else "-->"
        lines.append(f"    part{number} {arrow} part{number + 1}")
    return "\n".join([*lines, "```", ""])


def _parts_of(member: nn.Module) -> list[nn.Module]:
    modules = []
    for child in member.children():
        modules += list(child) if isinstance(child, nn.ModuleList) else [child]
    return [module for module in modules if not isinstance(module, UNSEEN)]


def _part(module: nn.Module, output: torch.Tensor | tuple[torch.Tensor, ...]) -> tuple[str, str]:
    first = output if isinstance(output, torch.Tensor) else output[0]
    name = type(module).__name__
    shape = first.shape[1:]  # without the batch
    if isinstance(getattr(module, "conv", None), nn.Conv1d):
        shape = shape[::-1]  # channels before frames inside, and the other way round everywhere else
    return PART_TEXTS.get(name, name), _shape(shape)


def _shape(shape: tuple[int, ...] | torch.Size) -> str:
    return " × ".join(map(str, shape))


def main() -> None:
    """Draw, and write the document."""
    parts = signal_path(MfccLstmRecognizer.from_pretrained(ROOT / "checkpoint"), example_clips()[0].path)
    text = DOCUMENT.read_text(encoding="utf-8")
    DOCUMENT.write_text(BLOCK.sub(rf"\g<1>{diagram(parts)}\g<2>", text), encoding="utf-8")


if __name__ == "__main__":
    main()
