"""Drive the demo with real clips over HTTP, beside a Gradio app with an empty function in the same run.

    python -m benchmarks.demo.load
    python -m benchmarks.demo.load --report

The first measures and writes benchmarks/results/load.json; both write docs/reliability.md. Each request
uploads a clip, asks for its emotions and waits for the answer, as a program does. Both apps run in
processes of their own on this machine.
"""

import json
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import requests

from benchmarks.report.blocks import write_block
from ser.__main__ import CommandParser

ROOT = Path(__file__).resolve().parents[2]
RESULTS, DOCUMENT = ROOT / "benchmarks" / "results" / "load.json", ROOT / "docs" / "reliability.md"
CLIPS = sorted((ROOT / "examples").glob("*.flac"))
EMPTY_APP = """
import sys
import gradio as gr

with gr.Blocks(analytics_enabled=False) as demo:
    inputs = [gr.File(), gr.Textbox()]
    gr.on([], lambda audio, model: {"nothing": 1.0}, inputs, gr.Label(), api_name="predict")
demo.queue(max_size=64, default_concurrency_limit=2)
demo.launch(server_port=int(sys.argv[1]), quiet=True, ssr_mode=False)
"""
APPS = {
    "empty function": [sys.executable, "-c", EMPTY_APP],
    "demo": [sys.executable, "app.py", "--server_port"],
}
REFUSALS = (413, 503)
TIMEOUT_SECONDS = 120.0


