"""Add probes to a graph: operators that read a site's values and return only reduced numbers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from ..sites import RECTIFIERS, Site
from .probe_functions import DOMAIN, VERSION, build_functions

NUMBERS = ("low", "high", "active", "dead", "linear", "finite", "keys")
"""Outputs of a probe: three per unit (unit,), three per sample (sample,), and keys (sample, position), which are empty
(0, position) without `want_keys`."""
MOMENTS = ("count", "mean", "m2")
"""Outputs of a probe of co-moments: a scalar, (unit,), and the lower triangle of (unit, unit), row by row."""
PREACTIVATION = "preactivation_"
"""Prefix of the names of the co-moments of z; those of h have none."""

Attributes = dict[str, int | float]
_Outputs = tuple[tuple[str, ir.DataType, int], ...]


@dataclass(frozen=True, kw_only=True)
class Probe:
    """What a probe computes at one site, and the axes of its values.

    Args:
        site: the site.
        sample_axis: the axis of z that counts samples.
        unit_axis: the axis of z that counts units; not the sample axis.
        double: whether z is float64; if not, the lowest and highest values are float32.
        keys: whether to compute the keys of the patterns.
        comoment: whether to compute the co-moments of h.
        preactivation_comoment: whether to compute the co-moments of z.
    """

    site: Site
    sample_axis: int
    unit_axis: int
    double: bool
    keys: bool
    comoment: bool
    preactivation_comoment: bool


class ProbePass(ir.passes.InPlacePass):
    """Add probes to a graph, and make their reduced numbers its outputs.

    Cases:
    1. A Relu computes the activation: a ReluProbe replaces it, which also computes the activation.
    2. Any other site: a Probe reads the pre-activation.
    3. With co-moments: a CoMoment reads the activation if a Relu or a function other than max(z, 0) computes it as a
       value of the graph; otherwise it reads z and computes max(z, 0) itself.
    4. The graph contains the value in blocks: the probe reads the blocked value, and its attributes say so.

    A second run changes nothing.

    Args:
        probes: the probes to add, one for each site.
        seed: seed of the keys.
        every_position: count every coordinate of a sample as a unit.
        bodies: also add the ONNX functions, for a runtime without native kernels; the opset must support them.
        blocked: name and number of channels of each value in blocks, by the name of the plain value; its sample and
            unit axes are the first two.
        block: number of units in a block.

    Attributes:
        named: the name of the output of each number, by site name and number.
    """

    def __init__(
        self,
        probes: Iterable[Probe],
        *,
        seed: int,
        every_position: bool,
        bodies: bool,
        blocked: Mapping[str, tuple[str, int]] | None = None,
        block: int = 0,
    ) -> None:
        super().__init__()
        self._blocked = blocked or {}
        self._block = block
        self.probes = tuple(probes)
        self.named: dict[str, Mapping[str, str]] = {}
        self._seed = int(np.uint64(seed % 2**64).astype(np.int64))
        self._every_position = int(every_position)
        self._bodies = bodies

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Add the probes.

        Raises:
            KeyError: a value is not in the graph.
        """
        graph = _Graph(model.graph)
        before = (len(graph.outputs), len(model.functions))
        model.opset_imports[DOMAIN] = VERSION
        # onnxruntime orders nodes whose outputs no other node reads from last to first: in reverse order each probe
        # runs soon after its values are computed, and not all probes run at the end.
        for probe in reversed(self.probes):
            self.named[probe.site.name] = graph.add_outputs(self._add_nodes(graph, probe))
        if self._bodies:
            for function in build_functions(model.opset_imports[""]):
                model.functions.setdefault(function.identifier(), function)
        return ir.passes.PassResult(model, modified=before != (len(graph.outputs), len(model.functions)))

    def _add_nodes(self, graph: "_Graph", probe: Probe) -> dict[str, ir.Value]:
        """Add the nodes of one probe, and return their outputs by number."""
        site = probe.site
        z, layout = self._locate(graph, probe, site.value)
        threshold = float(np.float32(site.threshold))
        attributes: Attributes = layout | {
            "threshold": threshold,
            "keys_seed": self._seed,
            "want_keys": int(probe.keys),
            "numbers": int(ir.DataType.DOUBLE if probe.double else ir.DataType.FLOAT),
        }
        numbers = dict(zip(NUMBERS, graph.add_probe(z, site.activation, attributes), strict=True))
        if probe.comoment:
            # Reading h from its Relu leaves onnxruntime free to compute h in the memory of z.
            if site.kind in RECTIFIERS or site.activation is None:
                h, its = graph.find_relu(z, site.activation), layout
            else:
                h, its = self._locate(graph, probe, site.activation)
            rectify: Attributes = {"rectify": int(h is None), "threshold": threshold if h is None else 0.0}
            numbers |= zip(MOMENTS, graph.add_moments(z if h is None else h, its | rectify), strict=True)
        if probe.preactivation_comoment:
            plain: Attributes = {"rectify": 0, "threshold": threshold}
            names = [PREACTIVATION + name for name in MOMENTS]
            numbers |= zip(names, graph.add_moments(z, layout | plain), strict=True)
        return numbers

    def _locate(self, graph: "_Graph", probe: Probe, name: str) -> tuple[ir.Value, Attributes]:
        """Return a value, in blocks if the graph contains it in blocks, and the attributes that describe its layout."""
        layout: Attributes = {
            "sample_axis": probe.sample_axis,
            "unit_axis": probe.unit_axis,
            "every_position": self._every_position,
        }
        if name not in self._blocked:
            return graph.value(name), layout
        blocked, channels = self._blocked[name]
        return graph.value(blocked), layout | {"block": self._block, "channels": channels}


