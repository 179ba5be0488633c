"""CREMA-D, TESS, SAVEE and EmoDB, told apart by their naming schemes and found in many layouts."""

import logging
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ser.corpora import CORPORA, load_crema_d, load_emodb, load_ravdess, load_savee, load_tess
from ser.corpora.published import CREMA_D_SENTENCES, CREMA_D_WOMEN, EMODB_GENDERS, EMODB_SENTENCES
from ser.labels import EMOTIONS, LABEL_MAPS, corpus_classes

LAYOUTS = {
    "crema-d": [
        "AudioWAV/1001_DFA_ANG_XX.wav",
        "1001_DFA_ANG_XX.flac",
        "data/crema/AudioMP3/1001_DFA_ANG_XX.mp3",
    ],
    "tess": [
        "OAF_angry/OAF_back_angry.wav",
        "OAF_back_angry.flac",
        "TESS/TESS Toronto emotional speech set data/OAF_angry/OAF_back_angry.mp3",
    ],
    "savee": ["DC/a01.wav", "DC_a01.flac", "AudioData/DC/a01.mp3", "ALL/DC_a01.WAV"],
    "nemo": ["samples/KD0_anger_12.wav", "KD0_anger_12.opus", "KD0_anger_12.ogg"],
    "emodb": ["03a01Wa.wav", "wav/03a01Wa.flac", "emodb/wav/03a01Wa.mp3"],
}


