"""Makes whole examples: a molecule laid out, painted, labelled, worn, and fitted into the model's square as the plugin shows it."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from training import degrade, vocab
from training.example import Example, Item, marks
from training.molecules import layout, paint, seeds
from training.molecules.drawing import Atom, Bond, Drawing, Walk
from training.render import CENTRE_X, CENTRE_Y, CLASS, PATCH
from training.targets import TILE, Box

PROMPT = "molecule"
FIRST_BOND, LAST_BOND = (vocab.symbol_class("molecule", end(paint.KINDS.values())) for end in (min, max))
GRID = TILE // PATCH
REACH = 4.0  # half the side of an atom's box, pixels
MAX_TOKENS = 480
LOOKS = ("clean",) * 5 + ("bitonal",) * 4 + ("worn",) * 3
LEAST_BOND = {16: 8.0, 8: 9.0, 4: 11.0}  # pixels of the model


@dataclass
class Sheet:
    """The picture of a molecule as somebody would cut it out of a page, at the resolution of the page."""

    image: Image.Image
    scale: float  # pixels of it to one of the model
    drawing: Drawing  # in pixels of the sheet
    items: list[Item]  # in pixels of the sheet


def sizes(r: random.Random, rows: int) -> int:
    """How many atoms to draw: what pages show, and small ones that are learnt first."""
    if rows == 4:
        return r.randint(3, 14)
    if rows == 8:
        return r.randint(4, 16) if r.random() < 0.5 else r.randint(10, 28)
    u = r.random()
    return r.randint(3, 12) if u < 0.2 else r.randint(8, 22) if u < 0.55 else r.randint(16, 34) if u < 0.92 else r.randint(30, 44)


def pick(r: random.Random, split: str, rows: int):
    """A molecule of the split of about that size."""
    lines = seeds.lines()
    while True:
        n = sizes(r, rows)
        if n in lines:
            mol = seeds.usable(r.choice(lines[n]), split)
            if mol is not None:
                return seeds.varied(mol, r)


def _compound(r: random.Random) -> str:
    """A number or name as printed with a molecule."""
    number = str(r.randint(1, 99)) + r.choice(("", "", "", "a", "b", "c", "d"))
    return r.choice((number, number, number, f"({number})", f"({'IVX'[r.randrange(3)]})", f"Compound {number}", f"Ex. {number}", f"(±)-{number}", f"{r.randint(1, 9)}-{r.randint(1, 20)}"))


class Letterer:
    """Writes words beside the drawing and remembers where."""

    def __init__(self, image: Image.Image, font: str, size: int, ink: int):
        self.draw, self.font, self.size, self.ink = ImageDraw.Draw(image), font, size, ink

    def width(self, text: str) -> float:
        """How wide a text is."""
        return sum(paint._ink(self.font, self.size, c)[0] for c in text)

    def write(self, text: str, x: float, y: float) -> tuple[Box, list[tuple[int, float, float]]]:
        """Writes a text with its baseline beginning at a point; returns its ink and its characters."""
        glyphs, box = [], None
        for c in text:
            advance, b = paint._ink(self.font, self.size, c)
            if c != " ":
                self.draw.text((x, y), c, fill=self.ink, font=paint._font(self.font, self.size), anchor="ls")
                ink = (x + b[0], y + b[1], x + b[2], y + b[3])
                box = ink if box is None else (min(box[0], ink[0]), min(box[1], ink[1]), max(box[2], ink[2]), max(box[3], ink[3]))
                glyphs.append((vocab.CHARACTER_CLASS[c], (ink[0] + ink[2]) / 2, (ink[1] + ink[3]) / 2))
            x += advance
        return box or (x, y, x, y), glyphs


def _scale(r: random.Random) -> float:
    """Pixels of the page to one of the model: most drawings are shrunk, some were made for screens."""
    u = r.random()
    return r.uniform(0.8, 1.3) if u < 0.12 else r.uniform(1.3, 2.4) if u < 0.5 else r.uniform(2.4, 4.2)


def sheet(r: random.Random, split: str, rows: int, scale: float | None = None) -> Sheet | None:
    """A painted molecule whose picture fits the rows; None if this one does not come out well."""
    mol = pick(r, split, rows)
    plan = layout.plan(mol, r, layout.Habits.some(r), 0.12 if rows < GRID else None)
    if plan is None:
        return None
    style = paint.Style.some(r, split)
    trial = paint.Painter(plan, style, 40.0, r)
    x0, y0, x1, y1 = trial.extent()
    wide, high = (x1 - x0) / 40, (y1 - y0) / 40
    margins = [r.choice((r.uniform(0.5, 3), r.uniform(1, 12), r.uniform(5, 12), r.uniform(4, 30))) for _ in range(4)]
    name = _compound(r) if r.random() < 0.14 else ""
    below = bool(name) and (r.random() < 0.8 or wide > 1.5 * high)
    letter = r.uniform(0.9, 1.5) * style.letter
    height = rows * PATCH
    room_x, room_y = TILE - margins[0] - margins[2], height - margins[1] - margins[3]
    aside = (0.75 * len(name) * letter + 0.8) if name and not below else 0.0
    under = 2.4 * letter if below else 0.0
    unit = min(room_x / (wide + aside), room_y / (high + under), r.uniform(16, 56) if r.random() < 0.5 else 62.0)
    if unit < LEAST_BOND[rows]:
        return None
    style.letter = max(style.letter, 4.0 / unit)  # lettering that nobody can read is not printed
    scale = scale or _scale(r)
    if unit * scale * style.letter < 4.5:
        scale = min(4.2, 4.5 / (unit * style.letter))
    painter = paint.Painter(plan, style, unit * scale, r)
    if painter.crowded() and r.random() < 0.95:
        return None
    x0, y0, x1, y1 = painter.extent()
    width = x1 - x0 + (margins[0] + margins[2] + aside * unit) * scale
    tall = y1 - y0 + (margins[1] + margins[3] + under * unit) * scale
    full_x, full_y = TILE * scale, height * scale
    if rows < GRID or width >= tall:  # one side fills the square, the other has some paper at most
        width, tall = full_x, min(full_y, tall + (r.random() * max(0.0, full_y - tall) if rows == GRID and r.random() < 0.3 else 0))
    else:
        width, tall = min(full_x, width + (r.random() * max(0.0, full_x - width) if r.random() < 0.3 else 0)), full_y
    paper = 255 if r.random() < 0.75 else r.randint(215, 254)
    style.ink = 0 if r.random() < 0.7 else r.randint(0, 90)
    image = Image.new("L", (math.ceil(width), math.ceil(tall)), paper)
    spare_x = width - (x1 - x0) - aside * unit * scale
    spare_y = tall - (y1 - y0) - under * unit * scale
    share_x, share_y = margins[0] / (margins[0] + margins[2]), margins[1] / (margins[1] + margins[3])
    painter.origin = (-x0 + max(0.0, spare_x) * share_x, -y0 + max(0.0, spare_y) * share_y)
    painter.paint(image)
    drawing = Drawing([Atom(*painter.at(i), a.label) for i, a in enumerate(plan.drawing.atoms)], plan.drawing.bonds)
    out = Sheet(image, scale, drawing, [])
    if r.random() < 0.08:
        _stray(out, painter, letter, r)
    if name:
        _name(out, painter, name, below, letter, r)
    _items(out, painter)
    return out


def _name(out: Sheet, painter: paint.Painter, name: str, below: bool, letter: float, r: random.Random) -> None:
    """The compound's number under the drawing or to its right."""
    _, box = paint._ink(painter.style.font, 100, "H")
    size = max(5, round(letter * painter.unit / (-box[1] / 100)))
    letters = Letterer(out.image, painter.style.font, size, painter.style.ink)
    x0, y0, x1, y1 = painter.extent()
    long = letters.width(name)
    if below:
        x = min(max(1.0, (x0 + x1 - long) / 2 + r.gauss(0, 0.3) * painter.unit), out.image.width - long - 1)
        y = y1 + r.uniform(1.6, 2.2) * letter * painter.unit
    else:
        x, y = x1 + r.uniform(0.4, 0.7) * painter.unit, y0 + (y1 - y0) * r.uniform(0.3, 0.8)
    if x < 0 or x + long > out.image.width or not letter * painter.unit < y < out.image.height - 1:
        return
    box, glyphs = letters.write(name, x, y)
    out.drawing.name, out.drawing.name_place = name, ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
    out.items.append(Item(box, glyphs))


