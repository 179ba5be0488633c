"""Training: the recipe, spectrograms, augmentation, batches, and checkpoints that survive interruptions."""
