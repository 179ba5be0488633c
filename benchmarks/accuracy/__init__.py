"""Measures accuracy, calibration and robustness."""
