"""Sessions: run a model in onnxruntime, from named input arrays to named output arrays."""

import importlib
import platform
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ..errors import MissingDependencyError, ModelError, OptionError, translate_errors
from ..model.loading import Model

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
"""onnxruntime's name of each provider that an option can name."""
WHEELS = ("onnxruntime", "onnxruntime-gpu", "onnxruntime-directml", "onnxruntime-openvino", "onnxruntime-qnn")
"""Wheels that all install the same package `onnxruntime`."""
Arrays = dict[str, NDArray[Any]]


class Session:
    """A model that onnxruntime has accepted.

    Args:
        start: creates the `onnxruntime.InferenceSession`; called again after `release`.
        model: the model that it runs.

    Attributes:
        provider: the execution provider in use, as onnxruntime reports it.
    """

    def __init__(self, start: Callable[[], Any], model: Model) -> None:
        self.model = model
        self._start = start
        self._runtime: Any = start()
        self.provider: str = self._runtime.get_providers()[0]

    @property
    def runtime(self) -> Any:
        """The `onnxruntime.InferenceSession`, created again if it was released."""
        if self._runtime is None:
            self._runtime = self._start()
        return self._runtime

    def release(self) -> None:
        """Free the inference session and its memory; the next run creates it again."""
        self._runtime = None

    def inputs(self) -> list[tuple[str, np.dtype[Any], tuple[int | str | None, ...] | None]]:
        """Name, dtype and declared shape of every input that needs data (shape None: the rank is not declared).

        Raises:
            ModelError: an input has a type for which numpy has no array.
        """
        declared = {v.name: v for v in self.model.ir.graph.inputs}
        result = []
        for node in self.runtime.get_inputs():
            if node.type not in _DTYPES:
                raise ModelError(
                    f"{self.model.name}: expected input {node.name!r} to be a tensor that numpy can hold, "
                    f"got {node.type}; export the model with another input type"
                )
            value = declared[node.name]
            shape = None if value.shape is None else tuple(node.shape)
            result.append((node.name, np.dtype(_DTYPES[node.type]), shape))
        return result

    def run(self, outputs: Sequence[str], feed: Mapping[str, NDArray[Any]]) -> Arrays:
        """Run one batch and return the named outputs.

        Raises:
            ModelError: onnxruntime fails on this batch.
        """
        found = translate_errors("run", self.model.name, lambda: self.runtime.run(list(outputs), dict(feed)))
        return dict(zip(outputs, found, strict=True))


def open_session(
    model: Model,
    *,
    provider: str = "cpu",
    exact: bool = False,
    threads: int | None = None,
    custom_ops: Path | None = None,
    native: Path | None = None,
    optimized_path: Path | None = None,
) -> Session:
    """Start onnxruntime on a model and check that the requested provider is the one in use.

    Args:
        model: what to run; onnxruntime maps weights in external files into memory instead of copying them.
        provider: "cpu" or "cuda".
        exact: turn onnxruntime's graph optimizations off.
        threads: threads of one operator; None leaves the choice to onnxruntime.
        custom_ops: a library of custom operators to load; none is loaded unless named here.
        native: the library of relucid's own operators, for a model that contains them.
        optimized_path: where onnxruntime writes the optimized graph; large weights go into a `.data` file in the same
            folder.

    Raises:
        OptionError: the provider is unknown or did not start.
        ModelError: onnxruntime refuses the model.
        MissingDependencyError: there is no working onnxruntime.
    """
    ort = import_onnxruntime()
    if provider not in PROVIDERS:
        raise OptionError(f"expected provider to be one of {', '.join(PROVIDERS)}, got {provider!r}")
    if PROVIDERS[provider] not in ort.get_available_providers():
        raise OptionError(
            f"expected an onnxruntime with provider {provider}, got one with "
            f"{', '.join(ort.get_available_providers())}; install the wheel that has it"
        )
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if threads is not None:
        options.intra_op_num_threads = threads
    if exact:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    if optimized_path is not None:
        options.optimized_model_filepath = str(optimized_path)
        options.add_session_config_entry(
            "session.optimized_model_external_initializers_file_name", f"{optimized_path.name}.data"
        )
        options.add_session_config_entry("session.optimized_model_external_initializers_min_size_in_bytes", "1024")
    if model.folder is not None:
        options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(model.folder))
    for path in (custom_ops, native):
        if path is not None:
            whole_path = str(path.absolute())  # the loader searches only the system's folders for a bare name
            translate_errors(
                "load custom operators from", str(path), partial(options.register_custom_ops_library, whole_path)
            )
    return Session(partial(_start, model, options, PROVIDERS[provider]), model)


def _start(model: Model, options: Any, provider: str) -> Any:
    """Create the inference session; raise if onnxruntime has fallen back to another provider."""
    runtime = translate_errors(
        "start onnxruntime on",
        model.name,
        lambda: import_onnxruntime().InferenceSession(
            ir.to_proto(model.ir).SerializeToString(), options, providers=[provider], enable_fallback=0
        ),
    )
    got = runtime.get_providers()[0]
    if got != provider:
        name = next(name for name, its in PROVIDERS.items() if its == provider)
        raise OptionError(f"expected provider {name} ({provider}) to start, got {got}; see `relucid doctor`")
    return runtime


def import_onnxruntime() -> Any:
    """Import onnxruntime, after checking that exactly one wheel provides it.

    Raises:
        MissingDependencyError: no wheel is installed, or several are: they overwrite each other's files silently.
    """
    wheels = installed_wheels()
    if len(wheels) > 1:
        both = " and ".join(f"{name} {version}" for name, version in wheels.items())
        raise MissingDependencyError(
            f"expected one onnxruntime wheel, got {both}, which overwrite each other's files; run: "
            f"pip uninstall -y {' '.join(wheels)} && pip install onnxruntime  (or onnxruntime-gpu, not both)"
        )
    try:
        module = importlib.import_module("onnxruntime")
        module.InferenceSession  # noqa: B018 - a wheel damaged by another one leaves an empty package
    except (ImportError, AttributeError) as error:
        raise MissingDependencyError(
            f'no working onnxruntime ({error}); run: pip install "relucid[cpu]"  (or "relucid[gpu]" for CUDA, not both)'
        ) from error
    return module


def installed_wheels() -> dict[str, str]:
    """Return the versions of the installed onnxruntime wheels, by wheel name."""
    found = {}
    for name in WHEELS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def describe() -> dict[str, str]:
    """Return the versions and the machine that a report records."""
    return {
        "onnxruntime": import_onnxruntime().__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
    }


_DTYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(bool)": "bool",
    "tensor(string)": "object",
    **{f"tensor({sign}int{bits})": f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)},
}
