"""`python -m ser inspect` on made-up recordings, good and bad."""

import csv
import json
import shutil

import numpy as np
import pytest
import soundfile
from own_recordings import LABELS, SPEAKERS, write_label_folders, write_recording

from ser.corpora import cli


def test_an_inspection_tells_what_is_there_and_what_would_be_left_out(tmp_path, capsys):
    folder = write_label_folders(tmp_path / "calls")
    bored = folder / "bored" / "anna"
    soundfile.write(bored / "silence.wav", np.zeros(16_000), 16_000)
    (bored / "text.wav").write_text("not a sound")
    shutil.copy(bored / "0.wav", bored / "copy.wav")
    shutil.copy(bored / "1.wav", folder / "annoyed" / "anna" / "other.wav")
    waveform, _ = soundfile.read(bored / "0.wav")
    soundfile.write(bored / "loud.wav", np.clip(20 * waveform, -0.9, 0.9), 16_000)
    write_recording(folder / "satisfied" / "ben" / "telephone.wav", 2, 1, 7, sampling_rate=8_000)
    cli.main([str(folder), "--group_by_folder", "--output_dir", str(tmp_path / "look")])
    shown = capsys.readouterr().out
    summary = json.loads((tmp_path / "look" / "inspection.json").read_text())
    assert summary["num_recordings"] == 36
    assert summary["labels"] == {"annoyed": 11, "bored": 14, "satisfied": 11}
    assert list(summary["speakers"]) == list(SPEAKERS)
    assert summary["labels_of_speakers"]["ben"] == dict.fromkeys(LABELS, 2) | {"satisfied": 3}
    assert summary["sampling_rates"] == {"16000": 33, "8000": 1}
    assert summary["duration_seconds"]["median"] == pytest.approx(0.9)
    assert {file.rpartition("/")[2] for file in summary["left_out"]} == {"silence.wav", "text.wav"}
    assert [file.rpartition("/")[2] for file in summary["duplicates"]] == ["copy.wav"]
    assert len(summary["conflicts"]) == 1
    assert [file.rpartition("/")[2] for file in summary["faults"]["clipped"]] == ["loud.wav"]
    assert any(file.endswith("telephone.wav") for file in summary["faults"]["telephone"])
    assert summary["num_to_train"] == 33
    assert "A training would use 33 recordings." in shown
    assert "CONFLICT" in shown
    with (tmp_path / "look" / "recordings.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 36
    assert sum(row["problem"] != "" for row in rows) == 2
    assert (tmp_path / "look" / "inspection.png").stat().st_size > 10_000


def test_data_that_cannot_be_read_are_one_error(tmp_path):
    with pytest.raises(SystemExit, match=r"Error: .*nothing does not exist"):
        cli.main([str(tmp_path / "nothing")])
