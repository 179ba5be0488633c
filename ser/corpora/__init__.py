"""Emotional speech corpora, each read by one function into a `datasets.Dataset` with the same columns."""

from ser.corpora.ravdess import load_ravdess

__all__ = ["load_ravdess"]
