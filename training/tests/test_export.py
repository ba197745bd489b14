"""The exported folder is what transformers reads, and the trainer's forward pass is transformers'."""

import json

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer, PaliGemmaForConditionalGeneration

from training import data, export, render, targets, tasks, vocab
from training.model import Mini, Shape

SMALL = Shape(vision_width=48, vision_layers=2, vision_heads=3, vision_mlp=96, text_width=48, text_layers=2, text_heads=3, head_dim=16, text_mlp=64)


@pytest.fixture(scope="module", params=[SMALL, Shape()], ids=["small", "default"])
def exported(request, tmp_path_factory):
    torch.manual_seed(3)
    model = Mini(request.param).eval()
    folder = tmp_path_factory.mktemp("export")
    export.export(model, folder, dtype=torch.float32)
    net = PaliGemmaForConditionalGeneration.from_pretrained(folder, attn_implementation="eager").eval()
    return model, net, folder


def some_batch():
    import random

    tiles = [render.tile(random.Random(i), "validation") for i in (1, 2)]
    return tiles, data.collate(tiles)


def pixel_values(tiles):
    a = np.stack([t.pixels for t in tiles]).astype(np.float32) / 127.5 - 1
    return torch.from_numpy(a)[:, None].expand(-1, 3, -1, -1).contiguous()


def inputs(tiles, tokens):
    count = len(tiles)
    prompt = torch.tensor([vocab.IMAGE] * vocab.IMAGE_TOKENS + targets.prompt_tokens())[None].expand(count, -1)
    ids = torch.cat([prompt, tokens], 1)
    kinds = torch.cat([torch.zeros_like(prompt), torch.ones_like(tokens)], 1)
    return dict(input_ids=ids, token_type_ids=kinds, attention_mask=torch.ones_like(ids), pixel_values=pixel_values(tiles)), prompt.shape[1]


def test_forward_equals_transformers(exported):
    model, net, _ = exported
    tiles, batch = some_batch()
    with torch.no_grad():
        ours, truth = model.answer_logits(model.vision(batch.patches), batch.tokens)
        arguments, prefix = inputs(tiles, batch.tokens)
        theirs = net(**arguments).logits[:, prefix - 1 : -1]
    # First the first tokens of all answers, then the others without padding.
    theirs = torch.cat([theirs[:, 0], theirs[:, 1:][batch.tokens[:, 1:] != vocab.PAD]])
    assert torch.equal(truth, torch.cat([batch.tokens[:, 0], batch.tokens[:, 1:][batch.tokens[:, 1:] != vocab.PAD]]))
    assert (ours - theirs).abs().max() < 2e-4


def test_generation_equals_transformers(exported):
    model, net, _ = exported
    tiles, batch = some_batch()
    ours = model.generate(batch.patches, 12)
    empty = batch.tokens[:, :0]
    arguments, prefix = inputs(tiles, empty)
    with torch.no_grad():
        theirs = net.generate(**arguments, max_new_tokens=12, do_sample=False)[:, prefix:].tolist()
    for a, b in zip(ours, theirs):
        assert a == b[: len(a)]


def test_answers_of_windows_use_the_tiles_positions(exported):
    """Of a tile with its lower half cut off, the answer's scores are those of transformers fed the same patches."""
    model, net, _ = exported
    _, batch = some_batch()
    half = batch.patches[:, :128]
    features = model.vision(half, torch.zeros(2, dtype=torch.long))
    with torch.no_grad():
        h, positions, start, hidden = model._prefix(features, None, None)
        assert hidden is None
        prompt = len(targets.prompt_tokens())
        assert positions[0, :128].tolist() == list(range(128))
        assert positions[0, 128:].tolist() == list(range(256, 256 + prompt))
        first = torch.tensor([8, 0])
        assert model._prefix(features, first, None)[1][0, :3].tolist() == [128, 129, 130]
        assert h.shape[1] == 128 + prompt
        assert start.tolist() == [256 + prompt] * 2


def test_prompts_of_different_lengths_share_a_batch(exported):
    """Padding in front of a short prompt changes neither scores nor answers."""
    model, _, _ = exported
    tiles, _ = some_batch()
    asked = [tasks.reading(t) for t in tiles]
    asked[1].prompt = "detect text ; table"
    batch = data.collate(asked)
    assert (batch.prompts[0] == vocab.PAD).any()
    with torch.no_grad():
        together, _ = model.answer_logits(model.vision(batch.patches), batch.tokens, None, batch.prompts)
        alone, rest = [], []
        for e in asked:
            one = data.collate([e])
            scores, _ = model.answer_logits(model.vision(one.patches), one.tokens, None, one.prompts)
            alone.append(scores[:1])
            rest.append(scores[1:])
    assert torch.allclose(together, torch.cat(alone + rest), atol=1e-4)
    said = model.generate(batch.patches, 10, None, batch.prompts)
    assert said == [model.generate(one.patches, 10, None, one.prompts)[0] for one in (data.collate([e]) for e in asked)]


def test_windows_are_parts_of_tiles(exported):
    model, _, _ = exported
    _, batch = some_batch()
    whole = model.vision(batch.patches, torch.zeros(2, dtype=torch.long))
    assert torch.allclose(whole, model.vision(batch.patches), atol=1e-5)


def test_names_are_the_released_ones(exported):
    model, _, folder = exported
    from safetensors import safe_open

    with safe_open(folder / "model.safetensors", "pt") as f:
        names = set(f.keys())
    assert "vision_tower.vision_model.embeddings.patch_embedding.weight" in names
    assert "language_model.model.layers.0.pre_feedforward_layernorm.weight" in names
    assert "multi_modal_projector.linear.bias" in names
    assert not any(n.startswith("model.") or "lm_head" in n for n in names)
    assert json.loads((folder / "config.json").read_text())["image_token_index"] == vocab.IMAGE


def test_tokenizer(exported):
    _, _, folder = exported
    tokenizer = AutoTokenizer.from_pretrained(folder)
    text = "<loc0004><loc1020><loc0040><loc0100>Crème, 3–4 €!<loc0000>“x”"
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert ids == vocab.encode(text)
    assert vocab.UNK not in ids
    assert tokenizer.decode(ids) == text
    assert tokenizer("ocr\n", add_special_tokens=False)["input_ids"] == vocab.encode("ocr") + [vocab.NEWLINE]
    assert tokenizer.convert_tokens_to_ids(["<pad>", "<eos>", "<bos>", "<unk>", "<image>"]) == [0, 1, 2, 3, vocab.IMAGE]
    assert len(tokenizer) == vocab.USED <= vocab.SIZE


def test_saved_weights_come_back(exported):
    model, _, folder = exported
    other = Mini(model.shape)
    export.load_weights(other, folder)
    assert torch.equal(other.net.model.language_model.embed_tokens.weight, model.net.model.language_model.embed_tokens.weight)
