"""The pre-activations of every ReLU-like use, captured while a model runs."""
