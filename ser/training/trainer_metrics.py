"""`compute_metrics` of the Trainer: our metrics behind the `evaluate` library, without a network.

Separate from `ser.evaluation.metrics` because importing `evaluate` takes seconds.
"""

import datasets
import evaluate
import numpy as np
from transformers import EvalPrediction

from ser.evaluation.metrics import classification_scores


class ClassificationScores(evaluate.Metric):
    """Accuracy, UAR, macro precision, macro recall and macro F1 of integer predictions, each 0 to 1.

    `evaluate.load("accuracy")` would need the Hub. The inputs stay in memory, so that processes that train
    together do not share a cache file.
    """

    def __init__(self) -> None:
        super().__init__(keep_in_memory=True, seed=0)  # without a seed it reads numpy's global random state

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description="Accuracy, unweighted average recall, and macro precision, recall and F1.",
            citation="",
            inputs_description="predictions: predicted classes. references: true classes.",
            features=datasets.Features(
                {"predictions": datasets.Value("int64"), "references": datasets.Value("int64")}
            ),
        )

    def _compute(self, predictions: list[int], references: list[int]) -> dict[str, float]:
        return classification_scores(references, predictions)


def compute_classification_metrics(eval_prediction: EvalPrediction) -> dict[str, float]:
    """Compute the scores of an evaluation by the Trainer.

    Args:
        eval_prediction: `predictions` are logits (num_clips, num_classes), or a tuple that starts with them;
            `label_ids` are (num_clips,).

    Returns:
        `accuracy`, `uar`, `macro_precision`, `macro_recall` and `macro_f1`, each 0 to 1.

    Raises:
        ValueError: If a logit is not finite.
    """
    predictions = eval_prediction.predictions
    logits = np.asarray(predictions[0] if isinstance(predictions, tuple) else predictions)
    num_broken = int((~np.isfinite(logits).all(axis=1)).sum())
    if num_broken:
        raise ValueError(
            f"The logits of {num_broken} of {len(logits)} clips are not finite, so training has diverged: "
            "lower the learning rate or the gradient's maximal norm."
        )
    scores = ClassificationScores().compute(
        predictions=logits.argmax(axis=1), references=np.asarray(eval_prediction.label_ids)
    )
    if scores is None:  # `evaluate` returns None in all processes but the first
        raise RuntimeError("evaluate computed no scores in its only process.")
    return scores
