"""The operators as ONNX functions of standard operators."""
