"""States of shards merge into the state of the whole; saving, loading and damaged files."""

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

from relucid.analyzer import demo
from relucid.analyzer.analysis import analyze, observe
from relucid.analyzer.errors import RelucidError, StateError
from relucid.analyzer.model import load
from relucid.analyzer.options import Options
from relucid.analyzer.report import Report
from relucid.analyzer.report.evaluation import build_report
from relucid.analyzer.state.analysis_state import State
from relucid.analyzer.stats import merge_all

from .. import reference
from ..small import perceptron, samples

MEASURES = ["units", "points", "patterns", "vni", "margins", "preactivation_vni", "information", "global_patterns"]


def seen(x: np.ndarray, *, labels: np.ndarray | None = None, resume: State | None = None, **options: object) -> State:
    made = load(options.pop("model", None) or perceptron())
    return observe(made, x, Options(**options), labels=labels, resume=resume)


def same(one: Report, other: Report) -> list[str]:
    return reference.differences(one, other)


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    with np.load(demo.data()) as stored:
        return stored["image"], stored["labels"]


@pytest.fixture(scope="module")
def whole() -> Report:
    return analyze(demo.model(), demo.data(), labels="labels", measures=MEASURES)


@pytest.fixture(scope="module")
def shards() -> list[State]:
    return [
        observe(load(demo.model()), demo.data(), Options(measures=MEASURES, shard=(i, 3)), labels="labels")
        for i in range(3)
    ]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_shards_merged_in_any_order_tell_the_same_as_all_at_once(
    order: tuple[int, ...], shards: list[State], whole: Report, tmp_path: Path
) -> None:
    assert same(whole, build_report(merge_all(shards[i] for i in order))) == []
    for i in order:
        shards[i].save(tmp_path / f"{i}.npz")
    assert same(whole, build_report(merge_all(State.load(tmp_path / f"{i}.npz") for i in order))) == []


def test_merging_in_pairs_and_saving_between_changes_nothing(
    shards: list[State], whole: Report, tmp_path: Path
) -> None:
    pair = shards[2].merge(shards[0])
    pair.save(tmp_path / "pair")
    assert same(whole, build_report(shards[1].merge(State.load(tmp_path / "pair")))) == []


def test_a_state_that_was_saved_tells_exactly_the_same(shards: list[State], tmp_path: Path) -> None:
    shards[0].save(tmp_path / "state")
    assert build_report(State.load(tmp_path / "state")) == build_report(shards[0])
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


def test_states_of_the_same_model_in_two_places_merge(tmp_path: Path) -> None:
    (tmp_path / "copy.onnx").write_bytes(demo.model().read_bytes())
    one = observe(load(demo.model()), demo.data(), Options(limit=10, shard=(0, 2)))
    other = observe(load(tmp_path / "copy.onnx"), demo.data(), Options(limit=10, shard=(1, 2)))
    assert same(analyze(demo.model(), demo.data(), limit=10), build_report(one.merge(other))) == []


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"capacity": 99}, "capacity 1048576 and 99"),
        ({"seed": 5}, "seed 0 and 5"),
        ({"exact": True}, "optimisation 'all' and 'off'"),
        ({"measures": ["units"]}, r"measures \[.*\] and \['units'\]"),
        ({"measures": ["units", "points", "patterns", "vni", "global_patterns"]}, "measures"),
        ({"units": "position"}, "units 'channel' and 'position'"),
        ({"squares": 3}, "squares 4096 and 3"),
        ({"sites": "h1"}, r"sites \['h1', 'h2'\] and \['h1'\]"),
        ({"kinds": ["elu", "relu"]}, None),
        ({"batch": 3}, None),
        ({"threads": 1}, None),
        ({"model": perceptron(seed=9)}, "sha256 '[0-9a-f]{64}' and '[0-9a-f]{64}'"),
    ],
)
def test_states_made_differently_do_not_merge(options: dict[str, object], says: str | None) -> None:
    one, other = seen(samples(8)), seen(samples(8), **options)
    if says is None:
        assert one.merge(other).samples == 16
        return
    with pytest.raises(StateError, match=says):
        one.merge(other)
    with pytest.raises(StateError, match=says):
        seen(samples(8), resume=one, **options)


def test_a_state_with_accuracy_does_not_merge_with_one_without() -> None:
    labels = np.zeros(8, dtype=int)
    one, other = (seen(samples(8), labels=given, measures=["units"]) for given in (labels, None))
    with pytest.raises(StateError, match="scores 'y' and None"):
        one.merge(other)


def test_a_shard_without_samples_is_a_state_like_any_other(tmp_path: Path) -> None:
    kept: list[State] = []
    for i in range(3):
        observe(load(perceptron()), samples(2), Options(shard=(i, 3)), keep=kept.append)
    assert [state.samples for state in kept] == [1, 1, 0]
    kept[2].save(tmp_path / "empty")
    for order in permutations([kept[0], kept[1], State.load(tmp_path / "empty")]):
        assert same(analyze(perceptron(), samples(2)), build_report(merge_all(order))) == []
    empty = build_report(kept[2])
    assert empty.sites == ()
    assert [reason for *_, reason in empty.not_analysable] == ["it received no values on this data"] * 2


