"""Fine-tuning: labels as eval reads them, adapters that merge exactly, folders that keep the base's names, and the two ways to
a loss that agree."""

import json
import random

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import nn

from training import data, finetune, targets, vocab
from training.example import Example
from training.export import export
from training.model import Mini, Shape
from training.tuning import folder, labels, lora, presets, tickets
from training.tuning.released import Released
from training.tuning.small import Small, fits, to_example

TINY = Shape(vision_width=48, vision_layers=1, vision_heads=2, vision_mlp=64, text_width=48, text_layers=2, text_heads=2, text_kv_heads=1, head_dim=32, text_mlp=64)
PROFILE = {"prompt": "ocr", "view": "tiles", "size": 224, "x_height": 10.5, "fit": "stretch", "box": "yxyx-before", "loc_bins": 1024, "max_tokens": 64}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("base")
    export(Mini(TINY), path, torch.float32)
    return path


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    path = tmp_path_factory.mktemp("tickets")
    tickets.write(path, 4, "test")
    return path / "MANIFEST.jsonl"


def test_labels_and_windows(manifest):
    read = labels.read(manifest, "ocr")
    assert len(read) == 4 and all(label.words for label in read)
    low, high = labels.scale_bounds(read, PROFILE)
    assert 0.2 < low < high < 1
    seen = 0
    for i in range(40):
        asked = labels.ask(read[i % 4], PROFILE, random.Random(i), (low, high))
        assert asked.pixels.shape == (224, 224, 3) and asked.pixels.dtype == np.uint8 and asked.prompt == "ocr"
        said = targets.parse(asked.answer)
        assert [w.text for w in said] == [t for t, _ in asked.words]
        for word, (_, box) in zip(said, asked.words):  # the place is that of the pixels, to a bin
            assert max(abs(a - b) for a, b in zip(word.box, box)) <= 0.5
        seen += len(said)
    assert seen > 100


def test_ink_lies_in_the_boxes_of_a_window(manifest):
    label = labels.read(manifest, "ocr")[0]
    asked = labels.window(label, PROFILE, random.Random(3), labels.scale_bounds([label], PROFILE))
    grey = asked.pixels.mean(2)
    paper = np.median(grey)
    for _, (x0, y0, x1, y1) in asked.words:
        assert grey[int(y0) : int(y1) + 1, int(x0) : int(x1) + 1].min() < paper - 30


@pytest.mark.parametrize(
    ("truth", "answer"),
    [
        ("plain", "plain"), (["one", "two"], "one"), ({"html": "<table></table>"}, "<table></table>"), ({"smiles": "CCO"}, "CCO"), ({"kern": "4c"}, "4c"),
        ({"findings": "clear", "impression": "none"}, "FINDINGS: clear\nIMPRESSION: none"), ({"captions": ["a dog"]}, "a dog"),
        ({"tables": [{"html": "<a>"}, {"html": "<b>"}]}, "<a><b>"),
    ],
)
def test_answers_of_every_truth(tmp_path, truth, answer):
    Image.new("L", (30, 20), 255).save(tmp_path / "a.png")
    (tmp_path / "m.jsonl").write_text(json.dumps({"file": "a.png", "gt": truth}) + "\n" + json.dumps({"file": "a.png", "task": "other", "gt": "x"}) + "\n")
    (label,) = labels.read(tmp_path / "m.jsonl", "table")
    assert label.answer == answer
    asked = labels.whole(label, {"prompt": "table", "size": 64, "fit": "letterbox"})
    assert asked.pixels.shape == (64, 64, 3) and asked.answer == answer


def test_broken_labels_name_their_line(tmp_path):
    (tmp_path / "m.jsonl").write_text('{"file": "gone.png", "gt": "x"}\n')
    with pytest.raises(ValueError, match="line 1.*gone.png"):
        labels.read(tmp_path / "m.jsonl", "ocr")
    (tmp_path / "m.jsonl").write_text("\n")
    with pytest.raises(ValueError, match="no label"):
        labels.read(tmp_path / "m.jsonl", "ocr")


def test_adapters_begin_as_nothing_and_merge_exactly():
    torch.manual_seed(2)
    net = nn.ModuleDict({"q_proj": nn.Linear(8, 6), "other": nn.Linear(8, 6)})
    x = torch.randn(3, 8)
    before = net["q_proj"](x)
    wrap = nn.Module()
    wrap.layer = net
    assert lora.adapt(wrap, 2, 4) == ["layer.q_proj"]
    adapted = wrap.layer["q_proj"]
    assert torch.equal(adapted(x), before)
    assert [n for n, p in wrap.named_parameters() if p.requires_grad] == ["layer.q_proj.a", "layer.q_proj.b"]
    with torch.no_grad():
        adapted.b.normal_()
    merged = lora.trained(wrap)
    assert list(merged) == ["layer.q_proj.weight"]
    assert torch.allclose(x @ merged["layer.q_proj.weight"].T + adapted.base.bias, adapted(x), atol=1e-5)