@contextmanager
def served(command: list[str]) -> Iterator[tuple[str, int]]:
    """Run a program with a free port as its last argument, and give its address and process id."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with subprocess.Popen([*command, str(port)], cwd=ROOT, stdout=subprocess.DEVNULL) as server:
        url = f"http://127.0.0.1:{port}"
        try:
            wait_until_served(url, server)
            yield url, server.pid
        finally:
            server.terminate()


def wait_until_served(url: str, server: subprocess.Popen) -> None:
    """Wait for the first page."""
    for _ in range(3000):
        if server.poll() is not None:
            sys.exit(f"The server ended with status {server.returncode} before it served anything.")
        try:
            requests.get(f"{url}/config", timeout=TIMEOUT_SECONDS)
        except requests.ConnectionError:
            time.sleep(0.1)
        else:
            return
    sys.exit("The server did not come up.")


def ask(client: requests.Session, url: str, clip: Path) -> str:
    """Make one request and return "answer", the status of a refusal, or any other outcome."""
    api = f"{url}/gradio_api"
    try:
        files = {"files": (clip.name, clip.read_bytes())}
        upload = client.post(f"{api}/upload", files=files, timeout=TIMEOUT_SECONDS)
        if upload.status_code != 200:
            return str(upload.status_code)
        data: list[Any] = [{"path": upload.json()[0], "meta": {"_type": "gradio.FileData"}}, ""]
        call = client.post(f"{api}/call/predict", json={"data": data}, timeout=TIMEOUT_SECONDS)
        if call.status_code != 200:
            return str(call.status_code)
        answer = client.get(f"{api}/call/predict/{call.json()['event_id']}", timeout=TIMEOUT_SECONDS).text
    except requests.RequestException as error:
        return type(error).__name__
    return "answer" if "event: complete" in answer else f"no answer: {answer[:200]}"


def drive(url: str, num_users: int, num_requests: int) -> dict[str, Any]:
    """Let some users at once make requests, each the next one as soon as it has an answer."""
    numbers, lock = count(), threading.Lock()
    outcomes: Counter[str] = Counter()
    seconds: list[float] = []

    def one_user(_: int) -> None:
        with requests.Session() as client:
            while (number := next(numbers)) < num_requests:
                begin = time.monotonic()
                outcome = ask(client, url, CLIPS[number % len(CLIPS)])
                with lock:
                    outcomes[outcome] += 1
                    if outcome == "answer":
                        seconds.append(time.monotonic() - begin)

    begin = time.monotonic()
    with ThreadPoolExecutor(num_users) as users:
        list(users.map(one_user, range(num_users)))
    total_seconds = time.monotonic() - begin
    ranks = statistics.quantiles(seconds, n=100) if len(seconds) > 1 else [float("nan")] * 99
    return {
        "num_users": num_users,
        "num_requests": num_requests,
        "answers": outcomes["answer"],
        "refusals": sum(outcomes[str(status)] for status in REFUSALS),
        "others": {name: n for name, n in outcomes.items() if name not in ("answer", *map(str, REFUSALS))},
        "requests_per_second": round(len(seconds) / total_seconds, 1),
        "p50_ms": round(1000 * ranks[49]),
        "p95_ms": round(1000 * ranks[94]),
    }


def memory_mb(process_id: int) -> float:
    """Memory of a process that is its own or shared, in MB."""
    status = Path(f"/proc/{process_id}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def measure(command: list[str], num_requests: int) -> dict[str, Any]:
    """Eight users, then a hundred at once, then eight again and what they leave behind."""
    with served(command) as (url, process_id):
        drive(url, num_users=8, num_requests=100)  # caches and pools fill
        start_mb = memory_mb(process_id)
        eight = drive(url, num_users=8, num_requests=num_requests)
        end_mb = memory_mb(process_id)
        hundred = drive(url, num_users=100, num_requests=300)
        begin = time.monotonic()
        with requests.Session() as client:
            after = ask(client, url, CLIPS[0])
        recovery_ms = round(1000 * (time.monotonic() - begin))
    return {
        "eight_users": eight,
        "hundred_users": hundred,
        "first_request_after": {"outcome": after, "milliseconds": recovery_ms},
        "memory_mb": {"after_100_requests": round(start_mb), "at_the_end": round(end_mb)},
        "memory_growth": round(end_mb / start_mb - 1, 3),
    }


def table(figures: dict[str, Any]) -> list[str]:
    """Return the figures as lines of Markdown, with the machine they were measured on."""
    lines = [
        "| app | users | requests | answered | told 503 | otherwise | a second | p50 | p95 |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    memories = []
    for app in APPS:
        for users in ("eight_users", "hundred_users"):
            run = figures[app][users]
            counts = [run[name] for name in ("num_users", "num_requests", "answers", "refusals")]
            cells = [app, *counts, sum(run["others"].values()), run["requests_per_second"]]
            cells += [f"{run['p50_ms']} ms", f"{run['p95_ms']} ms"]
            lines.append(f"| {' | '.join(map(str, cells))} |")
        memory = figures[app]["memory_mb"]
        growth = f"{figures[app]['memory_growth']:+.1%}"
        memories.append(f"{app} {memory['after_100_requests']} to {memory['at_the_end']} MB ({growth})")
    lines += [
        "",
        f"Measured with `{figures['command']}` on {figures['num_cpus']} cores, one app after the other; the",
        f"load average before was {figures['load_average_before']}. Memory over the requests of eight users:",
        f"{', '.join(memories)}.",
        f"First request after the hundred: {figures['demo']['first_request_after']['milliseconds']} ms.",
    ]
    return lines


def main(arguments: list[str]) -> None:
    """Measure both apps, print and keep the figures."""
    parser = CommandParser(description=__doc__)
    parser.add_argument("--num_requests", type=int, default=1000, help="requests of eight users (1000)")
    parser.add_argument("--report", action="store_true", help="only write the document again")
    args = parser.parse_args(arguments)
    if not args.report:
        figures: dict[str, Any] = {
            "command": f"python -m benchmarks.demo.load --num_requests {args.num_requests}",
            "num_cpus": len(os.sched_getaffinity(0)),
            "load_average_before": round(os.getloadavg()[0], 1),
        }
        figures |= {name: measure(command, args.num_requests) for name, command in APPS.items()}
        RESULTS.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    figures = json.loads(RESULTS.read_text(encoding="utf-8"))
    print("\n".join(table(figures)))
    write_block(DOCUMENT, "load", table(figures))


if __name__ == "__main__":
    main(sys.argv[1:])
