"""One small mixed page with everything known of it: two lines of text, a table, a drawn molecule and a system of music.

    python -m training.onepage FOLDER        page.png, truth.json, and model/palimpsest.json, the way to ask about it

training/overfit.py teaches a tiny model this page by heart, and a test reads it with that model through the whole
service. The truth says what each prompt asks of the page (docs/targets.md), with places in pixels of the page, so that whoever
cuts a view can say what is right to answer about it, and which rows the tasks are to write.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path

from PIL import Image, ImageChops, ImageDraw, ImageFont

from training import profile, regions, targets
from training.detect import Thing, in_order
from training.music import engrave, spelling, views
from training.tables import structure
from training.targets import Box

SIZE = (300, 480)
FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSerif.ttf"  # Debian's fonts-dejavu-core
INK, PAPER = 20, 250
X_HEIGHT = 16.0
LEFT, PITCH = 20, 34

TEXT = ("Ink fades, paper", "remembers what", "it was told.")
TABLE = (("Salt", "g/mol"), ("NaCl", "58"), ("KBr", "119"))  # the first row names the columns
COLUMNS = (28, 168)  # where they begin
MUSIC = "**kern\n*clefG2\n*k[]\n*M2/4\n=\n4cc\n4ee\n=\n2gg\n==\n*-\n"
STAFF_SEED = 5  # of the engraving's spacing: lines 9 pixels apart
PROFILE = {"name": "onepage", "format": 1, "tasks": {name: profile.TASKS[name] for name in ("ocr", "table", "molecule", "omr", "regions")}}
PITCHES = (("C5", 1), ("E5", 1), ("G5", 2))  # and the measure


def place(x: float | None = None, y: float | None = None) -> str:
    """Places of an answer before it is known in which view, in pixels of the page: y before x, as in an answer."""
    return "".join(f"<{axis}{round(v, 1):g}>" for axis, v in (("y", y), ("x", x)) if v is not None)


def corners(box: Box) -> str:
    """The four places of a box."""
    x0, y0, x1, y1 = box
    return place(x0, y0) + place(x1, y1)


def around(boxes: list[Box]) -> Box:
    """The box around boxes."""
    return (*(min(b[i] for b in boxes) for i in (0, 1)), *(max(b[i] for b in boxes) for i in (2, 3)))


class Painter:
    """Draws the page and keeps what was drawn."""

    def __init__(self) -> None:
        self.page = Image.new("L", SIZE, PAPER)
        self.pen = ImageDraw.Draw(self.page)
        for size in range(8, 60):
            self.font = ImageFont.truetype(FONT, size)
            x0, y0, x1, y1 = self.font.getbbox("x", anchor="ls")
            if -y0 >= X_HEIGHT:
                break
        self.words: list[tuple[str, Box]] = []
        self.regions: list[Thing] = []

    def ink(self, box: tuple[int, int, int, int]) -> Box:
        """The ink within a box."""
        found = self.page.crop(box).point(lambda v: 255 if v < 160 else 0).getbbox()
        return (box[0] + found[0], box[1] + found[1], box[0] + found[2], box[1] + found[3])

    def line(self, text: str, x: float, baseline: float) -> Box:
        """Words on a line; returns the box around them."""
        boxes = []
        for word in text.split():
            self.pen.text((x, baseline), word, font=self.font, fill=INK, anchor="ls")
            x0, y0, x1, y1 = self.font.getbbox(word, anchor="ls")
            box = (x + x0, baseline + min(y0, -1.25 * X_HEIGHT), x + x1, baseline + max(y1, 0.2 * X_HEIGHT))
            self.words.append((word, box))
            boxes.append(box)
            x += self.font.getlength(word + " ")
        return around(boxes)

    def text(self, top: float) -> None:
        """The running text."""
        boxes = [self.line(text, LEFT, top + (i + 1) * PITCH - 8) for i, text in enumerate(TEXT)]
        self.regions.append(Thing("text", around(boxes)))

    def table(self, top: float) -> dict:
        """The table, with a rule above, below and under its head; returns its structure and its cells."""
        cells = []
        for i, row in enumerate(TABLE):
            for k, text in enumerate(row):
                cells.append({"row": i, "col": k, "header": i == 0, "text": text, "box": self.line(text, COLUMNS[k], top + (i + 1) * PITCH - 6 + 4 * (i > 0))})
        rules = [top + 1, top + PITCH + 3, top + 3 * PITCH + 8]
        for y in rules:
            self.pen.rectangle((COLUMNS[0] - 8, y, 272, y + 1), fill=INK)
        self.regions.append(Thing("table", (COLUMNS[0] - 8, rules[0], 273, rules[-1] + 2)))
        rows = [around([c["box"] for c in cells if c["row"] == i]) for i in range(len(TABLE))]
        columns = [around([c["box"] for c in cells if c["col"] == k]) for k in range(len(COLUMNS))]
        said = "h" + place(y=rows[0][1]) + place(y=rows[0][3])
        said += "b" + "".join(place(y=r[1]) + place(y=r[3]) for r in rows[1:])
        said += "c" + "".join(place(x=c[0]) + place(x=c[2]) for c in columns)
        return {"said": said, "cells": cells}

    def molecule(self, x: float, y: float) -> str:
        """Acetic acid; returns the atoms along its lines."""
        c1, c2, o1, o2 = (x, y), (x + 40, y - 23), (x + 40, y - 64), (x + 80, y)
        for (ax, ay), (bx, by) in ((c1, c2), ((c2[0] - 4, c2[1]), (o1[0] - 4, o1[1] + 13)), ((c2[0] + 4, c2[1]), (o1[0] + 4, o1[1] + 13)), (c2, (o2[0] - 10, o2[1] - 6))):
            self.pen.line((ax, ay, bx, by), fill=INK, width=2)
        self.pen.text(o1, "O", font=self.font, fill=INK, anchor="mm")
        half = self.font.getlength("O") / 2
        self.pen.text((o2[0] - half, o2[1]), "OH", font=self.font, fill=INK, anchor="lm")
        self.regions.append(Thing("molecule", self.ink((round(x) - 12, round(y) - 84, round(x) + 140, round(y) + 16))))
        steps = (c1, "C"), (c2, "C"), (o1, "=O")
        return "".join(place(*at) + said for at, said in steps) + "," + place(*c2) + place(*o2) + "O"

    def staff(self, x: int, y: int) -> tuple[list[Box], list[str]]:
        """The system; returns the boxes of its bars and what is printed in each."""
        sheet = views.sheet(MUSIC, random.Random(STAFF_SEED), engrave.FONTS[0], "clean")
        shades = sheet.image.point(lambda v: INK + round(v * (PAPER - INK) / 255))
        under = self.page.crop((x, y, x + shades.width, y + shades.height))
        self.page.paste(ImageChops.darker(shades, under), (x, y))
        x0, y0, x1, y1 = views.bounds(sheet, 0, len(sheet.spelled))
        reach = 3 * sheet.space  # of clefs and stems beyond the lines
        self.regions.append(Thing("staff", self.ink(tuple(round(v) for v in (x0 + x - 4, y0 + y - reach, x1 + x + 4, y1 + y + reach)))))
        bars, said = [], []
        for k, spelled in enumerate(sheet.spelled):
            x0, y0, x1, y1 = views.bounds(sheet, k, 1)
            bars.append((x0 + x, y0 + y, x1 + x, y1 + y))
            lines = []
            for step, line in zip(spelled.said, spelled.lines, strict=True):  # one staff of one voice: a line for each
                note = step.tokens[0][1] == "note"
                at = sheet.places[k](step.line, step.tokens[0][0], 0 if note else -1)
                parts = targets.LOCATION_TOKEN.split(line)
                parts[1] = place(x=round(at[0] + x, 1))
                if note:
                    parts[3] = place(y=round(at[1] + y, 1))
                lines.append("".join(parts))
            said.append("\n".join(lines))
        return bars, said


def html() -> str:
    """The table as the service writes it: what stands in its head is a heading anyway."""
    rows = ["<tr>" + "".join(f"<td>{text}</td>" for text in row) + "</tr>" for row in TABLE]
    return f"<table><thead>{rows[0]}</thead><tbody>{''.join(rows[1:])}</tbody></table>"


def write_profile(folder: Path) -> None:
    """Write how a model is asked about the page into its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "palimpsest.json").write_text(json.dumps(PROFILE, indent=1) + "\n", encoding="utf-8")


