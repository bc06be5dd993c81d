"""Every kind, as PyTorch exports it: the dynamo exporter and the one before it."""

import io
from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from relucid.analyzer.model import Model, load
from relucid.analyzer.sites import KINDS, Site, find_sites

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*isinstance.treespec, LeafSpec.*:FutureWarning"),
    pytest.mark.filterwarnings("ignore:You are using the legacy TorchScript-based ONNX export:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The feature will be removed:DeprecationWarning"),
]
nn, F = torch.nn, torch.nn.functional

MODULES: dict[str, tuple[Callable[[], "nn.Module"], str | None]] = {
    "relu": (nn.ReLU, "relu"),
    "leaky": (lambda: nn.LeakyReLU(0.1), "leaky_relu"),
    "prelu": (lambda: nn.PReLU(4), "prelu"),
    "relu6": (nn.ReLU6, "clip"),
    "unit": (lambda: nn.Hardtanh(0.0, 1.0), "clip"),
    "elu": (nn.ELU, "elu"),
    "celu": (nn.CELU, "celu"),
    "selu": (nn.SELU, "selu"),
    "hardswish": (nn.Hardswish, "hard_swish"),
    "hardsigmoid": (nn.Hardsigmoid, "hard_sigmoid"),
    "gelu": (nn.GELU, "gelu"),
    "gelu_tanh": (lambda: nn.GELU(approximate="tanh"), "gelu"),
    "silu": (nn.SiLU, "silu"),
    "mish": (nn.Mish, "mish"),
    "softplus": (nn.Softplus, "softplus"),
    "hardtanh": (nn.Hardtanh, None),
    "tanh": (nn.Tanh, None),
    "sigmoid": (nn.Sigmoid, None),
    "logsigmoid": (nn.LogSigmoid, None),
    "softsign": (nn.Softsign, None),
    "hardshrink": (nn.Hardshrink, None),
    "softshrink": (nn.Softshrink, None),
    "tanhshrink": (nn.Tanhshrink, None),
}
FUNCTIONS: tuple[tuple[Callable, str | None], ...] = (
    (torch.relu, "relu"),
    (lambda z: F.relu(z.clone(), inplace=True), "relu"),
    (F.relu6, "clip"),
    (lambda z: z.clamp(min=0), "max"),
    (lambda z: torch.maximum(z, torch.zeros(())), "max"),
    (lambda z: torch.maximum(z, torch.zeros_like(z)), "max"),
    (lambda z: z.clamp(0, 6), "clip"),
    (lambda z: torch.where(z > 0, z, torch.zeros(())), "where"),
    (lambda z: torch.where(z < 0, 0.1 * z, z), "leaky_relu"),
    (lambda z: z * (z > 0), "mask"),
    (lambda z: (z > 0).float() * z, "mask"),
    (lambda z: z * torch.sigmoid(1.702 * z), "quick_gelu"),
    (lambda z: 0.5 * z * (1 + torch.erf(z / 2**0.5)), "gelu"),
    (lambda z: z * F.relu6(z + 3) / 6, "hard_swish"),
    (lambda z: z.clamp(-1, 1), None),
    (lambda z: F.glu(torch.cat([z, -z.flip(1)], 1), dim=1), None),
    (torch.abs, None),
)


