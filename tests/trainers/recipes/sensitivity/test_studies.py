"""The studies of sensitivity: cases that differ in one setting, measured at the same states; SGDW."""

import csv

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")
import torch
from scipy.stats import norm

from relucid.trainers.recipes import RunConfig
from relucid.trainers.recipes.sensitivity import recipe, studies
from relucid.trainers.recipes.sensitivity.states import TrainingState, read_states
from relucid.trainers.recipes.sensitivity.studies import (
    RATE,
    SGDW,
    STUDIES,
    STUDY_COLUMNS,
    Case,
    measure_case,
    select_moments,
)

CASES = ("none", "l2 0.1", "sgdw 0.01")


def config(out, **changed) -> RunConfig:
    """Four steps for each case, of which two precede the first rate cut."""
    return RunConfig(out, **{"quick": True, "epochs": 2, "limit": 64, "methods": ("weight-decay",)} | changed)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    out = tmp_path_factory.mktemp("finished")
    advanced = []
    with pytest.MonkeyPatch.context() as patch:
        fewer = tuple(case for case in STUDIES["weight-decay"] if case.name in CASES)
        patch.setitem(STUDIES, "weight-decay", fewer)
        lines = recipe.run(config(out), advanced.append)
        assert sum(advanced) == recipe.steps(config(out)) == 2 * len(CASES)
    return out, lines


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_sgdw_by_hand(momentum):
    w, v, decay, generator = np.array([2.0, -1.0]), np.zeros(2), 0.1, np.random.default_rng(0)
    weight = torch.nn.Parameter(torch.tensor(w))
    optimizer = SGDW([weight], decay=decay, lr=0.0, momentum=momentum)
    for rate in (0.5, 0.05, 0.0):
        gradient = generator.normal(size=2)
        v = momentum * v + gradient
        w = (1 - decay) * w - rate * v
        optimizer.param_groups[0]["lr"], weight.grad = rate, torch.tensor(gradient)
        optimizer.step()
        np.testing.assert_allclose(weight.detach().numpy(), w, rtol=1e-12)


def test_a_weight_without_gradient_does_not_decay_and_a_closure_is_called_once():
    weight, frozen = torch.nn.Parameter(torch.ones(1)), torch.nn.Parameter(torch.ones(1))
    optimizer, calls = SGDW([weight, frozen], decay=0.5, lr=1.0), []

    def closure():
        calls.append(1)
        optimizer.zero_grad()
        loss = weight.sum()
        loss.backward()
        return loss

    assert optimizer.step(closure) == 1
    assert (weight.item(), frozen.item(), len(calls)) == (-0.5, 1.0, 1)


@pytest.mark.parametrize(("coupled", "decoupled"), [("l2 0.01", "sgdw 0.001"), ("l2 0.1", "sgdw 0.01")])
def test_both_decays_agree_until_the_rate_is_cut(coupled, decoupled):
    """The lambdas differ by a factor of the first rate; after the cut the decoupled decay is ten times stronger."""
    x, y = torch.randn(32, 6, generator=torch.Generator().manual_seed(0)), torch.arange(32) % 10
    nets, lengths = [], []
    for name in (coupled, decoupled):
        case = next(case for case in STUDIES["weight-decay"] if case.name == name)
        model = case.build_net(6, 0)
        optimizer = case.make_optimizer(model)
        for step in range(24):
            if step == 4:
                nets.append([p.detach().clone() for p in model.parameters()])
                optimizer.param_groups[0]["lr"] = RATE / 10
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
        lengths.append(sum(p.square().sum().item() for p in model.parameters()) ** 0.5)
    torch.testing.assert_close(*nets, rtol=1e-3, atol=1e-4)
    expected = (1 - next(c.decoupled for c in STUDIES["weight-decay"] if c.name == decoupled) * 0.9) ** 20
    assert lengths[1] / lengths[0] == pytest.approx(expected, rel=0.02)