STRAY = ("+", "+", "or", "and", "Chiral", "Chiral", "racemic", "95 %", "1)", "a)", "n", "*", "THF", "Scheme 1", "M = 312.4", "[0042]", "wherein", "et al.")


def _stray(out: Sheet, painter: paint.Painter, letter: float, r: random.Random) -> None:
    """Something printed nearby that is no part of the molecule, where there is room for it."""
    word = r.choice(STRAY)
    _, box = paint._ink(painter.style.font, 100, "H")
    size = max(5, round(letter * painter.unit / (-box[1] / 100)))
    letters = Letterer(out.image, painter.style.font, size, painter.style.ink)
    long, tall = letters.width(word), letter * painter.unit
    for _ in range(6):
        x, y = r.uniform(1, max(1.0, out.image.width - long - 1)), r.uniform(tall + 1, max(tall + 1, out.image.height - 2))
        room = 0.9 * painter.unit
        free = x + long < out.image.width and y < out.image.height
        for i in range(len(painter.letters)):
            ax, ay = painter.at(i)
            free = free and not (x - room - tall < ax < x + long + room + tall and y - tall - room < ay < y + room)
        if free:
            ink, glyphs = letters.write(word, x, y)
            out.items.append(Item(ink, glyphs, False))
            return


def _items(out: Sheet, painter: paint.Painter) -> None:
    """The atoms in the order of the answer, each with the bonds that are written with it, in front of the name."""
    scaled = Drawing([Atom(a.x / out.scale, a.y / out.scale, a.label) for a in out.drawing.atoms], out.drawing.bonds)
    walk = Walk(scaled)
    walk.run()
    bonds = {frozenset((b.first, b.second)): i for i, b in enumerate(out.drawing.bonds)}
    near = out.drawing.neighbours()
    items, named = [], set()
    reach = REACH * out.scale
    for atom in walk.order:
        x, y = painter.at(atom)
        glyphs = painter.glyphs(atom)
        glyphs += [painter.bond_glyph(bonds[frozenset((atom, o))]) for o, _ in near[atom] if o in named]
        named.add(atom)
        items.append(Item((x - reach, y - reach, x + reach, y + reach), glyphs))
    out.items = items + out.items


