"""Evaluation: protocols, metrics, subgroups, calibration, plots, and scoring a checkpoint on a corpus."""
