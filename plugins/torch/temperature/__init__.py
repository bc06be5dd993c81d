"""How many decisions an optimizer step changes, measured and modelled."""
