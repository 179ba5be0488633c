"""Measure how well whole conversations are segmented and analysed: boundaries, emotions, speed, memory.

    python -m benchmarks.accuracy.conversations --ravdess_dir data/ravdess --emodb_dir data/emodb
    python -m benchmarks.accuracy.conversations --report

The first measures and writes benchmarks/results/conversations.json; both write the tables of
docs/conversations.md from it. `--tuning` measures on RAVDESS's actors 1 to 20 and EmoDB instead, the only
speakers anything was chosen on, and writes nothing. `--long 1 10` measures speed and memory alone, on
recordings of so many hours, and adds them.
"""

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch

from benchmarks.accuracy.made_conversations import (
    SAMPLING_RATE,
    SETTINGS,
    Conversation,
    Setting,
    SpokenClip,
    make_conversation,
    pink_noise,
)
from benchmarks.report.blocks import write_block
from ser.__main__ import CommandParser
from ser.corpora import load_emodb, load_ravdess
from ser.corpora.provenance import environment
from ser.evaluation.protocols import SHIPPED_TEST_ACTORS
from ser.recognizer import EmotionRecognizer
from ser.segments.segment import Segment

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "conversations.json"
DOCUMENT = ROOT / "docs" / "conversations.md"
TOLERANCE_SECONDS = 0.25
GRID_SECONDS = 0.01
NUM_CONVERSATIONS = 10  # of each setting and corpus
CHUNK_SECONDS = 0.1  # of a live stream
MAX_POINTS_WORSE = 5  # that segments may be than the same clips alone


def boundary_scores(segments: Sequence[Segment], conversation: Conversation) -> np.ndarray:
    """Count the boundaries found within the tolerance, those reported and those there are."""
    counts = np.zeros(3)
    for channel in {turn.channel for turn in conversation.turns}:
        there = sorted(
            seconds
            for turn in conversation.turns
            if turn.channel == channel
            for seconds in (turn.start_seconds, turn.end_seconds)
        )
        given = sorted(
            seconds
            for each in segments
            if each.kind == "speech" and each.channel == channel
            for seconds in (each.start_seconds, each.end_seconds)
        )
        found = 0
        waiting = list(there)
        for seconds in given:
            near = [each for each in waiting if abs(each - seconds) <= TOLERANCE_SECONDS]
            if near:
                waiting.remove(min(near))
                found += 1
        counts += found, len(given), len(there)
    return counts


def time_scores(segments: Sequence[Segment], conversation: Conversation) -> dict[str, float]:
    """Sum seconds of speech, with a wrong emotion, missed; of non-speech, and of that reported as speech."""
    length = round(len(conversation.samples) / SAMPLING_RATE / GRID_SECONDS)
    scores = dict.fromkeys(("speech", "wrong", "missed", "other", "called_speech"), 0.0)
    for channel in range(1, conversation.samples.shape[1] + 1):
        answer = np.full(length, "", dtype=object)
        near_speech = np.zeros(length, dtype=bool)
        for each in segments:
            if each.kind == "speech" and each.channel == channel:
                answer[_grid(each.start_seconds, each.end_seconds)] = each.emotion
        for turn, clip in zip(conversation.turns, conversation.clips, strict=True):
            if turn.channel != channel:
                continue
            within = answer[_grid(turn.start_seconds, turn.end_seconds)]
            scores["speech"] += len(within) * GRID_SECONDS
            scores["wrong"] += float((within != clip.emotion).sum()) * GRID_SECONDS
            scores["missed"] += float((within == "").sum()) * GRID_SECONDS
            margin = TOLERANCE_SECONDS
            near_speech[_grid(max(turn.start_seconds - margin, 0), turn.end_seconds + margin)] = True
        scores["other"] += float((~near_speech).sum()) * GRID_SECONDS
        scores["called_speech"] += float(((answer != "") & ~near_speech).sum()) * GRID_SECONDS
    return scores


def _grid(start_seconds: float, end_seconds: float) -> slice:
    return slice(round(start_seconds / GRID_SECONDS), round(end_seconds / GRID_SECONDS))


