"""Start a module of the tests on two processes that talk over gloo on this machine, as torchrun would."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent


def run(module: str, *arguments: str | Path, seconds: float = 180) -> None:
    """Run both to their end.

    Args:
        module: its dotted name below this folder.
        arguments: of its command line.
        seconds: when to give up.

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
    # As a module of its package, so that it imports what stands beside it.
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
        said = [process.communicate(timeout=seconds)[0] for process in ranks]
    finally:
        for process in ranks:
            process.kill()
    for process, text in zip(ranks, said, strict=True):
        assert process.returncode == 0, text[-3000:]


@contextmanager
def one_of_two() -> Iterator[int]:
    """In each of them: its number; however it ends, the process group is taken down first.

    One that is left to the interpreter's exit has threads of gloo still running then, and now and then the process
    aborts ("terminate called without an active exception") or never ends.
    """
    import torch.distributed as dist

    try:
        yield int(os.environ["RANK"])
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()
