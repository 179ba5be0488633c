"""Hostile files through the loader. `SER_HARDENING=1` runs 10,000 mutations in place of 200."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hostile_audio import CANARY, encoded
from hostile_recordings import recorded
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opened_files import opened_files

import ser.audio
from ser.audio import AudioError, load_audio

NUM_MUTATIONS = 10_000 if os.environ.get("SER_HARDENING") else 200
linux_only = pytest.mark.skipif(
    sys.platform != "linux", reason="watches files and memory as Linux shows them"
)
# Of containers that libsndfile reads, what it refuses and ffmpeg understands.
READ_BY_FFMPEG_ALONE = {"cut_alac.caf", "granule_negative.ogg"}
FFMPEG_KINDS = {".m4a", ".mp4", ".mov", ".mkv", ".webm", ".aac", ".amr", ".wma"}
MEASURE = """
import json, os, re, resource, sys, types
package = types.ModuleType("ser")  # the loader alone: torch would count as its memory
package.__path__ = [sys.argv[1]]
sys.modules["ser"] = package
from ser.audio import AudioError, load_audio
for path in sys.argv[2:]:
    before = sum(os.times()[:4])
    try:
        load_audio(path, 16_000)
        message = None
    except AudioError as error:
        message = str(error)
    cpu_seconds = sum(os.times()[:4]) - before
    own_kb = int(re.search(r"VmHWM:\\s*(\\d+)", open("/proc/self/status").read())[1])
    ffmpeg_kb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(json.dumps([path, message, cpu_seconds, max(own_kb, ffmpeg_kb) / 1024]))
