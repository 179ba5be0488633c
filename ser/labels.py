"""The eight emotions every part of the project speaks of."""

EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
"""The classes in RAVDESS order: code 01 of a RAVDESS file name is `EMOTIONS[0]`."""
