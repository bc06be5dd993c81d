"""The registry: every measure can be computed from what it says it needs, and says something no other says."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from relucid.analyzer.measures import MEASURES, Measure
from relucid.analyzer.report.columns import COLUMNS, OPTIONAL_COLUMNS, PAGE_COLUMNS
from relucid.analyzer.report.schema import REPORT_FIELDS_BY_NAME
from relucid.analyzer.stats import STATISTICS, Block
from relucid.analyzer.values.plain_data import to_plain


@pytest.fixture(scope="module")
def block() -> Block:
    random = np.random.default_rng(0)
    return Block(random.standard_normal((20, 3, 4)).astype(np.float32), labels=random.integers(0, 3, 20))


@pytest.mark.parametrize("measure", MEASURES, ids=lambda each: each.name)
def test_every_measure_returns_plain_values_from_the_statistics_it_needs(measure: Measure, block: Block) -> None:
    assert set(measure.needs) <= set(STATISTICS)
    values = measure(*(statistic.of(block) for statistic in measure.needs))
    assert values
    arrays = [value for value in to_plain(values, arrays=True).values() if isinstance(value, np.ndarray)]
    assert all(array.shape == (4,) for array in arrays)


def test_names_are_unique_and_no_value_is_reported_twice(block: Block) -> None:
    names = [measure.name for measure in MEASURES]
    assert len(set(names)) == len(names)
    values = [name for each in MEASURES for name in each(*(statistic.of(block) for statistic in each.needs))]
    assert len(set(values)) == len(values)


@pytest.mark.parametrize("measure", MEASURES, ids=lambda each: each.name)
def test_a_report_knows_every_value_and_shows_some_of_each_measure(measure: Measure, block: Block) -> None:
    values = set(measure(*(statistic.of(block) for statistic in measure.needs)))
    assert values <= set(REPORT_FIELDS_BY_NAME)
    assert values & {column.name for column in (*COLUMNS, *PAGE_COLUMNS, *OPTIONAL_COLUMNS)}


def test_the_default_measures_need_no_labels() -> None:
    assert [measure.name for measure in MEASURES if measure.default] == ["units", "points", "patterns", "vni"]
    assert not any(measure.labels for measure in MEASURES if measure.default)


def test_a_measure_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        MEASURES[0].name = "other"  # type: ignore[misc]