def fit(out: Sheet, r: random.Random, rows: int, wear: bool = True) -> Example | None:
    """The sheet, worn, in the middle of the model's square or of a window of it."""
    height = rows * PATCH
    look = r.choice(LOOKS) if wear else "clean"
    noise = np.random.default_rng(r.randrange(1 << 32))
    image = _scan(out, look, r, noise)
    size = (min(TILE, max(1, round(image.width / out.scale))), min(height, max(1, round(image.height / out.scale))))
    fx, fy = size[0] / image.width, size[1] / image.height
    image = image.resize(size, Image.Resampling.BICUBIC)
    a = degrade.tile_wear(image, r, noise, look) if look == "worn" and r.random() < 0.5 else np.asarray(image)
    if a.mean() < 100:
        a = 255 - a
    left, top = (TILE - size[0]) // 2, (height - size[1]) // 2
    first_row = (GRID - rows) // 2
    pixels = np.full((height, TILE), 255, np.uint8)
    pixels[top : top + size[1], left : left + size[0]] = a
    dy = top + first_row * PATCH

    def move(x: float, y: float) -> tuple[float, float]:
        return x * fx + left, y * fy + dy

    drawing = Drawing([Atom(*move(p.x, p.y), p.label) for p in out.drawing.atoms], out.drawing.bonds, out.drawing.name)
    if out.drawing.name_place:
        drawing.name_place = move(*out.drawing.name_place)
    walk = Walk(drawing)
    if len(set(walk.grid)) < len(walk.grid):
        return None
    answer = walk.run()
    if len(vocab.encode(answer)) > MAX_TOKENS:
        return None
    items = [Item((*move(*i.box[:2]), *move(*i.box[2:])), [(k, *move(x, y)) for k, x, y in i.glyphs], i.said) for i in out.items]
    return Example(pixels, PROMPT, answer, _by_place(marks(items, rows, first_row)), first_row)


