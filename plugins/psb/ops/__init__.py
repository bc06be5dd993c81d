"""The PSB operators as ONNX functions of standard operators."""
