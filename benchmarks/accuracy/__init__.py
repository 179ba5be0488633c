"""Measurements of accuracy, calibration, robustness and out-of-distribution detection."""
