"""The About tab states what was measured, from the model's own card."""

from pathlib import Path

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from ser.demo.about import NOT_MEASURED, figures_text


def _result(dataset: str, metric: str, value: float) -> EvalResult:
    return EvalResult(
        task_type="audio-classification",
        dataset_type="corpus",
        dataset_name=dataset,
        dataset_config=dataset,
        metric_type="recall",
        metric_name=f"{metric}, percent",
        metric_value=value,
    )


def test_figures_are_those_of_the_card(tmp_path: Path):
    results = [
        _result("actors 21 to 24", "UAR", 65.4),
        _result("actors 21 to 24", "Accuracy", 66.1),
        _result("EmoDB", "UAR", 56.6),
    ]
    data = ModelCardData(model_name="a-model", eval_results=results)
    (tmp_path / "README.md").write_text(f"---\n{data.to_yaml()}\n---\n# A model\n")
    lines = figures_text(ModelCard.load(tmp_path / "README.md")).splitlines()
    assert lines == [
        "| measured on | UAR | Accuracy |",
        "|---|---|---|",
        "| actors 21 to 24 | 65.4 % | 66.1 % |",
        "| EmoDB | 56.6 % |  |",
    ]


def test_nothing_is_claimed_that_was_not_measured():
    assert figures_text(None) == NOT_MEASURED
    assert figures_text(ModelCard("---\nlicense: mit\n---\n# A model")) == NOT_MEASURED
