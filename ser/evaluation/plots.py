"""Plots of evaluation and training.

Every function returns a new `matplotlib.figure.Figure` and does not touch pyplot's global state, so it is
safe in the threads of a server: `confusion_figure(...).savefig("confusion_matrix.png")`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import PercentFormatter
from numpy.typing import ArrayLike

from ser.evaluation.metrics import expected_calibration_error, reliability_bins
from ser.labels import label_colors

INK = "#1f2430"
FAINT = "#c3c7d1"
MODEL_COLOR = "#4338ca"
SECOND_COLOR = "#c5831e"
MATRIX_COLORS = LinearSegmentedColormap.from_list(
    "grey to indigo", ["#f5f6fa", "#c7d2fe", "#6366f1", "#1e1b4b"]
)


def confusion_figure(counts: ArrayLike, class_names: Sequence[str], title: str = "") -> Figure:
    """Draw a confusion matrix: each cell has its share of the row in percent and its number of clips.

    Args:
        counts: Clips of each true class (row) and predicted class (column), (num_classes, num_classes).
        class_names: The classes in order.
        title: Title; a second line states UAR, accuracy and the number of clips.

    Raises:
        ValueError: If the shape does not fit the names, or there is no clip.
    """
    counts = np.asarray(counts)
    num_classes = len(class_names)
    if counts.shape != (num_classes, num_classes) or counts.sum() == 0:
        raise ValueError(
            f"Got counts of shape {counts.shape} with {counts.sum()} clips, "
            f"expected ({num_classes}, {num_classes}) for {num_classes} classes and at least one clip."
        )
    num_clips = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, num_clips, out=np.zeros(counts.shape), where=num_clips > 0)
    uar = np.diag(shares)[num_clips[:, 0] > 0].mean()

    size = 8.0 if num_classes <= 10 else min(0.75 * num_classes, 24.0)  # inches
    scale = min(1.0, 10 * size / 8.0 / num_classes)  # of the letters in the cells
    figure = _new_figure(size + 0.2, size)
    axes = figure.add_subplot()
    axes.imshow(shares, cmap=MATRIX_COLORS, vmin=0, vmax=1)
    for (row, column), share in np.ndenumerate(shares):
        if counts[row, column] == 0:
            continue
        style: dict[str, Any] = {"ha": "center", "color": "white" if share > 0.42 else INK}
        weight = "bold" if row == column else "normal"
        axes.text(
            column, row + 0.06, f"{share:.0%}", va="bottom", fontsize=13 * scale, fontweight=weight, **style
        )
        axes.text(
            column, row + 0.14, f"{counts[row, column]}", va="top", fontsize=8.5 * scale, alpha=0.8, **style
        )
    axes.set_xticks(range(num_classes), class_names, rotation=35, ha="right", rotation_mode="anchor")
    axes.set_yticks(
        range(num_classes), [f"{name} ({n})" for name, n in zip(class_names, num_clips[:, 0], strict=True)]
    )
    colors = label_colors(class_names)
    for tick_labels in (axes.get_xticklabels(), axes.get_yticklabels()):
        for tick_label, name in zip(tick_labels, class_names, strict=True):
            tick_label.set(color=colors[name], fontsize=11.5 * scale, fontweight="bold")
    axes.set_xlabel("predicted", color=INK, fontsize=11)
    axes.set_ylabel("spoken (clips)", color=INK, fontsize=11)
    axes.set_xticks(np.arange(num_classes + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(num_classes + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=2.5 * scale)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)
    accuracy = np.trace(counts) / counts.sum()
    summary = f"UAR {uar:.1%} · accuracy {accuracy:.1%} · {counts.sum()} clips"
    _set_title(axes, title, summary)
    return figure


def training_curves_figure(log_history: Sequence[Mapping[str, Any]], title: str = "Training") -> Figure:
    """Draw the losses and, beside them, the validation UAR with its best evaluation marked.

    Args:
        log_history: `trainer.state.log_history`. Without evaluations, only the training loss is drawn.
        title: Title of the losses.

    Raises:
        ValueError: If the log holds no loss.
    """
    train_loss, eval_loss, eval_uar = (_curve(log_history, key) for key in ("loss", "eval_loss", "eval_uar"))
    if not train_loss and not eval_loss:
        raise ValueError(
            "The log holds neither `loss` nor `eval_loss`: nothing has been trained or logged yet."
        )
    num_panels = 2 if eval_uar else 1
    figure = _new_figure(5.5 * num_panels, 4.2)
    panels = figure.subplots(1, num_panels, squeeze=False)[0]
    for curve, label, color in (
        (train_loss, "training", MODEL_COLOR),
        (eval_loss, "validation", SECOND_COLOR),
    ):
        if curve:
            panels[0].plot(*zip(*curve, strict=True), color=color, label=label, linewidth=2)
    panels[0].legend(frameon=False, labelcolor=INK)
    _set_title(panels[0], title, "loss")
    if eval_uar:
        best_epoch, best_uar = max(eval_uar, key=lambda point: point[1])
        panels[1].plot(*zip(*eval_uar, strict=True), color=SECOND_COLOR, linewidth=2)
        panels[1].plot(best_epoch, best_uar, "o", color=SECOND_COLOR, markersize=8)
        panels[1].yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        _set_title(panels[1], "Validation", f"UAR, best {best_uar:.1%} at epoch {best_epoch:g}")
    for axes in panels:
        axes.set_xlabel("epoch", color=INK)
        _quieten(axes)
    return figure


def reliability_figure(
    probabilities: ArrayLike, labels: ArrayLike, num_bins: int = 15, title: str = "Reliability"
) -> Figure:
    """Draw accuracy against confidence; the bars of a calibrated model end on the diagonal.

    Args:
        probabilities: (num_clips, num_classes).
        labels: The true classes, (num_clips,).
        num_bins: Bins of equal width of the highest probability.
        title: Title; a second line states the expected calibration error.

    Raises:
        ValueError: As `ser.evaluation.metrics.reliability_bins`.
    """
    bins = reliability_bins(probabilities, labels, num_bins)
    filled = bins.num_clips > 0
    centres = (np.arange(num_bins) + 0.5) / num_bins
    error = expected_calibration_error(probabilities, labels, num_bins)

    figure = _new_figure(6.4, 7.2)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3.2, 1))
    width = 0.88 / num_bins
    upper.bar(
        centres[filled],
        bins.accuracy[filled],
        width,
        color=MODEL_COLOR,
        label="accuracy of the bin",
    )
    upper.plot([0, 1], [0, 1], "--", color=INK, linewidth=1.2, label="a perfectly calibrated model")
    upper.plot(
        bins.confidence[filled],
        bins.accuracy[filled],
        "o",
        color=SECOND_COLOR,
        label="at the bin's mean confidence",
    )
    upper.set(xlim=(0, 1), ylim=(0, 1.02))
    upper.set_ylabel("accuracy", color=INK)
    upper.legend(loc="upper left", edgecolor=FAINT, framealpha=0.95, labelcolor=INK)
    lower.bar(centres, bins.num_clips, width, color=FAINT)
    lower.set_ylabel("clips", color=INK)
    lower.set_xlabel("highest probability", color=INK)
    for axis in (upper.xaxis, upper.yaxis):
        axis.set_major_formatter(PercentFormatter(1, decimals=0))
    for axes in (upper, lower):
        _quieten(axes)
    _set_title(upper, title, f"ECE {error:.3f} · {num_bins} bins · {bins.num_clips.sum()} clips")
    return figure


def _new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of a size in inches whose texts stay inside its edges."""
    layout = ConstrainedLayoutEngine(w_pad=0.15, h_pad=0.15)
    return Figure(figsize=(width, height), dpi=150, layout=layout, facecolor="white")


def _curve(log_history: Sequence[Mapping[str, Any]], key: str) -> list[tuple[float, float]]:
    return [(float(entry["epoch"]), float(entry[key])) for entry in log_history if key in entry]


def _set_title(axes: Axes, title: str, subtitle: str) -> None:
    axes.set_title(subtitle, loc="left", color=INK, fontsize=11, pad=8)
    if title:
        axes.annotate(
            title,
            (0, 1),
            (0, 28),
            "axes fraction",
            "offset points",
            color=INK,
            fontsize=14,
            fontweight="bold",
        )


def _quieten(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    axes.tick_params(colors=INK, length=0)
    axes.grid(axis="y", color=FAINT, alpha=0.4)
    axes.set_axisbelow(True)
