"""The PSB recipe: plans and scores, continuing a stopped run, and the comparison with the published numbers."""

import csv
import sys
from pathlib import Path

import numpy as np
import onnx
import onnx.parser
import pytest

pytest.importorskip("torch")
import torch
from click.testing import CliRunner

from relucid.analyzer.errors import DataError
from relucid.analyzer.model import parse
from relucid.plugins.psb import reference
from relucid.trainers.datasets.labelled import Labelled
from relucid.trainers.recipes import RunConfig
from relucid.trainers.recipes.mean import Mean
from relucid.trainers.recipes.psb import recipe, sizes, subjects
from relucid.trainers.recipes.psb.costs import compute_savings
from relucid.trainers.recipes.psb.maps import compute_maps, write_maps
from relucid.trainers.recipes.psb.plans import (
    Plan,
    Subject,
    accuracy,
    by_samples,
    evaluate,
    fig4_5,
    open_model,
    relative_error,
    run_pass,
    table4_2,
)
from relucid.trainers.recipes.psb.scores import (
    Score,
    append_scores,
    average_scores,
    read_published_table,
    read_scores,
    write_comparison,
)
from relucid.trainers.reproduce import command

exporting = pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")


def score(**changed) -> Score:
    values = {"part": "fig4_3", "net": "small", "case": "psb", "base": 0, "samples": 4, "seed": 1, "images": 10}
    return Score(**(values | {"coverage": 1.0, "accuracy": 0.5, "error": 0.25} | changed))


def test_scores_survive_a_round_trip(tmp_path):
    path, rows = tmp_path / "deep" / "psb.csv", [score(), score(case="a, b", accuracy=1 / 3)]
    assert read_scores(path) == []
    append_scores(path, rows[:1])
    append_scores(path, rows[1:])
    assert read_scores(path) == [rows[0], score(case="a, b", accuracy=0.333333)]


def test_means_are_over_the_rows_that_agree():
    rows = [score(seed=seed, accuracy=a) for seed, a in enumerate((0.2, 0.4))] + [score(samples=8, accuracy=1.0)]
    found = average_scores(rows, "samples")
    assert found[8,] == Mean(100.0, 0.0, 1)
    assert (found[4,].mean, found[4,].deviation) == pytest.approx((30.0, 100 * np.std([0.2, 0.4], ddof=1)))


@pytest.fixture(scope="module")
def subject() -> Subject:
    """A linear classifier of four classes, written by hand, and images that it classifies."""
    random = np.random.default_rng(0)
    w = random.standard_normal((12, 4)).astype(np.float32)
    x = random.standard_normal((600, 12)).astype(np.float32)
    text = '<ir_version: 8, opset_import: ["": 17]> g (float[batch, 12] x) => (float[batch, 4] y) { y = MatMul(x, w) }'
    model = onnx.parser.parse_model(text)
    model.graph.initializer.append(onnx.numpy_helper.from_array(w, "w"))
    return Subject("linear", lambda: model, Labelled(x, (x @ w).argmax(1)), x[:50])


def test_float_scores_are_the_networks_own(subject):
    w = onnx.numpy_helper.to_array(subject.source().graph.initializer[0])
    np.testing.assert_allclose(subject.float_scores, subject.images.x @ w, rtol=1e-5, atol=1e-5)
    assert accuracy(subject.float_scores, subject.images.y) == 1.0
    assert relative_error(subject.float_scores, subject.float_scores) == 0.0


def test_every_batch_of_a_pass_has_its_own_draws(subject):
    session = open_model(parse(subject.psb_model().ir))
    x = np.repeat(subject.images.x[:1], 600, axis=0)
    one, coverage = run_pass(session, x, samples=1, seed=3)
    assert [len(np.unique(one[first : first + 250], axis=0)) for first in (0, 250, 500)] == [1, 1, 1]
    assert len(np.unique(one, axis=0)) == 3
    assert np.array_equal(one, run_pass(session, x, samples=1, seed=3)[0])
    assert not np.array_equal(one, run_pass(session, x, samples=1, seed=4)[0])
    assert coverage == 1.0


