"""Names of sites: the module path if the export has it, else the node's name, else the value's."""

import ast
from collections import Counter

import onnx_ir as ir

_SCOPES = "pkg.torch.onnx.name_scopes"


def site_name(node: ir.Node, kind: str) -> str:
    """The name of a site: the path of the innermost module, the kind if that path is empty, else the node's name."""
    path = _module_path(node)
    if path is not None:
        return path or kind
    return node.name or node.outputs[0].name or kind


def unique(names: list[str]) -> list[str]:
    """Make names unique by numbering the second and later uses of each: `act`, `act#2`, `act#3`.

    >>> unique(["relu", "features.1", "relu", "relu"])
    ['relu', 'features.1', 'relu#2', 'relu#3']
    """
    given = set(names)
    seen: Counter[str] = Counter()
    result = []
    for name in names:
        seen[name] += 1
        own = name
        while seen[name] > 1 and (own := f"{name}#{seen[name]}") in given:
            seen[name] += 1
        result.append(own)
    return result


def _module_path(node: ir.Node) -> str | None:
    """Path of the innermost module in the scopes that torch's dynamo exporter writes; None if there are none."""
    scopes = node.metadata_props.get(_SCOPES)
    if scopes is None:
        return None
    try:
        path = ast.literal_eval(scopes)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
    return str(path[-2]) if isinstance(path, list) and len(path) >= 2 else None
