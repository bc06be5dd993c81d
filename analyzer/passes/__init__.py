"""Passes: graph to graph, one idea a file, all of them onnx_ir passes."""
