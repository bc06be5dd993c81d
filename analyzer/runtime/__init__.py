"""Numbers out of ONNX Runtime: sessions, taps, probes, and the one walk over the data."""
