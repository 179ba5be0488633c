"""The section of `docs/results.md` about a shipped checkpoint."""

from typing import Any

from benchmarks.accuracy.calibrate import calibration_table
from benchmarks.accuracy.robustness import robustness_table
from benchmarks.report.measurements import ACCURATE_FOLDER, SHIPPED_FOLDER, ShippedResults
from ser.evaluation.tables import percent_range

INTRODUCTIONS = {
    SHIPPED_FOLDER: (
        "The MFCC-LSTM checkpoint",
        "`checkpoint/` was trained on RAVDESS speech and song (actors 1 to 20) and nEMO, and on the class "
        "scores that heads on **Whisper** base gave to these clips. EmoDB helped to choose its recipe. Actors "
        "21 to 24 decided nothing: they scored seven earlier checkpoints (UAR 48.8, 60.2, 66.0, 59.8, 60.9, "
        "66.0 and 69.5), one with a fourth network (66.4), which dev5 did not favour, and this one. Four "
        "speakers make a wide interval.",
    ),
    ACCURATE_FOLDER: (
        "The accurate checkpoint",
        "`checkpoint-accurate/` keeps the first three layers of **Whisper** base, and learned emotions from "
        "RAVDESS speech and song (actors 1 to 20) and nEMO. EmoDB helped to choose its recipe; actors 21 to "
        "24 decided nothing and were scored once.",
    ),
}


def checkpoint_section(results: ShippedResults) -> list[str]:
    """Return Markdown lines about a checkpoint on unseen speakers, in noise, and its calibration.

    Args:
        results: Its result files; without an evaluation there is no section.
    """
    evaluations = [*results.checkpoint.at_home, *results.checkpoint.elsewhere]
    if not evaluations:
        return []
    title, introduction = INTRODUCTIONS[evaluations[0]["model"]["name"]]
    lines = [
        f"## {title}",
        "",
        introduction,
        "",
        "| measured on | emotions | UAR | 95 % interval over speakers | accuracy | ECE | clips |",
        "|---|---|---|---|---|---|---|",
    ]
    for metrics in evaluations:
        who = metrics["title"].partition(" (")[0]
        for classes, scores in metrics["per_class_set"].items():
            interval = percent_range(scores["uar_interval"])
            lines.append(
                f"| {who} | {classes} | **{100 * scores['uar']:.1f}** | {interval} "
                f"| {100 * scores['accuracy']:.1f} | {scores['expected_calibration_error']:.3f} "
                f"| {scores['num_clips']} |"
            )
    lines += ["", "Made by:", "", "```shell", *(each["command"] for each in evaluations), "```", ""]
    for table, measured in (
        (robustness_table, results.robustness),
        (calibration_table, results.calibration),
    ):
        if measured:
            heading, *rest = table(measured)
            lines += [f"#{heading}: {title[0].lower()}{title[1:]}", *rest]
    return lines


def training_section(train: dict[str, Any]) -> list[str]:
    """Return Markdown lines about the cost of the shipped training."""
    minutes, network_minutes = train["total_seconds"] / 60, train["train_runtime"] / 60
    return [
        "## Cost of the shipped training",
        "",
        f"{minutes:.1f} minutes from the clips to the checkpoint, {network_minutes:.1f} of them for the "
        "network and the rest for the spectrograms of every copy, which later trainings find in the cache, as "
        "this one found the scores of the teacher. "
        f"At most {train['peak_memory_bytes'] / 2**30:.2f} GiB of memory, with the processes that compute "
        "spectrograms (`checkpoint/training_metrics.json`; command, versions and processors in "
        "`checkpoint/training_provenance.json`).",
        "",
    ]
