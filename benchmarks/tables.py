"""Prints markdown tables, and describes the machine."""

import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path


def print_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a markdown table; all columns but the first are right-aligned."""
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    print("\n".join(f"| {' | '.join(line)} |" for line in lines), end="\n\n", flush=True)


def describe_machine(threads: int) -> str:
    """Describe the processor, its load and the software versions."""
    from threadpoolctl import threadpool_info

    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())
    blas = ", ".join(f"{one['internal_api']} {one['version']} ({one.get('architecture')})" for one in threadpool_info())
    packages = ", ".join(f"{name} {version(name)}" for name in ("onnxruntime", "numpy", "torch"))
    load = os.getloadavg()[1]
    return (
        f"{model}, {os.cpu_count()} cores, {threads} threads used, load of the last minutes {load:.1f}; "
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}, {packages}, {blas}."
    )
