"""A trained ONNX model rewritten into shifts and additions."""
