"""Several corpora at once: one label space, and speakers who are never mistaken for one another."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from ser.corpora import load_ravdess
from ser.corpora.speakers import parse_speaker
from ser.corpora.together import load_corpus, load_together, parse_corpora

CLIPS = {
    "crema-d": ["1001_DFA_ANG_XX", "1002_DFA_HAP_HI"],
    "tess": ["OAF_back_angry", "YAF_back_ps"],
    "savee": ["DC_a01", "KL_su01"],
    "emodb": ["03a01Wa", "08a01Fa", "08a01La"],
}


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, Path]:
    rng = np.random.default_rng(0)
    for corpus, names in CLIPS.items():
        (tmp_path / corpus).mkdir()
        for name in names:
            soundfile.write(tmp_path / corpus / f"{name}.wav", 0.1 * rng.standard_normal(1600), 16_000)
    return {corpus: tmp_path / corpus for corpus in CLIPS}


@pytest.mark.parametrize("name", ["", "emodb:", "iemocap:1"])
def test_what_names_no_speaker_is_refused(name: str):
    with pytest.raises(ValueError, match="does not name a speaker"):
        parse_speaker(name)


def test_an_actor_has_one_name_in_speech_and_song(tmp_path: Path, write_ravdess):
    speech = load_corpus("ravdess", write_ravdess(tmp_path / "speech", actors=[1, 2]), actors=[1, 2])
    folder = write_ravdess(tmp_path / "song", actors=[1, 2], corpus="ravdess-song")
    song = load_corpus("ravdess-song", folder, actors=["1", "ravdess:02"])
    assert set(speech["actor"]) == set(song["actor"]) == {"ravdess:01", "ravdess:02"}
    assert (set(speech["corpus"]), set(song["corpus"])) == ({"ravdess"}, {"ravdess-song"})
    assert len(song) == 2 * 44


def test_ravdess_alone_is_what_its_own_function_reads(tmp_path: Path, write_ravdess):
    data_dir = write_ravdess(tmp_path, actors=[1])
    together = load_corpus("ravdess", data_dir, actors=[1])
    assert together.to_dict() == load_ravdess(data_dir, actors=[1]).to_dict()


def test_corpora_come_together_with_mapped_labels_and_speakers_of_their_own(folders: dict[str, Path]):
    clips = load_together(folders)
    assert clips.features == load_corpus("emodb", folders["emodb"]).features
    emotions = [clips.features["emotion"].names[label] for label in clips["emotion"]]
    assert list(zip(clips["actor"], emotions, clips["gender"], strict=True)) == [
        ("crema-d:1001", "angry", "male"),
        ("crema-d:1002", "happy", "female"),
        ("tess:OAF", "angry", "female"),
        ("tess:YAF", "surprised", "female"),
        ("savee:DC", "angry", "male"),
        ("savee:KL", "surprised", "male"),
        ("emodb:03", "angry", "male"),
        ("emodb:08", "happy", "female"),  # and no boredom
    ]
    assert all(Path(audio["path"]).is_file() for audio in clips["audio"])


def test_some_speakers_of_a_corpus_are_read(folders: dict[str, Path]):
    assert load_corpus("savee", folders["savee"], actors=["KL"])["actor"] == ["savee:KL"]
    with pytest.raises(
        ValueError, match=r"SAVEE in .* has no speaker savee:JE; expected some of savee:DC, savee:KL"
    ):
        load_corpus("savee", folders["savee"], actors=["JE", "KL"])


@pytest.mark.parametrize(
    ("corpora", "data_dirs", "message"),
    [
        ("ravdess,iemocap", "a,b", "expected some of ravdess, crema-d"),
        ("emodb,emodb", "a,b", "each once"),
        ("ravdess,emodb", "a", "Got 1 folders for 2 corpora"),
    ],
)
def test_corpora_without_their_folders_are_refused(corpora: str, data_dirs: str, message: str):
    with pytest.raises(ValueError, match=message):
        parse_corpora(corpora, data_dirs)


def test_a_folder_of_one_corpus_may_have_a_comma_in_its_name():
    assert parse_corpora("emodb", "data, old/emodb") == {"emodb": "data, old/emodb"}


def test_an_unknown_corpus_is_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="Unknown corpus 'iemocap'"):
        load_corpus("iemocap", tmp_path)
