"""Makes tiny weights with which the real code of PaddleOCR-VL runs in seconds, with answers that a test knows.

* The VLM is a Markov chain: its decoder adds nothing to the one-hot embedding of the last token, and its output layer
  says which token follows. So the last token of the prompt (`OCR:`) decides the answer.
* The layout model divides the page into eight bands. A band with ink becomes a block whose colour tells its label; see
  `banded_page`, which draws such pages.

Run as a program it fills the folder that `PADDLE_PDX_CACHE_HOME` may then name (paddle is imported, some 10 s):

    cd tests && python -m support.tiny_models FOLDER

    FOLDER/official_models/NAME    what `PaddleOCRVL()` looks for, versions v1, v1.5 and v1.6, with doc preprocessor
    FOLDER/variants/endless        VLM v1.6 that never stops when asked for `OCR:`
    FOLDER/variants/silent         VLM v1.6 that has nothing to say when asked for `OCR:`
    FOLDER/variants/layout-onnx    PP-DocLayoutV3 for onnxruntime (`make_layout_onnx` needs no paddle)
"""

from __future__ import annotations

import json
import os
import shutil
import struct
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image, ImageDraw, ImageFont

VLM_NAMES = {
    "PaddleOCR-VL": "PaddleOCR-VL-0.9B",
    "PaddleOCR-VL-1.5": "PaddleOCR-VL-1.5-0.9B",
    "PaddleOCR-VL-1.6": "PaddleOCR-VL-1.6-0.9B",
}
REPLIES: Mapping[str, Sequence[str]] = {  # no two pieces are equal, since a piece is a state of the chain
    "OCR:": ("Tiny words ", "from a page."),
    "Table Recognition:": ("<fcel>A<fcel>B<nl>", "<fcel>1<fcel>2<nl>"),
    "Formula Recognition:": ("\\[ E=mc^2 \\]",),
    "Chart Recognition:": ("year|sum", "\n2023|7"),
    "Seal Recognition:": ("SEAL",),
    "Spotting:": ("spot",),
}
BANDS = 8
# Colours of bands, R G B; the label follows from the channels that stand out, or from the darkness of a grey band.
COLOURS = {
    "text": None,
    "doc_title": (25, 25, 25),
    "table": (60, 60, 250),
    "image": (250, 60, 60),
    "display_formula": (60, 250, 60),
    "chart": (250, 250, 60),
    "seal": (250, 60, 250),
    "header": (60, 250, 250),
}
_LABELS = [
    "abstract", "algorithm", "aside_text", "chart", "content", "display_formula", "doc_title", "figure_title",
    "footer", "footer_image", "footnote", "formula_number", "header", "header_image", "image",
    "inline_formula", "number", "paragraph_title", "reference", "reference_content", "seal", "table", "text",
    "vertical_text", "vision_footnote",
]  # fmt: skip
# By which of red (4), green (2) and blue (1) stand out.
_BY_CHANNELS = ("text", "table", "display_formula", "header", "image", "seal", "chart", "text")
_SIDE = 800  # px of the layout model's input
_SPECIAL = ("<|IMAGE_PLACEHOLDER|>", "<|video_pad|>", "<|IMAGE_START|>", "<|IMAGE_END|>", "<|begin_of_sentence|>")
_EOS = 2


