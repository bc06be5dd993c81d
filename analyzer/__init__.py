"""The analyzer: sites, statistics, measures and the report of any ONNX model. Never imports torch."""