def write_clip(path: Path, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    waveform = 0.1 * np.random.default_rng(seed).standard_normal(1600)
    soundfile.write(path, waveform, 16_000, format="OGG" if path.suffix == ".opus" else None)
    return path


def rows(corpus: str, folder: Path) -> list[dict]:
    rows = list(CORPORA[corpus](folder))
    return [
        row | {"audio": Path(row["audio"]["path"]).name, "emotion": EMOTIONS[row["emotion"]]} for row in rows
    ]


def test_registry_and_label_maps_name_the_same_corpora():
    assert list(CORPORA) == list(LABEL_MAPS)
    assert CORPORA["ravdess"] is load_ravdess


@pytest.mark.parametrize(
    ("corpus", "name"), [(corpus, name) for corpus, names in LAYOUTS.items() for name in names]
)
def test_clip_is_found_in_every_layout(tmp_path: Path, corpus: str, name: str):
    path = write_clip(tmp_path / name)
    [row] = rows(corpus, tmp_path)
    assert row["audio"] == path.name
    assert row["emotion"] == "angry"


@pytest.mark.parametrize("corpus", LAYOUTS)
def test_columns_are_those_of_ravdess(tmp_path: Path, tiny_ravdess: Path, corpus: str):
    write_clip(tmp_path / LAYOUTS[corpus][0])
    expected = load_ravdess(tiny_ravdess, allow_incomplete=True).features
    assert CORPORA[corpus](tmp_path).features == expected


def test_crema_d_votes_are_those_of_listeners_alone(tmp_path: Path):
    for name in ("1001_DFA_ANG_XX", "1001_DFA_HAP_XX"):
        write_clip(tmp_path / "AudioWAV" / f"{name}.wav")
    assert "votes" not in load_crema_d(tmp_path).column_names
    (tmp_path / "tabulatedVotes.csv").write_text(
        '"","A","D","F","H","N","S","fileName"\n'
        '"100062",6,2,0,0,1,0,"1001_DFA_ANG_XX"\n'
        '"200062",0,0,0,0,9,0,"1001_DFA_ANG_XX"\n'
    )
    of_clip = {Path(row["audio"]["path"]).stem: row["votes"] for row in load_crema_d(tmp_path)}
    shares = dict(zip(EMOTIONS, of_clip["1001_DFA_ANG_XX"], strict=True))
    assert {emotion: round(9 * share) for emotion, share in shares.items() if share} == {
        "angry": 6,
        "disgust": 2,
        "neutral": 1,
    }
    assert of_clip["1001_DFA_HAP_XX"] is None
    (tmp_path / "tabulatedVotes.csv").write_text('"","A"\n"100062",6\n')
    with pytest.raises(ValueError, match="is not the table of votes of CREMA-D"):
        load_crema_d(tmp_path)


def test_crema_d_rows(tmp_path: Path):
    for name in ("1002_IEO_HAP_HI", "1001_DFA_ANG_XX", "1040_ITH_SAD_X"):
        write_clip(tmp_path / f"{name}.wav")
    assert [list(row.values()) for row in rows("crema-d", tmp_path)] == [
        [
            "1001_DFA_ANG_XX.wav",
            "angry",
            "crema-d",
            "crema-d:1001",
            "male",
            None,
            "Don't forget a jacket",
            None,
        ],
        [
            "1002_IEO_HAP_HI.wav",
            "happy",
            "crema-d",
            "crema-d:1002",
            "female",
            "high",
            "It's eleven o'clock",
            None,
        ],
        [
            "1040_ITH_SAD_X.wav",
            "sad",
            "crema-d",
            "crema-d:1040",
            "male",
            None,
            CREMA_D_SENTENCES["ITH"],
            None,
        ],
    ]


def test_crema_d_has_43_women():
    assert len(CREMA_D_WOMEN) == 43


def test_crema_d_clips_known_to_be_broken_are_left_out(tmp_path: Path):
    for name in ("1076_MTI_SAD_XX", "1064_IEO_DIS_MD", "1064_IEO_DIS_HI"):
        write_clip(tmp_path / f"{name}.wav")
    assert [row["audio"] for row in rows("crema-d", tmp_path)] == ["1064_IEO_DIS_HI.wav"]


def test_tess_rows(tmp_path: Path):
    for name in ("YAF_back_ps", "OAF_back_fear", "OA_bite_neutral"):
        write_clip(tmp_path / f"{name}.wav")
    assert [list(row.values()) for row in rows("tess", tmp_path)] == [
        ["OAF_back_fear.wav", "fearful", "tess", "tess:OAF", "female", None, "Say the word back", None],
        ["OA_bite_neutral.wav", "neutral", "tess", "tess:OAF", "female", None, "Say the word bite", None],
        ["YAF_back_ps.wav", "surprised", "tess", "tess:YAF", "female", None, "Say the word back", None],
    ]


def test_savee_rows(tmp_path: Path):
    for name in ("KL/su15", "DC/sa01", "JE/n30"):
        write_clip(tmp_path / f"{name}.wav")
    assert [list(row.values()) for row in rows("savee", tmp_path)] == [
        ["sa01.wav", "sad", "savee", "savee:DC", "male", None, "sa01", None],
        ["n30.wav", "neutral", "savee", "savee:JE", "male", None, "n30", None],
        ["su15.wav", "surprised", "savee", "savee:KL", "male", None, "su15", None],
    ]


def test_emodb_rows(tmp_path: Path):
    for name in ("08a02Tb", "03a01Fa", "03a01La"):
        write_clip(tmp_path / f"{name}.wav")
    assert [list(row.values()) for row in rows("emodb", tmp_path)] == [
        ["03a01Fa.wav", "happy", "emodb", "emodb:03", "male", None, EMODB_SENTENCES["a01"], 1],
        ["08a02Tb.wav", "sad", "emodb", "emodb:08", "female", None, EMODB_SENTENCES["a02"], 2],
    ]


def test_nemo_rows(tmp_path: Path):
    for name in ("WR0_surprised_64", "IC0_sadness_7"):
        write_clip(tmp_path / f"{name}.opus")
    assert [list(row.values()) for row in rows("nemo", tmp_path)] == [
        ["IC0_sadness_7.opus", "sad", "nemo", "nemo:IC0", "female", None, "7", None],
        ["WR0_surprised_64.opus", "surprised", "nemo", "nemo:WR0", "male", None, "64", None],
    ]


def test_real_emodb_counts(emodb_dir: Path, caplog: pytest.LogCaptureFixture):
    dataset = load_emodb(emodb_dir)
    counts = Counter(EMOTIONS[label] for label in dataset["emotion"])
    assert counts == {"angry": 127, "neutral": 79, "happy": 71, "fearful": 69, "sad": 62, "disgust": 46}
    assert set(counts) == set(corpus_classes("emodb"))
    assert sorted(set(dataset["actor"])) == [f"emodb:{speaker}" for speaker in sorted(EMODB_GENDERS)]
    assert caplog.messages == []  # all 535 were found, the 81 of boredom among them


@pytest.mark.parametrize(
    ("corpus", "name", "complaint"),
    [
        ("crema-d", "1000_DFA_ANG_XX.wav", "speaker is '1000'"),
        ("crema-d", "1001_ABC_ANG_XX.wav", "sentence is 'ABC', expected one of DFA, IEO"),
        ("crema-d", "1001_DFA_SUR_XX.wav", "emotion is 'SUR', expected one of ANG, DIS, FEA, HAP, NEU, SAD"),
        ("crema-d", "1001_DFA_ANG_YY.wav", "level is 'YY', expected one of LO, MD, HI, XX, X"),
        ("crema-d", "03-01-05-01-01-01-01.wav", "as in 1001_DFA_ANG_XX"),
        ("tess", "MAF_back_angry.wav", "speaker is 'MAF', expected one of OAF, OA, YAF"),
        ("tess", "OAF_back_bored.wav", "emotion is 'bored'"),
        ("tess", "back_angry.wav", "as in OAF_back_angry"),
        ("nemo", "XY0_anger_1.wav", "speaker is 'XY0', expected one of EB0"),
        ("nemo", "KD0_disgust_1.wav", "emotion is 'disgust'"),
        ("savee", "XY/a01.wav", "speaker is 'XY', expected one of DC, JE, JK, KL"),
        ("savee", "DC/b01.wav", "emotion is 'b'"),
        ("savee", "DC/a1.wav", "as in DC/a01 or DC_a01"),
        ("emodb", "04a01Fa.wav", "speaker is '04'"),
        ("emodb", "03a03Fa.wav", "sentence is 'a03'"),
        ("emodb", "03a01Xa.wav", "emotion is 'X', expected one of A, E, F, L, N, T, W"),
        ("emodb", "03a01Fz.wav", "take is 'z'"),
        ("emodb", "03a01.wav", "as in 03a01Fa"),
    ],
)
def test_name_that_breaks_the_scheme_is_explained(tmp_path: Path, corpus: str, name: str, complaint: str):
    path = write_clip(tmp_path / name)
    with pytest.raises(ValueError, match=complaint) as error:
        CORPORA[corpus](tmp_path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("corpus", LAYOUTS)
def test_missing_or_empty_folder_says_how_to_get_the_corpus(tmp_path: Path, corpus: str):
    script = rf"download\.py {corpus}"
    with pytest.raises(ValueError, match=rf"nowhere does not exist\. .*{script}"):
        CORPORA[corpus](tmp_path / "nowhere")
    (tmp_path / "readme.txt").touch()
    with pytest.raises(ValueError, match=rf"No .* clip \(\.wav, \.flac, .*\) in .*{script}"):
        CORPORA[corpus](tmp_path)
    with pytest.raises(ValueError, match="is a file, expected a folder"):
        CORPORA[corpus](tmp_path / "readme.txt")


def test_unreadable_files_are_named_and_skipped_only_when_asked(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    write_clip(tmp_path / "03a01Fa.wav")
    (tmp_path / "03a02Fa.wav").write_bytes(b"no sound")
    (tmp_path / "03a04Fa.mp3").touch()
    soundfile.write(tmp_path / "03a05Fa.wav", np.zeros(0), 16_000)
    with pytest.raises(ValueError, match=r"3 of the 4 files .*03a02Fa\.wav, .*03a04Fa\.mp3, .*03a05Fa\.wav"):
        load_emodb(tmp_path)
    assert len(load_emodb(tmp_path, skip_unreadable=True)) == 1
    [message] = [message for message in caplog.messages if "skipped" in message]
    assert all(name in message for name in ("03a02Fa.wav", "03a04Fa.mp3", "03a05Fa.wav"))


def test_nothing_readable_is_an_error_even_when_asked_to_skip(tmp_path: Path):
    (tmp_path / "DC_a01.wav").write_bytes(b"no sound")
    with pytest.raises(ValueError, match="None of the 1 clips"):
        load_savee(tmp_path, skip_unreadable=True)


def test_git_lfs_pointers_are_recognised(tmp_path: Path):
    (tmp_path / "1001_DFA_ANG_XX.wav").write_text(
        "version https://git-lfs.github.com/spec/v1\noid sha256:0\n"
    )
    with pytest.raises(ValueError, match="git lfs pull"):
        load_crema_d(tmp_path)


def test_of_several_formats_the_lossless_one_is_taken(tmp_path: Path):
    write_clip(tmp_path / "AudioMP3" / "1001_DFA_ANG_XX.mp3")
    write_clip(tmp_path / "AudioWAV" / "1001_DFA_ANG_XX.wav")
    assert [row["audio"] for row in rows("crema-d", tmp_path)] == ["1001_DFA_ANG_XX.wav"]


def test_copies_are_read_once_and_different_files_of_one_name_are_refused(tmp_path: Path):
    write_clip(tmp_path / "OAF_angry" / "OAF_back_angry.wav")
    shutil.copytree(tmp_path / "OAF_angry", tmp_path / "nested" / "OAF_angry")
    assert len(load_tess(tmp_path)) == 1
    write_clip(tmp_path / "nested" / "OAF_angry" / "OAF_back_angry.wav", seed=1)
    with pytest.raises(ValueError, match="Two different files of TESS have the same name"):
        load_tess(tmp_path)


def test_links_that_lead_in_a_circle_end(tmp_path: Path):
    write_clip(tmp_path / "wav" / "03a01Fa.wav")
    (tmp_path / "wav" / "again").symlink_to(tmp_path)
    assert len(load_emodb(tmp_path)) == 1


def test_incomplete_corpus_is_read_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    write_clip(tmp_path / "DC_a01.wav")
    with caplog.at_level(logging.WARNING):
        load_savee(tmp_path)
    assert "SAVEE: 1 of the 480 published clips found" in caplog.text
