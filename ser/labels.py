"""The emotions every part of the project speaks of, and how other corpora's labels become them.

A corpus's clips carry its own codes. `LABEL_MAPS` turns a code into one of `EMOTIONS`, or into `None` where
there is no counterpart: such clips are dropped, for scoring them would count every answer as wrong.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
"""The classes in RAVDESS order: code 01 of a RAVDESS file name is `EMOTIONS[0]`."""

EMOTION_COLORS: dict[str, str] = {
    "neutral": "#686a72",
    "calm": "#1fa17c",
    "happy": "#c5831e",
    "sad": "#626ef5",
    "angry": "#d90138",
    "fearful": "#a42fb0",
    "disgust": "#0e7205",
    "surprised": "#f851c2",
}
"""The colour of each in every picture and in the demo.

Each stands out from white and from near-black by at least 3 to 1 (WCAG 2.2, 1.4.11), and any two are told
apart by people who see no red, no green or no blue (simulated after Machado et al. 2009). Tests hold both.
"""


def label_colors(labels: Sequence[str]) -> dict[str, str]:
    """Return a colour for each label, `#rrggbb`.

    An emotion keeps its own. Other labels take the colours of the emotions that are not among `labels`, which
    people with any colour vision can tell apart. Further ones are chosen one by one, each as far from all
    before it as possible in OKLab (Ottosson, 2020) among colours that stand out from white and near-black.

    >>> label_colors(["sad", "bored"])
    {'sad': '#626ef5', 'bored': '#686a72'}
    """
    colors = {label: EMOTION_COLORS[label] for label in labels if label in EMOTION_COLORS}
    free = [color for emotion, color in EMOTION_COLORS.items() if emotion not in colors]
    others = [label for label in labels if label not in colors]
    colors |= dict(zip(others, free, strict=False))
    if left := others[len(free) :]:
        candidates = np.stack(np.meshgrid(*[np.arange(0, 256, 15)] * 3), axis=-1).reshape(-1, 3)
        luminance = _linear_rgb(candidates) @ [0.2126, 0.7152, 0.0722]
        candidates = candidates[(luminance > 0.13) & (luminance < 0.29)]
        positions = _oklab(candidates)
        taken = _oklab(np.array([list(bytes.fromhex(color[1:])) for color in colors.values()]))
        distances = np.linalg.norm(positions[:, None] - taken, axis=-1).min(axis=1)
        for label in left:
            best = int(distances.argmax())
            colors[label] = "#" + bytes(candidates[best].tolist()).hex()
            distances = np.minimum(distances, np.linalg.norm(positions - positions[best], axis=-1))
    return {label: colors[label] for label in labels}


def _linear_rgb(rgb: np.ndarray) -> np.ndarray:
    """Turn sRGB of 0 to 255 into linear light of 0 to 1, shape (..., 3)."""
    rgb = rgb / 255
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def _oklab(rgb: np.ndarray) -> np.ndarray:
    cones = _linear_rgb(rgb) @ np.array(
        [[0.4122, 0.2119, 0.0883], [0.5363, 0.6807, 0.2817], [0.0514, 0.1074, 0.6300]]
    )
    return np.cbrt(cones) @ np.array(
        [[0.2105, 1.9780, 0.0259], [0.7936, -2.4286, 0.7828], [-0.0041, 0.4506, -0.8087]]
    )


LABEL_MAPS: dict[str, dict[str, str | None]] = {
    "ravdess": {f"{code:02d}": emotion for code, emotion in enumerate(EMOTIONS, start=1)},
    "crema-d": {
        "ANG": "angry",
        "DIS": "disgust",
        "FEA": "fearful",
        "HAP": "happy",
        "NEU": "neutral",
        "SAD": "sad",
    },
    "tess": {
        "angry": "angry",
        "disgust": "disgust",
        "fear": "fearful",
        "happy": "happy",
        "neutral": "neutral",
        "ps": "surprised",  # "pleasant surprise"; RAVDESS's surprise is of either kind
        "sad": "sad",
    },
    "savee": {
        "a": "angry",
        "d": "disgust",
        "f": "fearful",
        "h": "happy",
        "n": "neutral",
        "sa": "sad",
        "su": "surprised",
    },
    "ravdess-song": {
        "01": "neutral",
        "02": "calm",
        "03": "happy",
        "04": "sad",
        "05": "angry",
        "06": "fearful",
    },
    "nemo": {
        "anger": "angry",
        "fear": "fearful",
        "happiness": "happy",
        "neutral": "neutral",
        "sadness": "sad",
        "surprised": "surprised",
    },
    "emodb": {  # the letters stand for the German words
        "A": "fearful",  # Angst
        "E": "disgust",  # Ekel
        "F": "happy",  # Freude
        "L": None,  # Langeweile, boredom: RAVDESS has nothing like it, and calm is not boredom
        "N": "neutral",
        "T": "sad",  # Trauer
        "W": "angry",  # Wut
    },
}
"""Corpus -> its code in file names -> one of `EMOTIONS`, or `None` for a class that is dropped."""

CLASS_SETS: dict[str, tuple[str, ...]] = {
    "8": EMOTIONS,  # RAVDESS alone has calm
    "6": ("neutral", "happy", "sad", "angry", "fearful", "disgust"),  # of CREMA-D, and of most other corpora
    "4": ("neutral", "happy", "sad", "angry"),  # the usual choice when corpora are compared
}
"""Conventional sets of classes to score on, each in RAVDESS order."""


def corpus_classes(corpus: str) -> tuple[str, ...]:
    """Return the emotions that a corpus has, in RAVDESS order.

    >>> corpus_classes("emodb")
    ('neutral', 'happy', 'sad', 'angry', 'fearful', 'disgust')
    """
    if corpus not in LABEL_MAPS:
        raise ValueError(f"Unknown corpus {corpus!r}; expected one of {', '.join(LABEL_MAPS)}.")
    return tuple(emotion for emotion in EMOTIONS if emotion in LABEL_MAPS[corpus].values())


def restrict_probabilities(
    probabilities: np.ndarray, classes: Sequence[str], known: Sequence[str] = EMOTIONS
) -> np.ndarray:
    """Turn probabilities of all the labels that a model knows into probabilities of some of them.

    The rule: where neutral is wanted and calm is not, the probability of calm is added to neutral, since a
    speaker without emotion is what other corpora call neutral and RAVDESS divides into the two. Then only the
    wanted classes are kept and divided by their sum. A row with nothing left in them becomes equal shares.

    Args:
        probabilities: Shape (..., len(known)), in the order of `known`.
        classes: The wanted labels, without repetition.
        known: The labels of the model.

    Returns:
        Shape (..., len(classes)), in the order of `classes`; each row sums to one.

    Raises:
        ValueError: Another number of columns, an unknown or repeated class, or none.

    >>> restrict_probabilities(np.array([0.1, 0.3, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1]), ["neutral", "happy"])
    array([0.8, 0.2])
    """
    probabilities = np.asarray(probabilities)
    known = list(known)
    if probabilities.ndim == 0 or probabilities.shape[-1] != len(known):
        raise ValueError(
            f"Expected probabilities of shape (..., {len(known)}), one for each of {', '.join(known)}; "
            f"got shape {probabilities.shape}."
        )
    if not classes or len(set(classes)) != len(classes) or not set(classes) <= set(known):
        raise ValueError(f"classes must be some of {', '.join(known)}, each once; got {list(classes)}.")
    merged = probabilities.astype(np.float64)
    if "calm" in known and "neutral" in classes and "calm" not in classes:
        merged[..., known.index("neutral")] += merged[..., known.index("calm")]
    kept = merged[..., [known.index(label) for label in classes]]
    total = kept.sum(axis=-1, keepdims=True)
    equal_shares = np.full_like(kept, 1 / len(classes))
    return np.divide(kept, total, out=equal_shares, where=total > 0)
