"""The scripts for EmoDB, TESS and SAVEE; what they share with the one for RAVDESS is tested there."""

import dataclasses
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from data_scripts.download import SOURCES, get
from ser.corpora import published
from ser.labels import LABEL_MAPS
from tests.archive_server import served

EMODB, NEMO, SAVEE, TESS = (SOURCES[name] for name in ("emodb", "nemo", "savee", "tess"))
PUBLISHED_NAMES = {
    "EmoDB": (
        EMODB,
        [
            f"wav/{speaker}{sentence}{emotion}a.wav"
            for speaker in published.EMODB_GENDERS
            for sentence in published.EMODB_SENTENCES
            for emotion in LABEL_MAPS["emodb"]
        ][: EMODB.num_clips],
        ["erklaerung.txt", "lablaut/03a01Fa.lablaut"],
    ),
    "nEMO": (
        NEMO,
        [
            f"nEMO-main/samples/{speaker}_{emotion}_{number}.wav"
            for number in range(90)
            for speaker in published.NEMO_GENDERS
            for emotion in LABEL_MAPS["nemo"]
        ][: NEMO.num_clips],
        ["nEMO-main/data.tsv", "nEMO-main/README.md"],
    ),
    "TESS": (
        TESS,
        [
            f"{actress}_word{number}_{emotion}.wav"
            for actress in ("OAF", "YAF")
            for number in range(200)
            for emotion in LABEL_MAPS["tess"]
        ],
        ["MANIFEST.TXT"],
    ),
    "SAVEE": (
        SAVEE,
        [
            f"AudioData/{speaker}/{emotion}{number:02d}.wav"
            for speaker in ("DC", "JE", "JK", "KL")
            for emotion in LABEL_MAPS["savee"]
            for number in range(1, 31 if emotion == "n" else 16)
        ],
        ["AudioData/Info.txt"],
    ),
}


def sound() -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, np.full(80, 0.1), 16_000, format="WAV")
    return buffer.getvalue()


def zip_of(names: list[str]) -> bytes:
    buffer, content = io.BytesIO(), sound()
    with zipfile.ZipFile(buffer, "w") as file:
        for name in names:
            file.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize("corpus", PUBLISHED_NAMES)
def test_archive_laid_out_as_published_is_fetched_and_read(
    corpus: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    script, clips, others = PUBLISHED_NAMES[corpus]
    assert len(clips) == script.num_clips
    clips = clips[::10]  # for speed
    script = dataclasses.replace(script, num_clips=len(clips))
    with served(zip_of(clips + others)) as server:
        server.states_length = False  # as a server that packs while it sends
        assert get(script, tmp_path, server.url) == 0
    labelled = [name for name in clips if not (corpus == "EmoDB" and name[-6] == "L")]
    assert f"{len(labelled)} clips are ready" in capsys.readouterr().out
    assert len(script.load(tmp_path)) == len(labelled)


def test_given_checksum_is_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    script = dataclasses.replace(SAVEE, num_clips=2)
    (tmp_path / "AudioData.zip").write_bytes(zip_of(PUBLISHED_NAMES["SAVEE"][1][:2]))
    assert get(script, tmp_path, md5="0" * 32) == 1
    assert "MD5 checksum" in capsys.readouterr().err
    assert get(script, tmp_path) == 0


def test_archive_damaged_inside_is_fetched_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    script = dataclasses.replace(SAVEE, num_clips=2)
    content = zip_of(PUBLISHED_NAMES["SAVEE"][1][:2])
    damaged = bytearray(content)
    damaged[200] ^= 0xFF
    with served(bytes(damaged)) as server:
        assert get(script, tmp_path, server.url) == 1
        assert [path.name for path in tmp_path.iterdir() if not path.name.startswith(".")] == []
        server.content = content
        assert get(script, tmp_path, server.url) == 0


def test_savee_has_to_be_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert get(SAVEE, tmp_path) == 1
    message = capsys.readouterr().err
    assert "Ask for AudioData.zip (register at http://kahlan.eps.surrey.ac.uk/savee/)" in message
    assert f"save it as {tmp_path / 'AudioData.zip'} and run this again" in message


def test_corpora_of_the_loaders_are_those_of_the_scripts():
    assert (EMODB.num_clips, TESS.num_clips, SAVEE.num_clips) == (535, 2800, 480)
    assert 2 * 200 * len(LABEL_MAPS["tess"]) == TESS.num_clips
