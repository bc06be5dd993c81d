"""What the operators of a rewritten model read and make for one image: the shapes it states, or those of one run."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import onnx_ir as ir

from ...analyzer.data import input_specs
from ...analyzer.errors import OptionError
from ...analyzer.model.loading import load
from ...analyzer.passes.expose_values import InstrumentPass
from ...analyzer.runtime.session import open_session

Shape = tuple[int, ...]


def shapes_of(
    model: ir.Model, nodes: Sequence[ir.Node], size: Mapping[str, Sequence[int]]
) -> dict[ir.Node, tuple[Shape, Shape]]:
    """The shapes of input and output of each operator, without their first axis, the sample.

    Args:
        model: rewritten.
        nodes: its operators.
        size: shape of one sample, by input, where the model leaves it open.

    Raises:
        OptionError: it is open and not given.
    """
    stated = {node: (_stated(node.inputs[0]), _stated(node.outputs[0])) for node in nodes}
    if not size and all(None not in pair for pair in stated.values()):
        return {node: (x or (), y or ()) for node, (x, y) in stated.items()}
    loaded = load(model)
    names = [str(value.name) for node in nodes for value in (node.inputs[0], node.outputs[0]) if value is not None]
    tapping = InstrumentPass(names)
    tapping(loaded.ir)
    session = open_session(replace(loaded, ir=loaded.ir))
    feed = {}
    for spec in input_specs(session.inputs()):
        shape = [1 if axis == spec.sample_axis else d for axis, d in enumerate(spec.shape or ())]
        if spec.name in size:
            shape = [1, *size[spec.name]]
        if any(not isinstance(d, int) for d in shape):
            raise OptionError(
                f"the model leaves the size of {spec.name!r} open, it wants {spec.wants}; "
                f"give the shape of one sample, such as --size {spec.name}=3,224,224"
            )
        feed[spec.name] = np.zeros([int(d) for d in shape if isinstance(d, int)], dtype=spec.dtype)
    found = session.run(list(tapping.tapped.values()), feed)
    shapes = {name: found[tap].shape[1:] for name, tap in tapping.tapped.items()}
    named = {node: (node.inputs[0], node.outputs[0]) for node in nodes}
    return {node: (shapes[str(x.name)], shapes[str(y.name)]) for node, (x, y) in named.items() if x is not None}


def _stated(value: ir.Value | None) -> Shape | None:
    if value is None or value.shape is None:
        return None
    known = tuple(d for d in list(value.shape)[1:] if isinstance(d, int))
    return known if len(known) == len(value.shape) - 1 else None