def banded_page(bands: Sequence[str | None], *, words: str = "A line of text", size: tuple[int, int] = (620, 880)):  # type: ignore[no-untyped-def]
    """Gives a page as a PIL image whose bands, from top to bottom, have these labels (keys of `COLOURS`; None: white).

    Args:
        bands: up to `BANDS` labels.
        words: what stands in bands of text.
        size: width and height, px.
    """
    width, height = size
    page = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(max(8, height // 50))
    for index, label in enumerate(bands):
        top, bottom = index * height // BANDS, (index + 1) * height // BANDS
        if label == "text":
            draw.text((width // 10, (top + bottom) // 2), words, fill="black", font=font)
        elif label is not None:
            draw.rectangle((width // 10, top + height // 100, width * 9 // 10, bottom - height // 100), COLOURS[label])
    return page


def banded_pdf(path: Path, pages: Sequence[Sequence[str | None]], *, size: tuple[int, int] = (620, 880)) -> Path:
    """Writes a PDF of such pages (72 dpi); the words of page 3 are `Page 3`."""
    drawn = [banded_page(bands, words=f"Page {number}", size=size) for number, bands in enumerate(pages, start=1)]
    drawn[0].save(path, save_all=True, append_images=drawn[1:], resolution=72)
    return path


def make_home(home: Path) -> Path:
    """Makes everything that the module's head lists. Imports paddle."""
    official, variants = home / "official_models", home / "variants"
    make_layout(official / "PP-DocLayoutV2", "PP-DocLayoutV2")
    make_layout(official / "PP-DocLayoutV3", "PP-DocLayoutV3")
    make_layout_onnx(variants / "layout-onnx")
    make_preprocessors(official)
    first = make_vlm(variants / "silent", replies={**REPLIES, "OCR:": ()})
    make_vlm(variants / "endless", endless=("OCR:",), like=first)
    make_vlm(official / "PaddleOCR-VL-1.6", like=first)
    for folder in ("PaddleOCR-VL", "PaddleOCR-VL-1.5"):
        shutil.copytree(official / "PaddleOCR-VL-1.6", official / folder, dirs_exist_ok=True)
        _write_inference(official / folder, {"Global": {"model_name": VLM_NAMES[folder]}})
    return home


def make_vlm(
    folder: Path,
    name: str = "PaddleOCR-VL-1.6-0.9B",
    *,
    replies: Mapping[str, Sequence[str]] = REPLIES,
    endless: Sequence[str] = (),
    like: Path | None = None,
) -> Path:
    """Makes the VLM of the native backend (3 MB). Imports paddle unless `like` is given.

    Args:
        folder: to fill; made if missing.
        name: of the model, as paddlex spells it.
        replies: prompt to the pieces of its answer; all of `REPLIES` must be there.
        endless: prompts whose answer begins anew for ever.
        like: a folder that this function has filled; only the answers differ.
    """
    from safetensors.numpy import load_file, save_file

    folder.mkdir(parents=True, exist_ok=True)
    if like is None:
        ids = _make_tokenizer(folder)
        weights = _random_weights(folder, ids)
    else:
        shutil.copytree(like, folder, dirs_exist_ok=True)
        ids = _token_ids(folder)
        weights = load_file(folder / "model.safetensors")
    _write_inference(folder, {"Global": {"model_name": name}})
    weights["lm_head.weight"] = _chain(ids, replies, endless, weights["lm_head.weight"].shape[0])
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def _pieces() -> list[str]:
    return [*_SPECIAL, *REPLIES, *(piece for reply in REPLIES.values() for piece in reply)]


def _make_tokenizer(folder: Path) -> dict[str, int]:
    """Trains a sentencepiece tokenizer in which every prompt and every piece of an answer is one token."""
    import sentencepiece

    text = folder / "corpus.txt"
    text.write_text("the quick brown fox jumps over the lazy dog 0123456789\n" * 40, "utf-8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(text), model_prefix=str(folder / "tokenizer"), model_type="bpe", byte_fallback=True,
        vocab_size=60 + len(_pieces()) + 256, hard_vocab_limit=False, max_sentencepiece_length=16,
        user_defined_symbols=[piece.replace(" ", "\u2581") for piece in _pieces()],
        add_dummy_prefix=False, remove_extra_whitespaces=False, normalization_rule_name="identity",
        unk_id=0, bos_id=1, eos_id=_EOS, pad_id=3, minloglevel=2,
    )  # fmt: skip
    text.unlink()
    tokens = {
        "tokenizer_class": "LlamaTokenizer", "add_bos_token": False, "add_eos_token": False, "bos_token": "<s>",
        "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>", "cls_token": _SPECIAL[4],
        "additional_special_tokens": _SPECIAL[:4], "clean_up_tokenization_spaces": False, "model_max_length": 131072,
    }  # fmt: skip
    template = (
        "{%- for m in messages -%}<|IMAGE_START|><|IMAGE_PLACEHOLDER|><|IMAGE_END|>{%- for c in m['content'] -%}"
        "{%- if c['type'] == 'text' -%}{{ c['text'] }}{%- endif -%}{%- endfor -%}{%- endfor -%}"
    )
    _write_json(folder / "tokenizer_config.json", tokens)
    (folder / "chat_template.jinja").write_text(template, "utf-8")
    return _token_ids(folder)


def _token_ids(folder: Path) -> dict[str, int]:
    import sentencepiece

    tokenizer = sentencepiece.SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))
    ids = {piece: tokenizer.encode(piece) for piece in _pieces()}
    assert all(len(tokens) == 1 for tokens in ids.values()), ids
    return {**{piece: tokens[0] for piece, tokens in ids.items()}, "": tokenizer.get_piece_size()}


def _random_weights(folder: Path, ids: Mapping[str, int]) -> dict[str, Any]:
    """Writes the configuration, builds the real network from it and gives its weights, the decoder's silenced."""
    import paddle
    from paddlex.inference.models.doc_vlm.modeling.paddleocr_vl._config import PaddleOCRVLConfig
    from paddlex.inference.models.doc_vlm.modeling.paddleocr_vl._paddleocr_vl import PaddleOCRVLForConditionalGeneration

    size = ids[""]
    _write_json(folder / "config.json", _vlm_config(ids))
    _write_json(folder / "generation_config.json", {"eos_token_id": _EOS, "pad_token_id": 3, "use_cache": True})
    _write_json(folder / "preprocessor_config.json", {
        "do_convert_rgb": True, "do_normalize": True, "do_rescale": True, "do_resize": True, "image_mean": [0.5] * 3,
        "image_std": [0.5] * 3, "image_processor_type": "SiglipImageProcessor", "merge_size": 2, "patch_size": 14,
        "max_pixels": 28 * 28 * 4, "min_pixels": 28 * 28, "resample": 3, "rescale_factor": 1 / 255,
        "size": {"max_pixels": 28 * 28 * 4, "min_pixels": 28 * 28}, "temporal_patch_size": 1,
    })  # fmt: skip
    paddle.seed(0)
    paddle.set_device("cpu")
    network = PaddleOCRVLForConditionalGeneration(PaddleOCRVLConfig.from_pretrained(str(folder)))
    weights = {name: np.asarray(value.numpy(), np.float32) for name, value in network.get_hf_state_dict().items()}
    for name in network.get_transpose_weight_keys():
        weights[name] = weights[name].T
    for name, value in weights.items():
        silent = name.startswith("model.") and name.endswith(("o_proj.weight", "down_proj.weight"))
        weights[name] = np.zeros_like(value) if silent else np.ascontiguousarray(value)
    weights["model.embed_tokens.weight"] = np.eye(size, dtype=np.float32)
    return weights


def _vlm_config(ids: Mapping[str, int]) -> dict[str, Any]:
    return {
        "architectures": ["PaddleOCRVLForConditionalGeneration"], "model_type": "paddleocr_vl",
        "vocab_size": ids[""], "hidden_size": ids[""], "intermediate_size": 16, "max_position_embeddings": 4096,
        "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 16,
        "rope_scaling": {"mrope_section": [2, 3, 3], "rope_type": "default", "type": "default"},
        "rms_norm_eps": 1e-5, "rope_theta": 500000, "hidden_act": "silu", "use_bias": False,
        "tie_word_embeddings": False, "pad_token_id": 3, "bos_token_id": 1, "eos_token_id": _EOS,
        "image_token_id": ids[_SPECIAL[0]], "video_token_id": ids[_SPECIAL[1]],
        "vision_start_token_id": ids[_SPECIAL[2]], "use_cache": False, "weight_share_add_bias": True,
        "torch_dtype": "float32",
        "vision_config": {
            "model_type": "paddleocr_vl", "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1,
            "num_attention_heads": 2, "num_channels": 3, "image_size": 56, "patch_size": 14,
            "hidden_act": "gelu_pytorch_tanh", "layer_norm_eps": 1e-6, "attention_dropout": 0.0,
            "spatial_merge_size": 2, "temporal_patch_size": 2, "tokens_per_second": 2,
        },
    }  # fmt: skip


def _chain(ids: Mapping[str, int], replies: Mapping[str, Sequence[str]], endless: Sequence[str], width: int) -> Any:
    """Gives the output layer, shape (vocabulary, hidden) as Hugging Face stores it, that says what follows a token."""
    follows = np.zeros((width, width), np.float32)  # from, to
    follows[:, _EOS] = 0.5
    for prompt, pieces in replies.items():
        states = [ids[prompt], *(ids[piece] for piece in pieces)]
        follows[states[:-1], states[1:]] = 10.0
        follows[states[-1], states[1] if prompt in endless else _EOS] = 10.0
    return np.ascontiguousarray(follows.T)


def make_layout(folder: Path, name: str) -> Path:
    """Makes the layout model `PP-DocLayoutV2` or `PP-DocLayoutV3` for Paddle (60 KB). Imports paddle."""
    import paddle
    from paddle import nn

    classes = paddle.to_tensor([float(_LABELS.index(label)) for label in _BY_CHANNELS])
    title = float(_LABELS.index("doc_title"))
    has_masks = name == "PP-DocLayoutV3"

    class Layout(nn.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.scale = self.create_parameter([1], default_initializer=nn.initializer.Constant(1.0))
            self.classes = self.create_parameter([8], default_initializer=nn.initializer.Assign(classes))

        def forward(self, im_shape, image, scale_factor):  # type: ignore[no-untyped-def]
            pages = paddle.shape(image)[0]
            bands = image.reshape([-1, 3, BANDS, _SIDE // BANDS * _SIDE])
            score = (1.0 - bands.min(axis=-1).min(axis=1)) * 0.95 * self.scale
            mean = bands.mean(axis=-1)
            out = ((mean - mean.min(axis=1, keepdim=True)) > 0.05).astype("int64")
            label = paddle.gather(self.classes, (out[:, 0] * 4 + out[:, 1] * 2 + out[:, 2]).reshape([-1]))
            label = paddle.where(mean.max(axis=1) < 0.6, title * paddle.ones_like(score), label.reshape([-1, BANDS]))
            height, width = im_shape[:, 0:1] / scale_factor[:, 0:1], im_shape[:, 1:2] / scale_factor[:, 1:2]
            one = paddle.ones_like(score)
            order = paddle.arange(BANDS, dtype="float32").unsqueeze(0) * one
            columns = [label, score, one * width * 0.05, (order / BANDS + 0.01) * height, one * width * 0.95,
                       ((order + 1) / BANDS - 0.01) * height, order]  # fmt: skip
            columns = columns if has_masks else [*columns, one]
            boxes = paddle.stack(columns, axis=-1).reshape([-1, len(columns)])
            counts = paddle.full([pages], BANDS, dtype="int32")
            if not has_masks:
                return boxes, counts
            return boxes, counts, paddle.ones([pages * BANDS, _SIDE // 4, _SIDE // 4], dtype="int32")

    shapes = (("im_shape", [None, 2]), ("image", [None, 3, _SIDE, _SIDE]), ("scale_factor", [None, 2]))
    specs = [paddle.static.InputSpec(shape, "float32", name) for name, shape in shapes]
    _save_paddle(Layout(), folder, specs)
    _write_inference(folder, _layout_inference(name))
    return folder


def _layout_inference(name: str) -> dict[str, Any]:
    return {
        "mode": "paddle", "draw_threshold": 0.5, "metric": "COCO", "use_dynamic_shape": False, "arch": "DETR",
        "min_subgraph_size": 3, "Global": {"model_name": name}, "label_list": _LABELS,
        "Preprocess": [
            {"type": "Resize", "interp": 2, "keep_ratio": False, "target_size": [_SIDE, _SIDE]},
            {"type": "NormalizeImage", "mean": [0.0] * 3, "std": [1.0] * 3, "norm_type": "none"},
            {"type": "Permute"},
        ],
    }  # fmt: skip


def make_preprocessors(folder: Path) -> None:
    """Makes PP-LCNet_x1_0_doc_ori, which finds every page upright, and UVDoc, which changes none. Imports paddle."""
    import paddle
    from paddle import nn

    class Upright(nn.Layer):
        def __init__(self) -> None:
            super().__init__()
            answer = nn.initializer.Assign(paddle.to_tensor([0.97, 0.01, 0.01, 0.01]))
            self.answer = self.create_parameter([4], default_initializer=answer)

        def forward(self, x):  # type: ignore[no-untyped-def]
            return x.mean([1, 2, 3]).unsqueeze(-1) * 0.0 + self.answer

    class Unchanged(nn.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.scale = self.create_parameter([1], default_initializer=nn.initializer.Constant(1.0))

        def forward(self, image):  # type: ignore[no-untyped-def]
            return image * self.scale

    spec = paddle.static.InputSpec
    normalize = {"channel_num": 3, "mean": [0.5] * 3, "std": [0.5] * 3, "order": "", "scale": 1 / 255}
    steps = [{"ResizeImage": {"resize_short": 256}}, {"CropImage": {"size": 224}}, {"NormalizeImage": normalize}]
    _save_paddle(Upright(), folder / "PP-LCNet_x1_0_doc_ori", [spec([None, 3, 224, 224], "float32", "x")])
    _write_inference(folder / "PP-LCNet_x1_0_doc_ori", {
        "Global": {"model_name": "PP-LCNet_x1_0_doc_ori"},
        "PreProcess": {"transform_ops": [*steps, {"ToCHWImage": None}]},
        "PostProcess": {"Topk": {"topk": 1, "label_list": ["0", "90", "180", "270"]}},
    })  # fmt: skip
    _save_paddle(Unchanged(), folder / "UVDoc", [spec([None, 3, None, None], "float32", "image")])
    _write_inference(folder / "UVDoc", {"Global": {"model_name": "UVDoc"}})


def _save_paddle(network: Any, folder: Path, specs: Sequence[Any]) -> None:
    import paddle

    folder.mkdir(parents=True, exist_ok=True)
    network.eval()
    paddle.jit.save(network, str(folder / "inference"), input_spec=list(specs))


def make_layout_onnx(folder: Path, name: str = "PP-DocLayoutV3") -> Path:
    """Makes the layout model `PP-DocLayoutV3` for onnxruntime (a few KB). Needs neither paddle nor onnx."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "inference.onnx").write_bytes(_layout_graph().model())
    _write_inference(folder, _layout_inference(name))
    return folder


def _layout_graph() -> _Graph:
    """Gives the same computation as `make_layout`, as an ONNX graph."""
    g = _Graph({"im_shape": ["N", 2], "image": ["N", 3, _SIDE, _SIDE], "scale_factor": ["N", 2]})
    zero, one, axis1, axis3 = g.ints([0]), g.ints([1]), g.ints([1]), g.ints([3])
    bands = g.node("Reshape", "image", g.ints([-1, 3, BANDS, _SIDE // BANDS * _SIDE]))
    darkest = g.node("ReduceMin", g.node("ReduceMin", bands, axis3, keepdims=0), axis1, keepdims=0)
    score = g.node("Mul", g.node("Sub", g.floats([1.0]), darkest), g.floats([0.95]))
    mean = g.node("ReduceMean", bands, axis3, keepdims=0)
    lead = g.node("Sub", mean, g.node("ReduceMin", mean, axis1, keepdims=1))
    out = g.node("Cast", g.node("Greater", lead, g.floats([0.05])), to=7)
    channels = g.node("Mul", out, g.tensor(np.array([[[4], [2], [1]]], np.int64)))
    code = g.node("ReduceSum", channels, axis1, keepdims=0)
    label = g.node("Gather", g.floats([float(_LABELS.index(label)) for label in _BY_CHANNELS]), code)
    dark = g.node("Less", g.node("ReduceMax", mean, axis1, keepdims=0), g.floats([0.6]))
    label = g.node("Where", dark, g.floats([float(_LABELS.index("doc_title"))]), label)
    page = g.node("Div", "im_shape", "scale_factor")
    height, width = g.node("Gather", page, zero, axis=1), g.node("Gather", page, one, axis=1)
    blank = g.node("Mul", score, g.floats([0.0]))
    order = np.arange(BANDS, dtype=np.float32)[None]
    columns = [
        label, score,
        g.node("Add", blank, g.node("Mul", width, g.floats([0.05]))),
        g.node("Mul", height, g.tensor(order / BANDS + np.float32(0.01))),
        g.node("Add", blank, g.node("Mul", width, g.floats([0.95]))),
        g.node("Mul", height, g.tensor((order + 1) / BANDS - np.float32(0.01))),
        g.node("Add", blank, g.tensor(order)),
    ]  # fmt: skip
    stacked = g.node("Concat", *(g.node("Unsqueeze", column, g.ints([2])) for column in columns), axis=2)
    pages = g.node("Gather", g.node("Shape", "im_shape"), zero, axis=0)
    blocks = g.node("Mul", pages, g.ints([BANDS]))
    masks = g.node("Concat", blocks, g.ints([_SIDE // 4, _SIDE // 4]), axis=0)
    g.output("boxes", g.node("Reshape", stacked, g.ints([-1, 7])), 1, [None, 7])
    g.output("counts", g.node("Expand", g.tensor(np.array([BANDS], np.int32)), pages), 6, [None])
    g.output("masks", g.node("Expand", g.tensor(np.ones(1, np.int32)), masks), 6, [None, _SIDE // 4, _SIDE // 4])
    return g


class _Graph:
    """Writes an ONNX graph (opset 18) in protobuf's wire format; the field numbers are those of onnx.proto."""

    def __init__(self, inputs: Mapping[str, Sequence[int | str]]) -> None:
        self._inputs = b"".join(_field(11, _value_info(name, 1, shape)) for name, shape in inputs.items())
        self._nodes = self._constants = self._outputs = b""
        self._count = 0

    def _name(self) -> str:
        self._count += 1
        return f"v{self._count}"

    def node(self, operator: str, *inputs: str, **attributes: int) -> str:
        """Adds a node with one output and gives that output's name."""
        name = self._name()
        data = b"".join(_field(1, value.encode()) for value in inputs) + _field(2, name.encode())
        data += _field(4, operator.encode())
        for key, value in attributes.items():  # of type INT
            data += _field(5, _field(1, key.encode()) + _field(3, value) + _field(20, 2))
        self._nodes += _field(1, data)
        return name

    def tensor(self, values: Any) -> str:
        """Adds a constant and gives its name."""
        name = self._name()
        kind = {"float32": 1, "int32": 6, "int64": 7}[values.dtype.name]
        data = b"".join(_field(1, size) for size in values.shape) + _field(2, kind)
        self._constants += _field(5, data + _field(8, name.encode()) + _field(9, values.tobytes()))
        return name

    def floats(self, values: Sequence[float]) -> str:
        """Adds a constant of float32."""
        return self.tensor(np.array(values, np.float32))

    def ints(self, values: Sequence[int]) -> str:
        """Adds a constant of int64."""
        return self.tensor(np.array(values, np.int64))

    def output(self, name: str, value: str, kind: int, shape: Sequence[int | None]) -> None:
        """Names an output."""
        self._nodes += _field(1, _field(1, value.encode()) + _field(2, name.encode()) + _field(4, b"Identity"))
        self._outputs += _field(12, _value_info(name, kind, [size or "" for size in shape]))

    def model(self) -> bytes:
        """Gives the file."""
        graph = self._nodes + _field(2, b"layout") + self._constants + self._inputs + self._outputs
        return _field(1, 8) + _field(7, graph) + _field(8, _field(2, 18))


def _value_info(name: str, kind: int, shape: Sequence[int | str]) -> bytes:
    sizes = (_field(1, size) if isinstance(size, int) else _field(2, size.encode()) if size else b"" for size in shape)
    tensor = _field(1, kind) + _field(2, b"".join(_field(1, size) for size in sizes))
    return _field(1, name.encode()) + _field(2, _field(1, tensor))


def _field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    data = b""
    while value > 0x7F:
        data += struct.pack("B", value & 0x7F | 0x80)
        value >>= 7
    return data + struct.pack("B", value)


def _write_inference(folder: Path, content: Mapping[str, Any]) -> None:
    (folder / "inference.yml").write_text(yaml.safe_dump(dict(content)), "utf-8")


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content), "utf-8")


if __name__ == "__main__":
    os.environ.setdefault("PADDLE_PDX_DISABLE_MODEL_SOURCE_CHECK", "1")
    make_home(Path(sys.argv[1]))