def test_all_cases_are_measured_at_the_same_states(finished):
    out, _ = finished
    states = read_states(out / "studies.csv", STUDY_COLUMNS)
    for name in CASES:
        (found,) = (each for (_, case, *_), each in states.items() if case == name)
        assert [state.at for state in found] == [0, 0.5, 1, 1.5, 2]
        assert [state.used for state in found] == pytest.approx([RATE, RATE, RATE / 10, RATE / 100, RATE / 100])
        assert all(state.sensitivity.distances.shape == (50, 5) for state in found)
        assert all(state.sensitivity.mean[0] < 0.1 < 0.9 < state.sensitivity.mean[-1] for state in found)


def test_the_printed_parameters_are_those_of_the_fits(finished):
    out, lines = finished
    assert lines[0].split() == ["weight-decay", "before", "first", "step", "at", "the", "cut", "behind", "it", "end"]
    assert [line.split(",")[0] for line in lines[1:7:2]] == [*CASES]
    with (out / "studies.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["case"] == "l2 0.1" and float(row["at"]) == 0]
    rates = np.array([float(row["rate"]) for row in rows])
    P = np.array([np.mean([float(part) for part in row["distances"].split()]) for row in rows])
    mu, sigma = (float(line.split()[-5]) for line in lines[3:5])
    with (out / "study_weight-decay.csv").open() as file:
        fits = [row for row in csv.DictReader(file) if (row["case"], row["model"]) == ("l2 0.1", "log-normal")]
    assert [float(row["at"]) for row in fits] == [0, 0.5, 1, 1.5, 2]
    assert [float(fits[0][name]) for name in ("place", "shape")] == pytest.approx([mu, sigma], abs=0.01)
    assert np.sqrt(np.mean((norm.cdf((np.log(rates) - mu) / sigma) - P) ** 2)) < 0.05
    assert {path.name for path in out.iterdir()} == {"studies.csv", "study_weight-decay.csv", "study_weight-decay.png"}


def test_a_stopped_study_continues(finished, tmp_path, monkeypatch):
    out, lines = finished
    text = (out / "studies.csv").read_text().splitlines()
    (tmp_path / "studies.csv").write_text("\n".join(line for line in text if ",sgdw 0.01," not in line) + "\n")
    cases = []

    def counted(case, *rest, **options):
        cases.append(case.name)
        return measure_case(case, *rest, **options)

    monkeypatch.setattr(studies, "measure_case", counted)
    monkeypatch.setitem(STUDIES, "weight-decay", tuple(case for case in STUDIES["weight-decay"] if case.name in CASES))
    assert recipe.run(config(tmp_path), lambda _: None)[:-1] == lines[:-1]
    assert cases == ["sgdw 0.01"]
    assert (tmp_path / "studies.csv").read_text().splitlines() == text


def test_the_cases_of_a_study_differ_in_one_setting():
    plain = Case("")
    for name, cases in STUDIES.items():
        assert len({case.name for case in cases}) == len(cases)
        changed = {
            field
            for case in cases
            for field, value in vars(case).items()
            if field != "name" and value != getattr(cases[0], field)
        }
        assert changed == ({"coupled", "decoupled"} if name == "weight-decay" else {*changed})
        assert len(changed) == 1 + (name == "weight-decay")
    assert STUDIES["momentum"][0].make_optimizer(plain.build_net(4, 0)).defaults["momentum"] == 0


def test_nets_follow_their_cases():
    net = Case("", width=7, depth=3, batch_norm=False).build_net(6, 0)
    assert [tuple(p.shape) for p in net.parameters() if p.dim() == 2] == [(7, 6), (7, 7), (7, 7), (10, 7)]
    assert not [part for part in net.modules() if isinstance(part, torch.nn.BatchNorm1d)]
    deep = [case.build_net(6, 3) for case in STUDIES["residual"]]
    for ours, theirs in zip(*(net.parameters() for net in deep), strict=True):
        assert torch.equal(ours, theirs)
    x = torch.randn(5, 2, 3, generator=torch.Generator().manual_seed(0))
    assert not torch.equal(deep[0](x), deep[1](x))


def test_moments_surround_the_first_cut():
    states = [TrainingState(float(at), used, None) for at, used in enumerate([1.0, 1.0, 1.0, 0.1, 0.1, 0.01])]
    assert [each.at for each in select_moments(states)] == [0, 1, 2, 3, 5]
