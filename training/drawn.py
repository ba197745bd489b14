"""Draws the test sets of what the default model is asked, for `palimpsest eval`.

    python -m training.drawn FOLDER --task ocr|table|molecule|omr|spatial|regions|mixed [--count 200] [--seed 20261123]

The folder gets one PNG an item and MANIFEST.jsonl. The seed and the styles that training never draws (fonts, line widths,
molecules, works of music; each task's renderer says which) are fixed here and there, so the same sources give the same items.
`mixed` draws pages that every task reads something of, with a manifest for each: MANIFEST-ocr.jsonl and so on.
"""

from __future__ import annotations

import argparse
import importlib
import json
import random
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from training import pages

SEED = pages.SEED

# The renderer of each task, and the task of `palimpsest eval` that reads what it draws.
TASKS = {"table": ("tables", "table"), "molecule": ("molecules", "molecule"), "omr": ("music", "omr"), "spatial": ("pictures", "answer"), "regions": ("regions", "regions")}
NAMES = ("ocr", *TASKS, "mixed")


def items(task: str, count: int, seed: int) -> Iterator[tuple[Image.Image, dict[str, dict]]]:
    """Pictures with their rows by task of `palimpsest eval`; each item has a seed of its own."""
    module, read = ("regions", "") if task == "mixed" else TASKS[task]
    renderer = importlib.import_module("training." + module)
    for i in range(count):
        r = random.Random(f"{seed}/{task}/{i}")
        if task == "mixed":
            image, truths = renderer.mixed(r)
            yield image, {name: {"gt": truth} for name, truth in truths.items()}
            continue
        image, row = renderer.drawn(r)
        if "gt" not in row:  # the truth by itself, with what else is known of the item
            row = {"gt": {"kern": row["kern"]}} | {k: v for k, v in row.items() if k != "kern"}
        yield image, {read: row}


def write(folder: Path, task: str, count: int, seed: int) -> list[Path]:
    """Write pictures and manifests; returns the manifests."""
    if task == "ocr":
        pages.write(folder, count, seed)
        return [folder / "MANIFEST.jsonl"]
    folder.mkdir(parents=True, exist_ok=True)
    manifests: dict[str, list[str]] = {}
    for i, (image, rows) in enumerate(items(task, count, seed)):
        name = f"{task}{i:03d}"
        image.save(folder / f"{name}.png")
        for read, row in rows.items():
            line = {"id": f"drawn/{name}", "subset": f"drawn_{task}", "file": f"{name}.png", "width": image.width, "height": image.height} | row
            manifests.setdefault(read, []).append(json.dumps(line, ensure_ascii=False))
    out = []
    for read, lines in manifests.items():
        out.append(folder / ("MANIFEST.jsonl" if len(manifests) == 1 else f"MANIFEST-{read}.jsonl"))
        out[-1].write_text("\n".join(lines) + "\n", encoding="utf-8")
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--task", choices=NAMES, required=True)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args()
    for manifest in write(options.folder, options.task, options.count, options.seed):
        print(manifest)


if __name__ == "__main__":
    main()
