"""Stores the weights of a large graph in fewer bytes; the graph unpacks them once, when it is loaded."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

BLOCK = (
    16  # inputs that share a scale: with fewer, scales take more room; with more, probabilities move further
)
MIN_MATRIX_WEIGHTS = (
    2**18
)  # the matrices of an encoder; the smaller ones of the heads matter more than they weigh
MIN_BYTES = 100_000  # of a tensor for which it is worth while


def compact_weights(file: Path, part: str) -> None:
    """Store large matrices as 8-bit integers and other large weights in half precision.

    A matrix is scaled in blocks of inputs of one unit, so that a large weight costs precision in its own
    block alone. ONNX Runtime computes constants while it loads a graph: the network runs in single precision,
    at its usual speed.

    Args:
        file: A graph, whose nodes multiply inputs by weights `(num_inputs, num_units)`; it is replaced.
        part: Only the weights that nodes with this in their names use are changed.
    """
    model = onnx.load(str(file))
    graph = model.graph
    used = {name: node.op_type for node in graph.node if part in node.name for name in node.input}
    unpacking: list[onnx.NodeProto] = []
    for tensor in list(graph.initializer):
        if (
            tensor.name not in used
            or tensor.data_type != TensorProto.FLOAT
            or len(tensor.raw_data) < MIN_BYTES
        ):
            continue
        weights, name = numpy_helper.to_array(tensor), tensor.name
        graph.initializer.remove(tensor)
        if used[name] == "MatMul" and weights.size >= MIN_MATRIX_WEIGHTS and len(weights) % BLOCK == 0:
            blocks = weights.reshape(-1, BLOCK, weights.shape[1])
            scales = (np.abs(blocks).max(axis=1, keepdims=True) / 127).astype(np.float16)
            scales[scales == 0] = 1
            integers = np.round(blocks / scales.astype(np.float32)).clip(-127, 127).astype(np.int8)
            _store(graph, unpacking, f"{name}_integers", integers)
            _store(graph, unpacking, f"{name}_scales", scales)
            shape = numpy_helper.from_array(np.array(weights.shape, np.int64), f"{name}_shape")
            graph.initializer.append(shape)
            unpacking += [
                helper.make_node("Mul", [f"{name}_integers", f"{name}_scales"], [f"{name}_blocks"]),
                helper.make_node("Reshape", [f"{name}_blocks", shape.name], [name]),
            ]
        else:
            _store(graph, unpacking, name, weights.astype(np.float16))
    for number, node in enumerate(unpacking):
        node.name = f"unpack_{number}"  # without a name it would be computed in every run
    nodes = [*unpacking, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.save(model, str(file))


def _store(graph: onnx.GraphProto, unpacking: list[onnx.NodeProto], name: str, values: np.ndarray) -> None:
    """Add values to the graph, and the node that makes float32 of them under a name."""
    graph.initializer.append(numpy_helper.from_array(values, f"{name}_packed"))
    unpacking.append(helper.make_node("Cast", [f"{name}_packed"], [name], to=TensorProto.FLOAT))
