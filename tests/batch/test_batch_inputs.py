"""Every clip that a source or a manifest names is listed, once, in an order that does not change."""

import json
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from ser.batch.inputs import list_sources, read_manifest

PATHS = ["a.wav", "b, with comma.flac", "ü\u200b.mp3", "a.wav"]


@pytest.fixture
def tree(tmp_path: Path, monkeypatch) -> Path:
    names = ("b/2.WAV", "b/10.flac", "b/a/1.mp3", "a.ogg", "notes.txt", ".hidden.wav", ".cache/3.wav")
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "b" / "loop").symlink_to(tmp_path)
    (tmp_path / "folder.wav").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_folder_is_searched_to_its_depths_in_order(tree):
    assert list(list_sources(["."])) == ["./a.ogg", "./b/10.flac", "./b/2.WAV", "./b/a/1.mp3"]


def test_files_folders_and_globs_name_each_clip_once(tree):
    sources = ["notes.txt", "b/**/*.mp3", "b", str(tree / "a.ogg"), "*.ogg"]
    expected = ["notes.txt", "b/a/1.mp3", "b/10.flac", "b/2.WAV", str(tree / "a.ogg")]
    assert list(list_sources(sources)) == expected


@pytest.mark.parametrize("source", ["no-such.wav", "no-such/", "*.aiff"])
def test_a_source_that_is_nothing_is_refused(tree, source):
    with pytest.raises(ValueError, match="neither a file nor a folder"):
        list(list_sources(["a.ogg", source]))


def test_a_manifest_keeps_its_rows(tmp_path: Path):
    def quoted(separator: str) -> str:
        return "".join(f'"{path}"{separator}{number}\n' for number, path in enumerate(PATHS))

    texts = {
        "a.csv": "path,number\n" + quoted(","),
        "b.tsv": "\ufeffpath\tnumber\n" + quoted("\t"),
        "c.jsonl": "\n".join(json.dumps({"path": path, "n": 1}) for path in PATHS),
        "d.txt": "\n".join(PATHS) + "\n\n",
        "e": "\n".join(PATHS),
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    pyarrow.parquet.write_table(pyarrow.table({"n": [1] * 4, "path": PATHS}), tmp_path / "f.parquet")
    for name in (*texts, "f.parquet"):
        assert list(read_manifest(tmp_path / name)) == PATHS, name


@pytest.mark.parametrize("name", ["m.csv", "m.jsonl", "m.parquet"])
def test_a_missing_column_is_refused_by_name(tmp_path: Path, name):
    pyarrow.parquet.write_table(pyarrow.table({"file": ["a.wav"]}), tmp_path / "m.parquet")
    (tmp_path / "m.csv").write_text("file,n\na.wav,1\n")
    (tmp_path / "m.jsonl").write_text('{"file": "a.wav"}\n')
    with pytest.raises(ValueError, match="no column 'path'"):
        list(read_manifest(tmp_path / name))
    assert list(read_manifest(tmp_path / name, "file")) == ["a.wav"]


@pytest.mark.parametrize("name", ["m.csv", "m.tsv", "m.jsonl", "m.parquet"])
def test_a_row_without_a_path_is_refused_by_number(tmp_path: Path, name):
    pyarrow.parquet.write_table(pyarrow.table({"path": ["a.wav", None]}), tmp_path / "m.parquet")
    (tmp_path / "m.csv").write_text("n,path\n1,a.wav\n2\n")
    (tmp_path / "m.tsv").write_text("n\tpath\n1\ta.wav\n2\t \n")
    (tmp_path / "m.jsonl").write_text('{"path": "a.wav"}\n{"path": null}\n')
    with pytest.raises(ValueError, match=rf"Row 2 of .*{name} has no path"):
        list(read_manifest(tmp_path / name))


@pytest.mark.parametrize(("name", "content"), [("m.jsonl", b"{"), ("m.parquet", b"no"), ("m.txt", b"\xff\n")])
def test_a_damaged_manifest_is_refused_by_name(tmp_path: Path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=rf"{name} cannot be read"):
        list(read_manifest(tmp_path / name))


@pytest.mark.parametrize("name", ["m.json", "m.yaml"])
def test_a_manifest_of_another_kind_is_refused(tmp_path: Path, name):
    (tmp_path / name).write_text('[{"path": "a.wav"}]')
    with pytest.raises(ValueError, match=r"ends in \.csv, \.tsv, \.jsonl"):
        list(read_manifest(tmp_path / name))
