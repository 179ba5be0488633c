"""Recognisers: clips in, calibrated probabilities out, by one rule for short, long and silent recordings."""

from ser.audio import Clip
from ser.audio.recording_quality import SilenceError
from ser.recognizer.analysis import Analysis, Attention, Window
from ser.recognizer.base import EmotionRecognizer

__all__ = ["Analysis", "Attention", "Clip", "EmotionRecognizer", "SilenceError", "Window"]
