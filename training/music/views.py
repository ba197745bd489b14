"""Views of engraved music as the model is shown them: bars and whole systems cut out, worn, and brought into the square,
with everything that the answer names at its place in the square."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from training import degrade, fonts, vocab
from training.example import Example, Item, marks
from training.music import engrave, kern, spelling
from training.music.kern import Odd
from training.render import PATCH
from training.targets import TILE

# The symbols of the auxiliary loss: heads by line or space (clamped), then what else is drawn.
LOWEST, HIGHEST = -6, 14
_OTHERS = ("half", "whole", "G", "F", "C", "n", "#", "-", "##", "--", "rest1", "rest4", "rest8", "rest16", "rest32", "bar", "dot", "flag", "repeat")
CLASSES = HIGHEST - LOWEST + 1 + len(_OTHERS)

_HEADS = {"E0A2": "whole", "E0A3": "half"}
_RESTS = {"E4E2": "rest1", "E4E3": "rest1", "E4E4": "rest1", "E4E5": "rest4", "E4E6": "rest8", "E4E7": "rest16"}


def head_class(steps: int) -> int:
    """The auxiliary class of a note head on a line or space."""
    return vocab.symbol_class("music", min(HIGHEST, max(LOWEST, steps)) - LOWEST)


def other_class(name: str) -> int:
    """The auxiliary class of another symbol."""
    return vocab.symbol_class("music", HIGHEST - LOWEST + 1 + _OTHERS.index(name))


@dataclass
class Sheet:
    """An engraved system, drawn, with the answers of its bars."""

    page: engrave.Page
    image: Image.Image
    scale: float  # pixels of the image per unit of the SVG
    space: float  # pixels between two lines
    system: kern.System
    spelled: list[spelling.Spelled | None]
    places: list[Callable]
    text: str
    style: str  # "clean", "grey" or "bitonal"


FINEST = 2.5  # pixels of a view for one of the square, at most, when it is worn
STYLES = (("clean", 0.34), ("grey", 0.22), ("bitonal", 0.44))


def sheet(text: str, r: random.Random, font: str, style: str | None = None) -> Sheet | None:
    """Engrave and draw a text; None where it cannot be."""
    try:
        system = kern.read(text)
        page = engrave.engrave(text, font, layout(r))
    except (Odd, ValueError, KeyError, IndexError):
        return None
    if page is None or not page.measures or len(page.measures) != len(system.bars) or len(page.systems) != 1:
        return None
    if any(len(m.staves) != system.staves or any(len(s) != 5 for s in m.staves) for m in page.measures):
        return None
    style = style or r.choices([s for s, _ in STYLES], [w for _, w in STYLES])[0]
    space = r.choice((11.0, 13.0, 15.0, 17.0)) if style != "clean" else r.choice((9.0, 12.0, 15.0, 17.0))
    scale = space / engrave.SPACE
    image = engrave.raster(page, space, 1.0 if style == "clean" else r.choice((0.9, 1.0, 1.2, 1.5)), r.choice(r.choice(fonts.families("train")[0])).path)
    speller = spelling.Speller(system)
    spelled: list[spelling.Spelled | None] = []
    places = []
    drawn = lambda line, column, note: (line, column, note) in page.accidentals  # noqa: E731
    for k, bar in enumerate(system.bars):
        place = _place(page, system, bar, k, scale)
        places.append(place)
        try:
            answer = speller.bar(bar, place, drawn)
            spelled.append(spelling.Spelled(answer.lines, answer.said, []))
        except Odd:
            spelled.append(None)
    return Sheet(page, image, scale, space, system, spelled, places, text, style)


def layout(r: random.Random) -> dict:
    """Options of Verovio: spacing and line widths."""
    return {
        "spacingLinear": r.choice((0.15, 0.2, 0.25, 0.25, 0.3, 0.35)),
        "spacingNonLinear": r.choice((0.5, 0.55, 0.6, 0.65)),
        "spacingStaff": r.choice((6, 8, 10, 12, 12, 14, 16)),
        "staffLineWidth": r.choice((0.1, 0.15, 0.15, 0.2)),
        "stemWidth": r.choice((0.15, 0.2, 0.25)),
        "barLineWidth": r.choice((0.2, 0.3, 0.4)),
        "beamMaxSlope": r.choice((0, 5, 10, 10)),
        "slurCurveFactor": r.choice((0.6, 1.0, 1.3)),
        "mnumInterval": r.choice((0, 0, 0, 5)),
    }


def _place(page: engrave.Page, system: kern.System, bar: kern.Bar, number: int, scale: float) -> Callable:
    """Where the tokens of a bar are drawn, in pixels of the image."""
    measure = page.measures[number]
    rows = {row.line: (i, row) for i, row in enumerate(bar.rows)}

    def notes_x(i: int, step: int) -> float | None:
        while 0 <= i < len(bar.rows):
            row = bar.rows[i]
            if row.kind == "notes":
                for staff in row.staves:
                    for token in staff:
                        at = token and (page.notes.get((row.line, token.field, 0)) or page.rests.get((row.line, token.field)))
                        if at:
                            return at[0]
            i += step
        return None

    def place(line: int, column: int, note: int) -> tuple[float, float] | None:
        if line not in rows:  # a bar line
            if line == bar.line:
                return ((measure.left + 400) * scale, 0.0)
            return (max(measure.bars) * scale, 0.0) if measure.bars else None
        i, row = rows[line]
        staff, token = next((s, t) for s, voices in enumerate(row.staves) for t in voices if t and t.field == column)
        lines = measure.staves[system.staves - 1 - staff]
        middle = lines[2]
        if row.kind == "notes":
            at = page.notes.get((line, column, note)) or page.rests.get((line, column))
            if at:
                return at[0] * scale, at[1] * scale
            if "r" in token.text and (x := notes_x(i, len(bar.rows))):
                return x * scale, middle * scale
            return None
        kind = "clef" if token.text.startswith("*clef") else "key" if token.text.startswith("*k[") else "metre" if token.text.startswith(("*M", "*met")) else ""
        x: float | None = None
        if kind == "clef" and (line, column) in page.clefs:
            x = page.clefs[line, column]
        elif kind:
            x = next((at for k, s, at, _ in measure.signs if k == kind and s == system.staves - 1 - staff), None)
        elif token.text.startswith("*X"):
            x = notes_x(i, -1)
            x = x + 130 if x is not None else None
        else:
            x = notes_x(i, 1)
        return (x * scale, middle * scale) if x is not None else None

    return place


@dataclass
class Window:
    """A square of the picture, and how its points come into the model's square."""

    box: tuple[float, float, float, float]  # what is shown of the image
    side: float
    left: float
    top: float
    warp: degrade.Warp | None

    def point(self, x: float, y: float) -> tuple[float, float]:
        """A point of the image in the model's square."""
        f = TILE / self.side
        p = (x - self.left) * f, (y - self.top) * f
        return self.warp.point(*p) if self.warp else p