def _by_place(rows: np.ndarray) -> np.ndarray:
    """The auxiliary targets in an order that each patch shows by itself: what stands at atoms, then bonds, from left to right."""
    bonds = (rows[:, CLASS] >= FIRST_BOND) & (rows[:, CLASS] <= LAST_BOND)
    return rows[np.lexsort((rows[:, CENTRE_Y], rows[:, CENTRE_X], bonds))]


def _scan(out: Sheet, look: str, r: random.Random, noise: np.random.Generator) -> Image.Image:
    """The sheet as it comes from a scanner or a file."""
    image = out.image
    if look != "clean" and out.scale > 1.25 and r.random() < 0.3:
        image = degrade.spread_ink(image, r)
    if look == "bitonal":
        scan = degrade.threshold(image, r, noise)
        middle = (int(out.image.getextrema()[0]) + 255) // 2
        return scan if _dark(scan, 128) > 0.6 * _dark(image, middle) else image  # thin lines may not have survived
    if look == "worn" and r.random() < 0.4:
        image = image.filter(ImageFilter.GaussianBlur(r.uniform(0.15, 0.6) * out.scale))
    if look == "worn" and r.random() < 0.3:
        image = degrade.jpeg(image, r)
    return image


def _dark(image: Image.Image, level: int) -> int:
    """How many pixels are darker than a level."""
    return sum(image.histogram()[:level])


def scanned(out: Sheet, r: random.Random) -> Image.Image:
    """The sheet by itself, worn as in training."""
    return _scan(out, r.choice(LOOKS), r, np.random.default_rng(r.randrange(1 << 32)))


def nothing(r: random.Random, split: str, rows: int) -> Example:
    """A picture without a molecule: words, an arrow, or paper."""
    noise = np.random.default_rng(r.randrange(1 << 32))
    height = rows * PATCH
    paper = r.randint(225, 255)
    image = Image.new("L", (TILE, height), paper)
    items: list[Item] = []
    if r.random() < 0.8:
        style = paint.Style.some(r, split)
        letters = Letterer(image, style.font, r.randint(8, 26), r.randint(0, 80))
        y = float(r.randint(14, 30))
        while y < height - 4 and r.random() < 0.85:
            x = float(r.randint(2, 60))
            while x < TILE - 30 and r.random() < 0.85:
                word = _compound(r) if r.random() < 0.4 else "".join(r.choice("etaoinshrdlucmfwypvbgkqjxz") for _ in range(r.randint(2, 9)))
                if x + letters.width(word) < TILE - 2:
                    box, glyphs = letters.write(word, x, y)
                    items.append(Item(box, glyphs, False))
                x += letters.width(word + "  ")
            y += letters.size * r.uniform(1.1, 2.5)
        if r.random() < 0.3:
            letters.draw.line((r.randint(5, 80), height / 2, r.randint(120, 215), height / 2), fill=letters.ink, width=r.randint(1, 2))
    a = degrade.tile_wear(image, r, noise, r.choice(("clean", "worn")))
    first_row = (GRID - rows) // 2
    moved = [Item((i.box[0], i.box[1] + first_row * PATCH, i.box[2], i.box[3] + first_row * PATCH), [(k, x, y + first_row * PATCH) for k, x, y in i.glyphs], False) for i in items]
    return Example(np.asarray(a), PROMPT, "", marks(moved, rows, first_row), first_row)
