"""A fixture that runs an analysis with each backend for probes."""

from typing import Any

import pytest

from relucid.analyzer import native
from relucid.analyzer.options import Options
from relucid.analyzer.runtime import probe_setup
from relucid.analyzer.runtime.probe_setup import FUNCTIONS, NATIVE


@pytest.fixture(params=[NATIVE, FUNCTIONS])
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Make `analyze` use this backend wherever the model and the options allow it."""
    if request.param == NATIVE and native.unavailable_reason() is not None:
        pytest.skip(f"no native probes: {native.unavailable_reason()}")
    choose = probe_setup.choose_backend

    def choose_this(model: Any, options: Options) -> str:
        chosen = choose(model, options)
        return chosen if options.portable or request.param == NATIVE else request.param

    monkeypatch.setattr("relucid.analyzer.runtime.preparation.choose_backend", choose_this)
    return request.param
