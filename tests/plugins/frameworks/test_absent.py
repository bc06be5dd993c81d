"""An adapter without its framework raises an error that says how to install it."""

import importlib
import sys

import pytest

from relucid.analyzer.errors import MissingDependencyError


@pytest.mark.parametrize("name", ["lightning", "transformers"])
def test_it_names_the_pip_command(monkeypatch, name):
    module = f"relucid.plugins.frameworks.{name}"
    for loaded in [each for each in sys.modules if each.partition(".")[0] == name]:
        monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, module, raising=False)
    with pytest.raises(MissingDependencyError, match=rf'pip install "relucid\[{name}\]"'):
        importlib.import_module(module)


def test_the_room_itself_imports_no_framework():
    import subprocess

    code = (
        "import sys, relucid.plugins.frameworks, relucid.plugins.torch.monitor; "
        "print({'lightning', 'transformers', 'accelerate', 'tensorboard', 'onnxruntime'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/")
    assert done.stdout.strip() == "set()"