@pytest.mark.parametrize(("rank", "soft_caps"), [(0, True), (2, True), (2, False)])
def test_both_ways_to_a_loss_agree(base, rank, soft_caps):
    config = folder.read_json(base / "config.json")
    if not soft_caps:
        config["text_config"] |= {"attn_logit_softcapping": None, "final_logit_softcapping": None}
    assert fits(config)
    small = Small(base, config, torch.device("cpu"), 0.0, 1)
    assert small.model.soft_caps == soft_caps
    released = Released(base, config, torch.device("cpu"), torch.float32, 64, checkpoints=bool(rank), soft_caps=soft_caps)
    r = np.random.default_rng(1)
    asked = []
    for answer in ("<loc0100><loc0200><loc0300><loc0400>ab", "x"):
        grey = r.integers(0, 256, (224, 224, 1), dtype=np.uint8)
        asked.append(labels.Asked(np.repeat(grey, 3, 2), "ocr", answer, []))
    batch = released.batch(asked)
    assert batch["input_ids"][0, 256:261].tolist() == vocab.prompt("ocr")
    if rank:
        released.adapt(rank, 4, False)
    scores, truth = released.scores(batch)
    examples = [Example(a.pixels[..., 0], a.prompt, a.answer, to_example(a).marks) for a in asked]
    made = data.collate(examples)
    features = small.model.vision(made.patches, made.first_row)
    mine, mine_truth = small.model.answer_logits(features, made.tokens, made.first_row, made.prompts)
    first, rest = mine_truth[:2], mine_truth[2:]
    counts = [int((batch["token_type_ids"][i] == 1).sum()) for i in range(2)]
    order, at = [], 2
    for i, n in enumerate(counts):
        order += [i, *range(at, at + n - 1)]
        at += n - 1
    assert torch.equal(torch.cat([first, rest])[order], truth)
    assert torch.allclose(mine[order], scores, atol=2e-4)


def test_command_writes_a_folder_like_the_base(base, manifest, tmp_path):
    out = tmp_path / "tuned"
    words = [str(base), str(manifest), str(out), "--steps", "2", "--batch", "2", "--micro", "1", "--rehearse", "0", "--device", "cpu", "--rate", "0.01"]
    finetune.main([*words, "--lora", "2"])
    old, new = load_file(base / "model.safetensors"), load_file(out / "model.safetensors")
    assert old.keys() == new.keys() and all(old[k].dtype == new[k].dtype for k in old)
    changed = {k for k in old if not torch.equal(old[k], new[k])}
    assert changed and all(k.rsplit(".", 2)[-2] in lora.TARGETS for k in changed)
    profile = folder.read_json(out / "palimpsest.json")
    assert profile["name"] == "tuned" and 0 < profile["tasks"]["ocr"]["min_scale"] < profile["tasks"]["ocr"]["max_scale"]
    assert folder.read_json(out / "finetune.json")["labels"] == 4
    for name in ("config.json", "tokenizer.json", "preprocessor_config.json"):
        assert (out / name).exists()
    finetune.main([*words[:2], str(tmp_path / "full"), *words[3:], "--micro", "2"])
    assert not torch.equal(load_file(tmp_path / "full" / "model.safetensors")["language_model.model.norm.weight"], old["language_model.model.norm.weight"])


def test_two_processes_learn_what_one_would(base, manifest, tmp_path):
    import subprocess
    import sys

    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", "29631", "-m", "training.finetune", str(base), str(manifest),
               str(tmp_path / "two"), "--steps", "1", "--batch", "2", "--micro", "1", "--rehearse", "0", "--device", "cpu", "--threads", "1", "--lora", "2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("wrote") == 1  # by the first alone
    assert (tmp_path / "two" / "model.safetensors").exists()


def test_presets_are_the_reports():
    assert presets.stage_rate(2304) == pytest.approx(1e-5) and presets.stage_rate(3584) == presets.stage_rate(4608) == pytest.approx(5e-6)
    assert presets.rate("ocr", 2304, False) == pytest.approx(1e-5) and presets.rate("table", 2304, False) == pytest.approx(1e-4)
    for size, width in (("3B", 2304), ("10B", 3584), ("28B", 4608)):  # the sweep's best
        reached = presets.TABLE_14_DOCVQA[size]
        best = presets.TABLE_14_RATES[reached.index(max(reached))]
        assert presets.rate("answer", width, False) == pytest.approx(best)
    assert presets.preset("omr").max_tokens == 1024 and presets.preset("cxr").epochs == 8 and presets.preset("table").label_smoothing == 0


def test_tensors_of_every_naming_family_meet():
    for name in ("language_model.model.layers.0.mlp.up_proj.weight", "model.language_model.layers.0.mlp.up_proj.weight"):
        assert folder.plain(name) == "language_model.layers.0.mlp.up_proj.weight"
    assert folder.plain("vision_tower.vision_model.post_layernorm.bias") == folder.plain("model.vision_tower.post_layernorm.bias")
