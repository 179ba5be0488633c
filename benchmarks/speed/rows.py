"""The measurements of speed as rows of a table: what, beside what, the goal, what came out, whether met."""

import os
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

FEW, MANY = 1000, 20_000  # clips of the short and the long run of predict.py
Found = Mapping[str, Any]


class Row(NamedTuple):
    """A line of the table; `is_met` is `None` where no goal is set."""

    what: str
    beside: str
    goal: str
    measured: str
    is_met: bool | None = None


def num_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def all_rows(found: Mapping[str, Found]) -> list[Row]:
    """The rows of all steps that are done, in the order of the table, and one for each that is not."""
    groups: list[tuple[Callable[..., list[Row]], list[str]]] = [
        (mfcc_rows, ["mfcc"]),
        (file_rows, ["files"]),
        (onnx_rows, ["onnx"]),
        (training_rows, ["training"]),
        (start_rows, ["starts"]),
        (scoring_rows, ["one worker", "few clips", "many clips"]),
    ]
    rows: list[Row] = []
    for make_rows, steps in groups:
        if all(step in found for step in steps):
            rows += make_rows(*(found[step] for step in steps))
        else:
            rows.append(Row(", ".join(steps), "", "", "not measured yet: give the command again to go on"))
    return rows


def mfcc_rows(found: Found) -> list[Row]:
    """Of `measure_mfcc`."""
    return [
        Row(
            "MFCC of a batch of real clips",
            "`librosa.feature.mfcc`, same settings",
            ">= 8x, largest difference <= 1e-3 of the range",
            f"{found['ratio']:.1f}x ({found['ours_ms']:.2f} beside {found['librosa_ms']:.2f} ms a clip), "
            f"{found['difference']:.0e}",
            found["ratio"] >= 8 and found["difference"] <= 1e-3,
        )
    ]


def file_rows(found: Found) -> list[Row]:
    """Of `measure_files`."""
    rows = []
    for backend in ("torch", "onnx"):
        ours = found[f"{backend}_ms"]
        what = f"file on disk -> probabilities, one by one, {backend}"
        for beside, name, goal in (
            ("wav2vec2-base of transformers (random weights), end to end", "wav2vec2", 100),
            ("the notebook path: `librosa.load`, `librosa.feature.mfcc`, the same network", "notebook", 3),
        ):
            other = found[f"{name}_ms"]
            measured = f"{other / ours:.1f}x ({ours:.1f} beside {other:.1f} ms)"
            rows.append(Row(what, beside, f">= {goal}x", measured, other >= goal * ours))
        floor = (
            f"the floor of {found['floor_ms']:.2f} ms: decoding ({found['decode_ms']:.2f} ms) and the "
            f"network's multiplications at this machine's {found['gigaflops']:.0f} GFLOP/s"
        )
        ratio = ours / found["floor_ms"]
        rows.append(Row(what, floor, "<= 2x the floor", f"{ratio:.1f}x the floor", ratio <= 2))
    return rows


def onnx_rows(found: Found) -> list[Row]:
    """Of `measure_onnx`."""
    rows = []
    for name, text in (("onnx", "ONNX file"), ("int8", "its int8 variant")):
        ratio, difference = found["torch_ms"] / found[f"{name}_ms"], found[f"{name}_difference"]
        goal = ">= 1.5x, difference <= 1e-4" if name == "onnx" else "its accuracy measured"
        rows.append(
            Row(
                f"{text}, waveform -> probabilities, one by one",
                "the torch path",
                goal,
                f"{ratio:.1f}x ({found[f'{name}_ms']:.2f} beside {found['torch_ms']:.2f} ms), "
                f"largest difference {difference:.0e}; "
                f"UAR {found[f'{name}_uar']:.1f} beside {found['torch_uar']:.1f} "
                f"over {found['num_clips']} clips of unseen actors",
                ratio >= 1.5 and difference <= 1e-4 if name == "onnx" else None,
            )
        )
    return rows


def training_rows(found: Found) -> list[Row]:
    """Of `measure_training`."""
    return [
        Row(
            "training, clips a second an epoch",
            "the same network, packed sequences, features made anew each epoch",
            ">= 4x",
            f"{found['ours'] / found['usual']:.1f}x ({found['ours']:.0f} beside {found['usual']:.0f})",
            found["ours"] >= 4 * found["usual"],
        )
    ]


def start_rows(found: Found) -> list[Row]:
    """Of `measure_starts`."""

    def cost(name: str) -> str:
        return f"{found[name]['cpu_seconds']:.2f} s of processor, {found[name]['megabytes']:.0f} MB"

    encoder = "a wav2vec2-base pipeline from start to first answer: "
    encoder += cost("first answer, wav2vec2-base pipeline")
    return [
        Row(
            "`import ser`",
            f"`from transformers import AutoModel...`: {cost('import transformers')}",
            "lazily imported",
            cost("import ser"),
        ),
        *(
            Row(f"start to {name.replace(', ', ' with ')}", encoder, "measured", cost(name))
            for name in ("first answer, torch", "first answer, ONNX", "first answer, app")
        ),
    ]


def scoring_rows(one: Found, small: Found, large: Found) -> list[Row]:
    """Of `measure_scoring` with one worker, and with all of them over few clips and many."""
    cores = num_cores()
    growth = large["megabytes"] / small["megabytes"] - 1
    speed_up = large["clips_per_second"] / one["clips_per_second"]
    return [
        Row(
            f"`predict.py --backend onnx`, {cores} workers",
            f"1 worker: {one['clips_per_second']:.0f} clips a second, "
            f"{one['clips_per_cpu_second']:.0f} a second of processor",
            "scales with cores",
            f"{speed_up:.2f}x ({large['clips_per_second']:.0f} clips a second, "
            f"{large['clips_per_cpu_second']:.0f} a second of processor)",
            speed_up >= 0.8 * cores,
        ),
        Row(
            f"peak memory of all its processes at {large['num_clips']} clips",
            f"at {small['num_clips']} clips: {small['megabytes']:.0f} MB",
            "flat within 10 %",
            f"{large['megabytes']:.0f} MB, {100 * growth:+.0f} %",
            growth <= 0.1,
        ),
    ]
