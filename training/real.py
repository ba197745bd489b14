"""Scores the model on tiles cut from real pages with word or line truth.

    python -m training.real MANIFEST.jsonl [--subset NAME ...] [--tiles 40] [--show 3]

Tiles are cut where the truth says there is text, at the scale that makes its letters about nine pixels high; this
watches training and is no substitute for reading whole pages.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from training import checkpoint, evaluate, export, targets, vocab
from training.data import to_patches
from training.model import Mini, Shape
from training.paths import MODEL_DIR
from training.targets import TILE, Word

X_HEIGHT = 9.0
X_HEIGHT_OF_BOX = {"word": 0.40, "line": 0.55}  # how much of a truth box's height the x-height is


def cut_tiles(row: dict, folder: Path, r: random.Random, count: int) -> list[tuple[np.ndarray, list[Word]]]:
    """Tiles of a page with the words (or lines) that lie wholly inside."""
    truth = json.loads((folder / row["gt_file"]).read_text(encoding="utf-8"))
    items = truth.get("words") or truth.get("lines") or []
    items = [i for i in items if i.get("text", "").strip()]
    if not items:
        return []
    height = statistics.median(i["bbox"][3] - i["bbox"][1] for i in items) * X_HEIGHT_OF_BOX[row["level"]]
    scale = X_HEIGHT / max(1.0, height)
    side = TILE / scale
    image = Image.open(folder / row["file"]).convert("L")
    out = []
    for _ in range(count * 6):
        x = r.uniform(0, max(0.0, image.width - side))
        y = r.uniform(0, max(0.0, image.height - side))
        words = []
        for item in items:
            x0, y0, x1, y1 = item["bbox"]
            box = tuple((v - o) * scale for v, o in ((x0, x), (y0, y), (x1, x), (y1, y)))
            if min(box) >= -1 and max(box) <= TILE + 1:
                words.append(Word(vocab.spell(item["text"]), box))
        if len(words) < 4:
            continue
        tile = Image.new("L", (math.ceil(side) + 1,) * 2, 255)
        tile.paste(image.crop((int(x), int(y), min(image.width, int(x) + tile.width), min(image.height, int(y) + tile.height))))
        u, v = x - int(x), y - int(y)
        pixels = tile.resize((TILE, TILE), Image.Resampling.BICUBIC, box=(u, v, u + side, v + side))
        out.append((np.asarray(pixels), words))
        if len(out) == count:
            break
    return out


def read(model: Mini, tiles: list[np.ndarray], limit: int = 500) -> list[list[Word]]:
    """The model's words on tiles."""
    said = []
    for i in range(0, len(tiles), 8):
        patches = torch.from_numpy(np.stack([to_patches(t) for t in tiles[i : i + 8]]))
        said += [targets.parse_tokens(ids) for ids in model.generate(patches, limit)]
    return said


def load_model(exported: bool) -> Mini:
    """The exported model, or the averaged weights of the saved state."""
    if exported:
        model = Mini(export.exported_shape(MODEL_DIR))
        export.load_weights(model, MODEL_DIR)
    else:
        state = checkpoint.load()
        model = Mini(Shape(**state["shape"]))
        model.load_state_dict(state["average"])
    return model.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--subset", action="append")
    parser.add_argument("--tiles", type=int, default=40, help="tiles of each subset")
    parser.add_argument("--show", type=int, default=0, help="print so many answers")
    parser.add_argument("--state", action="store_true", help="score the saved state instead of the exported model")
    options = parser.parse_args()
    torch.set_num_threads(1)
    model = load_model(not options.state)
    rows = [json.loads(line) for line in options.manifest.read_text(encoding="utf-8").splitlines()]
    for subset in options.subset or sorted({row["subset"] for row in rows}):
        pages = [row for row in rows if row["subset"] == subset and row["level"] in X_HEIGHT_OF_BOX]
        r = random.Random(f"real/{subset}")
        tiles = [t for row in pages for t in cut_tiles(row, options.manifest.parent, r, max(1, options.tiles // max(1, len(pages))))]
        if not tiles:
            continue
        said = read(model, [t for t, _ in tiles])
        lines = pages[0]["level"] == "line"
        true = [[Word(w, t.box) for t in words for w in t.text.split()] for _, words in tiles]
        result = evaluate.score(said, true)
        if lines:
            result = {k: result[k] for k in ("bag_f1", "cer", "words")}
        print(subset, len(tiles), "tiles", json.dumps(result), flush=True)
        for s, t in list(zip(said, true))[: options.show]:
            print("  true", " ".join(w.text for w in t)[:160])
            print("  said", " ".join(w.text for w in s)[:160])


if __name__ == "__main__":
    main()
