"""Soft-caps are on in stages 1 and 2 and off in transfers: the trainer's forward pass, the folders that it writes and the
program agree on both."""

import json
import os
import shutil
import subprocess

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from transformers import PaliGemmaForConditionalGeneration

from training import finetune, train, vocab
from training.export import export
from training.model import ATTENTION_CAP, FINAL_CAP, Mini, Shape
from training.paths import MODEL_DIR, REPOSITORY
from training.tuning import folder, tickets

TINY = Shape(vision_width=48, vision_layers=1, vision_heads=2, vision_mlp=64, text_width=48, text_layers=2, text_heads=2, text_kv_heads=1, head_dim=32, text_mlp=64)
CAPS = ("attn_logit_softcapping", "final_logit_softcapping")
STEPS = 8


def caps(path):
    text = folder.read_json(path / "config.json")["text_config"]
    return tuple(text[name] for name in CAPS)


def peaky(model):
    """Weights at which the caps matter: attention and logits far beyond what they let through."""
    with torch.no_grad():
        for layer in model.net.model.language_model.layers:
            layer.self_attn.q_proj.weight.mul_(6)
            layer.self_attn.k_proj.weight.mul_(6)
        model.net.model.language_model.norm.weight.fill_(40.0)
    return model


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    """A random model with soft-caps, fine-tuned for one step with the command's defaults."""
    torch.manual_seed(5)
    path = tmp_path_factory.mktemp("caps")
    export(peaky(Mini(TINY)), path / "base", torch.float32)
    tickets.write(path / "labels", 2, "test")
    words = [str(path / "base"), str(path / "labels" / "MANIFEST.jsonl"), str(path / "tuned"), "--steps", "1", "--batch", "1", "--rehearse", "0", "--device", "cpu", "--rate", "1e-5"]
    finetune.main(words)
    finetune.main([*words[:2], str(path / "kept"), *words[3:], "--soft-caps", "keep"])
    return path


@pytest.fixture(scope="module")
def question():
    pixels = np.random.default_rng(3).integers(0, 256, (224, 224), dtype=np.uint8)
    return pixels, [vocab.IMAGE] * vocab.IMAGE_TOKENS + vocab.prompt("ocr")


def answered(path, question, dtype):
    """transformers' scores of every step of a greedy answer, [STEPS, vocabulary], and the tokens."""
    pixels, prefix = question
    net = PaliGemmaForConditionalGeneration.from_pretrained(path, dtype=dtype, attn_implementation="eager").eval()
    values = (torch.from_numpy(pixels.astype(np.float64) / 127.5 - 1)[None, None].expand(1, 3, -1, -1)).to(dtype)
    said, scores = [], []
    with torch.no_grad():
        for _ in range(STEPS):
            ids = torch.tensor([prefix + said])
            kinds = torch.tensor([[0] * len(prefix) + [1] * len(said)])
            out = net(input_ids=ids, token_type_ids=kinds, attention_mask=torch.ones_like(ids), pixel_values=values)
            scores.append(out.logits[0, -1])
            said.append(int(scores[-1].argmax()))
    return torch.stack(scores), said


def test_stages_have_them_and_transfers_have_not(tuned):
    assert Mini(TINY).soft_caps  # as train.Trainer makes it
    assert train.Mini is Mini and caps(MODEL_DIR) == caps(tuned / "base") == caps(tuned / "kept") == (ATTENTION_CAP, FINAL_CAP)
    assert caps(tuned / "tuned") == (None, None)
    assert json.loads((tuned / "tuned" / "finetune.json").read_text())["soft_caps"] == "off"


@pytest.mark.parametrize("name", ["tuned", "kept"])
def test_the_trainers_forward_pass_is_transformers(tuned, question, name):
    from training.export import load_weights

    pixels, prefix = question
    model = Mini(TINY, soft_caps=name == "kept").eval()
    load_weights(model, tuned / name)
    scores, said = answered(tuned / name, question, torch.float32)
    patches = torch.from_numpy(pixels.astype(np.float32) / 127.5 - 1).view(16, 14, 16, 14).transpose(1, 2).reshape(1, 256, 196)
    with torch.no_grad():
        ours, _ = model.answer_logits(model.vision(patches), torch.tensor([said]), None, torch.tensor([prefix[vocab.IMAGE_TOKENS :]]))
    assert (ours - scores).abs().max() < 1e-3 * scores.abs().max()
    assert (scores.abs().max() > 2 * FINAL_CAP) == (name == "tuned")


def case(path, question, to):
    """A reference case of engine/enginetest: the folder's weights with what transformers makes of them in float64."""
    to.mkdir(parents=True)
    wide, said = answered(path, question, torch.float64)
    narrow, same = answered(path, question, torch.float32)
    assert said == same
    for name in ("config.json", "model.safetensors"):
        shutil.copyfile(path / name, to / name)
    Image.fromarray(question[0]).save(to / "image.png")
    save_file({"step_logits": wide.float().contiguous()}, to / "expected.safetensors")
    noise = float((wide - narrow.double()).abs().max())
    row = {"note": "", "prompt_ids": question[1][vocab.IMAGE_TOKENS :], "greedy": said, "float32_vs_float64_max_abs": {"step_logits": noise}}
    (to / "case.json").write_text(json.dumps(row))


@pytest.mark.skipif(shutil.which("go") is None, reason="go is not on the path")
def test_the_programs_logits_are_transformers(tuned, question, tmp_path):
    """By the engine's own comparison. The same weights with the caps put back into config.json must be told apart."""
    case(tuned / "tuned", question, tmp_path / "cases" / "caps_off")
    case(tuned / "kept", question, tmp_path / "cases" / "caps_on")
    shutil.copytree(tmp_path / "cases" / "caps_off", tmp_path / "wrong" / "caps_put_back")
    shutil.copyfile(tuned / "kept" / "config.json", tmp_path / "wrong" / "caps_put_back" / "config.json")

    def compared(root):
        command = ["go", "test", "-vet=off", "-count=1", "-v", "-run", "^TestReference$", "./engine/enginetest"]
        done = subprocess.run(command, cwd=REPOSITORY, env=os.environ | {"PALIMPSEST_GOLDENS": str(root), "CGO_ENABLED": "0"}, capture_output=True, text=True, timeout=900, check=False)
        return done.stdout + done.stderr

    said = compared(tmp_path / "cases")
    assert "--- PASS: TestReference/caps_off" in said and "--- PASS: TestReference/caps_on" in said, said[-3000:]
    assert "--- FAIL: TestReference/caps_put_back" in compared(tmp_path / "wrong")
