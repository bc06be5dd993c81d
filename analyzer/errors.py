"""What can go wrong, by who can mend it: each error is one line that says what was wanted, what came, what to do."""


class RelucidError(Exception):
    """Base of every error relucid raises on purpose; the command line prints it in one line and exits with 2."""


class ModelError(RelucidError):
    """The model file cannot be read, trusted, instrumented or run."""


class DataError(RelucidError):
    """The data does not fit the model: a wrong name, dtype or shape, or a file that cannot be read."""


class OptionError(RelucidError):
    """An option has a value that cannot be meant."""


class StateError(RelucidError):
    """Two states cannot be merged, or a state file is not ours or is damaged."""


class MissingDependencyError(RelucidError):
    """An optional package is absent; the message holds the pip command."""