class _Graph:
    """A graph to which probe nodes are added, unless it already has equal ones."""

    def __init__(self, graph: ir.Graph) -> None:
        self.outputs = graph.outputs
        self._graph = graph
        given = (*graph.inputs, *graph.initializers.values())
        computed = (out for node in graph for out in node.outputs)
        self._values = {value.name or "": value for value in (*given, *computed)}
        self._names = {*self._values, *(node.name for node in graph)}
        self._output_names = {value.name for value in graph.outputs}

    def value(self, name: str) -> ir.Value:
        return self._values[name]

    def add_probe(self, z: ir.Value, activation: str | None, attributes: Attributes) -> Sequence[ir.Value]:
        outputs = _probe_outputs(ir.DataType(int(attributes["numbers"])))
        h = self.find_relu(z, activation)
        relu = None if h is None else h.producer()
        if relu is None:
            return self._add_node("Probe", z, attributes, outputs)
        if relu.domain == DOMAIN:
            return relu.outputs[1:]
        relu.domain, relu.op_type = DOMAIN, "ReluProbe"
        relu.outputs[0].type, relu.outputs[0].shape = z.type, z.shape
        relu.attributes.update((a.name, a) for a in ir.convenience.convert_attributes(attributes))
        relu.resize_outputs(1 + len(outputs))
        return self._name_outputs(z, relu.outputs[1:], outputs)

    def find_relu(self, z: ir.Value, activation: str | None) -> ir.Value | None:
        """Return the output of a Relu that reads z, preferably the site's activation; None if there is no such Relu."""
        outputs = [use.node.outputs[0] for use in z.uses() if _is_relu(use.node)]
        return next((h for h in outputs if h.name == activation), outputs[0] if outputs else None)

    def add_moments(self, h: ir.Value, attributes: Attributes) -> Sequence[ir.Value]:
        return self._add_node("CoMoment", h, attributes, _MOMENT_OUTPUTS)

    def add_outputs(self, values: Mapping[str, ir.Value]) -> dict[str, str]:
        """Make values outputs of the graph, and return their names under the same keys."""
        for value in values.values():
            if value.name not in self._output_names:
                self._output_names.add(value.name)
                self.outputs.append(value)
        return {key: value.name or "" for key, value in values.items()}

    def _add_node(self, op_type: str, x: ir.Value, attributes: Attributes, outputs: _Outputs) -> Sequence[ir.Value]:
        for use in x.uses():
            same = (use.node.domain, use.node.op_type) == (DOMAIN, op_type)
            if same and {a.name: a.value for a in use.node.attributes.values()} == attributes:
                return use.node.outputs
        node = ir.node(op_type, [x], attributes, domain=DOMAIN, num_outputs=len(outputs))
        node.name = self._unused_name(f"{x.name}.{op_type}")
        self._graph.append(node)
        return self._name_outputs(x, node.outputs, outputs)

    def _name_outputs(self, x: ir.Value, values: Sequence[ir.Value], outputs: _Outputs) -> Sequence[ir.Value]:
        """Set the name, type and rank of the outputs of a probe that reads x, and return them."""
        for value, (name, dtype, rank) in zip(values, outputs, strict=True):
            value.name = self._unused_name(f"{x.name}.{name}")
            value.type, value.shape = ir.TensorType(dtype), ir.Shape([None] * rank)
            self._values[value.name] = value
        return values

    def _unused_name(self, name: str) -> str:
        while name in self._names:
            name += "_"
        self._names.add(name)
        return name


def _is_relu(node: ir.Node) -> bool:
    return (node.domain, node.op_type) in {("", "Relu"), (DOMAIN, "ReluProbe")}


def _probe_outputs(extent: ir.DataType) -> _Outputs:
    types = (extent, extent, ir.DataType.INT64, *[ir.DataType.BOOL] * 3, ir.DataType.UINT64)
    return tuple(zip(NUMBERS, types, (1, 1, 1, 1, 1, 1, 2), strict=True))


_MOMENT_OUTPUTS: _Outputs = (
    ("count", ir.DataType.INT64, 0),
    ("mean", ir.DataType.DOUBLE, 1),
    ("m2", ir.DataType.DOUBLE, 1),
)