def measure_setting(
    recognizer: EmotionRecognizer, clips: Sequence[SpokenClip], setting: Setting, number: int
) -> dict[str, float]:
    """Score some conversations of one setting.

    Args:
        recognizer: The model.
        clips: To put conversations together from.
        setting: What they are recorded like.
        number: Of the setting: the seed.

    Returns:
        `boundary_f`; shares of the speech: `wrong`, `missed`, `wrong_alone` (the same clips one by one, in
        noise of the same level), `wrong_clean` (without it), `wrong_with_turns` (the conversation, with the
        true turns given); shares of the rest: `called_speech`.
    """
    boundaries, times, with_turns = np.zeros(3), [], []
    alone, clean = 0.0, 0.0
    for index in range(NUM_CONVERSATIONS):
        conversation = make_conversation(clips, setting, np.random.default_rng((number, index)))
        segments = _segments(recognizer, conversation)
        boundaries += boundary_scores(segments, conversation)
        times.append(time_scores(segments, conversation))
        given = _segments(recognizer, conversation, turns=conversation.turns)
        with_turns.append(time_scores(given, conversation))
        rng = np.random.default_rng((number, index, 1))
        waveforms = [clip.waveform for clip in conversation.clips]
        noisy = [each + pink_noise(len(each), conversation.noise_db, rng) for each in waveforms]
        alone += _wrong_seconds(recognizer, noisy, conversation)
        clean += _wrong_seconds(recognizer, waveforms, conversation)
    totals = {name: sum(each[name] for each in times) for name in times[0]}
    found, given_number, there = boundaries
    return {
        "boundary_f": 2 * found / (given_number + there),
        "wrong": totals["wrong"] / totals["speech"],
        "missed": totals["missed"] / totals["speech"],
        "wrong_alone": alone / totals["speech"],
        "wrong_clean": clean / totals["speech"],
        "wrong_with_turns": sum(each["wrong"] for each in with_turns) / totals["speech"],
        "called_speech": totals["called_speech"] / totals["other"],
        "speech_seconds": totals["speech"],
        "other_seconds": totals["other"],
    }


def _wrong_seconds(
    recognizer: EmotionRecognizer, waveforms: Sequence[np.ndarray], conversation: Conversation
) -> float:
    """Seconds of the turns whose clips, given here one by one, get another emotion than theirs."""
    answers = recognizer.predict([(waveform.astype(np.float32), SAMPLING_RATE) for waveform in waveforms])
    return sum(
        turn.end_seconds - turn.start_seconds
        for turn, clip, answer in zip(conversation.turns, conversation.clips, answers, strict=True)
        if max(answer, key=answer.__getitem__) != clip.emotion
    )


def _segments(recognizer: EmotionRecognizer, conversation: Conversation, **options: Any) -> list[Segment]:
    recording = conversation.samples, SAMPLING_RATE
    return list(recognizer.segments(recording, channels="speakers", **options))


def measure_delay(recognizer: EmotionRecognizer, clips: Sequence[SpokenClip]) -> dict[str, float]:
    """Measure the seconds from the end of speech until a live stream returns its segment."""
    conversation = make_conversation(clips, SETTINGS[1], np.random.default_rng(0))
    stream = recognizer.stream(SAMPLING_RATE)
    delays, busy = [], []
    chunk = round(CHUNK_SECONDS * SAMPLING_RATE)
    ends = np.array([turn.end_seconds for turn in conversation.turns])
    for start in range(0, len(conversation.samples), chunk):
        before = time.perf_counter()
        segments = stream.feed(conversation.samples[start : start + chunk])
        busy.append(time.perf_counter() - before)
        for each in segments:
            spoken = ends[np.abs(ends - each.end_seconds) <= TOLERANCE_SECONDS]
            if each.kind == "speech" and len(spoken):
                delays.append((start + chunk) / SAMPLING_RATE + busy[-1] - float(spoken[-1]))
    return {
        "chunk_seconds": CHUNK_SECONDS,
        "median_delay_seconds": float(np.median(delays)),
        "p95_delay_seconds": float(np.quantile(delays, 0.95)),
        "median_compute_seconds": float(np.median(busy)),
        "max_compute_seconds": float(np.max(busy)),
    }


def measure_long(model: str, backend: str, clips: Sequence[SpokenClip], hours: float) -> dict[str, float]:
    """Measure the speed and memory of a process that segments a recording of some hours."""
    rng = np.random.default_rng(1)
    conversations = [make_conversation(clips, SETTINGS[1], rng).samples for _ in range(5)]
    pattern = np.concatenate(conversations)[:, 0]
    num_samples = round(hours * 3600 * SAMPLING_RATE)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "long.flac")
        with soundfile.SoundFile(file, "w", SAMPLING_RATE, 1, "PCM_16") as sound:
            while sound.frames < num_samples:
                sound.write(pattern[: num_samples - sound.frames])
        command = [sys.executable, "-m", "benchmarks.accuracy.long_recording", model, backend, str(file)]
        result = subprocess.run(command, capture_output=True, text=True, check=True)
    return {"hours": hours, **json.loads(result.stdout.splitlines()[-1])}


def read_clips(recognizer: EmotionRecognizer, args: argparse.Namespace) -> dict[str, list[SpokenClip]]:
    """Return the clips of each corpus."""
    ravdess = load_ravdess(args.ravdess_dir)
    wanted = np.isin(ravdess["actor"], SHIPPED_TEST_ACTORS) != args.tuning
    name = "RAVDESS, actors 1 to 20" if args.tuning else "RAVDESS, unseen actors"
    corpora = {name: ravdess.select(np.flatnonzero(wanted)), "EmoDB": load_emodb(args.emodb_dir)}
    found = {}
    for corpus, rows in corpora.items():
        if args.tuning:
            rows = rows.select(range(0, len(rows), 4))
        names = rows.features["emotion"].names
        found[corpus] = [
            SpokenClip(recognizer.load(audio["path"]), names[label], str(speaker))
            for audio, label, speaker in zip(rows["audio"], rows["emotion"], rows["actor"], strict=True)
        ]
    return found


