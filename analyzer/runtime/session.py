"""onnxruntime: a model in, batches in, arrays out."""

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

WHEELS = ("onnxruntime", "onnxruntime-gpu", "onnxruntime-directml", "onnxruntime-openvino", "onnxruntime-qnn")


def installed_wheels() -> dict[str, str]:
    """Versions of the onnxruntime wheels pip knows of, by name."""
    found = {}
    for name in WHEELS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def onnxruntime() -> Any:
    """The module onnxruntime, once it is certain that exactly one wheel provides it.

    Raises:
        MissingDependencyError: no wheel is installed, or several are: they overwrite each other's files silently.
    """
    wheels = installed_wheels()
    if len(wheels) > 1:
        both = " and ".join(f"{name} {version}" for name, version in wheels.items())
        raise MissingDependencyError(
            f"{both} are both installed and break each other; run: "
            f"pip uninstall -y {' '.join(wheels)} && pip install onnxruntime  (or onnxruntime-gpu, not both)"
        )
    try:
        module = importlib.import_module("onnxruntime")
        module.InferenceSession  # noqa: B018 - a wheel broken by another leaves an empty package behind
    except (ImportError, AttributeError) as error:
        raise MissingDependencyError(
            f'no working onnxruntime ({error}); run: pip install "relucid[cpu]"  (or "relucid[gpu]" for CUDA, not both)'
        ) from error
    return module


def describe() -> dict[str, str]:
    """What a report says about where it was made."""
    return {
        "onnxruntime": onnxruntime().__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
    }


PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
Arrays = dict[str, NDArray[Any]]


class Session:
    """A model onnxruntime has accepted.

    Args:
        start: starts the runtime, an `onnxruntime.InferenceSession`.
        model: what it runs.

    Attributes:
        provider: the provider that answered, as the runtime itself says.
    """

    def __init__(self, start: Callable[[], Any], model: Model) -> None:
        self.model = model
        self._start = start
        self._runtime: Any = start()
        self.provider: str = self._runtime.get_providers()[0]

    @property
    def runtime(self) -> Any:
        """The runtime, started anew if it rests."""
        if self._runtime is None:
            self._runtime = self._start()
        return self._runtime

    def rest(self) -> None:
        """Give the runtime up, and its memory, until it is wanted again."""
        self._runtime = None

    def inputs(self) -> list[tuple[str, np.dtype[Any], tuple[int | str | None, ...] | None]]:
        """Name, dtype and declared shape of every input that must be fed (None: rank not declared).

        Raises:
            ModelError: an input takes something that no array holds.
        """
        declared = {v.name: v for v in self.model.ir.graph.inputs}
        result = []
        for node in self.runtime.get_inputs():
            if node.type not in _DTYPES:
                raise ModelError(
                    f"the input {node.name!r} of {self.model.name} wants {node.type}, which no array holds"
                )
            value = declared[node.name]
            shape = None if value.shape is None else tuple(node.shape)
            result.append((node.name, np.dtype(_DTYPES[node.type]), shape))
        return result

    def run(self, outputs: Sequence[str], feed: Mapping[str, NDArray[Any]]) -> Arrays:
        """The named outputs for one batch."""
        found = translate_errors("run", self.model.name, lambda: self.runtime.run(list(outputs), dict(feed)))
        return dict(zip(outputs, found, strict=True))


_DTYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(bool)": "bool",
    "tensor(string)": "object",
    **{f"tensor({sign}int{bits})": f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)},
}


def open_session(
    model: Model,
    *,
    provider: str = "cpu",
    exact: bool = False,
    threads: int | None = None,
    custom_ops: Path | None = None,
    native: Path | None = None,
    written: Path | None = None,
) -> Session:
    """Start onnxruntime on a model and see that the provider asked for really answered.

    Args:
        model: what to run; weights in external files are mapped by the runtime, not copied.
        provider: "cpu" or "cuda".
        exact: turn the runtime's graph optimisations off.
        threads: threads of one operator; None leaves the choice to the runtime.
        custom_ops: a library of custom operators to load; none is loaded unless named here.
        native: our own library, where the model holds operators of ours.
        written: where the runtime is to write the graph as it has optimised it; the weights go into a file beside it.

    Raises:
        OptionError: the provider is unknown or did not start.
        ModelError: the runtime refuses the model.
        MissingDependencyError: there is no working onnxruntime.
    """
    ort = onnxruntime()
    if provider not in PROVIDERS:
        raise OptionError(f"provider is one of {', '.join(PROVIDERS)}, not {provider!r}")
    if PROVIDERS[provider] not in ort.get_available_providers():
        raise OptionError(f"provider {provider} is not in the installed onnxruntime; install the wheel that has it")
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if threads is not None:
        options.intra_op_num_threads = threads
    if exact:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    if written is not None:
        options.optimized_model_filepath = str(written)
        options.add_session_config_entry(
            "session.optimized_model_external_initializers_file_name", f"{written.name}.data"
        )
        options.add_session_config_entry("session.optimized_model_external_initializers_min_size_in_bytes", "1024")
    if model.folder is not None:
        options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(model.folder))
    for path in (custom_ops, native):
        if path is not None:
            whole_path = str(path.absolute())  # a bare name is looked for in the system's folders only
            translate_errors(
                "load custom operators from", str(path), partial(options.register_custom_ops_library, whole_path)
            )
    return Session(partial(_start, model, options, PROVIDERS[provider]), model)


def _start(model: Model, options: Any, provider: str) -> Any:
    """The runtime on a model, once it is certain that the provider answered."""
    runtime = translate_errors(
        "start onnxruntime on",
        model.name,
        lambda: onnxruntime().InferenceSession(
            ir.to_proto(model.ir).SerializeToString(), options, providers=[provider], enable_fallback=0
        ),
    )
    answered = runtime.get_providers()[0]
    if answered != provider:
        name = next(name for name, its in PROVIDERS.items() if its == provider)
        raise OptionError(f"provider {name} did not start: the session runs on {answered}; see `relucid doctor`")
    return runtime
