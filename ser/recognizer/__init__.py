"""Recognisers: clips in, calibrated probabilities out, by one rule for short, long and silent recordings."""

from ser.audio import Clip
from ser.recognizer.analysis import Analysis, Attention, Window
from ser.recognizer.base import EmotionRecognizer
from ser.recording_quality import SilenceError

__all__ = ["Analysis", "Attention", "Clip", "EmotionRecognizer", "SilenceError", "Window"]
