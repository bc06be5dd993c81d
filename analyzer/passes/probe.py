"""Put probes into a graph: operators that read a site's values where they flow, and give out small numbers only."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from ..sites import RECTIFIERS, Site
from .blocked import Blocked
from .probe_functions import DOMAIN, VERSION, functions

NUMBERS = ("low", "high", "active", "dead", "linear", "finite", "keys")
"""What a probe gives out: three per unit (unit,), three per sample (sample,), and keys (sample, position), of no sample
where they are not wanted."""
MOMENTS = ("count", "mean", "m2")
"""What a probe of co-moments gives out: a scalar, (unit,), and of (unit, unit) the rows up to the diagonal."""
PREACTIVATION = "preactivation_"
"""What the names of the co-moments of z begin with, where those of h stand beside them."""

Attributes = dict[str, int | float]
_Outputs = tuple[tuple[str, ir.DataType, int], ...]


@dataclass(frozen=True, kw_only=True)
class Probe:
    """What to read at one site, and how its values lie.

    Args:
        site: the site.
        sample_axis: the axis of z that counts samples.
        unit_axis: the axis of z that counts units, another one.
        double: whether z is float64; the extents are float32 otherwise.
        keys: whether the keys of the patterns are wanted.
        comoment: whether the co-moments of h are wanted.
        preactivation_comoment: whether those of z are.
    """

    site: Site
    sample_axis: int
    unit_axis: int
    double: bool
    keys: bool
    comoment: bool
    preactivation_comoment: bool


class ProbePass(ir.passes.InPlacePass):
    """Add probes to a graph, whose small numbers become its outputs.

    Cases:
    1. A Relu makes the activation: a ReluProbe takes its place, which makes the same activation on the way.
    2. Any other site: a Probe reads the pre-activation beside it.
    3. Co-moments are wanted: a CoMoment reads the activation if it is a value of the graph that a Relu or a function
       other than max(z, 0) makes; else it makes it of z.
    4. A value lies in blocks: it is read there, and the probe is told so.

    A second run changes nothing. `named` tells under which name each number of a site comes out.

    Args:
        probes: what to read, site by site.
        seed: of the keys.
        every_position: count every coordinate of a sample as a unit of its own.
        bodies: add the functions too, for a runtime without our kernels; the opset must be one they are written for.
        blocked: the values that lie in blocks, of probes whose samples and units are on the first two axes.
        block: how many units a block has.
    """

    def __init__(
        self,
        probes: Iterable[Probe],
        *,
        seed: int,
        every_position: bool,
        bodies: bool,
        blocked: Mapping[str, Blocked] | None = None,
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
        # A runtime takes up what nobody reads last to first: in this order each probe reads its values while they are
        # there, and not all of them at the end.
        for probe in reversed(self.probes):
            self.named[probe.site.name] = graph.shown(self._numbers(graph, probe))
        if self._bodies:
            for function in functions(model.opset_imports[""]):
                model.functions.setdefault(function.identifier(), function)
        return ir.passes.PassResult(model, modified=before != (len(graph.outputs), len(model.functions)))

    def _numbers(self, graph: "_Graph", probe: Probe) -> dict[str, ir.Value]:
        """All numbers of a site, by name."""
        site = probe.site
        z, place = self._found(graph, probe, site.value)
        threshold = float(np.float32(site.threshold))
        attributes: Attributes = place | {
            "threshold": threshold,
            "keys_seed": self._seed,
            "want_keys": int(probe.keys),
            "numbers": int(ir.DataType.DOUBLE if probe.double else ir.DataType.FLOAT),
        }
        numbers = dict(zip(NUMBERS, graph.probe(z, site.activation, attributes), strict=True))
        if probe.comoment:
            # Read where it is made, a ReLU's activation may take the place of its pre-activation in memory.
            if site.kind in RECTIFIERS or site.activation is None:
                h, its = graph.rectified(z, site.activation), place
            else:
                h, its = self._found(graph, probe, site.activation)
            rectify: Attributes = {"rectify": int(h is None), "threshold": threshold if h is None else 0.0}
            numbers |= zip(MOMENTS, graph.moments(z if h is None else h, its | rectify), strict=True)
        if probe.preactivation_comoment:
            plain: Attributes = {"rectify": 0, "threshold": threshold}
            names = [PREACTIVATION + name for name in MOMENTS]
            numbers |= zip(names, graph.moments(z, place | plain), strict=True)
        return numbers

    def _found(self, graph: "_Graph", probe: Probe, name: str) -> tuple[ir.Value, Attributes]:
        """A value of the model, where it lies in this graph, and the attributes that tell how."""
        place: Attributes = {
            "sample_axis": probe.sample_axis,
            "unit_axis": probe.unit_axis,
            "every_position": self._every_position,
        }
        blocked = self._blocked.get(name)
        if blocked is None:
            return graph.value(name), place
        return graph.value(blocked.name), place | {"block": self._block, "channels": blocked.channels}


class _Graph:
    """A graph in which nodes of ours are found again, or made."""

    def __init__(self, graph: ir.Graph) -> None:
        self.outputs = graph.outputs
        self._graph = graph
        fed = (*graph.inputs, *graph.initializers.values())
        made = (out for node in graph for out in node.outputs)
        self._values = {value.name or "": value for value in (*fed, *made)}
        self._names = {*self._values, *(node.name for node in graph)}
        self._shown = {value.name for value in graph.outputs}

    def value(self, name: str) -> ir.Value:
        return self._values[name]

    def probe(self, z: ir.Value, activation: str | None, attributes: Attributes) -> Sequence[ir.Value]:
        outputs = _numbers(ir.DataType(int(attributes["numbers"])))
        h = self.rectified(z, activation)
        relu = None if h is None else h.producer()
        if relu is None:
            return self._made("Probe", z, attributes, outputs)
        if relu.domain == DOMAIN:
            return relu.outputs[1:]
        relu.domain, relu.op_type = DOMAIN, "ReluProbe"
        relu.outputs[0].type, relu.outputs[0].shape = z.type, z.shape
        relu.attributes.update((a.name, a) for a in ir.convenience.convert_attributes(attributes))
        relu.resize_outputs(1 + len(outputs))
        return self._called(z, relu.outputs[1:], outputs)

    def rectified(self, z: ir.Value, activation: str | None) -> ir.Value | None:
        """What a Relu makes of z, the activation itself where several do; None if none does."""
        made = [use.node.outputs[0] for use in z.uses() if _is_relu(use.node)]
        return next((h for h in made if h.name == activation), made[0] if made else None)

    def moments(self, h: ir.Value, attributes: Attributes) -> Sequence[ir.Value]:
        return self._made("CoMoment", h, attributes, _MOMENTS)

    def shown(self, values: Mapping[str, ir.Value]) -> dict[str, str]:
        """Make values outputs of the graph; the name of each by what it is."""
        for value in values.values():
            if value.name not in self._shown:
                self._shown.add(value.name)
                self.outputs.append(value)
        return {what: value.name or "" for what, value in values.items()}

    def _made(self, op_type: str, x: ir.Value, attributes: Attributes, outputs: _Outputs) -> Sequence[ir.Value]:
        for use in x.uses():
            same = (use.node.domain, use.node.op_type) == (DOMAIN, op_type)
            if same and {a.name: a.value for a in use.node.attributes.values()} == attributes:
                return use.node.outputs
        node = ir.node(op_type, [x], attributes, domain=DOMAIN, num_outputs=len(outputs))
        node.name = self._free(f"{x.name}.{op_type}")
        self._graph.append(node)
        return self._called(x, node.outputs, outputs)

    def _called(self, x: ir.Value, values: Sequence[ir.Value], outputs: _Outputs) -> Sequence[ir.Value]:
        """The values, with the names, types and ranks they have."""
        for value, (name, dtype, rank) in zip(values, outputs, strict=True):
            value.name = self._free(f"{x.name}.{name}")
            value.type, value.shape = ir.TensorType(dtype), ir.Shape([None] * rank)
            self._values[value.name] = value
        return values

    def _free(self, name: str) -> str:
        while name in self._names:
            name += "_"
        self._names.add(name)
        return name


def _is_relu(node: ir.Node) -> bool:
    return (node.domain, node.op_type) in {("", "Relu"), (DOMAIN, "ReluProbe")}


def _numbers(extent: ir.DataType) -> _Outputs:
    types = (extent, extent, ir.DataType.INT64, *[ir.DataType.BOOL] * 3, ir.DataType.UINT64)
    return tuple(zip(NUMBERS, types, (1, 1, 1, 1, 1, 1, 2), strict=True))


_MOMENTS: _Outputs = (("count", ir.DataType.INT64, 0), ("mean", ir.DataType.DOUBLE, 1), ("m2", ir.DataType.DOUBLE, 1))
