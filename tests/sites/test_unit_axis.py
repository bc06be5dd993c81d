"""The axis that counts units is found by what made the value, not by its rank."""

import pytest

from relucid.analyzer.model import load
from relucid.analyzer.sites import find_sites

# every case: inputs, initializers, nodes that make z, opset, the axis, a word of the rule
IMAGE = "float[N, 3, 8, 8] x"
TOKENS = "float[N, T, 6] x"
VECTOR = "float[N, 6] x"
CASES = {
    "conv": (IMAGE, "float[5, 3, 3, 3] w", "z = Conv(x, w)", 17, 1, "Conv"),
    "conv 1-d": ("float[N, 3, 8] x", "float[5, 3, 3] w", "z = Conv(x, w)", 17, 1, "Conv"),
    "conv 3-d": ("float[N, 3, 8, 8, 8] x", "float[5, 3, 3, 3, 3] w", "z = Conv(x, w)", 17, 1, "Conv"),
    "conv transpose": (IMAGE, "float[3, 5, 3, 3] w", "z = ConvTranspose(x, w)", 17, 1, "ConvTranspose"),
    "batch norm": (IMAGE, "float[3] w", "z = BatchNormalization(x, w, w, w, w)", 17, 1, "BatchNormalization"),
    "batch norm after gemm": (
        VECTOR,
        "float[6, 5] w, float[5] b",
        "g = Gemm(x, w, b) z = BatchNormalization(g, b, b, b, b)",
        17,
        1,
        "BatchNorm",
    ),
    "gemm": (VECTOR, "float[6, 5] w", "z = Gemm(x, w)", 17, 1, "Gemm"),
    "gemm, weights on the left": ("float[6, N] x", "float[5, 6] w", "z = Gemm(w, x)", 17, 0, "second to last"),
    "matmul": (VECTOR, "float[6, 5] w, float[5] b", "m = MatMul(x, w) z = Add(m, b)", 17, 1, "MatMul"),
    "matmul, bias first": (VECTOR, "float[6, 5] w, float[5] b", "m = MatMul(x, w) z = Add(b, m)", 17, 1, "MatMul"),
    "tokens": (TOKENS, "float[6, 5] w, float[5] b", "m = MatMul(x, w) z = Add(m, b)", 17, 2, "MatMul"),
    "matmul, weights on the left": ("float[N, 6, T] x", "float[5, 6] w", "z = MatMul(w, x)", 17, 1, "second to last"),
    "matmul, quantized weights on the left": (
        "float[N, 6, T] x",
        "int8[5, 6] w, float s",
        "d = DequantizeLinear(w, s) z = MatMul(d, x)",
        17,
        1,
        "second to last",
    ),
    "channels last": (
        "float[N, 8, 8, 3] x",
        "float[5, 3, 3, 3] w, float[5] b",
        "t = Transpose<perm = [0, 3, 1, 2]>(x) c = Conv(t, w) u = Transpose<perm = [0, 2, 3, 1]>(c) z = Add(u, b)",
        17,
        3,
        "Transpose",
    ),
    "channels first from channels last": (
        "float[N, 8, 8, 3] x",
        "float[5, 3, 3, 3] w",
        "t = Transpose<perm = [0, 3, 1, 2]>(x) z = Conv(t, w)",
        17,
        1,
        "Conv",
    ),
    "pooling and scaling": (
        IMAGE,
        "float[5, 3, 3, 3] w, float s",
        "c = Conv(x, w) p = MaxPool<kernel_shape = [2, 2]>(c) z = Mul(p, s)",
        17,
        1,
        "Conv",
    ),
    "residual": (IMAGE, "float[3, 3, 1, 1] w", "c = Conv(x, w) z = Add(x, c)", 17, 1, "Conv"),
    "squeeze and excitation": (
        IMAGE,
        "float[3, 3, 1, 1] w",
        "p = GlobalAveragePool(x) c = Conv(p, w) s = Sigmoid(c) z = Mul(x, s)",
        17,
        1,
        "Conv",
    ),
    "mean": (
        IMAGE,
        "float[5, 3, 3, 3] w",
        "c = Conv(x, w) z = ReduceMean<axes = [2, 3], keepdims = 0>(c)",
        17,
        1,
        "Conv",
    ),
    "mean, axes as an input": (
        IMAGE,
        "float[5, 3, 3, 3] w, int64[2] a = {2, 3}",
        "c = Conv(x, w) z = ReduceMean<keepdims = 0>(c, a)",
        18,
        1,
        "Conv",
    ),
    "mean over tokens": (
        TOKENS,
        "float[6, 5] w",
        "m = MatMul(x, w) z = ReduceMean<axes = [1], keepdims = 0>(m)",
        17,
        1,
        "MatMul",
    ),
    "mean, axes kept": (TOKENS, "float[6, 5] w", "m = MatMul(x, w) z = ReduceMean<axes = [1]>(m)", 17, 2, "MatMul"),
    "squeeze": (
        IMAGE,
        "float[5, 3, 3, 3] w, int64[2] a = {2, 3}",
        "c = Conv(x, w) p = GlobalAveragePool(c) z = Squeeze(p, a)",
        17,
        1,
        "Conv",
    ),
    "squeeze in front": (
        "float[1, N, 6] x",
        "float[6, 5] w",
        "m = MatMul(x, w) z = Squeeze<axes = [0]>(m)",
        11,
        1,
        "MatMul",
    ),
    "unsqueeze": (
        VECTOR,
        "float[6, 5] w, int64[2] a = {2, 3}",
        "m = MatMul(x, w) z = Unsqueeze(m, a)",
        17,
        1,
        "MatMul",
    ),
    "unsqueeze in front": (
        VECTOR,
        "float[6, 5] w, int64[1] a = {-2}",
        "m = MatMul(x, w) z = Unsqueeze(m, a)",
        17,
        2,
        "MatMul",
    ),
    "flatten": (IMAGE, "float[5, 3, 3, 3] w", "c = Conv(x, w) z = Flatten(c)", 17, 1, "flattened"),
    "reshape to two axes": (
        IMAGE,
        "float[5, 3, 3, 3] w, int64[2] s = {0, -1}",
        "c = Conv(x, w) z = Reshape(c, s)",
        17,
        1,
        "flattened",
    ),
    "reshape of positions": (
        IMAGE,
        "float[5, 3, 3, 3] w, int64[3] s = {0, 5, -1}",
        "c = Conv(x, w) z = Reshape(c, s)",
        17,
        1,
        "kept",
    ),
    "reshape of tokens": (
        TOKENS,
        "float[6, 5] w, int64[2] s = {-1, 5}",
        "m = MatMul(x, w) z = Reshape(m, s)",
        17,
        1,
        "kept",
    ),
    "reshape into tokens": (
        VECTOR,
        "float[6, 5] w, int64[3] s = {-1, 7, 5}",
        "m = MatMul(x, w) z = Reshape(m, s)",
        17,
        2,
        "kept",
    ),
    "reshape into as many tokens": (
        VECTOR,
        "float[6, 5] w, int64[3] s = {-1, 5, 5}",
        "m = MatMul(x, w) z = Reshape(m, s)",
        17,
        2,
        "kept",
    ),
    "reshape, positions not known": (
        "float[N, 3, H, W] x",
        "float[5, 3, 1, 1] w, int64[3] s = {0, 5, -1}",
        "c = Conv(x, w) z = Reshape(c, s)",
        17,
        1,
        "kept",
    ),
    "reshape of a vector into an image": (
        VECTOR,
        "float[6, 20] w, int64[4] s = {-1, 5, 2, 2}",
        "m = Gemm(x, w) z = Reshape(m, s)",
        17,
        1,
        "convention",
    ),
    "heads": (TOKENS, "float[6, 6] w, int64[4] s = {0, 0, 2, 3}", "m = MatMul(x, w) z = Reshape(m, s)", 17, 3, "split"),
    "heads first": (
        TOKENS,
        "float[6, 6] w, int64[4] s = {0, 0, 2, 3}",
        "m = MatMul(x, w) r = Reshape(m, s) z = Transpose<perm = [0, 2, 1, 3]>(r)",
        17,
        3,
        "split",
    ),
    "heads joined": (
        TOKENS,
        "float[6, 6] w, int64[4] s = {0, 4, 2, 3}, int64[3] j = {0, 4, 6}",
        "m = MatMul(x, w) r = Reshape(m, s) t = Transpose<perm = [0, 2, 1, 3]>(r) "
        "u = Transpose<perm = [0, 2, 1, 3]>(t) z = Reshape(u, j)",
        17,
        2,
        "merged",
    ),
    "einsum over channels first": (
        IMAGE,
        "float[5, 3] w",
        'z = Einsum<equation = "nchw,oc->nohw">(x, w)',
        17,
        1,
        "of o",
    ),
    "einsum, weights first": (IMAGE, "float[5, 3] w", 'z = Einsum<equation = "oc, nchw -> nohw">(w, x)', 17, 1, "of o"),
    "einsum of tokens": (TOKENS, "float[6, 5] w", 'z = Einsum<equation = "...d,do->...o">(x, w)', 17, 2, "of o"),
    "einsum before an ellipsis": (
        IMAGE,
        "float[5, 3] w",
        'z = Einsum<equation = "nc...,oc->no...">(x, w)',
        17,
        1,
        "of o",
    ),
    "einsum into heads": (TOKENS, "float[6, 2, 3] w", 'z = Einsum<equation = "ntd,dhk->nhtk">(x, w)', 17, 3, "of k"),
    "einsum without an equation": (TOKENS, "", "z = Einsum(x)", 17, 1, "nothing known"),
    "einsum of two inputs": (TOKENS, "", 'z = Einsum<equation = "nid,njd->nij">(x, x)', 17, 1, "convention"),
    "einsum without an output": (TOKENS, "float[6, 5] w", 'z = Einsum<equation = "ntd,do">(x, w)', 17, 1, "convention"),
    "einsum that scales, and a shift": (
        TOKENS,
        "float[6] w, float[6] b",
        'e = Einsum<equation = "ntd,d->ntd">(x, w) z = Add(e, b)',
        17,
        2,
        "one number for every unit",
    ),
    "attention scores": (TOKENS, "", "t = Transpose<perm = [0, 2, 1]>(x) z = MatMul(x, t)", 17, 2, "MatMul"),
    "concat": (IMAGE, "float[5, 3, 1, 1] w", "c = Conv(x, w) z = Concat<axis = 1>(c, x)", 17, 1, "Conv"),
    "split": (TOKENS, "float[6, 8] w", "m = MatMul(x, w) a, z = Split<axis = 2>(m)", 17, 2, "MatMul"),
    "slice of tokens": (
        TOKENS,
        "float[6, 5] w, int64[1] a = {0}, int64[1] b = {1}",
        "m = MatMul(x, w) z = Slice(m, a, b, b)",
        17,
        2,
        "MatMul",
    ),
    "first token": (
        TOKENS,
        "float[6, 5] w, int64 i = {0}",
        "m = MatMul(x, w) z = Gather<axis = 1>(m, i)",
        17,
        1,
        "MatMul",
    ),
    "some tokens": (
        TOKENS,
        "float[6, 5] w, int64[2] i = {0, 1}",
        "m = MatMul(x, w) z = Gather<axis = 1>(m, i)",
        17,
        2,
        "MatMul",
    ),
    "embedding": ("int64[N, T] x", "float[9, 5] w", "z = Gather(w, x)", 17, 2, "table"),
    "layer norm": (TOKENS, "float[6] w", "z = LayerNormalization(x, w)", 17, 2, "LayerNormalization"),
    "layer norm over a whole image": (
        IMAGE,
        "float[5, 3, 1, 1] w, float[5, 8, 8] g",
        "c = Conv(x, w) z = LayerNormalization<axis = 1>(c, g)",
        17,
        1,
        "Conv",
    ),
    "lstm": (
        "float[T, N, 6] x",
        "float[1, 20, 6] w, float[1, 20, 5] r, int64[1] a = {1}",
        "y1, h = LSTM<hidden_size = 5>(x, w, r) z = Squeeze(y1, a)",
        17,
        2,
        "LSTM",
    ),
    "last state of a gru": (
        "float[T, N, 6] x",
        "float[1, 15, 6] w, float[1, 15, 5] r, int64[1] a = {0}",
        "y1, h = GRU<hidden_size = 5>(x, w, r) z = Squeeze(h, a)",
        17,
        1,
        "GRU",
    ),
    "group norm": (
        "float[N, 4, 8, 8] x",
        "float[6, 4, 1, 1] w, int64[3] s = {0, 2, -1}, int64[4] u = {0, 6, 8, 8}, float[2] g, float[6, 1, 1] k",
        "c = Conv(x, w) r = Reshape(c, s) i = InstanceNormalization(r, g, g) b = Reshape(i, u) "
        "m = Mul(b, k) z = Add(m, k)",
        17,
        1,
        "InstanceNormalization",
    ),
    "group norm of unknown size": (
        "float[N, 4, H, W] x",
        "float[6, 4, 1, 1] w, int64[3] s = {0, 2, -1}, float[2] g, float[6, 1, 1] k",
        "c = Conv(x, w) q = Shape(c) r = Reshape(c, s) i = InstanceNormalization(r, g, g) b = Reshape(i, q) "
        "m = Mul(b, k) z = Add(m, k)",
        17,
        1,
        "one number for every unit",
    ),
    "instance norm": (IMAGE, "float[3] w", "z = InstanceNormalization(x, w, w)", 17, 1, "InstanceNormalization"),
    "scaled input": (TOKENS, "float[6] w", "z = Mul(x, w)", 17, 2, "one number for every unit"),
    "padded by what the shape says": (
        "float[N, 8, 8, 3] x",
        "int64[1] one = {1}, float[3, 3, 1, 1] w",
        "t = Transpose<perm = [0, 3, 1, 2]>(x) c = Conv(t, w) s = Shape(c) z = Expand(x, s)",
        17,
        1,
        "convention",
    ),
    "places of the largest": (
        TOKENS,
        "float[6, 5] w",
        "m = MatMul(x, w) p = ArgMax<axis = 2>(m) z = Cast<to = 1>(p)",
        17,
        1,
        "convention",
    ),
    "expanded by what a product says": (
        IMAGE + ", float[1, 6] v",
        "float[6, 4] w, int64[1] a = {0}",
        "m = MatMul(v, w) q = Squeeze(m, a) s = Cast<to = 7>(q) z = Expand(x, s)",
        17,
        1,
        "convention",
    ),
    "an input with two axes": (VECTOR, "", "z = Identity(x)", 17, 1, "nothing known"),
    "an input with four axes": (IMAGE, "", "z = Identity(x)", 17, 1, "convention"),
    "an input with one axis": ("float[N] x", "", "z = Identity(x)", 17, 0, "nothing known"),
    "an if": (
        TOKENS + ", bool c",
        "float[6, 5] w",
        "z = If(c) <then_branch = t () => (float[N, T, 5] p) { p = MatMul(x, w) }, "
        "else_branch = e () => (float[N, T, 5] q) { q = MatMul(x, w) }>",
        17,
        2,
        "MatMul",
    ),
}