def test_sites_of_two_models_do_not_merge_even_if_all_else_is_the_same() -> None:
    state = seen(samples(5))
    with pytest.raises(StateError, match="different sites"):
        state.merge(replace(state, sites=state.sites[:1]))


@pytest.fixture
def saved(tmp_path: Path) -> Callable[[], Path]:
    def save() -> Path:
        seen(samples(12), labels=np.arange(12) % 4, measures=MEASURES).save(tmp_path / "state")
        return tmp_path / "state"

    return save


@pytest.mark.parametrize("contents", [b"", b"PK\x03\x04", b"\x93NUMPY", b"{}", b"not a state at all" * 100])
def test_a_file_that_is_no_state_is_refused(contents: bytes, tmp_path: Path) -> None:
    path = tmp_path / "state"
    path.write_bytes(contents)
    with pytest.raises(StateError, match="expected a state, got another or a damaged file") as refusal:
        State.load(path)
    assert "\n" not in str(refusal.value)


def test_arrays_that_are_no_state_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", x=samples(3))
    np.save(tmp_path / "data.npy", samples(3))
    np.savez(tmp_path / "pickled.npz", header=np.array([{"a": 1}], dtype=object))
    for name in ("data.npz", "data.npy", "pickled.npz"):
        with pytest.raises(StateError, match="got another or a damaged file"):
            State.load(tmp_path / name)


OURS = {"relucid_state": 1, "made": {}, "sites": [], "statistics": {}, "network": {}, "samples": 1, "resume_at": 1}


@pytest.mark.parametrize(
    "header",
    [
        [],
        7,
        None,
        {"relucid_state": 1},
        {"relucid_state": 99},
        OURS | {"notes": [], "sites": 3},
        OURS | {"notes": [], "sites": [3]},
        OURS | {"notes": [], "sites": [{"name": "a"}]},
        OURS | {"notes": [], "statistics": []},
        OURS | {"notes": [], "statistics": {"a": {"Extents": {"count": 1}}}},
        OURS | {"notes": [], "network": {"Fates": {"first_dead": {"array": "nowhere"}}}},
    ],
)
def test_a_header_that_is_not_ours_is_refused(header: object, tmp_path: Path) -> None:
    np.savez(tmp_path / "state.npz", header=np.array(json.dumps(header)))
    with pytest.raises(StateError):
        State.load(tmp_path / "state.npz")


def test_damage_anywhere_is_refused_or_harmless(saved: Callable[[], Path]) -> None:
    path = saved()
    whole = path.read_bytes()
    told = build_report(State.load(path)).to_json()
    random = np.random.default_rng(0)
    for place in random.integers(0, len(whole), 300):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ (1 << random.integers(8))]) + whole[place + 1 :])
        try:
            state = State.load(path)
        except StateError:
            continue
        assert build_report(state).to_json() == told
    for cut in (1, len(whole) // 3, len(whole) - 1):
        path.write_bytes(whole[:cut])
        with pytest.raises(StateError):
            State.load(path)


def test_a_state_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(RelucidError, match="cannot write the state"):
        seen(samples(3)).save(tmp_path / "nowhere" / "state")


def test_no_sample_is_counted_twice(tmp_path: Path) -> None:
    """A shard merged with itself, with the whole, or with shards cut otherwise; two halves go together."""
    np.savez(tmp_path / "data.npz", x=samples(12))

    def shard(*which: int) -> State:
        options = Options(shard=which or None)
        return observe(load(perceptron()), tmp_path / "data.npz", options)

    with pytest.raises(StateError, match="shard 0/2, whose samples would count twice"):
        shard(0, 2).merge(shard(0, 2))
    with pytest.raises(StateError, match="shard 0/2 and all of the data"):
        shard(0, 2).merge(shard())
    with pytest.raises(StateError, match="shard 0/2 and shard 1/3"):
        shard(0, 2).merge(shard(1, 3))
    both = shard(0, 2).merge(shard(1, 2))
    assert both.samples == 12
    assert shard(0, 2).merge(shard(1, 4)).merge(shard(3, 4)).samples == 12
    with pytest.raises(StateError, match="shard 1/2 and shard 3/4"):
        shard(1, 2).merge(shard(3, 4))
    with pytest.raises(StateError, match="shard 1/2, whose samples would count twice"):
        both.merge(shard(1, 2))


def test_another_shard_is_not_what_a_state_goes_on_with(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", x=samples(12))
    first = observe(load(perceptron()), tmp_path / "data.npz", Options(shard=(0, 2)))
    with pytest.raises(StateError, match="expected a state of shard 1/2, got one of shard 0/2"):
        observe(load(perceptron()), tmp_path / "data.npz", Options(shard=(1, 2)), resume=first)
