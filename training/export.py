"""Writes the model as a Hugging Face checkpoint under the tensor names of the released ones."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from training import grow, profile, vocab
from training.model import ATTENTION_CAP, FINAL_CAP, Mini, Shape
from training.paths import AUXILIARY, CURVE, MODEL_DIR, state_dir

KEPT_PROGRESS = ("step", "samples", "patches", "stage", "seconds")


def released_name(name: str) -> str:
    """The released checkpoints' name of one of transformers' parameters."""
    name = name.removeprefix("model.")
    if name.startswith("vision_tower."):
        return "vision_tower.vision_model." + name.removeprefix("vision_tower.")
    if name.startswith("language_model."):
        return "language_model.model." + name.removeprefix("language_model.")
    return name


def tensors(model: Mini) -> dict[str, torch.Tensor]:
    """The model's weights by released name; the auxiliary head and the tied output table stay out."""
    out = {}
    for name, p in model.net.named_parameters():
        if not name.startswith("lm_head"):
            out[released_name(name)] = p.detach().cpu().contiguous()
    return out


def exported_shape(folder: Path) -> Shape:
    """The sizes of an exported model."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    text, vision = config["text_config"], config["vision_config"]
    return Shape(
        grid=vision["image_size"] // vision["patch_size"],
        vision_width=vision["hidden_size"],
        vision_layers=vision["num_hidden_layers"],
        vision_heads=vision["num_attention_heads"],
        vision_mlp=vision["intermediate_size"],
        text_width=text["hidden_size"],
        text_layers=text["num_hidden_layers"],
        text_heads=text["num_attention_heads"],
        text_kv_heads=text["num_key_value_heads"],
        head_dim=text["head_dim"],
        text_mlp=text["intermediate_size"],
    )


def load_weights(model: Mini, folder: Path) -> None:
    """Take exported weights over; layers that the exported model lacks add nothing yet."""
    stored = load_file(folder / "model.safetensors")
    with torch.no_grad():
        for name, p in model.net.named_parameters():
            if released_name(name) in stored:
                p.copy_(stored[released_name(name)])
    grow.silence(model, exported_shape(folder))


def _config(model: Mini, dtype: str) -> dict:
    s = model.shape
    return {
        "architectures": ["PaliGemmaForConditionalGeneration"],
        "model_type": "paligemma",
        "image_token_index": vocab.IMAGE,
        "hidden_size": s.text_width,
        "projection_dim": s.text_width,
        "bos_token_id": vocab.BOS,
        "eos_token_id": vocab.EOS,
        "pad_token_id": vocab.PAD,
        "torch_dtype": dtype,
        "text_config": {
            "model_type": "gemma2",
            "vocab_size": vocab.SIZE,
            "hidden_size": s.text_width,
            "intermediate_size": s.text_mlp,
            "num_hidden_layers": s.text_layers,
            "num_attention_heads": s.text_heads,
            "num_key_value_heads": s.text_kv_heads,
            "head_dim": s.head_dim,
            "query_pre_attn_scalar": s.head_dim,
            "sliding_window": 4096,
            "attn_logit_softcapping": ATTENTION_CAP if model.soft_caps else None,
            "final_logit_softcapping": FINAL_CAP if model.soft_caps else None,
            "hidden_activation": "gelu_pytorch_tanh",
            "num_image_tokens": vocab.IMAGE_TOKENS,
            "bos_token_id": vocab.BOS,
            "eos_token_id": vocab.EOS,
            "pad_token_id": vocab.PAD,
            "torch_dtype": dtype,
        },
        "vision_config": {
            "model_type": "siglip_vision_model",
            "hidden_size": s.vision_width,
            "intermediate_size": s.vision_mlp,
            "image_size": 224,
            "patch_size": 14,
            "num_attention_heads": s.vision_heads,
            "num_hidden_layers": s.vision_layers,
            "num_image_tokens": vocab.IMAGE_TOKENS,
            "num_positions": vocab.IMAGE_TOKENS,
            "vision_use_head": False,
            "projection_dim": s.text_width,
        },
    }


def _tokenizer_config() -> dict:
    special = vocab.SPECIALS + ["<image>"]
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "add_bos_token": False,
        "add_eos_token": False,
        "bos_token": "<bos>",
        "eos_token": "<eos>",
        "pad_token": "<pad>",
        "unk_token": "<unk>",
        "clean_up_tokenization_spaces": False,
        "model_max_length": 4096,
        "processor_class": "PaliGemmaProcessor",
        "extra_special_tokens": {"image_token": "<image>"},
        "added_tokens_decoder": {
            str(vocab.IDS[t]): {
                "content": t, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": t in special,
            }
            for t in vocab.TOKENS
            if t in special or t.startswith("<loc")
        },
    }


_PREPROCESSOR = {
    "do_convert_rgb": None,
    "do_normalize": True,
    "do_rescale": True,
    "do_resize": True,
    "image_mean": [0.5, 0.5, 0.5],
    "image_processor_type": "SiglipImageProcessor",
    "image_seq_length": vocab.IMAGE_TOKENS,
    "image_std": [0.5, 0.5, 0.5],
    "processor_class": "PaliGemmaProcessor",
    "resample": 3,
    "rescale_factor": 1 / 255,
    "size": {"height": 224, "width": 224},
}

_GENERATION = {
    "_from_model_config": True,
    "bos_token_id": vocab.BOS,
    "eos_token_id": vocab.EOS,
    "pad_token_id": vocab.PAD,
}


def _write(path: Path, value: dict) -> None:
    part = path.with_name(f".{path.name}.part")
    part.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    part.replace(path)


def export(model: Mini, folder: Path, dtype: torch.dtype = torch.bfloat16) -> None:
    """Write weights, configuration, tokenizer and profile, each file in one move."""
    folder.mkdir(parents=True, exist_ok=True)
    name = str(dtype).removeprefix("torch.")
    weights = {k: v.to(dtype) for k, v in tensors(model).items()}
    part = folder / ".model.safetensors.part"
    save_file(weights, part, metadata={"format": "pt"})
    _write(folder / "config.json", _config(model, name))
    _write(folder / "tokenizer.json", vocab.tokenizer_json())
    _write(folder / "tokenizer_config.json", _tokenizer_config())
    _write(folder / "preprocessor_config.json", _PREPROCESSOR)
    _write(folder / "generation_config.json", _GENERATION)
    _write(folder / "special_tokens_map.json", {"bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>", "unk_token": "<unk>"})
    _write(folder / "palimpsest.json", profile.PROFILE)
    part.chmod(0o644)
    os.replace(part, folder / "model.safetensors")


def save_auxiliary(model: Mini, path: Path, progress: dict) -> None:
    """Keep what only training needs, the auxiliary head and how far training has come, for a machine that
    has the exported weights but no saved state."""
    head = {k: v.detach().cpu().to(torch.bfloat16).contiguous() for k, v in model.aux.state_dict().items()}
    kept = {k: progress[k] for k in KEPT_PROGRESS if k in progress}
    part = path.with_name(f".{path.name}.part")
    save_file(head, part, metadata={"progress": json.dumps(kept)})
    part.chmod(0o644)
    part.replace(path)


def load_auxiliary(model: Mini, path: Path) -> dict:
    """Take the auxiliary head over where it fits; returns the progress it was saved with."""
    if not path.exists():
        return {}
    with safe_open(path, "pt") as f:
        head = {k: f.get_tensor(k).float() for k in f.keys()}
        progress = json.loads((f.metadata() or {}).get("progress", "{}"))
    head = {k: grow.head_rows(v, grow.UNHEARD if k == "bias" else 0.0) for k, v in head.items()}
    if all(head[k].shape == v.shape for k, v in model.aux.state_dict().items()):
        model.aux.load_state_dict(head)
    return progress


def publish(model: Mini, progress: dict) -> None:
    """Write everything that is committed: the model, the auxiliary head, the curve."""
    export(model, MODEL_DIR)
    save_auxiliary(model, AUXILIARY, progress)
    curve = state_dir() / CURVE.name
    if curve.exists():
        part = CURVE.with_name(f".{CURVE.name}.part")
        part.write_bytes(curve.read_bytes())
        part.replace(CURVE)
    print(f"exported step {progress['step']} to {MODEL_DIR}; now run python -m training.reference", flush=True)


def main() -> None:
    """Export the averaged weights of the saved state, or with --raw the last ones."""
    from training import checkpoint

    state = checkpoint.load()
    if state is None:
        raise SystemExit("there is no saved state to export")
    model = Mini(Shape(**state["shape"]))
    model.load_state_dict(state["model" if "--raw" in sys.argv[1:] else "average"])
    publish(model, state["progress"])


if __name__ == "__main__":
    main()
