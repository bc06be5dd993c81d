"""How `pip install` builds the shared library: with the C++ compiler that is here, or not at all if there is none."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError, ExecError, LinkError

HERE = Path(__file__).parent
OPTIONS = ("-std=c++17", "-O3", "-g0", "-fvisibility=hidden", "-pthread")
QUIET = ("-Wno-psabi", "-Wno-uninitialized", "-Wno-maybe-uninitialized")
"""gcc's own headers of vector code set off the last two."""

TRIAL = "#include <vector>\nint main() { return static_cast<int>(std::vector<int>().size()); }\n"


class BuildNative(build_ext):  # type: ignore[misc]
    """Builds the library from every source beside this file; it is no Python module, hence fits every Python.

    Where no C++ compiler works, nothing is built, and one line says so. An error in our own sources is an error.
    """

    def finalize_options(self) -> None:
        """Fill in what pyproject.toml leaves open."""
        super().finalize_options()
        root = Path.cwd()
        for extension in self.extensions or []:
            extension.sources = [_told(path, root) for path in sorted(HERE.glob("*.cc"))]
            extension.depends = [_told(path, root) for path in sorted(HERE.glob("*.h"))]
            extension.language = "c++"
            extension.extra_compile_args = [*OPTIONS, *QUIET]
            extension.extra_link_args = ["-pthread"]

    def build_extensions(self) -> None:
        """Build where it can be built."""
        reason = self._why_not()
        if reason:
            sys.stderr.write(f"relucid: no native code is built, Python does its work, more slowly: {reason}\n")
            self.extensions: list[Any] = []
            return
        super().build_extensions()

    def get_ext_filename(self, fullname: str) -> str:
        """A name without the version of Python."""
        return str(Path(*fullname.split(".")).with_suffix(".so"))

    def _why_not(self) -> str | None:
        """What is wrong with the compiler, found out by a program of two lines; None if nothing is."""
        if self.compiler.compiler_type == "msvc":
            return "it wants gcc or clang"
        with tempfile.TemporaryDirectory() as folder, _silence():
            source = Path(folder) / "trial.cc"
            source.write_text(TRIAL)
            try:
                objects = self.compiler.compile([str(source)], output_dir=folder, extra_postargs=[*OPTIONS])
                self.compiler.link_executable(objects, "trial", output_dir=folder, target_lang="c++")
            except (CompileError, ExecError, LinkError) as error:
                return f"there is no C++17 compiler that works ({error}); install g++ or clang, and relucid again"
        return None


class PlatformWheel(bdist_wheel):  # type: ignore[misc]
    """A wheel for this machine and every Python."""

    def get_tag(self) -> tuple[str, str, str]:
        """The same platform, any Python 3."""
        return "py3", "none", super().get_tag()[2]


def _told(path: Path, root: Path) -> str:
    """A path as setuptools wants it: relative to the project."""
    return path.resolve().relative_to(root).as_posix()


@contextmanager
def _silence() -> Iterator[None]:
    """Keep what a compiler says about the trial to ourselves: one line tells it."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
