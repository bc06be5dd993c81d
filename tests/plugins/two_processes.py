"""Start a module of the tests in two processes connected by gloo on this machine, as torchrun does."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent


def run(module: str, *arguments: str | Path, seconds: float = 180) -> None:
    """Run both processes to their end.

    Args:
        module: its dotted name below this folder.
        arguments: command-line arguments.
        seconds: timeout.

    Raises:
        AssertionError: one of them fails.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "GLOO_SOCKET_IFNAME": "lo",
        "WORLD_SIZE": "2",
        "LOCAL_WORLD_SIZE": "2",
        "GROUP_RANK": "0",
        "TORCHELASTIC_RUN_ID": "two",
        "OMP_NUM_THREADS": "1",
        "ACCELERATE_USE_CPU": "true",
        "CUDA_VISIBLE_DEVICES": "",
    }
    # as a module of its package, so that its relative imports work
    command = [sys.executable, "-m", f"{HERE.name}.{module}", *map(str, arguments)]
    ranks = [
        subprocess.Popen(
            command,
            env={**os.environ, **common, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            cwd=HERE.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        outputs = [process.communicate(timeout=seconds)[0] for process in ranks]
    finally:
        for process in ranks:
            process.kill()
    for process, text in zip(ranks, outputs, strict=True):
        assert process.returncode == 0, text[-3000:]


@contextmanager
def one_of_two() -> Iterator[int]:
    """Yield the rank of this process, and destroy the process group at the end.

    If the interpreter exits while threads of gloo still run, the process sometimes aborts ("terminate called without
    an active exception") or hangs.
    """
    import torch.distributed as dist

    try:
        yield int(os.environ["RANK"])
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()
