from pathlib import Path

import pytest

from ser.segments.turns import Turn, read_turns

RTTM = """;; made by a diarisation tool
SPKR-INFO call 1 <NA> <NA> <NA> unknown anna <NA> <NA>
SPEAKER call 1 2.500 1.250 <NA> <NA> ben <NA> <NA>
SPEAKER call 1 0.000 2.000 <NA> <NA> anna 0.9 <NA>
SPEAKER call 1 9.000 0.000 <NA> <NA> anna 0.9 <NA>
SPEAKER other 1 0.000 2.000 <NA> <NA> carl <NA> <NA>
"""


def test_rttm_gives_the_turns_of_a_recording_in_order(tmp_path: Path):
    (tmp_path / "all.rttm").write_text(RTTM)
    assert read_turns(tmp_path / "all.rttm", "calls/call.wav") == [
        Turn(0.0, 2.0, "anna", 1, "call"),
        Turn(2.5, 3.75, "ben", 1, "call"),
    ]
    assert [turn.speaker for turn in read_turns(tmp_path / "all.rttm")] == ["anna", "carl", "ben"]


def test_csv_gives_turns_with_channels(tmp_path: Path):
    (tmp_path / "turns.csv").write_text("speaker,start,end,channel,recording\nanna,0,1.5,2,call.wav\n")
    assert read_turns(tmp_path / "turns.csv", "call.flac") == [Turn(0.0, 1.5, "anna", 2, "call")]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.rttm", "SPEAKER call 1 zero 1 <NA> <NA> a <NA> <NA>\n", "Row 1 of a.rttm is not a turn"),
        ("a.rttm", "\nSPEAKER call 1 5\n", "Row 2 of a.rttm"),
        ("a.csv", "start,end,speaker\n1,0.5,anna\n", "end after its start"),
        ("a.csv", "start,end\n1,2\n", "Row 1 of a.csv"),
        ("a.rttm", "", "holds no turn"),
        ("a.txt", "", r"must be an .rttm or a .csv"),
    ],
)
def test_a_file_without_turns_is_refused_with_its_row(tmp_path: Path, name: str, content: str, message: str):
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=message):
        read_turns(tmp_path / name)