def window(box: tuple[float, float, float, float], r: random.Random, tilt: float) -> Window:
    """The square around a box, content in its middle."""
    w, h = box[2] - box[0], box[3] - box[1]
    side = max(w, h)
    warp = None
    if tilt and r.random() < 0.6:
        warp = degrade.Warp(r, TILE, TILE)
        a = math.radians(max(-2 * tilt, min(2 * tilt, r.gauss(0, tilt))))
        warp.forward = (math.cos(a), -math.sin(a), math.sin(a), math.cos(a))
    return Window(box, side, (box[0] + box[2] - side) / 2, (box[1] + box[3] - side) / 2, warp)


def picture(image: Image.Image, space: float, view: Window, r: random.Random, style: str) -> np.ndarray:
    """The model's square: cut out, worn as a scan wears paper, shrunk."""
    noise = np.random.default_rng(r.getrandbits(64))
    x0, y0, x1, y1 = (round(v) for v in view.box)
    cut = image.crop((max(0, x0), max(0, y0), min(image.width, x1), min(image.height, y1)))
    part = Image.new("L", (x1 - x0, y1 - y0), 255)
    part.paste(cut, (max(0, -x0), max(0, -y0)))
    scale = min(1.0, FINEST * TILE / view.side)
    if scale < 1:  # a whole system: finer than the square by more than it takes to wear it
        part = part.resize((max(1, round(part.width * scale)), max(1, round(part.height * scale))), Image.Resampling.BOX)
    if view.warp:  # about the middle, which is that of the square
        c, _, s, _ = view.warp.forward
        part = part.rotate(-math.degrees(math.atan2(s, c)), Image.Resampling.BILINEAR, fillcolor=255)
    if style == "bitonal":
        part = scan(part, space * scale, r, noise)
    elif style == "grey":
        part = degrade.canvas_wear(part, r, noise, max(1.0, view.side * scale / TILE), "grey")
    side = math.ceil(view.side * scale)
    whole = Image.new("L", (side, side), 255)
    whole.paste(part, (round((view.box[0] - view.left) * scale), round((view.box[1] - view.top) * scale)))
    small = whole.resize((TILE, TILE), Image.Resampling.BICUBIC)
    pixels = degrade.tile_wear(small, r, noise, style)
    return np.asarray(pixels).copy()


