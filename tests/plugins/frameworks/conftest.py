"""Each adapter is tested with its own framework; where that is not installed its tests are not run, and say so."""

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("torch") else ["*.py"]
