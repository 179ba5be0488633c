import shutil
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest
from datasets import Audio

from ser.corpora import load_ravdess
from ser.corpora.ravdess import expected_names
from ser.labels import EMOTIONS


def make_corpus(folder: Path, actors: Iterable[int] = range(1, 25), suffix: str = ".wav") -> Path:
    """Lay out empty files under the published names: only names matter here."""
    for name in expected_names(list(actors)):
        path = folder / f"Actor_{name[-2:]}" / f"{name}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def make_zip(path: Path, names: Iterable[str], prefix: str = "") -> Path:
    with zipfile.ZipFile(path, "w") as file:
        for name in names:
            file.writestr(f"{prefix}Actor_{name[-2:]}/{name}.wav", b"sound")
    return path


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All 1440 names; to be read, not changed."""
    return make_corpus(tmp_path_factory.mktemp("ravdess"))


def test_real_corpus_is_complete_and_balanced(ravdess_dir: Path):
    dataset = load_ravdess(ravdess_dir)
    assert len(dataset) == 1440
    assert dataset.features["emotion"].names == list(EMOTIONS)
    assert isinstance(dataset.features["audio"], Audio)
    counts = {name: dataset["emotion"].count(label) for label, name in enumerate(EMOTIONS)}
    assert counts == {"neutral": 96} | dict.fromkeys(EMOTIONS[1:], 192)
    assert [dataset["gender"].count(gender) for gender in ("female", "male")] == [720, 720]
    assert Path(dataset[0]["audio"]["path"]).is_file()
    assert dataset[0]["audio"]["bytes"] is None


def test_row_says_what_the_name_says(corpus: Path):
    dataset = load_ravdess(corpus)
    [row] = [row for row in dataset if row["audio"]["path"].endswith("03-01-05-02-01-02-12.wav")]
    assert row == {
        "audio": row["audio"],
        "emotion": EMOTIONS.index("angry"),
        "corpus": "ravdess",
        "actor": "ravdess:12",
        "gender": "female",
        "intensity": "strong",
        "statement": "Kids are talking by the door",
        "repetition": 2,
    }


def test_order_is_by_actor_and_name(corpus: Path):
    stems = [Path(audio["path"]).stem for audio in load_ravdess(corpus)["audio"]]
    assert stems == expected_names()


def test_paths_are_absolute(corpus: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(corpus.parent)
    assert Path(load_ravdess(corpus.name)[0]["audio"]["path"]).is_file()
    monkeypatch.chdir("/")
    assert Path(load_ravdess(corpus)[0]["audio"]["path"]).is_absolute()


def test_flac_and_upper_case_suffixes_are_read(tmp_path: Path):
    make_corpus(tmp_path, [1], suffix=".flac")
    make_corpus(tmp_path, [2], suffix=".WAV")
    assert len(load_ravdess(tmp_path, actors=[1, 2])) == 120


def test_folders_may_lie_anywhere_and_copies_count_once(tmp_path: Path):
    make_corpus(tmp_path / "speech", [1])
    make_corpus(tmp_path / "speech" / "audio_speech_actors_01-24", [1])  # as one popular mirror has it
    (tmp_path / "other").mkdir()
    assert len(load_ravdess(tmp_path, actors=[1])) == 60


def test_half_unpacked_and_foreign_files_are_not_read(tmp_path: Path):
    make_corpus(tmp_path, [1])
    make_corpus(tmp_path / ".speech.partial", [1])
    (tmp_path / "Actor_01" / "._03-01-01-01-01-01-01.wav").touch()
    (tmp_path / "Actor_01" / "notes.txt").touch()
    assert len(load_ravdess(tmp_path, actors=[1])) == 60


def test_chosen_actors_alone_are_loaded_and_checked(tmp_path: Path):
    make_corpus(tmp_path, [2, 5])
    (tmp_path / "Actor_09").mkdir()
    assert set(load_ravdess(tmp_path, actors=[5, 2, 5])["actor"]) == {"ravdess:02", "ravdess:05"}
    with pytest.raises(ValueError, match=r"no speaker ravdess:09; expected some of ravdess:02, ravdess:05"):
        load_ravdess(tmp_path, actors=[5, 9])


@pytest.mark.parametrize("actors", [[0], [25], ["emodb:03"]])
def test_impossible_actors_are_refused(corpus: Path, actors: list):
    with pytest.raises(ValueError, match=r"has no speaker .*; expected some of ravdess:01"):
        load_ravdess(corpus, actors=actors)


def test_missing_clip_is_named(tmp_path: Path):
    make_corpus(tmp_path, [5, 6])
    (tmp_path / "Actor_05" / "03-01-04-01-02-01-05.wav").unlink()
    with pytest.raises(ValueError, match=r"119 of the 120 clips of 2 actors .*03-01-04-01-02-01-05\."):
        load_ravdess(tmp_path, actors=[5, 6])
    assert len(load_ravdess(tmp_path, allow_incomplete=True)) == 119


def test_missing_actors_are_named(tmp_path: Path):
    make_corpus(tmp_path, [1, 2])
    with pytest.raises(ValueError, match=r"120 of the 1440 clips of 24 actors found\. .*-03 and 1315 more"):
        load_ravdess(tmp_path)


def test_missing_folder_says_how_to_get_it(tmp_path: Path):
    with pytest.raises(ValueError, match=r"nowhere does not exist\. .*download\.py ravdess"):
        load_ravdess(tmp_path / "nowhere")


def test_a_folder_without_clips_is_refused(tmp_path: Path):
    (tmp_path / "Actor_01").mkdir()
    (tmp_path / "Actor_01" / "01-01-05-01-01-01-01.mp4").touch()  # a video
    with pytest.raises(ValueError, match=r"No RAVDESS clip .*download\.py ravdess"):
        load_ravdess(tmp_path, allow_incomplete=True)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("take1.wav", "as in 03-01-05-02-01-02-12"),
        ("03-01-09-01-01-01-01.wav", "emotion is '09', expected one of 01, 02, 03, 04, 05, 06, 07, 08"),
        ("03-01-05-03-01-01-01.wav", "intensity is '03', expected one of 01, 02"),
        ("03-01-05-01-03-01-01.wav", "statement is '03'"),
        ("03-01-05-01-01-03-01.wav", "repetition is '03'"),
        ("03-01-05-01-01-01-25.wav", "speaker is '25'"),
        ("04-01-05-01-01-01-01.wav", "modality is '04', expected one of 03"),
        ("03-01-01-02-01-01-01.wav", "breaks the RAVDESS naming scheme"),
        ("03-02-05-01-01-01-01.wav", "channel is '02', expected one of 01"),
    ],
)
def test_name_that_breaks_the_scheme_is_explained(tmp_path: Path, name: str, complaint: str):
    make_corpus(tmp_path, [1])
    (tmp_path / "Actor_01" / name).touch()
    with pytest.raises(ValueError, match=complaint):
        load_ravdess(tmp_path, actors=[1])


def test_zip_is_unpacked_once_and_read(tmp_path: Path):
    archive = make_zip(tmp_path / "speech.zip", expected_names())
    assert len(load_ravdess(archive)) == 1440
    archive.write_bytes(b"not needed any more")
    dataset = load_ravdess(archive)
    assert Path(dataset[7]["audio"]["path"]).read_bytes() == b"sound"
    assert len(load_ravdess(tmp_path)) == 1440  # the folder with both


@pytest.mark.parametrize("prefix", ["", "Audio_Speech_Actors_01-24/"])
def test_folder_with_only_the_zip_is_read(tmp_path: Path, prefix: str):
    make_zip(tmp_path / "speech.zip", expected_names([3]), prefix)
    assert len(load_ravdess(tmp_path, actors=[3], allow_incomplete=True)) == 60
    assert len(load_ravdess(tmp_path, actors=[3])) == 60


def test_zip_is_unpacked_into_the_cache_asked_for(tmp_path: Path):
    (tmp_path / "in").mkdir()
    archive = make_zip(tmp_path / "in" / "speech.zip", expected_names([3]))
    dataset = load_ravdess(archive, cache_dir=tmp_path / "cache", allow_incomplete=True)
    assert (tmp_path / "cache" / "speech") in Path(dataset[0]["audio"]["path"]).parents
    assert [path.name for path in archive.parent.iterdir()] == ["speech.zip"]


def test_zip_with_a_clip_missing_is_refused_unless_allowed(tmp_path: Path):
    archive = make_zip(tmp_path / "speech.zip", expected_names([3])[1:])
    with pytest.raises(ValueError, match="59 clips, expected 1440"):
        load_ravdess(archive)
    assert not (tmp_path / "speech").exists()
    assert len(load_ravdess(archive, allow_incomplete=True)) == 59


def test_zip_that_cannot_be_unpacked_names_the_cache_option(tmp_path: Path):
    archive = make_zip(tmp_path / "speech.zip", expected_names())
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="Unpack it by hand"):
        load_ravdess(archive, cache_dir=tmp_path / "file")


def test_file_that_is_no_zip_is_refused(tmp_path: Path):
    (tmp_path / "speech.tar").touch()
    with pytest.raises(ValueError, match=r"neither a folder nor a \.zip"):
        load_ravdess(tmp_path / "speech.tar")
    shutil.copy(tmp_path / "speech.tar", tmp_path / "speech.zip")
    with pytest.raises(ValueError, match="not a whole zip"):
        load_ravdess(tmp_path / "speech.zip")


def test_made_up_corpus_of_the_other_tests_is_read(tiny_ravdess: Path):
    assert set(load_ravdess(tiny_ravdess, actors=[1, 2, 3, 4])["actor"]) == {
        f"ravdess:0{actor}" for actor in (1, 2, 3, 4)
    }