def scan(image: Image.Image, space: float, r: random.Random, noise: np.random.Generator) -> Image.Image:
    """A black-and-white scan of an old engraving: ink that is thick here and thin there, broken lines, specks."""
    a = np.asarray(image.filter(ImageFilter.GaussianBlur(space * r.uniform(0.02, 0.06))), dtype=np.float32)
    level = r.uniform(115, 195)
    h, w = a.shape
    if r.random() < 0.75:
        a = a + degrade._smooth_field((h, w), max(2, int(w / space / r.uniform(1.0, 6))), noise) * r.uniform(6, 26)
    if r.random() < 0.6:
        a = a + degrade._smooth_field((h, w), max(2, int(w / space * r.uniform(1.0, 3.5))), noise) * r.uniform(6, 36)
    if r.random() < 0.25:
        degrade.specks(a, r, noise)
    return Image.fromarray(np.where(a > level, np.uint8(255), np.uint8(0)))


def items(s: Sheet, bar: int, view: Window) -> list[Item]:
    """What a bar's answer names, in its order."""
    out = []
    page, scale, measure = s.page, s.scale, s.page.measures[bar]
    unit = s.space

    def item(box: tuple[float, float, float, float], glyphs: list[tuple[int, float, float]]) -> None:
        corners = [view.point(x, y) for x in (box[0], box[2]) for y in (box[1], box[3])]
        xs, ys = [p[0] for p in corners], [p[1] for p in corners]
        out.append(Item((min(xs), min(ys), max(xs), max(ys)), [(k, *view.point(x, y)) for k, x, y in glyphs]))

    for step in s.spelled[bar].said:
        kind = step.tokens[0][1]
        column = step.tokens[0][0]
        lines = [y * scale for y in measure.staves[s.system.staves - 1 - step.staff]]
        if kind == "note":
            glyphs, xs, ys = [], [], []
            for column, note, steps, alter in step.positions:
                x, y, code = page.notes[step.line, column, note]
                x, y = x * scale, y * scale
                xs, ys = xs + [x], ys + [y]
                if alter is not None:
                    glyphs.append((other_class(spelling.ACCIDENTALS[alter]), x - 1.4 * unit, y))
                    xs.append(x - 1.7 * unit)
                glyphs.append((head_class(steps), x, y))
                if code in _HEADS:
                    glyphs.append((other_class(_HEADS[code]), x, y))
            if "." in step.text.split("<")[0]:
                glyphs.append((other_class("dot"), max(xs) + 1.1 * unit, ys[0]))
            item((min(xs) - 0.7 * unit, min(ys) - 0.6 * unit, max(xs) + 0.7 * unit, max(ys) + 0.6 * unit), glyphs)
        elif kind == "rest":
            found = page.rests.get((step.line, column))
            at = s.places[bar](step.line, column, 0)
            glyphs = [(other_class(_RESTS.get(found[2], "rest32")), *at)] if found else []
            item((at[0] - 0.7 * unit, at[1] - unit, at[0] + 0.7 * unit, at[1] + unit), glyphs)
        elif kind == "bar":
            x = s.places[bar](step.line, 0, -1)[0]
            middles = [sum(m) / len(m) * scale for m in measure.staves]
            name = "repeat" if ":" in step.text else "bar"
            item((x - 0.5 * unit, min(map(min, measure.staves)) * scale, x + 0.5 * unit, max(map(max, measure.staves)) * scale), [(other_class(name), x, y) for y in middles])
        else:
            x = s.places[bar](step.line, column, -1)[0]
            middle = lines[2]
            glyphs, right = [], x + unit
            body = step.text[1:]
            if body[0] in "GFC" and len(body) > 1:
                y = {"G": lines[3], "F": lines[1]}.get(body[0], lines[5 - int(body[-1])] if body[0] == "C" else middle)
                glyphs = [(other_class(body[0]), x, y)]
            elif body[0] in "#-":
                at = [(u * scale, v * scale) for k, n, u, v in measure.signs if k == "key" and n == s.system.staves - 1 - step.staff][-len(body) :]
                glyphs = [(other_class(body[0]), u, v) for u, v in at]
                right = at[-1][0] if at else right
            elif "/" in body:
                top, below = body.split("/")
                glyphs = [(vocab.CHARACTER_CLASS[top[-1]], x, lines[1]), (vocab.CHARACTER_CLASS[below[-1]], x, lines[3])]
            elif body[0] in "cC":
                glyphs = [(vocab.CHARACTER_CLASS[body[0]], x, middle)]
            item((x - unit, lines[0], right + 0.5 * unit, lines[4]), glyphs)
    return out


