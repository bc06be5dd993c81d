"""Build the shared library during `pip install`, if there is a C++ compiler; otherwise install without it."""

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
"""Warnings to turn off: gcc's own headers of vector instructions cause the last two."""

TRIAL = "#include <vector>\nint main() { return static_cast<int>(std::vector<int>().size()); }\n"
"""A program that shows whether the compiler works."""


class BuildNative(build_ext):  # type: ignore[misc]
    """Builds the library from every source in this folder; it is not a Python module, so it fits every Python version.

    If no C++ compiler works, nothing is built, and one line reports it. An error in relucid's sources is an error.
    """

    def finalize_options(self) -> None:
        """Set the sources and compiler options that pyproject.toml leaves open."""
        super().finalize_options()
        root = Path.cwd()
        for extension in self.extensions or []:
            extension.sources = [_relative_path(path, root) for path in sorted(HERE.glob("*.cc"))]
            extension.depends = [_relative_path(path, root) for path in sorted(HERE.glob("*.h"))]
            extension.language = "c++"
            extension.extra_compile_args = [*OPTIONS, *QUIET]
            extension.extra_link_args = ["-pthread"]

    def build_extensions(self) -> None:
        """Build the library, or print why it is not built."""
        reason = self._compiler_problem()
        if reason:
            sys.stderr.write(f"relucid: built without native code, Python is used instead, more slowly: {reason}\n")
            self.extensions: list[Any] = []
            return
        super().build_extensions()

    def get_ext_filename(self, fullname: str) -> str:
        """Return a file name without the version of Python."""
        return str(Path(*fullname.split(".")).with_suffix(".so"))

    def _compiler_problem(self) -> str | None:
        """Compile a short program and return why that failed; None if it worked."""
        if self.compiler.compiler_type == "msvc":
            return "expected gcc or clang, got msvc"
        with tempfile.TemporaryDirectory() as folder, _silence_stderr():
            source = Path(folder) / "trial.cc"
            source.write_text(TRIAL)
            try:
                objects = self.compiler.compile([str(source)], output_dir=folder, extra_postargs=[*OPTIONS])
                self.compiler.link_executable(objects, "trial", output_dir=folder, target_lang="c++")
            except (CompileError, ExecError, LinkError) as error:
                return f"expected a working C++17 compiler, got {error}; install g++ or clang, and relucid again"
        return None


class PlatformWheel(bdist_wheel):  # type: ignore[misc]
    """A wheel for this platform and every version of Python 3."""

    def get_tag(self) -> tuple[str, str, str]:
        """Return the tag of this platform and any Python 3."""
        return "py3", "none", super().get_tag()[2]


def _relative_path(path: Path, root: Path) -> str:
    """Return a path relative to the project, as setuptools requires."""
    return path.resolve().relative_to(root).as_posix()


@contextmanager
def _silence_stderr() -> Iterator[None]:
    """Discard what the compiler prints about the trial; `build_extensions` reports the result in one line."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