@pytest.mark.parametrize(("inputs", "initializers", "nodes", "opset", "axis", "rule"), CASES.values(), ids=CASES)
def test_axis(text_model, inputs, initializers, nodes, opset, axis, rule):
    filled = ", ".join(name if "=" in name else f"{name} = {{0}}" for name in split(initializers))
    model = text_model(f"g ({inputs}) => (float y) <{filled}> {{ {nodes} y = Relu(z) }}", opset=opset)
    (site,) = find_sites(load(model).ir)
    total = len(site.shape) if site.shape is not None else None
    assert (site.unit_axis if total is None else site.unit_axis % total) == axis
    assert rule in site.rule


def split(initializers: str) -> list[str]:
    """The declarations, cut at the commas outside brackets."""
    parts, depth = [""], 0
    for letter in initializers:
        depth += (letter in "[{") - (letter in "]}")
        if letter == "," and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts if part.strip()]


def test_a_mesh_of_additions_is_walked_once(sites_of):
    """Every addition doubles the ways back to the input; trying all of them would take years."""
    nodes = "".join(f"a{i + 1} = Add(a{i}, a{i}) " for i in range(90))
    (site,) = sites_of(f"g (float[N, 4, 8] x) => (float[N, 4, 8] y) {{ a0 = Neg(x) {nodes} y = Relu(a90) }}")
    assert site.unit_axis == 1