class Zoo(nn.Module):
    """Every activation once, each on the fresh output of one convolution that all of them share."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.mix = nn.Conv2d(4, 4, 1)
        self.acts = nn.ModuleDict({name: make() for name, (make, _) in MODULES.items()})

    def forward(self, x):
        for act in (*self.acts.values(), *(function for function, _ in FUNCTIONS)):
            x = self.mix(x) + act(self.mix(x))
            x = x / (1 + x.abs().amax((1, 2, 3), keepdim=True)) * 4
        return x


@pytest.fixture(scope="module")
def x() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(5, 4, 6, 6)).astype(np.float32) * 3


@pytest.fixture(scope="module", params=["dynamo", "legacy"])
def exported(request, x) -> Iterator[tuple[str, Model, tuple[Site, ...]]]:
    zoo, example = Zoo().eval(), (torch.from_numpy(x[:2]),)
    if request.param == "dynamo":
        model = load(zoo, example_inputs=example)
    else:
        file = io.BytesIO()
        torch.onnx.export(
            zoo,
            example,
            file,
            dynamo=False,
            opset_version=12,
            input_names=["x"],
            dynamic_axes={"x": {0: "batch"}},
        )
        model = load(file.getvalue())
    return request.param, model, find_sites(model.ir)


def expected() -> list[str]:
    return [kind for kind in (*(kind for _, kind in MODULES.values()), *(kind for _, kind in FUNCTIONS)) if kind]


def test_every_activation_is_a_site_in_order(exported):
    how, _, sites = exported
    assert len(sites) == len(expected())
    for site, kind in zip(sites, expected(), strict=True):
        assert site.kind == kind or (how != "dynamo" and {site.kind, kind} == {"clip", "max"}), site
        assert site.analysable


def test_every_site_counts_the_channels_of_the_convolution(exported):
    _, _, sites = exported
    assert {(s.unit_axis, s.sample_axis, s.shape) for s in sites} == {(1, 0, ("batch", 4, 6, 6))}


def test_depth_counts_the_sites_on_the_way(exported):
    _, _, sites = exported
    assert [s.depth for s in sites] == list(range(len(sites)))


def test_every_activation_is_the_function_its_kind_names(exported, obeys, x):
    _, model, sites = exported
    obeys(model, sites, x)


def test_names_are_the_paths_of_the_modules(exported):
    how, _, sites = exported
    names = [s.name for s in sites]
    modules = [name for name, (_, kind) in MODULES.items() if kind]
    assert len(set(names)) == len(names)
    if how == "dynamo":
        assert names[: len(modules)] == [f"acts.{name}" for name in modules]
        assert names[len(modules) :] == numbered(expected()[len(modules) :])
    else:
        assert all(name.startswith(f"/{module}/") for name, module in zip(names, modules, strict=False))


def numbered(names: list[str]) -> list[str]:
    """The second use of a name is numbered."""
    seen: Counter[str] = Counter()
    result = []
    for name in names:
        seen[name] += 1
        result.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return result


def test_every_kind_is_among_the_exports():
    """Those that no PyTorch function exports as are tested by hand-made graphs and by the quantizer."""
    assert set(KINDS) - set(expected()) == {"thresholded_relu", "quantize"}


class Reused(nn.Module):
    """One module used twice, one inside another, and functions at the root and in a block."""

    class Block(nn.Module):
        def __init__(self, act) -> None:
            super().__init__()
            self.lin, self.act = nn.Linear(4, 4), act

        def forward(self, x):
            return F.relu(self.act(self.lin(x)) - 0.1)

    def __init__(self) -> None:
        super().__init__()
        self.act, self.threshold = nn.ReLU(), nn.Threshold(0.5, 0.0)
        self.blocks = nn.Sequential(self.Block(self.act), self.Block(nn.GELU()))
        self.lin = nn.Linear(4, 4)

    def forward(self, x):
        x = self.blocks(self.act(self.lin(x)))
        return F.relu(self.threshold(self.lin(x)) - 0.1)


@pytest.fixture(scope="module")
def reused() -> Model:
    return load(Reused(), example_inputs=torch.randn(2, 4))


def test_names_of_reused_modules_and_of_functions(reused):
    sites = find_sites(reused.ir)
    assert [(s.name, s.kind) for s in sites] == [
        ("act", "relu"),
        ("blocks.0.act", "relu"),
        ("blocks.0", "relu"),
        ("blocks.1.act", "gelu"),
        ("blocks.1", "relu"),
        ("threshold", "thresholded_relu"),
        ("relu", "relu"),
    ]
    assert sites[5].threshold == 0.5
    assert {s.unit_axis for s in sites} == {1}


def test_names_are_stable_between_runs(reused):
    again = load(Reused(), example_inputs=torch.randn(3, 4))
    assert [s.name for s in find_sites(again.ir)] == [s.name for s in find_sites(reused.ir)]


def test_a_module_in_training_is_exported_as_at_inference_and_left_in_training():
    module = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Dropout(0.5)).train()
    module[1].eval()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    model = load(module, example_inputs=torch.randn(1, 3))
    assert [part.training for part in module.modules()] == [True, True, False, True, True]
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())
    assert "Dropout" not in {node.op_type for node in model.ir.graph}
    assert find_sites(model.ir)[0].shape == ("batch", 4)
