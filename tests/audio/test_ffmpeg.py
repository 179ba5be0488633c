import io
import sys
from pathlib import Path

import numpy as np
import pytest
from hostile_audio import CANARY, RATE, TONE, playlists
from hostile_bytes import mp4
from hostile_recordings import recorded
from opened_files import opened_files

from ser.audio import ffmpeg


@pytest.fixture(scope="module")
def tone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tone") / "tone.mov"
    path.write_bytes(mp4((TONE * 32_767).astype("<i2").tobytes()))
    return path


@pytest.mark.parametrize(
    "codec", ["m4a aac", "m4a alac", "mp4 aac", "webm libopus", "webm libvorbis", "aac aac"]
)
def test_recordings_of_phones_and_browsers_give_the_tone(tone: Path, require_ffmpeg: str, codec: str):
    kind, _, encoder = codec.partition(" ")
    content = recorded(tone, kind, "-c:a", encoder)
    demuxer = ffmpeg.demuxer_of(content[:16])
    assert demuxer
    waveform = ffmpeg.decode(io.BytesIO(content), demuxer, 8000, 600 * 8000)
    assert waveform.dtype == np.float32
    assert len(waveform) == pytest.approx(8000, abs=1000)  # AAC begins and ends with padding
    spectrum = np.abs(np.fft.rfft(waveform[2000:6000])) / 2000
    assert spectrum.argmax() == 220  # lines of two hertz
    assert spectrum.max() == pytest.approx(0.25, rel=0.05)


def test_a_table_of_contents_at_the_end_is_found(tone: Path, require_ffmpeg: str):
    content = recorded(tone, "m4a", "-c:a", "alac", "-af", "aloop=loop=19:size=16000")
    assert content.index(b"moov") > 2**17  # beyond every buffer: a plain pipe fails here
    assert len(ffmpeg.decode(io.BytesIO(content), "mov", RATE, 600 * RATE)) == 20 * RATE


def test_file_and_memory_give_the_same(tone: Path, require_ffmpeg: str):
    with tone.open("rb", buffering=0) as file:
        from_file = ffmpeg.decode(file, "mov", RATE, 600 * RATE)
    from_memory = ffmpeg.decode(io.BytesIO(tone.read_bytes()), "mov", RATE, 600 * RATE)
    np.testing.assert_array_equal(from_file, from_memory)
    np.testing.assert_allclose(from_file, TONE, atol=1e-4)


def test_decoding_stops_one_sample_beyond_the_limit(tone: Path, require_ffmpeg: str):
    assert len(ffmpeg.decode(io.BytesIO(tone.read_bytes()), "mov", RATE, RATE)) == RATE
    assert len(ffmpeg.decode(io.BytesIO(tone.read_bytes()), "mov", RATE, RATE - 1)) == RATE
    assert len(ffmpeg.decode(io.BytesIO(tone.read_bytes()), "mov", RATE, 1000)) == 1001


@pytest.mark.skipif(sys.platform != "linux", reason="watches files as Linux shows them")
@pytest.mark.parametrize(
    ("name", "demuxer"),
    [
        ("playlist_hls.wav", "hls"),
        ("playlist_uri.wav", "hls"),
        ("playlist_concat.wav", "concat"),
        ("playlist_reference.mp4", "mov"),
    ],
)
def test_even_a_demuxer_of_playlists_opens_no_file(
    tmp_path: Path, require_ffmpeg: str, name: str, demuxer: str
):
    (tmp_path / CANARY).write_bytes(b"RIFF")
    content = playlists(tmp_path / CANARY)[name]
    with opened_files(tmp_path) as opened:
        assert len(ffmpeg.decode(io.BytesIO(content), demuxer, RATE, RATE)) == 0
    assert opened == set()


@pytest.mark.parametrize("head", [b"", b"#EXTM3U\n#EXTINF:1", b"ffconcat version", b"fLaC", b"\xff\xfb\x90"])
def test_texts_and_other_sounds_have_no_demuxer(head: bytes):
    assert ffmpeg.demuxer_of(head) is None
