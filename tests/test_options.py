"""The literal types of the options have the names of the registries."""

from typing import get_args

import pytest

from relucid.analyzer.errors import OptionError
from relucid.analyzer.measures import MEASURES
from relucid.analyzer.options import GLOBAL_PATTERNS, Kind, MeasureName, Options, Provider, Units
from relucid.analyzer.runtime.session import PROVIDERS
from relucid.analyzer.sites import KINDS


def test_the_words_are_those_of_the_registries() -> None:
    assert get_args(MeasureName) == (*(measure.name for measure in MEASURES), GLOBAL_PATTERNS)
    assert get_args(Kind) == KINDS
    assert get_args(Provider) == tuple(PROVIDERS)


@pytest.mark.parametrize("units", get_args(Units))
def test_every_word_for_a_unit_is_taken(units: Units) -> None:
    assert Options(units=units).units == units


def test_another_word_is_refused() -> None:
    with pytest.raises(OptionError, match="expected units 'channel' or 'position', got 'pixel'"):
        Options(units="pixel")