"""


def outcome(clip: Path | bytes) -> str:
    try:
        waveform = load_audio(clip, 16_000)
    except AudioError as error:
        message = str(error)
        return "error" if message.isprintable() and "/" not in message and len(message) < 200 else message
    sound = waveform.dtype == np.float32 and waveform.ndim == 1 and np.isfinite(waveform).all()
    return "result" if sound and 1600 <= len(waveform) <= 600 * 16_000 else f"bad {waveform!r}"


def test_the_corpus_is_large(hostile_corpus: tuple[Path, dict[str, str]]):
    assert len(hostile_corpus[1]) >= 150
    assert list(hostile_corpus[1].values()).count("result") >= 40


@linux_only
def test_every_file_gives_a_result_or_the_one_error(
    hostile_corpus: tuple[Path, dict[str, str]], capfd: pytest.CaptureFixture[str]
):
    folder, expected = hostile_corpus
    with opened_files(folder) as opened:
        assert {name: outcome(folder / name) for name in expected} == expected
    assert opened == set(expected)  # all of them and not the canary
    assert "Traceback" not in capfd.readouterr().err


def test_bytes_fare_as_the_file_does(hostile_corpus: tuple[Path, dict[str, str]]):
    folder, expected = hostile_corpus
    assert {name: outcome((folder / name).read_bytes()) for name in expected} == expected


@linux_only
def test_the_playlists_would_make_a_guessing_ffmpeg_open_the_canary(
    hostile_corpus: tuple[Path, dict[str, str]], require_ffmpeg: str
):
    folder, expected = hostile_corpus
    disclosed = set()
    for name in expected:
        if name.startswith("playlist_"):
            with opened_files(folder) as opened:
                command = [require_ffmpeg, "-nostdin", "-v", "quiet", "-i", name, "-f", "null", "-"]
                subprocess.run(command, cwd=folder, timeout=60, check=False)
            if CANARY in opened:
                disclosed.add(name)
    assert len(disclosed) >= 8


@linux_only
def test_bombs_are_refused_within_two_seconds_and_300_mb(hostile_corpus: tuple[Path, dict[str, str]]):
    folder, expected = hostile_corpus
    bombs = [str(folder / name) for name in expected if name.startswith(("bomb_", "rate_"))]
    command = [sys.executable, "-c", MEASURE, str(Path(ser.audio.__file__).parents[1]), *bombs]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    measured = {Path(path).name: figures for path, *figures in map(json.loads, lines)}
    assert len(measured) == len(bombs) >= 20
    for name, (message, cpu_seconds, peak_mb) in measured.items():
        assert (message is None) == (expected[name] == "result"), name
        assert cpu_seconds <= 2, name
        assert peak_mb <= 300, name


def test_without_ffmpeg_only_its_kinds_are_lost(
    hostile_corpus: tuple[Path, dict[str, str]], monkeypatch: pytest.MonkeyPatch
):
    folder, expected = hostile_corpus
    monkeypatch.setenv("PATH", "")
    for name, expectation in expected.items():
        if expectation == "result" and Path(name).suffix in FFMPEG_KINDS - {".webm"}:
            with pytest.raises(AudioError, match="ffmpeg"):
                load_audio(folder / name, 16_000)
        elif name not in READ_BY_FFMPEG_ALONE and Path(name).suffix not in FFMPEG_KINDS:
            assert outcome(folder / name) == expectation, name


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[bytes], list[bytes]]:
    """A folder, and whole sounds to mutate: those that libsndfile reads, and those that ffmpeg reads."""
    folder = tmp_path_factory.mktemp("seeds")
    kinds = [("WAV", "PCM_16"), ("WAV", "FLOAT"), ("WAV", "MS_ADPCM"), ("WAV", "GSM610"), ("RF64", "PCM_16")]
    kinds += [("FLAC", "PCM_16"), ("AIFF", "PCM_16"), ("AU", "PCM_16"), ("CAF", "ALAC_16")]
    kinds += [("MP3", "MPEG_LAYER_III"), ("OGG", "VORBIS"), ("OGG", "OPUS")]
    plain = [encoded(kind, subtype) for kind, subtype in kinds]
    if not shutil.which("ffmpeg"):
        return folder, plain, plain
    tone = folder / "tone.wav"
    tone.write_bytes(plain[0])
    codecs = {"m4a": "aac", "mp4": "alac", "webm": "libopus", "aac": "aac", "wma": "wmav2"}
    return folder, plain, [recorded(tone, kind, "-c:a", codec) for kind, codec in codecs.items()]


INTERESTING = [
    b"\0\0\0\0",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\1\0\0\0",
    b"\0\0\0\1",
]


def mutate(content: bytearray, data: st.DataObject) -> None:
    """Change, cut, double or insert bytes, more often in the header than elsewhere."""
    position = st.integers(0, 80) | st.integers(0, len(content))
    at, to = sorted((data.draw(position), data.draw(position)))
    kind = data.draw(st.sampled_from(["flip", "set", "cut", "double", "insert", "end"]))
    if kind == "flip" and at < len(content):
        content[at] ^= 1 << data.draw(st.integers(0, 7))
    elif kind == "set":
        content[at : at + 4] = data.draw(st.sampled_from(INTERESTING))
    elif kind == "cut":
        del content[at:to]
    elif kind == "double":
        content[to:to] = content[at:to]
    elif kind == "insert":
        content[at:at] = data.draw(st.binary(max_size=16))
    elif kind == "end":
        del content[to:]


@pytest.mark.timeout(3600)  # the long form
@settings(max_examples=NUM_MUTATIONS, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_mutated_sounds_give_a_result_or_the_one_error(
    seeds: tuple[Path, list[bytes], list[bytes]], data: st.DataObject
):
    folder, plain, recordings = seeds
    # One in twenty goes to ffmpeg, which takes fifty times as long to start as libsndfile to decode.
    kinds = recordings if data.draw(st.integers(1, 20)) == 20 else plain
    content = bytearray(data.draw(st.sampled_from(kinds)))
    for _ in range(data.draw(st.integers(1, 5))):
        mutate(content, data)
    path = folder / "mutated.wav"
    path.write_bytes(content)
    assert outcome(path) in ("result", "error")
    if kinds is plain:
        assert outcome(bytes(content)) == outcome(path)
