import sys
from itertools import combinations

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from ser.evaluation.metrics import confusion_counts, expected_calibration_error, unweighted_average_recall
from ser.evaluation.plots import confusion_figure, reliability_figure, training_curves_figure
from ser.labels import EMOTION_COLORS, EMOTIONS, label_colors

# Linear RGB as seen without red, green and blue cones: Machado, Oliveira and Fernandes 2009, severity 1.
COLOUR_VISION = {
    "full": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
# Linear RGB to cone responses to OKLab (Ottosson 2020), where distances are what the eye sees.
TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
TO_OKLAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def linear_rgb(color):
    rgb = np.array(to_rgb(color))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def contrast(first, second):
    luminances = sorted(float(linear_rgb(color) @ [0.2126, 0.7152, 0.0722]) for color in (first, second))
    return (luminances[1] + 0.05) / (luminances[0] + 0.05)


def texts(figure):
    return [text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text"))]


def drawn(seed=0, num_clips=240):
    rng = np.random.default_rng(seed)
    labels = rng.integers(8, size=num_clips)
    probabilities = rng.dirichlet(np.full(8, 0.4), size=num_clips) * 0.6 + 0.4 * np.eye(8)[labels]
    return labels, probabilities


def test_every_emotion_has_its_own_colour():
    assert tuple(EMOTION_COLORS) == EMOTIONS
    assert len(set(EMOTION_COLORS.values())) == len(EMOTIONS)


@pytest.mark.parametrize("background", ["#ffffff", "#0b0f19"])
def test_colours_stand_out_from_light_and_dark(background):
    assert min(contrast(color, background) for color in EMOTION_COLORS.values()) >= 3


@pytest.mark.parametrize("num_labels", [2, 8, 20, 100])
def test_labels_of_ones_own_get_colours_that_stand_out_and_stay_apart(num_labels):
    labels = ["angry", *(f"label {number}" for number in range(1, num_labels))]
    colors = label_colors(labels)
    assert list(colors) == labels
    assert colors["angry"] == EMOTION_COLORS["angry"]
    for background in ("#ffffff", "#0b0f19"):
        assert min(contrast(color, background) for color in colors.values()) >= 3
    positions = [TO_OKLAB @ np.cbrt(TO_CONES @ linear_rgb(color)) for color in colors.values()]
    apart = min(np.linalg.norm(first - second) for first, second in combinations(positions, 2))
    assert apart > (0.05 if num_labels <= 20 else 0.03)


def test_the_confusion_of_a_hundred_labels_can_be_drawn(tmp_path):
    figure = confusion_figure(np.eye(100, dtype=int), [f"label {number}" for number in range(100)])
    figure.savefig(tmp_path / "matrix.png", dpi=20)
    assert max(figure.get_size_inches()) <= 25


@pytest.mark.parametrize("vision", COLOUR_VISION)
def test_colours_are_told_apart_with_any_colour_vision(vision):
    seen = {
        emotion: TO_OKLAB @ np.cbrt(TO_CONES @ np.clip(COLOUR_VISION[vision] @ linear_rgb(color), 0, 1))
        for emotion, color in EMOTION_COLORS.items()
    }
    distances = {pair: np.linalg.norm(seen[pair[0]] - seen[pair[1]]) for pair in combinations(EMOTIONS, 2)}
    assert min(distances.values()) > 0.06, min(distances, key=distances.get)


def test_confusion_figure_states_shares_counts_and_uar():
    labels, probabilities = drawn()
    predictions = probabilities.argmax(axis=1)
    counts = confusion_counts(labels, predictions, 8)
    shown = texts(confusion_figure(counts, EMOTIONS, "Actors 21 to 24"))
    uar = unweighted_average_recall(labels, predictions)
    assert any(f"UAR {uar:.1%}" in text and "240 clips" in text for text in shown)
    assert "Actors 21 to 24" in shown
    assert str(counts[0, 0]) in shown
    assert f"{counts[0, 0] / counts[0].sum():.0%}" in shown
    assert f"sad ({counts[3].sum()})" in shown


def test_confusion_figure_leaves_an_absent_emotion_out_of_the_mean():
    shown = texts(confusion_figure([[2, 0, 0], [0, 0, 0], [1, 0, 1]], ["a", "b", "c"]))
    assert any("UAR 75.0%" in text for text in shown)


@pytest.mark.parametrize("counts", [np.ones((3, 3)), np.zeros((8, 8), dtype=int)])
def test_confusion_figure_without_matching_counts_raises(counts):
    with pytest.raises(ValueError, match=r"expected \(8, 8\) for 8 classes"):
        confusion_figure(counts, EMOTIONS)


def test_training_curves_mark_the_best_evaluation():
    log_history = [
        {"loss": 2.0, "epoch": 0.5},
        {"eval_loss": 1.9, "eval_uar": 0.3, "epoch": 1.0},
        {"loss": 1.5, "epoch": 1.5},
        {"eval_loss": 1.7, "eval_uar": 0.6, "epoch": 2.0},
        {"eval_loss": 1.8, "eval_uar": 0.5, "epoch": 3.0},
        {"train_loss": 1.7, "train_runtime": 3.0, "epoch": 3.0},
    ]
    figure = training_curves_figure(log_history)
    losses, uar = figure.axes
    assert [line.get_xydata().tolist() for line in losses.lines] == [
        [[0.5, 2.0], [1.5, 1.5]],
        [[1.0, 1.9], [2.0, 1.7], [3.0, 1.8]],
    ]
    assert uar.lines[1].get_xydata().tolist() == [[2.0, 0.6]]
    assert "UAR, best 60.0% at epoch 2" in texts(figure)


def test_training_curves_without_evaluations_show_the_loss_alone():
    figure = training_curves_figure([{"loss": 2.0, "epoch": 0.5}, {"loss": 1.0, "epoch": 1.0}])
    assert len(figure.axes) == 1


def test_training_curves_of_an_empty_log_raise():
    with pytest.raises(ValueError, match="neither `loss` nor `eval_loss`"):
        training_curves_figure([{"train_runtime": 1.0, "epoch": 1.0}])


def test_reliability_figure_states_the_calibration_error():
    labels, probabilities = drawn()
    figure = reliability_figure(probabilities, labels, num_bins=10)
    error = expected_calibration_error(probabilities, labels, num_bins=10)
    assert any(f"ECE {error:.3f} · 10 bins · 240 clips" in text for text in texts(figure))
    bars = figure.axes[1].patches
    assert sum(bar.get_height() for bar in bars) == 240


def test_figures_are_saved_without_pyplot(tmp_path):
    labels, probabilities = drawn(num_clips=24)
    figure = reliability_figure(probabilities, labels)
    assert type(figure) is Figure
    figure.savefig(tmp_path / "reliability.png")
    assert (tmp_path / "reliability.png").read_bytes().startswith(b"\x89PNG")
    pyplot = sys.modules.get("matplotlib.pyplot")  # another test may have imported it
    assert pyplot is None or not pyplot.get_fignums()