def test_a_stopped_evaluation_continues(subject, tmp_path):
    pruned = Plan("table4_2", "pruned", ((0, 0, 0),), {"prune": 0.5})
    plans = [*by_samples("fig4_3", "psb", samples=(1, 64), seeds=(0, 1)), pruned]
    whole, advanced = tmp_path / "whole.csv", []
    rows = evaluate(subject, plans, whole, advance=advanced.append)
    assert sum(advanced) == len(rows) == 6
    assert rows[0].samples == 0
    assert rows[0].accuracy == 1.0
    assert rows[0].error == 0.0
    by_n = {n: [row for row in rows if row.samples == n and row.part == "fig4_3"] for n in (1, 64)}
    assert max(row.error for row in by_n[64]) < min(row.error for row in by_n[1])
    assert rows[-1].error > 0.1
    lines = whole.read_text().splitlines()
    part = tmp_path / "part.csv"
    part.write_text("\n".join([*lines[:2], lines[-1]]) + "\n")
    advanced.clear()
    again = evaluate(subject, plans, part, advance=advanced.append)
    assert [row.key for row in again] == [row.key for row in rows]
    for kind in ("accuracy", "error"):
        assert [getattr(row, kind) for row in again] == pytest.approx([getattr(row, kind) for row in rows], abs=1e-6)
    assert sorted(part.read_text().splitlines()) == sorted(lines)
    assert sum(advanced) == 6


