"""relucid.merge: the states that `analyze` saves for shards merge into one report."""

from pathlib import Path

import numpy as np
import pytest

import relucid
from relucid.analyzer import demo
from relucid.analyzer.analysis import merge_states
from relucid.analyzer.errors import OptionError, StateError
from relucid.analyzer.state.analysis_state import State

from .. import reference
from ..small import perceptron, samples


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("shards")
    files = [folder / f"{i}.state" for i in range(3)]
    for i, file in enumerate(files):
        part = relucid.analyze(demo.model(), demo.data(), labels="labels", shard=(i, 3), state=file)
        assert part.samples in (193, 194)
    return files


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_shards_merge_into_the_report_of_the_whole(shards: list[Path], order: tuple[int, ...]) -> None:
    whole = relucid.analyze(demo.model(), demo.data(), labels="labels")
    assert reference.differences(relucid.merge(*(shards[i] for i in order)), whole) == []


def test_a_state_a_text_and_a_path_are_the_same(shards: list[Path], tmp_path: Path) -> None:
    one = relucid.merge(str(shards[0]), State.load(shards[1]), shards[2])
    merge_states(*shards[:2]).save(tmp_path / "pair")
    assert reference.differences(one, relucid.merge(tmp_path / "pair", shards[2])) == []


def test_what_does_not_merge_says_why(shards: list[Path]) -> None:
    with pytest.raises(StateError, match="at least one state"):
        relucid.merge()
    with pytest.raises(StateError, match="got no such file"):
        relucid.merge(shards[0], "nowhere")
    with pytest.raises(StateError, match="count twice"):
        relucid.merge(shards[0], shards[0])


def test_a_run_goes_on_from_its_file(tmp_path: Path) -> None:
    made, x, file = perceptron(), samples(80), tmp_path / "state"
    with pytest.raises(OptionError, match="--state"):
        relucid.analyze(made, x, resume=True)
    assert relucid.analyze(made, x, limit=30, state=file, resume=True).samples == 30
    assert State.load(file).resume_at == 30
    rest = np.where(np.arange(80)[:, np.newaxis] < 30, np.float32(0), x)  # what was seen is not looked at again
    report = relucid.analyze(made, rest, state=str(file), resume=True)
    assert report.samples == State.load(file).samples == 80
    assert reference.differences(report, relucid.analyze(made, x)) == []
    assert relucid.analyze(made, x, limit=20, state=file).samples == State.load(file).samples == 20
