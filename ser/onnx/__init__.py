"""ONNX: export a recogniser as one graph from waveform to probabilities, and run it without torch."""
