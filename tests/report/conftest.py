"""Hand-written reports: a usual one, and an enormous one with awful names."""

import numpy as np
import pytest

from relucid.analyzer.report import Report, SiteReport
from relucid.analyzer.values.estimate import Estimate

MADE = {
    "relucid": "0.1.0",
    "model": "digits.onnx",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "onnxruntime": "1.31.1",
    "provider": "CPUExecutionProvider",
    "optimisation": "all",
    "measures": ("units", "points", "patterns", "vni"),
    "capacity": 2**20,
    "seed": 0,
}
AWFUL = (
    "<script>alert('x')</script>",
    "</style><img src=x onerror=alert(1)>",
    "quote\"and'apostrophe&amp;",
    "layer." * 33 + "a2",
    "layer." * 33 + "b2",
    "层.激活函数." * 12 + "一",
    "层.激活函数." * 12 + "二",
    "الطبقة.الأولى\u202egnp.exe",
    "line\nbreak\ttab\x1b[31mred\x00",
    "emoji 👩‍👩‍👧 é combining e\u0301",
    "lone \ud800 surrogate",
    "=HYPERLINK(1)",
    "[bold]markup[/bold]",
    "$made ${made} $$",
)


def site(
    name: str, units: int, dead: int, linear: int, *, samples: int = 360, kind: str = "relu", **more: object
) -> SiteReport:
    """A site with the values of the default measures."""
    classes = np.array(["dead"] * dead + ["linear"] * linear + ["nonlinear"] * (units - dead - linear))
    active = np.where(classes == "dead", 0, np.where(classes == "linear", samples, samples // 3))
    vni = more.pop("vni", 0.25)
    values = {
        "name": name,
        "kind": kind,
        "unit_axis": 1,
        "units": units,
        "samples": samples,
        "positions": 1,
        "dead_points": (7, 300),
        "linear_points": (),
        "dead_point_count": 2,
        "linear_point_count": 0,
        "nonlinear_point_count": samples - 2,
        "dead_point_ratio": 2 / samples,
        "linear_point_ratio": 0.0,
        "nonlinear_point_ratio": 1 - 2 / samples,
        "active_share": float(active.sum() / (units * samples)),
        "patterns": 311,
        "top_pattern": 0.0194,
        "entropy": 8.123,
        "relative_entropy": 0.956,
        "vni": vni,
        "effective_units": None if vni is None else units * (1 - vni) + 1,
        "nonfinite_values": 0,
        "nonfinite_samples": 0,
        "first_nonfinite": None,
        "unit_class": classes,
        "unit_low": np.where(classes == "linear", 0.25, -1.5),
        "unit_high": np.where(classes == "dead", -0.5, 2.75),
        "unit_active": active,
        "unit_active_share": active / samples,
    }
    for word in ("dead", "linear", "nonlinear"):
        values[f"{word}_units"] = tuple(np.flatnonzero(classes == word).tolist())
        values[f"{word}_unit_ratio"] = float((classes == word).mean())
    return SiteReport(name, kind, {**values, **more})


def usual() -> Report:
    """Five sites as of a small residual net; one has estimates, one has no VNI."""
    sites = (
        site("stem.act", 16, 1, 0, positions=64, patterns=4211, entropy=10.73, relative_entropy=0.74),
        site("block1.act1", 32, 3, 2, positions=64, vni=0.081),
        site("block1.act2", 32, 0, 0, patterns=Estimate(1234567.0, 4321.0), entropy=Estimate(18.23, 0.013),
             relative_entropy=Estimate(0.911, 0.0007), top_pattern=0.00012),
        site("block2.act1", 64, 64, 0, vni=None, patterns=1, top_pattern=1.0, entropy=0.0, relative_entropy=0.0),
        site("head.act", 128, 12, 7, kind="leaky_relu", nonfinite_values=5, nonfinite_samples=2, first_nonfinite=41),
    )  # fmt: skip
    network = {
        "samples": 360,
        "dead_points_somewhere": 9,
        "dead_points_somewhere_ratio": 9 / 360,
        "first_dead": (2, 0, 0, 7, 0),
        "linear_so_far": (3, 1, 1, 0, 0),
        "dead_sites": ("block2.act1",),
        "linear_sites": (),
        "accuracy": 0.9722,
    }
    return Report(
        sites,
        network,
        MADE,
        ("the data has 360 samples; VNI has a floor of about 1/360",),
        (("loop.act", "relu", "inside a Loop body"),),
    )


def enormous() -> Report:
    """120 sites: every awful name, then deep paths; estimates everywhere."""
    paths = [f"model.backbone.layers.{i // 4}.blocks.{i % 4}.mlp.activation_fn" for i in range(120 - len(AWFUL))]
    rng = np.random.default_rng(0)
    sites = []
    for depth, name in enumerate((*AWFUL, *paths)):
        units = int(rng.integers(2, 300))
        dead, linear = (int(n) for n in rng.multinomial(units, [0.003 * depth / 2, 0.1, 0.9 - 0.003 * depth / 2])[:2])
        entropy = 6 + 10 * np.exp(-depth / 60) + rng.normal(0, 0.2)
        sites.append(
            site(name, units, dead, linear, samples=1_000_000, kind="thresholded_relu" if depth % 7 == 0 else "relu",
                 patterns=Estimate(float(rng.integers(2**20, 2**30)), 5e4), entropy=Estimate(entropy, 0.02),
                 relative_entropy=Estimate(entropy / 20, 0.001), top_pattern=Estimate(0.012, 0.0004),
                 vni=float(1 - np.exp(-depth / 50)))
        )  # fmt: skip
    made = {**MADE, "model": "</title><b>&" + "m" * 150}
    refused = [(name, "relu", f"reason <i>{name}</i>") for name in AWFUL]
    return Report(tuple(sites), {"samples": 1_000_000, "dead_sites": AWFUL}, made, AWFUL, tuple(refused))


@pytest.fixture(name="usual", scope="session")
def usual_fixture() -> Report:
    return usual()


@pytest.fixture(name="enormous", scope="session")
def enormous_fixture() -> Report:
    return enormous()
