"""Measures one run in a fresh process: its time and its peak memory.

Run as `python benchmarks/fresh.py KIND NET FILE BATCHES THREADS`, where KIND is plain, analyze or portable. Prints
seconds, and MiB at the peak and after the imports, as json.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from subjects import NETS, Net

HERE = Path(__file__).parent


def job(kind: str, path: Path, net: Net, batches: int, threads: int) -> dict[str, float]:
    """Measure seconds and MiB of one run in this process, which must be fresh.

    Inputs are generated batch by batch, so they are never in memory together; the time to generate them is excluded.
    """
    import plain

    if kind != "plain":
        from relucid.analyzer import analysis
    imports = peak()
    making = 0.0

    def inputs() -> Iterator[object]:
        nonlocal making
        for seed in range(batches):
            start = time.perf_counter()
            batch = net.inputs(seed)
            making += time.perf_counter() - start
            yield batch

    start = time.perf_counter()
    if kind == "plain":
        plain.run_plain(path, inputs(), threads)
    else:
        analysis.analyze(path, inputs(), threads=threads, portable=kind == "portable")
    return {"seconds": time.perf_counter() - start - making, "peak": peak(), "imports": imports}


def peak() -> float:
    """Return the peak memory of this process in MiB (Linux; `ru_maxrss` would include that of its parent)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) / 2**10


def run_fresh(script: str, *words: object) -> dict[str, float]:
    """Run a script of this folder in a fresh process and return the json it prints."""
    command = [sys.executable, str(HERE / script), *map(str, words)]
    result: dict[str, float] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return result


if __name__ == "__main__":
    kind, name, path, batches, threads = sys.argv[1:]
    print(json.dumps(job(kind, Path(path), NETS[name], int(batches), int(threads))))
