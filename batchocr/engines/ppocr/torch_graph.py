"""Runs an ONNX graph in PyTorch: one small function per operator, called in the order of the file.

It knows the operators of PP-OCR's networks (opset 11, as Paddle's exporter writes them), not those of ONNX at large: an
unknown one is refused when the graph is built. Shapes and indices stay on the CPU, so that a GPU is never waited for
between two steps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import torch
import torch.nn.functional as nnf

from batchocr.engines.ppocr.onnx_file import Attribute, Node, OnnxFile

Tensor: TypeAlias = torch.Tensor
Attributes: TypeAlias = Mapping[str, Any]
Step: TypeAlias = "Callable[..., Tensor | tuple[Tensor, ...]]"

_ONNX_DTYPES = {1: torch.float32, 6: torch.int32, 7: torch.int64, 9: torch.bool, 11: torch.float64}


class UnknownOperatorError(ValueError):
    """The graph holds what is not written here."""


class TorchGraph:
    """A graph on one device, float32, ready to be called."""

    def __init__(self, file: OnnxFile, device: torch.device) -> None:
        """Copies the weights to the device.

        Raises:
            UnknownOperatorError: names the operators, or the attribute, that PyTorch is not told here how to compute.
            RuntimeError: the device does not take the weights.
        """
        unknown = sorted({node.kind for node in file.nodes} - OPERATORS.keys() - {"Constant"})
        if unknown:
            raise UnknownOperatorError(f"it uses operators that the runtime torch does not know: {', '.join(unknown)}")
        self._constants = {name: _constant(weight, device) for name, weight in file.weights.items()}
        steps = []
        for node in file.nodes:
            if node.kind == "Constant":
                self._constants[node.outputs[0]] = _constant(node.attributes["value"], device)
            else:
                steps.append(node)
        (self._input,), (self._output,) = file.inputs, file.outputs
        self._steps = [
            (OPERATORS[node.kind], node.attributes, node.inputs, node.outputs, unused)
            for node, unused in zip(steps, _last_uses(steps, self._output), strict=True)
        ]

    def __call__(self, tensor: Tensor) -> Tensor:
        """Gives the graph's only output for its only input.

        Raises:
            RuntimeError: the input does not fit, or memory ran out.
        """
        values: dict[str, Tensor | None] = {**self._constants, self._input: tensor, "": None}
        for operator, attributes, inputs, outputs, unused in self._steps:
            found = operator(attributes, *(values[name] for name in inputs))
            values.update(zip(outputs, found if isinstance(found, tuple) else (found,), strict=False))
            for name in unused:
                values[name] = None
        result = values[self._output]
        assert result is not None
        return result


def _constant(value: Attribute, device: torch.device) -> Tensor:
    """Copies numbers to the device; shapes and indices, which are integers, to the CPU."""
    tensor = torch.tensor(value)  # a copy: the file's own memory is read-only
    return tensor.to(device) if tensor.is_floating_point() else tensor


def _last_uses(nodes: list[Node], output: str) -> list[tuple[str, ...]]:
    """Gives for each node the values that no later one needs, so that memory is given back early."""
    seen = {output}
    found = []
    for node in reversed(nodes):
        names = tuple({*node.inputs, *node.outputs} - seen)
        seen.update(names)
        found.append(names)
    return found[::-1]


def _pads(attributes: Attributes, tensor: Tensor, kernel: tuple[int, ...]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Gives the pixels to add above and below, and left and right."""
    mode = attributes.get("auto_pad", "NOTSET")
    if mode in {"NOTSET", "VALID"}:
        top, left, bottom, right = attributes.get("pads") or (0, 0, 0, 0)
        return (top, bottom), (left, right)
    totals = []
    for length, size, stride in zip(tensor.shape[2:], kernel, attributes.get("strides", (1, 1)), strict=True):
        totals.append(max(0, (-(-length // stride) - 1) * stride + size - length))
    small = [total // 2 for total in totals]
    large = [total - half for total, half in zip(totals, small, strict=True)]
    pairs = zip(small, large, strict=True) if mode == "SAME_UPPER" else zip(large, small, strict=True)
    rows, columns = pairs
    return rows, columns


def _padded(attributes: Attributes, tensor: Tensor, kernel: tuple[int, ...], fill: float) -> tuple[Tensor, Any]:
    """Gives the tensor and the symmetric padding that is left to the operator, which does that faster."""
    rows, columns = _pads(attributes, tensor, kernel)
    if rows[0] == rows[1] and columns[0] == columns[1] and fill == 0.0:
        return tensor, (rows[0], columns[0])
    return nnf.pad(tensor, (*columns, *rows), value=fill) if any((*rows, *columns)) else tensor, (0, 0)


def _conv(attributes: Attributes, tensor: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    tensor, padding = _padded(attributes, tensor, tuple(weight.shape[2:]), 0.0)
    return nnf.conv2d(
        tensor, weight, bias, attributes.get("strides", 1), padding, attributes.get("dilations", 1),
        attributes.get("group", 1),
    )  # fmt: skip


def _conv_transpose(attributes: Attributes, tensor: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    (top, bottom), (left, right) = _pads(attributes, tensor, tuple(weight.shape[2:]))
    if attributes.get("output_padding") or attributes.get("output_shape") or (top, left) != (bottom, right):
        raise UnknownOperatorError("a ConvTranspose of a kind that the runtime torch does not know")
    return nnf.conv_transpose2d(
        tensor, weight, bias, attributes.get("strides", 1), (top, left), 0, attributes.get("group", 1),
        attributes.get("dilations", 1),
    )  # fmt: skip


def _max_pool(attributes: Attributes, tensor: Tensor) -> Tensor:
    kernel = attributes["kernel_shape"]
    tensor, _ = _padded(attributes, tensor, kernel, float("-inf"))
    return nnf.max_pool2d(tensor, kernel, attributes.get("strides", 1), 0, 1, bool(attributes.get("ceil_mode", 0)))


def _average_pool(attributes: Attributes, tensor: Tensor) -> Tensor:
    (top, bottom), (left, right) = _pads(attributes, tensor, attributes["kernel_shape"])
    if (top, left) != (bottom, right):
        raise UnknownOperatorError("an AveragePool of a kind that the runtime torch does not know")
    return nnf.avg_pool2d(
        tensor, attributes["kernel_shape"], attributes.get("strides", 1), (top, left),
        bool(attributes.get("ceil_mode", 0)), bool(attributes.get("count_include_pad", 0)),
    )  # fmt: skip


def _batch_norm(attributes: Attributes, tensor: Tensor, *statistics: Tensor) -> Tensor:
    scale, bias, mean, variance = statistics
    return nnf.batch_norm(tensor, mean, variance, scale, bias, training=False, eps=attributes.get("epsilon", 1e-5))


def _resize(attributes: Attributes, tensor: Tensor, roi: Tensor, scales: Tensor, sizes: Tensor | None = None) -> Tensor:
    del roi
    way = [attributes.get(name) for name in ("mode", "coordinate_transformation_mode", "nearest_mode")]
    if way != ["nearest", "asymmetric", "floor"]:
        raise UnknownOperatorError("a Resize of a kind that the runtime torch does not know")
    if sizes is not None and sizes.numel():
        return nnf.interpolate(tensor, size=sizes[2:].tolist(), mode="nearest")
    return nnf.interpolate(tensor, scale_factor=scales[2:].tolist(), mode="nearest")


def _reduce_mean(attributes: Attributes, tensor: Tensor) -> Tensor:
    return tensor.mean(attributes["axes"], keepdim=bool(attributes.get("keepdims", 1)))


def _softmax(attributes: Attributes, tensor: Tensor) -> Tensor:
    # Before opset 13, all axes from this one on are taken together.
    axis = attributes.get("axis", 1) % tensor.dim()
    return tensor.flatten(axis).softmax(axis).reshape(tensor.shape)


def _reshape(attributes: Attributes, tensor: Tensor, shape: Tensor) -> Tensor:
    del attributes
    lengths = [tensor.shape[place] if length == 0 else length for place, length in enumerate(shape.tolist())]
    return tensor.reshape(lengths)


def _squeeze(attributes: Attributes, tensor: Tensor) -> Tensor:
    return tensor.squeeze(attributes["axes"]) if "axes" in attributes else tensor.squeeze()


def _unsqueeze(attributes: Attributes, tensor: Tensor) -> Tensor:
    for axis in sorted(attributes["axes"]):
        tensor = tensor.unsqueeze(axis)
    return tensor


def _slice(
    attributes: Attributes, tensor: Tensor, starts: Tensor, ends: Tensor, axes: Tensor | None = None,
    steps: Tensor | None = None,
) -> Tensor:  # fmt: skip
    del attributes
    count = starts.numel()
    places = range(count) if axes is None else axes.tolist()
    strides = [1] * count if steps is None else steps.tolist()
    index = [slice(None)] * tensor.dim()
    for place, start, end, stride in zip(places, starts.tolist(), ends.tolist(), strides, strict=True):
        index[place] = slice(start, end, stride)
    return tensor[tuple(index)]


def _clip(attributes: Attributes, tensor: Tensor, low: Tensor | None = None, high: Tensor | None = None) -> Tensor:
    del attributes
    return tensor.clamp(low, high)


def _hard_sigmoid(attributes: Attributes, tensor: Tensor) -> Tensor:
    return (tensor * attributes.get("alpha", 0.2) + attributes.get("beta", 0.5)).clamp(0.0, 1.0)


OPERATORS: Mapping[str, Step] = {
    "Add": lambda _, one, other: one + other,
    "AveragePool": _average_pool,
    "BatchNormalization": _batch_norm,
    "Cast": lambda attributes, tensor: tensor.to(_ONNX_DTYPES[attributes["to"]]),
    "Clip": _clip,
    "Concat": lambda attributes, *tensors: torch.cat(tensors, attributes["axis"]),
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "Div": lambda _, one, other: one / other,
    "Erf": lambda _, tensor: torch.erf(tensor),
    "GlobalAveragePool": lambda _, tensor: tensor.mean((2, 3), keepdim=True),
    "HardSigmoid": _hard_sigmoid,
    "Identity": lambda _, tensor: tensor,
    "MatMul": lambda _, one, other: one @ other,
    "MaxPool": _max_pool,
    "Mul": lambda _, one, other: one * other,
    "Pow": lambda _, one, other: one**other,
    "ReduceMean": _reduce_mean,
    "Relu": lambda _, tensor: tensor.relu(),
    "Reshape": _reshape,
    "Resize": _resize,
    "Shape": lambda _, tensor: torch.tensor(tensor.shape),
    "Sigmoid": lambda _, tensor: tensor.sigmoid(),
    "Slice": _slice,
    "Softmax": _softmax,
    "Sqrt": lambda _, tensor: tensor.sqrt(),
    "Squeeze": _squeeze,
    "Sub": lambda _, one, other: one - other,
    "Transpose": lambda attributes, tensor: tensor.permute(attributes["perm"]),
    "Unsqueeze": _unsqueeze,
}