def tables(result: dict[str, Any]) -> Iterator[str]:
    """Return the Markdown lines of all figures that were measured."""
    if "settings" in result:
        yield (
            "| corpus | recording | boundaries, F | emotion wrong | clips alone | clips alone, clean "
            "| true turns | not found | non-speech called speech |"
        )
        yield "|---|---|---|---|---|---|---|---|---|"
        for corpus, settings in result["settings"].items():
            names = next(iter(settings.values()))
            mean = {name: np.mean([scores[name] for scores in settings.values()]) for name in names}
            for name, scores in {**settings, "**mean**": mean}.items():
                shares = (
                    "wrong",
                    "wrong_alone",
                    "wrong_clean",
                    "wrong_with_turns",
                    "missed",
                    "called_speech",
                )
                cells = " | ".join(f"{100 * scores[share]:.1f} %" for share in shares)
                yield f"| {corpus} | {name} | {scores['boundary_f']:.3f} | {cells} |"
        yield ""
        for corpus, settings in result["settings"].items():
            worse = {name: 100 * (each["wrong"] - each["wrong_alone"]) for name, each in settings.items()}
            beyond = [name for name in worse if worse[name] > MAX_POINTS_WORSE]
            yield (
                f"- {corpus}: on average {np.mean([*worse.values()]):.1f} points worse than the clips alone. "
                f"Beyond the aim of {MAX_POINTS_WORSE}: "
                + (", ".join(f"{name} ({worse[name]:.1f})" for name in beyond) or "none")
                + "."
            )
        delay = result["delay"]
        yield ""
        yield (
            f"Live, in chunks of {delay['chunk_seconds']:g} s, a segment comes "
            f"{delay['median_delay_seconds']:.2f} s after its last sound (median; 95 % within "
            f"{delay['p95_delay_seconds']:.2f} s); a chunk takes "
            f"{1000 * delay['median_compute_seconds']:.0f} ms to compute, "
            f"at most {1000 * delay['max_compute_seconds']:.0f} ms."
        )
        yield from ("", "Made by:", "", "```shell", result["command"], "```", "")
    if "long" in result:
        yield "| recording | engine | segments | times real time, one core | memory at start | at most |"
        yield "|---|---|---|---|---|---|"
        for each in result["long"]:
            yield (
                f"| {each['hours']:g} h, mono | {each['backend']} | {each['num_segments']} "
                f"| {each['times_real_time_of_core']:.0f} | {each['loaded_model_bytes'] / 1e6:.0f} MB "
                f"| {each['peak_bytes'] / 1e6:.0f} MB |"
            )
        yield from ("", "Made by:", "", "```shell", result["long_command"], "```")


def main(arguments: list[str]) -> None:
    """Parse, measure, write, show."""
    parser = CommandParser(description=__doc__)
    parser.add_argument("--model", default="checkpoint", help="folder of a checkpoint, or a Hub id")
    parser.add_argument("--backend", default="torch", choices=("torch", "onnx"))
    parser.add_argument("--ravdess_dir", help="the RAVDESS speech clips")
    parser.add_argument("--emodb_dir", help="the clips of EmoDB")
    parser.add_argument(
        "--tuning", action="store_true", help="measure on the speakers that choices are made on"
    )
    parser.add_argument("--long", nargs="+", type=float, help="measure recordings of so many hours instead")
    parser.add_argument("--report", action="store_true", help="only write the document again")
    args = parser.parse_args(arguments)
    if args.report:
        write_block(DOCUMENT, "measured", tables(json.loads(RESULTS.read_text())))
        return
    if not (args.ravdess_dir and args.emodb_dir):
        parser.error("give --ravdess_dir and --emodb_dir, or --report")
    torch.set_num_threads(1)
    recognizer = EmotionRecognizer.from_pretrained(args.model, backend=args.backend)
    corpora = read_clips(recognizer, args)
    clips = next(iter(corpora.values()))
    command = shlex.join(["python", "-m", "benchmarks.accuracy.conversations", *arguments])
    if args.long:
        long = [
            {"backend": args.backend, **measure_long(args.model, args.backend, clips, hours)}
            for hours in args.long
        ]
        measured: dict[str, Any] = {"long": long, "long_command": command}
    else:
        settings = {
            corpus: {
                setting.name: measure_setting(recognizer, clips, setting, number)
                for number, setting in enumerate(SETTINGS)
            }
            for corpus, clips in corpora.items()
        }
        measured = {"settings": settings, "delay": measure_delay(recognizer, clips), "command": command}
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() and not args.tuning else {}
    result = known | measured | environment()
    if not args.tuning:
        RESULTS.write_text(json.dumps(result, indent=1) + "\n")
        write_block(DOCUMENT, "measured", tables(result))
    print("\n".join(tables(result)))


if __name__ == "__main__":
    main(sys.argv[1:])