def ask(prompt: str, items: list[tuple[Box, str]], join: str = "") -> dict:
    """What a prompt asks for: each item is said where its box lies in the view."""
    return {"prompt": prompt, "join": join, "items": [{"box": [round(v, 1) for v in box], "said": said} for box, said in items]}


def draw() -> tuple[Image.Image, dict]:
    """The page and its truth."""
    p = Painter()
    p.text(8)
    table = p.table(132)
    atoms = p.molecule(92, 348)
    bars, printed = p.staff(8, 350)
    boxes = {t.label: t.box for t in p.regions}
    things = in_order(p.regions)
    truth = {
        "asks": [
            ask(regions.PROMPT, [(t.box, corners(t.box) + " " + t.label) for t in things], " ; "),
            ask(targets.PROMPT, [(box, corners(box) + word) for word, box in p.words]),
            ask(structure.PROMPT, [(boxes["table"], table["said"])]),
            ask("molecule", [(boxes["molecule"], atoms)]),
            ask(spelling.MEASURES_PROMPT, [(box, corners(box) + "1x") for box in bars]),
            ask(spelling.BAR_PROMPT, list(zip(bars, printed))),
        ],
        "regions": [{"kind": t.label, "box": t.box} for t in things],
        "words": [{"text": word, "box": box} for word, box in p.words],
        "tables": [{"html": html(), "box": boxes["table"]}],
        "cells": table["cells"],
        "molecules": [{"smiles": "CC(=O)O", "box": boxes["molecule"]}],
        "scores": [{"kern": MUSIC, "box": around(bars)}],
        "notes": [{"pitch": pitch, "measure": measure, "box": bars[measure - 1]} for pitch, measure in PITCHES],
    }
    return p.page, json.loads(json.dumps(truth), parse_float=lambda s: round(float(s), 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    page, truth = draw()
    page.save(folder / "page.png", optimize=True)
    (folder / "truth.json").write_text(json.dumps(truth, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    write_profile(folder / "model")


if __name__ == "__main__":
    main()
