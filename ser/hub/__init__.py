"""The Hugging Face Hub: model cards, and pushing checkpoints and the demo."""