def test_the_table_has_every_published_row(tmp_path):
    """The settings of Table 4.2 as the thesis prints them; combined ones have no setting."""
    settings = [("baseline", "", p) for p in ("float32", "psb5", "psb4", "psb2")]
    settings += [("pruning", share, p) for share in ("25%", "50%") for p in ("float32", "psb4")]
    settings += [("discrete_p", f"{bits}-bit", "psb4") for bits in (4, 2, 1)]
    settings += [("attention", "random 37% (34% in text/code)", "psb1/5"), ("attention", "entropy", "psb1/5")]
    settings += [("attention", "random 76%", "psb2/5"), ("attention", "entropy+margin", "psb2/5")]
    settings += [("combined", "", "psb1/5"), ("combined", "", "psb2/5")]
    published = {setting: str(number) for number, setting in enumerate(settings)}
    rows = [
        score(part="table4_2", case=plan.case, base=base, samples=n, seed=seed)
        for plan in table4_2(seeds=(0, 1))
        for base, n, seed in plan.passes
    ]
    lines = write_comparison(rows, published, tmp_path / "table.csv")
    with (tmp_path / "table.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    assert sorted(int(row["published"]) for row in found if row["published"]) == list(range(len(settings)))
    assert len(lines) == len(found) + 1
    assert {row["case"] for row in found if not row["published"]} == {f"discrete p {b}-bit, nearest" for b in (4, 2, 1)}


def test_random_attention_takes_the_coverage_of_what_it_is_compared_with():
    by_case = {plan.case: plan for plan in table4_2(seeds=(0,))}
    for plan in (*by_case.values(), *fig4_5(samples=(1, 2), seeds=(0,))):
        if plan.options.get("attention") == "random":
            assert plan.like is not None
    assert by_case["attention random, as margin"].passes == by_case[by_case["attention random, as margin"].like].passes


def test_savings_are_against_refined_samples_everywhere():
    rows = [score(part="fig4_5", case="everywhere", samples=n, accuracy=a) for n, a in ((1, 0.4), (4, 0.8))]
    kinds = ("random, as entropy", "entropy", "random, as entropy+margin", "entropy+margin")
    rows += [score(part="fig4_5", case=kind, base=1, samples=4, coverage=0.5, accuracy=0.7) for kind in kinds]
    found = compute_savings(rows)
    assert [row.selection for row in found] == list(kinds)
    assert {(round(row.loss, 9), row.cost) for row in found} == {(10.0, (1 + 0.5 * 4) / 4)}


@pytest.fixture(scope="module")
def pooled() -> Subject:
    """Two convolutions, an average over positions and a linear classifier, written by hand."""
    random = np.random.default_rng(4)
    shapes = {"w": (3, 1, 3, 3), "b": (3,), "v": (3, 3, 3, 3), "c": (4, 3)}
    weights = {name: random.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    text = """<ir_version: 8, opset_import: ["": 17]> g (float[batch, 1, 6, 6] x) => (float[batch, 4] y) {
        a = Conv <pads = [1, 1, 1, 1]> (x, w, b)
        r = Relu(a)
        h = Conv <pads = [1, 1, 1, 1]> (r, v)
        m = GlobalAveragePool(h)
        f = Flatten(m)
        y = Gemm <transB = 1> (f, c)
    }"""
    model = onnx.parser.parse_model(text)
    model.graph.initializer.extend(onnx.numpy_helper.from_array(array, name) for name, array in weights.items())
    x = random.standard_normal((5, 1, 6, 6)).astype(np.float32)
    return Subject("pooled", lambda: model, Labelled(x, np.zeros(5, np.int64)), x)


def test_maps_are_the_mean_errors_of_the_layers(pooled, tmp_path):
    advanced: list[int] = []
    found = compute_maps(pooled, (1, 3), repetitions=3, advance=advanced.append)
    rewritten = pooled.psb_model()
    first = rewritten.layers[0]
    x = pooled.images.x[[1, 3]]
    w, b = (torch.tensor(onnx.numpy_helper.to_array(tensor)) for tensor in pooled.source().graph.initializer[:2])
    exact = torch.nn.functional.conv2d(torch.from_numpy(x), w, b, padding=1).numpy()
    drawn = [reference.apply(first, x, table=rewritten.table, samples=32, seed=seed) for seed in range(3)]
    errors = np.mean([np.abs(each - exact) for each in drawn], axis=0).mean(1)
    np.testing.assert_allclose(found.absolute[0], errors, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found.relative[0], errors / np.abs(exact).mean(1), rtol=1e-3, atol=1e-5)
    assert sum(advanced) == 3
    assert [number for number, _ in found.layers] == [0, 1, 1]
    assert found.masks.shape == (2, 2, 6, 6)
    assert (found.masks[:, 1] >= found.masks[:, 0]).all()
    assert 0 < found.masks[:, 0].mean() < found.masks[:, 1].mean()
    assert (found.images.min(), found.images.max()) == (0, 1)
    write_maps(found, tmp_path / "maps.csv")
    with (tmp_path / "maps.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 3
    assert float(rows[3]["absolute"]) == pytest.approx(errors[1].mean(), rel=1e-3)


def test_the_full_recipe_counts_its_steps():
    config = RunConfig(out=Path())
    plans = recipe.make_plans(config)
    assert {plan.part for each in plans.values() for plan in each} == {"fig4_2", "fig4_3", "table4_2", "fig4_5"}
    size = sizes.size_of(config)
    assert size.depth == 20
    assert size.trained_at == (0, 1, 2, 4, 8, 16, 32)
    passes = sum(len(plan.passes) for name, each in plans.items() for plan in each if name != recipe.OTHERS)
    assert recipe.steps(config) == passes + sum(size.epochs_by_net.values()) + recipe.REPETITIONS
    assert sizes.size_of(RunConfig(out=Path(), epochs=3)).epochs_by_net[sizes.AFTER] == 1


class Tiny(torch.nn.Module):
    """A net that is fast to export and to load; it replaces every net of the recipe."""

    def __init__(self, *_, channels: int, **__) -> None:
        super().__init__()
        self.features = torch.nn.Sequential(
            torch.nn.Conv2d(channels, 2, 3, 2, padding=1), torch.nn.BatchNorm2d(2), torch.nn.ReLU()
        )
        self.classes = torch.nn.Linear(2, 10)

    def forward(self, x):
        return self.classes(self.features(x).mean((2, 3)))


@exporting
def test_the_command_makes_every_file(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    some = ("baseline", "pruning 50%", "attention entropy", "attention random, as entropy")
    monkeypatch.setattr(recipe, "table4_2", lambda seeds: [plan for plan in table4_2(seeds=seeds) if plan.case in some])
    monkeypatch.setattr(recipe, "QUICK_POWERS", (1, 4))
    monkeypatch.setattr(recipe, "QUICK_REPETITIONS", 2)
    monkeypatch.setattr(sizes, "QUICK", sizes.Size(small=2, epochs=1, trained_at=(2,), images=20))
    for kind in ("ResidualNet", "AfterAddition", "small_net"):
        monkeypatch.setattr(subjects, kind, Tiny)
    known = tmp_path / "table.csv"
    known.write_text("experiment,setting,precision,top1_pct\npruning,50%,psb4,35.3\n")
    arguments = ["psb", "--quick", "--limit", "64", "--out", str(tmp_path / "out"), "--published", str(known)]
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    assert "35.3" in result.output
    out = tmp_path / "out"
    made = {path.name for path in out.iterdir()}
    assert made == {"psb.csv", "table4_2.csv", "fig4_4.csv", "fig4_5.csv", "weights"} | {
        f"fig4_{number}.png" for number in (2, 3, 4, 5)
    }
    assert all((out / f"fig4_{n}.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n" for n in (2, 3, 4, 5))


def test_a_published_table_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("a,b\n")
    with pytest.raises(DataError, match="expected the columns experiment, setting, precision, top1_pct, got"):
        read_published_table(path)
    with pytest.raises(DataError, match="expected a csv file of published numbers"):
        read_published_table(tmp_path / "none.csv")


def test_without_matplotlib_it_is_one_line(tmp_path, monkeypatch):
    from relucid.analyzer.errors import MissingDependencyError
    from relucid.trainers.recipes.psb.curves import draw_curves

    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingDependencyError, match="pip install matplotlib"):
        draw_curves([("a", {"b": [score()]})], tmp_path / "a.png", title="t")
