"""The studies of sensitivity: cases that differ in one thing, looked at in the same way; and the decay of one."""

import csv

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")
import torch
from scipy.stats import norm

from relucid.trainers.recipes import RunConfig
from relucid.trainers.recipes.schedules.runs import read_rows
from relucid.trainers.recipes.sensitivity import recipe, studies
from relucid.trainers.recipes.sensitivity.fits import Fitted
from relucid.trainers.recipes.sensitivity.states import State, states_of
from relucid.trainers.recipes.sensitivity.studies import RATE, SGDW, STUDIES, Case, StudyRow, moments, trained

CASES = ("none", "l2 0.1", "sgdw 0.01")


def order(out, **changed) -> RunConfig:
    """Four steps for each case, of which two come before the rate is cut."""
    return RunConfig(out, **{"quick": True, "epochs": 2, "limit": 64, "methods": ("weight-decay",)} | changed)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp("made")
    told = []
    with pytest.MonkeyPatch.context() as patch:
        fewer = tuple(case for case in STUDIES["weight-decay"] if case.name in CASES)
        patch.setitem(STUDIES, "weight-decay", fewer)
        lines = recipe.run(order(out), told.append)
        assert sum(told) == recipe.steps(order(out)) == 2 * len(CASES)
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


def test_a_weight_without_gradient_does_not_decay_and_a_closure_is_asked_once():
    weight, frozen = torch.nn.Parameter(torch.ones(1)), torch.nn.Parameter(torch.ones(1))
    optimizer, asked = SGDW([weight, frozen], decay=0.5, lr=1.0), []

    def closure():
        asked.append(1)
        optimizer.zero_grad()
        loss = weight.sum()
        loss.backward()
        return loss

    assert optimizer.step(closure) == 1
    assert (weight.item(), frozen.item(), len(asked)) == (-0.5, 1.0, 1)


@pytest.mark.parametrize(("coupled", "decoupled"), [("l2 0.01", "sgdw 0.001"), ("l2 0.1", "sgdw 0.01")])
def test_both_decays_are_one_until_the_rate_is_cut(coupled, decoupled):
    """lambda of the one is the first rate times that of the other; from then on it takes away ten times as much."""
    x, y = torch.randn(32, 6, generator=torch.Generator().manual_seed(0)), torch.arange(32) % 10
    nets, lengths = [], []
    for name in (coupled, decoupled):
        case = next(case for case in STUDIES["weight-decay"] if case.name == name)
        model = case.net(6, 0)
        optimizer = case.optimizer(model)
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


def test_every_case_is_looked_at_in_the_same_states(made):
    out, _ = made
    rows = read_rows(out / "studies.csv", StudyRow)
    for name in CASES:
        found = states_of([row for row in rows if row.case == name])
        assert [state.at for state in found] == [0, 0.5, 1, 1.5, 2]
        assert [state.used for state in found] == pytest.approx([RATE, RATE, RATE / 10, RATE / 100, RATE / 100])
        assert all(state.found.distances.shape == (50, 5) for state in found)
        assert all(state.found.mean[0] < 0.1 < 0.9 < state.found.mean[-1] for state in found)


def test_what_is_said_is_what_was_fitted(made):
    out, lines = made
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


def test_a_stopped_study_goes_on_where_it_stopped(made, tmp_path, monkeypatch):
    out, lines = made
    text = (out / "studies.csv").read_text().splitlines()
    (tmp_path / "studies.csv").write_text("\n".join(line for line in text if ",sgdw 0.01," not in line) + "\n")
    cases = []

    def counted(case, *rest, **options):
        cases.append(case.name)
        return trained(case, *rest, **options)

    monkeypatch.setattr(studies, "trained", counted)
    monkeypatch.setitem(STUDIES, "weight-decay", tuple(case for case in STUDIES["weight-decay"] if case.name in CASES))
    assert recipe.run(order(tmp_path), lambda _: None)[:-1] == lines[:-1]
    assert cases == ["sgdw 0.01"]
    assert (tmp_path / "studies.csv").read_text().splitlines() == text


def test_the_cases_of_a_study_differ_in_one_thing():
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
    assert STUDIES["momentum"][0].optimizer(plain.net(4, 0)).defaults["momentum"] == 0


def test_nets_are_what_their_cases_say():
    net = Case("", width=7, depth=3, batch_norm=False).net(6, 0)
    assert [tuple(p.shape) for p in net.parameters() if p.dim() == 2] == [(7, 6), (7, 7), (7, 7), (10, 7)]
    assert not [part for part in net.modules() if isinstance(part, torch.nn.BatchNorm1d)]
    deep = [case.net(6, 3) for case in STUDIES["residual"]]
    for ours, theirs in zip(*(net.parameters() for net in deep), strict=True):
        assert torch.equal(ours, theirs)
    x = torch.randn(5, 2, 3, generator=torch.Generator().manual_seed(0))
    assert not torch.equal(deep[0](x), deep[1](x))


def test_moments_stand_around_the_first_cut():
    states = [Fitted(State(float(at), used, None), {}) for at, used in enumerate([1.0, 1.0, 1.0, 0.1, 0.1, 0.01])]
    assert [each.state.at for each in moments(states)] == [0, 1, 2, 3, 5]