def bounds(s: Sheet, first: int, count: int) -> tuple[float, float, float, float]:
    """The staves of some bars: from bar line to bar line, from the upper line of the upper staff to the lowest line."""
    a, b = s.page.measures[first], s.page.measures[first + count - 1]
    right = max(b.bars) if b.bars else b.right
    if first + count == len(s.page.measures):
        right = max(right, b.right)
    lines = [y for m in (a, b) for staff in m.staves for y in staff]
    return a.left * s.scale, min(lines) * s.scale, right * s.scale, max(lines) * s.scale


def heads(s: Sheet, first: int, count: int) -> tuple[float, float]:
    """The highest and the lowest note head of some bars."""
    ys = [s.page.notes[step.line, c, n][1] * s.scale for b in range(first, first + count) for step in s.spelled[b].said for c, n, _, _ in step.positions]
    return (min(ys), max(ys)) if ys else (math.inf, -math.inf)


_LOCATION = re.compile(r"<loc(\d{4})>")


def _fitted(top: float, low: float, wished_top: float, wished_low: float, unit: float, height: float) -> tuple[float, float] | None:
    """How far a view reaches up and down: as wished, but no higher than the height where there is one to keep, and never less than
    0.8 staff spaces around what must be seen."""
    top, low = top - 0.8 * unit, low + 0.8 * unit
    wished_top, wished_low = min(wished_top, top), max(wished_low, low)
    if low - top > height:
        return None
    slack = (height - (low - top)) / max(1e-9, (top - wished_top) + (wished_low - low))
    share = min(1.0, slack)
    return top - (top - wished_top) * share, low + (wished_low - low) * share


