"""Scores on a Ray cluster of two machines, one of which is killed in the middle; run by a test.

    python lose_a_machine.py NUM_PARTS_BEFORE OUTPUT PREDICT_ARGUMENT...

Prints, as JSON, the workers that died with it, the tables of parts that were there then, and how
`predict.py` ended.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

os.environ |= {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # on any system: listen on the loopback address alone
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",
    # A machine is given up after two seconds without an answer, not after a minute.
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_failure_threshold": "2",
}

import psutil
from ray.cluster_utils import Cluster

REPO = Path(__file__).resolve().parents[2]
MACHINE = {"num_cpus": 1, "object_store_memory": 100 * 2**20, "include_dashboard": False}


def main(num_parts_before: int, output: Path, arguments: list[str]) -> None:
    """Start the machines, score, kill one, wait, tell."""
    cluster = Cluster(initialize_head=True, head_node_args=MACHINE)
    try:
        lost = cluster.add_node(**MACHINE)
        command = [sys.executable, "predict.py", "--output", str(output), *arguments]
        command += ["--engine", "ray", "--ray_address", cluster.address]
        scoring = subprocess.Popen(command, cwd=REPO, stderr=subprocess.PIPE, text=True)
        parts = output.with_name(output.name + ".parts")
        while scoring.poll() is None and len(list(parts.glob("part-*.parquet"))) < num_parts_before:
            time.sleep(0.005)
        num_parts = len(list(parts.glob("part-*.parquet")))
        (raylet,) = (info[0].process.pid for name, info in lost.all_processes.items() if name == "raylet")
        workers = [
            each.name()
            for each in psutil.Process(raylet).children(recursive=True)
            if _has_loaded_the_model(each)
        ]
        cluster.remove_node(lost, allow_graceful=False)
        _, errors = scoring.communicate()
        report = {"workers": workers, "num_parts": num_parts, "status": scoring.returncode, "errors": errors}
        print(json.dumps(report))
    finally:
        cluster.shutdown()


def _has_loaded_the_model(process: psutil.Process) -> bool:
    try:
        return any("onnxruntime" in mapped.path for mapped in process.memory_maps())
    except psutil.NoSuchProcess:  # Ray ends workers that it does not need
        return False


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
