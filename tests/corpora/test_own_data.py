"""Recordings with labels of their own: every form of source, and every way in which one is wrong."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from datasets import Audio, Dataset
from own_recordings import LABELS, SPEAKERS, write_label_folders, write_recording, write_table

from ser.corpora.clips import COLUMNS
from ser.corpora.own_data import labels_of, load_own_data
from ser.corpora.own_splits import NO_SPEAKERS, ONE_SPEAKER, split_clips


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """30 recordings; to be read, not changed."""
    return write_label_folders(tmp_path_factory.mktemp("own"))


def rows_of(folder: Path) -> list[dict]:
    files = sorted(folder.rglob("*.wav"))
    return [
        {"path": file.relative_to(folder).as_posix(), "label": file.parts[-3], "speaker": file.parts[-2]}
        for file in files
    ]


def csv_of(rows: list[dict], separator: str = ",") -> str:
    return "\n".join([separator.join(rows[0]), *(separator.join(map(str, row.values())) for row in rows), ""])


def test_label_folders_have_the_columns_of_every_corpus(folder: Path) -> None:
    clips = load_own_data(folder)
    assert set(COLUMNS) < set(clips.column_names)
    assert clips.features["emotion"].names == list(LABELS)
    assert len(clips) == 30
    assert clips.unique("actor") == [""]
    assert clips.unique("corpus") == ["own"]
    assert sorted(load_own_data(folder, group_by_folder=True).unique("actor")) == list(SPEAKERS)
    for clip in clips:
        assert Path(clip["audio"]["path"]).parts[-3] == LABELS[clip["emotion"]]


def every_form(folder: Path, target: Path) -> dict[str, tuple[str, dict]]:
    """The same recordings in every form there is."""
    rows = rows_of(folder)
    for name in ("table", "metadata", "splits"):
        shutil.copytree(folder, target / name)
    write_table(target / "table", csv_of(rows))
    write_table(target / "table", csv_of(rows, ";"), "excel.csv", encoding="utf-8-sig")
    windows = [row | {"path": row["path"].replace("/", "\\")} for row in rows]
    write_table(target / "table", csv_of(windows, "\t").replace("\n", "\r\n"), "windows.tsv")
    metadata = [{"file_name": row["path"], "mood": row["label"], "who": row["speaker"]} for row in rows]
    write_table(target / "metadata", "\n".join(map(json.dumps, metadata)), "metadata.jsonl")
    absolute = [row | {"path": str(folder / row["path"])} for row in rows]
    Dataset.from_list(absolute).to_parquet(target / "rows.parquet")
    embedded = [
        {"sound": {"bytes": (folder / row["path"]).read_bytes(), "path": row["path"]}} | row for row in rows
    ]
    dataset = Dataset.from_list(embedded).remove_columns("path").cast_column("sound", Audio())
    dataset = dataset.class_encode_column("label")
    dataset.save_to_disk(target / "disk")
    (target / "hub" / "data").mkdir(parents=True)
    dataset.to_parquet(target / "hub" / "data" / "train-00000-of-00001.parquet")
    sound, mood = {"audio_column": "sound"}, {"label_column": "mood", "speaker_column": "who"}
    return {
        "csv": (str(target / "table" / "calls.csv"), {}),
        "semicolons and a byte order mark": (str(target / "table" / "excel.csv"), {}),
        "windows": (str(target / "table" / "windows.tsv"), {}),
        "metadata.jsonl": (str(target / "metadata"), mood),
        "parquet": (str(target / "rows.parquet"), {}),
        "disk": (str(target / "disk"), sound),
        "hub": (str(target / "hub"), sound),
    }


def test_every_form_gives_the_same_recordings(folder: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    wanted = load_own_data(folder, group_by_folder=True)
    wanted_rows = sorted(zip(wanted["sha256"], labels_of(wanted), wanted["actor"], strict=True))
    for form, (source, options) in every_form(folder, tmp_path).items():
        clips = load_own_data(source, **options)
        assert sorted(zip(clips["sha256"], labels_of(clips), clips["actor"], strict=True)) == wanted_rows, (
            form
        )
        assert clips.features["audio"].decode is False


def test_folders_named_after_splits_are_splits(folder: Path, tmp_path: Path) -> None:
    for split, speakers in (("train", SPEAKERS[:3]), ("dev", SPEAKERS[3:4]), ("test", SPEAKERS[4:])):
        for label in LABELS:
            for speaker in speakers:
                shutil.copytree(folder / label / speaker, tmp_path / split / label / speaker)
    split = split_clips(load_own_data(tmp_path, group_by_folder=True))
    assert {name: set(part["actor"]) for name, part in split.parts.items()} == {
        "train": set(SPEAKERS[:3]), "validation": {SPEAKERS[3]}, "test": {SPEAKERS[4]},
    }  # fmt: skip


def with_table(folder: Path, tmp_path: Path, **changes: str) -> Path:
    """A table of all recordings whose first row is changed."""
    rows = [
        row | {"path": str(folder / row["path"]), "split": "train", "weight": "1"} for row in rows_of(folder)
    ]
    rows[0] |= changes
    return write_table(tmp_path, csv_of(rows))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"label": ""}, r"The label is empty in row 1 of 30"),
        ({"speaker": ""}, r"The speaker is empty in row 1 of 30"),
        ({"path": ""}, r"no path in row 1"),
        ({"path": "gone.wav"}, r"1 of 30 recordings cannot be used: .*gone.wav"),
        ({"split": "trian"}, r"Unknown split 'trian', expected train, validation or test"),
        ({"weight": "-1"}, r"The weight in row 1 is '-1', expected a number above 0"),
        ({"label": "Annoyed"}, r"'Annoyed' and 'annoyed' differ in case alone"),
        ({"label": "path"}, r"'path' is a column of the tables written"),
    ],
)
def test_a_wrong_cell_is_named(folder: Path, tmp_path: Path, changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load_own_data(with_table(folder, tmp_path, **changes))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,label\n", "has no rows"),
        ("", "has no rows"),
        (
            "sound,label\na.wav,x\n",
            r"the columns sound, label; expected one of path, file_name.*--audio_column",
        ),
        ("path,label\na.wav,x,y\n", "line 2 has 3 cells, its header 2"),
        ("path,path\na.wav,x\n", "its header names path twice"),
        ('path,label\n"a.wav,x\n', "cannot be read"),
    ],
)
def test_a_broken_table_is_one_error(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load_own_data(write_table(tmp_path, text))


def test_other_sources_that_cannot_be_read(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(ValueError, match="does not exist"):
        load_own_data(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="No recording in"):
        load_own_data(tmp_path)
    with pytest.raises(ValueError, match="not UTF-8"):
        load_own_data(write_table(tmp_path, "path,label\nä.wav,x\n", encoding="utf-16"))
    with pytest.raises(ValueError, match=r"has no column mood; it has path, label, speaker.*--label_column"):
        load_own_data(write_table(tmp_path, csv_of(rows_of(folder))), label_column="mood")
    write_recording(tmp_path / "loose.wav", 0)
    with pytest.raises(ValueError, match=r"outside of a label's folder: loose.wav"):
        load_own_data(tmp_path)
    many = [{"path": f"{number}.wav", "label": f"label {number}"} for number in range(101)]
    with pytest.raises(ValueError, match="Found 101 labels"):
        load_own_data(write_table(tmp_path, csv_of(many)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"path": "a.wav", "label": "x"}\n{"path": ', r"cannot be read: line 2 is not JSON"),
        ('["a.wav"]', "line 1 holds other values"),
        ('{"path": "a.wav", "label": ["x"]}', "line 1 holds other values"),
    ],
)
def test_a_broken_line_of_json_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load_own_data(write_table(tmp_path, text, "calls.jsonl"))


def test_what_cannot_be_used_is_named_or_skipped(folder: Path, tmp_path: Path, caplog) -> None:
    shutil.copytree(folder, tmp_path / "own")
    (tmp_path / "own" / "bored" / "noise.wav").write_bytes(b"this is text")
    soundfile.write(tmp_path / "own" / "bored" / "silence.wav", np.zeros(16_000), 16_000)
    soundfile.write(tmp_path / "own" / "bored" / "short.wav", np.zeros(100), 16_000)
    with pytest.raises(
        ValueError, match=r"3 of 33 recordings cannot be used: .*noise.wav.*--skip_unreadable"
    ):
        load_own_data(tmp_path / "own")
    assert len(load_own_data(tmp_path / "own", skip_unreadable=True)) == 30
    assert all(name in caplog.text for name in ("noise.wav", "silence.wav", "short.wav"))


def test_the_same_sound_is_known_by_its_content(folder: Path, tmp_path: Path, caplog) -> None:
    shutil.copytree(folder, tmp_path / "own")
    waveform, rate = soundfile.read(folder / "bored" / "anna" / "0.wav")
    soundfile.write(tmp_path / "own" / "bored" / "copy.flac", np.stack([waveform, waveform], axis=1), rate)
    assert len(load_own_data(tmp_path / "own")) == 30
    assert "holds the same sound" in caplog.text
    shutil.copy(folder / "bored" / "anna" / "0.wav", tmp_path / "own" / "annoyed" / "other.wav")
    with pytest.raises(ValueError, match=r"(?s)other.wav and .*0.wav hold the same sound, in two labels"):
        load_own_data(tmp_path / "own")
    rows = [row | {"path": str(folder / row["path"]), "split": "train"} for row in rows_of(folder)]
    shutil.copy(rows[0]["path"], tmp_path / "again.wav")
    rows.append(rows[0] | {"path": "again.wav", "split": "test"})
    with pytest.raises(ValueError, match=r"(?s)0.wav and .*again.wav hold the same sound, in two splits"):
        load_own_data(write_table(tmp_path, csv_of(rows)))


@pytest.mark.parametrize("seed", range(3))
def test_speakers_are_in_one_part_and_every_label_is_learned(folder: Path, seed: int) -> None:
    split = split_clips(load_own_data(folder, group_by_folder=True), seed=seed)
    assert split.warning is None
    speakers = [set(part["actor"]) for part in split.parts.values()]
    assert [len(part) for part in speakers] == [3, 1, 1]
    assert set.union(*speakers) == set(SPEAKERS)
    for part in split.parts.values():
        assert set(labels_of(part)) == set(LABELS)


def test_without_speakers_the_split_says_so(folder: Path, tmp_path: Path) -> None:
    split = split_clips(load_own_data(folder))
    assert split.warning == NO_SPEAKERS
    assert [len(part) for part in split.parts.values()] == [18, 6, 6]
    assert split_clips(load_own_data(folder), validation_share=0, test_share=0).parts.keys() == {"train"}
    one = split_clips(
        load_own_data(write_label_folders(tmp_path / "one", speakers=("anna",)), group_by_folder=True)
    )
    assert one.warning == ONE_SPEAKER
    assert len(one.test) == 3


def test_a_folder_of_a_table_is_the_speaker_whatever_lies_above_it(folder: Path, tmp_path: Path) -> None:
    rows = [row | {"path": str(folder / row["path"])} for row in rows_of(folder)]
    clips = load_own_data(write_table(tmp_path, csv_of(rows)), group_by_folder=True)
    assert sorted(clips.unique("actor")) == list(SPEAKERS)


def test_shares_leave_something_to_train_on(folder: Path) -> None:
    with pytest.raises(ValueError, match="share of test must be from 0 to below 1, got 1"):
        split_clips(load_own_data(folder), test_share=1.0)
    with pytest.raises(ValueError, match="leave nothing to train on"):
        split_clips(load_own_data(folder), test_share=0.6, validation_share=0.4)


def test_eight_recordings_are_enough(tmp_path: Path) -> None:
    split = split_clips(load_own_data(write_label_folders(tmp_path, LABELS[:2], ("anna",), num_takes=4)))
    assert {name: len(part) for name, part in split.parts.items()} == {"train": 4, "validation": 2, "test": 2}


def test_splits_that_would_lie_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="The column split has anna in test and train"):
        split_clips(load_own_data(with_table(folder, tmp_path, split="test")))
    write_recording(tmp_path / "only.wav", 7)
    rows = [row | {"path": str(folder / row["path"])} for row in rows_of(folder)]
    rows.append({"path": "only.wav", "label": "rare", "speaker": "anna"})
    with pytest.raises(ValueError, match="The label 'rare' has one recording"):
        split_clips(load_own_data(write_table(tmp_path, csv_of(rows))))
    with pytest.raises(ValueError, match="All recordings are labelled 'bored'"):
        split_clips(load_own_data(write_label_folders(tmp_path / "single", ("bored",))))
