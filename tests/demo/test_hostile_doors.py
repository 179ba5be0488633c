"""The hostile files through every door: the Python interface, `evaluation.py`, the page and the API."""

import csv
import json
import math
from pathlib import Path

import httpx
import pytest
from gradio.utils import get_upload_folder
from hostile_audio import CANARY
from opened_files import opened_files

from ser.audio import AudioError
from ser.demo.files import MAX_NUM_FILES
from ser.evaluation import cli as evaluation
from ser.labels import EMOTIONS

pytestmark = pytest.mark.timeout(1200)  # some of the files hold ten minutes of sound

# They can be decoded, but hold nothing to recognise.
SILENT = {
    "11min_of_which_1s_is_claimed.mp3",
    "flac_by_content.webm",
    "hour_of_which_1s_is_claimed.flac",
    "mp3_by_content.wav",
    "silence.wav",
    "subnormal.wav",
}


@pytest.fixture(scope="module")
def hostile_clips(hostile_corpus) -> tuple[Path, dict[str, str]]:
    """The hostile files, with what a recogniser has to make of each."""
    folder, expected = hostile_corpus
    return folder, {name: "error" if name in SILENT else outcome for name, outcome in expected.items()}


def is_distribution(probabilities: dict[str, float]) -> bool:
    return set(probabilities) == set(EMOTIONS) and math.isclose(sum(probabilities.values()), 1, abs_tol=1e-4)


def test_the_python_interface_and_the_page_give_a_result_or_the_one_error(hostile_clips, recognizer):
    folder, expected = hostile_clips
    outcomes = {}
    with opened_files(folder) as opened:
        for name in expected:
            answers = []
            for ask in (recognizer.predict, lambda clip: recognizer.analyse(clip).probabilities):
                try:
                    probabilities = ask(folder / name)
                except AudioError:
                    answers.append("error")
                else:
                    assert probabilities is None or is_distribution(probabilities), name
                    answers.append("result")
            assert len(set(answers)) == 1, name
            outcomes[name] = answers[0]
    assert outcomes == expected
    assert CANARY not in opened


def test_the_api_names_each_bad_file_and_hears_the_others(hostile_clips, demo_url, capfd):
    folder, expected = hostile_clips
    names = {f"{number:03d}{Path(name).suffix[:5]}": name for number, name in enumerate(expected)}
    problems = {}
    with opened_files(folder) as opened, httpx.Client(base_url=demo_url, timeout=200) as api:
        for start in range(0, len(names), 100):
            part = list(names)[start : start + 100]
            files = [("files", (each, (folder / names[each]).read_bytes())) for each in part]
            paths = api.post("/gradio_api/upload", files=files).raise_for_status().json()
            data = [[{"path": path, "meta": {"_type": "gradio.FileData"}} for path in paths]]
            event = api.post("/gradio_api/call/predict_files", json={"data": data}).json()["event_id"]
            answer = api.get(f"/gradio_api/call/predict_files/{event}").text
            assert "event: complete" in answer, answer[:500]
            table = json.loads(answer.split("event: complete\ndata: ")[1].splitlines()[0])[1]["path"]
            assert Path(table).is_relative_to(get_upload_folder())
            with Path(table).open(newline="", encoding="utf-8") as lines:
                problems |= {row["file"]: row["problem"] for row in csv.DictReader(lines)}
    heard = {names[each]: "error" if problem else "result" for each, problem in problems.items()}
    assert len(names) <= 2 * MAX_NUM_FILES
    assert {name: outcome for name, outcome in heard.items() if outcome != expected[name]} == {}
    assert len(heard) == len(expected)
    assert all(str(folder) not in problem and "Traceback" not in problem for problem in problems.values())
    assert "Traceback" not in capfd.readouterr().err
    assert CANARY not in opened


def test_evaluation_leaves_out_what_cannot_be_heard(
    hostile_clips, untrained_checkpoint, write_ravdess, tmp_path
):
    """Each clip of a made-up corpus is replaced by a hostile file, as many as there are."""
    folder, expected = hostile_clips
    expected = {
        name: outcome for name, outcome in expected.items() if not name.startswith(("bomb_", "exactly"))
    }
    clips = sorted(write_ravdess(tmp_path / "corpus", actors=(21, 22, 23, 24)).glob("*/*.wav"))
    bad = set()
    for clip, (name, outcome) in zip(clips, expected.items(), strict=False):
        clip.write_bytes((folder / name).read_bytes())
        if outcome == "error":
            bad.add(f"{clip.parent.name}/{clip.name}")
    arguments = ["--model", str(untrained_checkpoint), "--data_dir", str(tmp_path / "corpus")]
    with pytest.raises(SystemExit, match=r"Error: .*--skip_unreadable"):
        evaluation.main([*arguments, "--output_dir", str(tmp_path / "out")])
    evaluation.main([*arguments, "--output_dir", str(tmp_path / "out"), "--skip_unreadable"])
    report = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert set(report["broken_clips"]) == bad
    assert report["num_clips"] == len(clips) - len(bad)
    assert math.isfinite(report["uar"])
