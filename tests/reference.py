"""Expected values of a report, computed slowly from raw arrays: the oracle of the end-to-end tests.

Independent of relucid. The arrays are values of the graph from plain onnxruntime or onnx.reference; each formula is
written as in its paper, on all samples at once, and counts are those of Python's Counter.
"""

from collections import Counter
from math import log2

import numpy as np
import onnx
import onnxruntime

ReferenceValues = dict[str, object]


def outputs(model: onnx.ModelProto, names: list[str], feed: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The named values of a model for one batch, from plain onnxruntime; inner values become outputs of a copy."""
    return dict(zip(names, _open_session(model, names).run(names, feed), strict=True))


def one_by_one(model: onnx.ModelProto, names: list[str], feed: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The same for a model with a fixed batch of 1; the results are concatenated along axis 0."""
    session = _open_session(model, names)
    count = len(next(iter(feed.values())))
    runs = [session.run(names, {key: array[i : i + 1] for key, array in feed.items()}) for i in range(count)]
    return {name: np.concatenate([run[index] for run in runs]) for index, name in enumerate(names)}


def _open_session(model: onnx.ModelProto, names: list[str]) -> onnxruntime.InferenceSession:
    exposed = onnx.ModelProto()
    exposed.CopyFrom(model)
    present = {value.name for value in exposed.graph.output}
    exposed.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names if name not in present)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(exposed.SerializeToString(), options, providers=["CPUExecutionProvider"])


def channels_first(z: np.ndarray) -> np.ndarray:
    """(sample, unit, height, width) as (sample, position, unit)."""
    return np.moveaxis(z.reshape(z.shape[0], z.shape[1], -1), 1, 2)


def channels_last(z: np.ndarray) -> np.ndarray:
    """(sample, ..., unit) as (sample, position, unit)."""
    return z.reshape(z.shape[0], -1, z.shape[-1])


def units(z: np.ndarray) -> ReferenceValues:
    """Definition 1: z (sample, position, unit)."""
    dead, linear = [], []
    for unit in range(z.shape[2]):
        values = z[:, :, unit]
        if (values <= 0).all():
            dead.append(unit)
        if (values > 0).all():
            linear.append(unit)
    nonlinear = [unit for unit in range(z.shape[2]) if unit not in dead and unit not in linear]
    return {
        "dead_units": tuple(dead),
        "linear_units": tuple(linear),
        "nonlinear_units": tuple(nonlinear),
        "active_share": float((z > 0).mean()),
        "unit_low": np.array([z[:, :, unit].min() for unit in range(z.shape[2])]),
        "unit_high": np.array([z[:, :, unit].max() for unit in range(z.shape[2])]),
        "unit_active": np.array([(z[:, :, unit] > 0).sum() for unit in range(z.shape[2])]),
    }


def points(z: np.ndarray) -> ReferenceValues:
    """Definition 2."""
    dead = [i for i, sample in enumerate(z) if (sample <= 0).all()]
    linear = [i for i, sample in enumerate(z) if (sample > 0).all()]
    return {
        "dead_points": tuple(dead),
        "linear_points": tuple(linear),
        "dead_point_count": len(dead),
        "linear_point_count": len(linear),
        "nonlinear_point_count": len(z) - len(dead) - len(linear),
    }


def signs(z: np.ndarray) -> list[bytes]:
    """The exact pattern of every (sample, position), as bytes."""
    bits = np.packbits(z > 0, axis=2)
    return [row.tobytes() for row in bits.reshape(-1, bits.shape[2])]


def bits_of(counts: Counter) -> float:
    """Entropy of counts in bits."""
    total = sum(counts.values())
    return -sum(count / total * log2(count / total) for count in counts.values())


def patterns(z: np.ndarray) -> ReferenceValues:
    """(3.5), (3.8), (3.9), (3.10)."""
    counts = Counter(signs(z))
    total = sum(counts.values())
    most = min(z.shape[2], log2(total))
    return {
        "patterns": len(counts),
        "top_pattern": max(counts.values()) / total,
        "entropy": bits_of(counts),
        "relative_entropy": bits_of(counts) / most if most else 0.0,
    }


def vni(h: np.ndarray) -> tuple[float, float]:
    """R_sq of activations by (3.4), an average of squared correlations, and by (3.5), tr(C C^T) / tr(C)^2."""
    flat = h.reshape(-1, h.shape[2]).astype(np.float64)
    C = np.atleast_2d(np.cov(flat, rowvar=False, bias=True))
    variance = np.diagonal(C)
    weighted, weights = 0.0, 0.0
    for i in range(len(C)):
        for j in range(len(C)):
            product = variance[i] * variance[j]
            weights += product
            if product > 0:
                weighted += C[i, j] ** 2 / product * product
    return weighted / weights, float(np.trace(C @ C.T) / np.trace(C) ** 2)


def information(z: np.ndarray, labels: np.ndarray) -> ReferenceValues:
    """H(L), H(A, L), H(A | L) and MI(A; L); every position of a sample has the sample's class."""
    classes = [int(label) for label in labels for _ in range(z.shape[1])]
    label, both = bits_of(Counter(classes)), bits_of(Counter(zip(signs(z), classes, strict=True)))
    unlabelled = bits_of(Counter(signs(z)))
    return {
        "label_entropy": label,
        "joint_entropy": both,
        "conditional_entropy": both - label,
        "mutual_information": unlabelled + label - both,
    }


def first_dead(sites: list[np.ndarray]) -> tuple[int, ...]:
    """Number of points that are dead first at each site."""
    deaths = [0] * len(sites)
    for sample in range(len(sites[0])):
        for place, z in enumerate(sites):
            if (z[sample] <= 0).all():
                deaths[place] += 1
                break
    return tuple(deaths)


def global_patterns(sites: list[np.ndarray]) -> int:
    """Number of distinct global patterns: a set of the concatenated bits of each sample."""
    return len({b"".join(np.packbits(z[i] > 0).tobytes() for z in sites) for i in range(len(sites[0]))})


def differences(
    one: object, other: object, *, tolerance: float = 1e-9, vni: float = 1e-6, extents: float = 1e-5
) -> list[str]:
    """Names of values that differ between two reports: counts, lists and strings exactly, floats beyond the tolerance.

    VNI and effective units have a separate tolerance, since native co-moments are sums of products of float32. So have
    the unit ranges, relative to the largest, since onnxruntime fuses different operators for taps and for probes.
    """
    found = [] if [s.name for s in one.sites] == [s.name for s in other.sites] else ["sites"]
    mappings = [("network", one.network, other.network)]
    mappings += [(a.name, a.values, b.values) for a, b in zip(one.sites, other.sites, strict=False)]
    for place, mine, theirs in mappings:
        for name in {*mine, *theirs}:
            a, b = mine.get(name), theirs.get(name)
            floats = isinstance(a, float) or (isinstance(a, np.ndarray) and a.dtype.kind == "f")
            if floats and b is not None:
                allowed = vni if "vni" in name or "effective" in name else tolerance
                if name in ("unit_low", "unit_high"):
                    allowed = max(tolerance, extents * float(np.abs(a).max()))
                same = np.allclose(a, b, rtol=allowed, atol=allowed)
            else:
                same = np.array_equal(a, b) if isinstance(a, np.ndarray) else a == b
            if not same:
                found.append(f"{place}.{name}: {a} and {b}")
    return found
