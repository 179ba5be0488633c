"""Segment one recording in a process of its own, and print its speed and memory. Linux only.

    python -m benchmarks.accuracy.long_recording checkpoint torch recording.flac

`benchmarks.accuracy.conversations --long` starts it.
"""

import json
import re
import sys
import time
from pathlib import Path

from ser.recognizer import EmotionRecognizer


def peak_bytes() -> int:
    """Return the peak memory of this program; `getrusage` would count its parent's before the exec, too."""
    (kilobytes,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return 1024 * int(kilobytes)


def main(model: str, backend: str, file: str) -> None:
    """Measure and print a line of JSON."""
    recognizer = EmotionRecognizer.from_pretrained(model, backend=backend)
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)
    before, cpu, wall = peak_bytes(), time.process_time(), time.perf_counter()
    num_segments, end_seconds = 0, 0.0
    for segment in recognizer.segments(file):
        num_segments += segment.kind == "speech"
        end_seconds = max(end_seconds, segment.end_seconds)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    result = {
        "num_segments": num_segments,
        "times_real_time_of_core": end_seconds / cpu,
        "times_real_time_of_clock": end_seconds / wall,
        "loaded_model_bytes": before,
        "peak_bytes": peak_bytes(),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