def bar_view(s: Sheet, first: int, count: int, r: random.Random, rows: int, canonical: bool = False) -> Example | None:
    """The question about a bar, or several side by side."""
    if any(s.spelled[b] is None for b in range(first, first + count)):
        return None
    x0, y0, x1, y1 = bounds(s, first, count)
    u = s.space
    over = 0.0 if canonical else 0.5
    left, right = x0 - u * (1.2 + r.uniform(-over, over)), x1 + u * (1.2 + r.uniform(-over, over))
    top, low = heads(s, first, count)
    around = 7.0 if canonical else r.choice((7.0, r.uniform(4.5, 9.0), r.uniform(2.5, 6)))
    upright = _fitted(min(y0, top - 0.4 * u), max(y1, low + 0.4 * u), y0 - u * around, y1 + u * (around + r.uniform(-1, 1) * over), u, (right - left) * rows * PATCH / TILE if rows < TILE // PATCH else math.inf)
    if upright is None:
        return None
    box = (left, max(upright[0], 0 if r.random() < 0.5 else -math.inf), right, min(upright[1], s.image.height if r.random() < 0.5 else math.inf))
    view = window(box, r, 0.0 if canonical or s.style == "clean" else 0.4)
    if s.space * TILE / view.side < 3.6:
        return None
    lines, found = [], []
    for b in range(first, first + count):
        found += items(s, b, view)
        # The same bar spelled with its places in the square.
        respelled = _respell(s, b, view)
        if respelled is None:
            return None
        lines += respelled
    if any(not (0 <= i.box[2] and i.box[0] <= TILE) for i in found):
        return None
    return _finish(s, picture(s.image, u, view, r, s.style), spelling.BAR_PROMPT, "\n".join(lines), found, rows, {"bars": count})


def _respell(s: Sheet, bar: int, view: Window) -> list[str] | None:
    """A bar's answer with places in the square. Numbers of the sheet's own answer are replaced one by one."""
    out = []
    said = iter(s.spelled[bar].said)
    for line in s.spelled[bar].lines:
        values: list[tuple[float, float, str]] = []
        count = len(_LOCATION.findall(line)) - 1
        step = next(said)
        place = s.places[bar]
        kind = step.tokens[0][1]
        first = place(step.line, step.tokens[0][0], -1 if kind in ("bar", "sign") else 0)
        if kind in ("bar", "sign"):
            y = sum(sum(m) for m in s.page.measures[bar].staves) / (5 * s.system.staves) * s.scale
            x = view.point(first[0], y)[0]
            texts = [spelling._loc(x)]
            n = line.count("*") - 1 if kind == "sign" else 0
            for _ in range(n):
                next(said)
        else:
            texts = [spelling._loc(view.point(*first)[0])]
            while True:
                if step.tokens[0][1] == "rest":
                    texts.append(spelling._loc(view.point(*place(step.line, step.tokens[0][0], 0))[1]))
                else:
                    texts += [spelling._loc(view.point(*place(step.line, c, n))[1]) for c, n, _, _ in step.positions]
                if len(texts) - 1 >= count:
                    break
                step = next(said)
        pieces = iter(texts)
        out.append(_LOCATION.sub(lambda m: next(pieces), line))
    return out


def _finish(s: Sheet, pixels: np.ndarray, prompt: str, answer: str, found: list[Item], rows: int, truth: dict) -> Example | None:
    if len(vocab.encode(answer)) > 500:
        return None
    first = (TILE // PATCH - rows) // 2
    return Example(pixels[first * PATCH : (first + rows) * PATCH], prompt, answer, marks(found, rows, first), first, truth)


def system_view(s: Sheet, r: random.Random, rows: int) -> Example | None:
    """The question for the bars of a whole system."""
    count = len(s.page.measures)
    x0, y0, x1, y1 = bounds(s, 0, count)
    u = s.space
    left, right = x0 - u * r.uniform(0.8, 5), x1 + u * r.uniform(0.3, 4)
    upright = _fitted(y0, y1, y0 - u * r.uniform(2.5, 9), y1 + u * r.uniform(2.5, 9), u, (right - left) * rows * PATCH / TILE if rows < TILE // PATCH else math.inf)
    if upright is None:
        return None
    box = (left, upright[0], right, upright[1])
    view = window(box, r, 0.0 if s.style == "clean" else 0.3)
    if u * TILE / view.side < 1.1:
        return None
    boxes, found = [], []
    for k in range(count):
        a, b, c, d = bounds(s, k, 1)
        corners = [view.point(x, y) for x in (a, c) for y in (b, d)]
        xs, ys = [p[0] for p in corners], [p[1] for p in corners]
        mine = (sum(sorted(xs)[:2]) / 2, sum(sorted(ys)[:2]) / 2, sum(sorted(xs)[2:]) / 2, sum(sorted(ys)[2:]) / 2)
        boxes.append(mine)
        found.append(Item(mine, [(other_class("bar"), mine[2] - 0.5, y) for y in np.linspace(mine[1], mine[3], 4)]))
    answer = spelling.measures_answer(boxes, s.system.staves, s.style == "clean")
    return _finish(s, picture(s.image, u, view, r, s.style), spelling.MEASURES_PROMPT, answer, found, rows, {"measures": count})
