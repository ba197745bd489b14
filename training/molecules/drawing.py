"""A drawn molecule as atoms with places and bonds, and the answer of the task `molecule` that writes one, as
docs/targets.md fixes it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

from training.targets import TILE, location

BONDS = ("", "=", "#", "/", "\\", ":", ";", "~", "%")  # how a bond is written; see docs/targets.md
TURNED = {"/": "\\", "\\": "/", ":": ";", ";": ":"}  # the same bond walked the other way
PLACE = re.compile(r"<loc([0-9]{4})><loc([0-9]{4})>")
TOKEN = re.compile(r"<loc[0-9]{4}>")
NEAR = 0.5  # of the drawing's bond length: how far from an atom a place may lie that names it again
MAX_ATOMS = 512


class Unreadable(ValueError):
    """An answer that says no drawing."""


@dataclass
class Atom:
    """An atom or an abbreviated group: its place and what is written there."""

    x: float
    y: float
    label: str


@dataclass
class Bond:
    """A bond from one atom to another. A wedge is narrow at the first (`/`, `:`) or at the second (`\\`, `;`)."""

    first: int
    second: int
    kind: str

    def seen_from(self, atom: int) -> str:
        """How the bond is written when it is walked from an atom."""
        return self.kind if atom == self.first else TURNED.get(self.kind, self.kind)


@dataclass
class Drawing:
    """A drawn molecule, perhaps of several parts. Coordinates are pixels of the model's square."""

    atoms: list[Atom] = field(default_factory=list)
    bonds: list[Bond] = field(default_factory=list)
    name: str = ""  # the label printed with it
    name_place: tuple[float, float] | None = None  # its middle

    def neighbours(self) -> list[list[tuple[int, Bond]]]:
        """The atoms bonded to each atom, with the bond."""
        out: list[list[tuple[int, Bond]]] = [[] for _ in self.atoms]
        for bond in self.bonds:
            out[bond.first].append((bond.second, bond))
            out[bond.second].append((bond.first, bond))
        return out

    def length(self) -> float:
        """The median length of the bonds; 0 without any."""
        lengths = sorted(math.dist(self.place(b.first), self.place(b.second)) for b in self.bonds)
        return lengths[len(lengths) // 2] if lengths else 0.0

    def place(self, atom: int) -> tuple[float, float]:
        """Where an atom stands."""
        return self.atoms[atom].x, self.atoms[atom].y


def _place(x: float, y: float) -> str:
    return f"<loc{location(y):04d}><loc{location(x):04d}>"


class Walk:
    """The order in which an answer names the atoms: depth first, along the outline, clockwise."""

    def __init__(self, drawing: Drawing):
        self.drawing = drawing
        self.grid = [(location(a.x), location(a.y)) for a in drawing.atoms]
        self.neighbours = drawing.neighbours()
        self.came: dict[int, int | None] = {}  # the atom that each named one was reached from
        self.order: list[int] = []
        self.parts: list[str] = []

    def _clockwise(self, atom: int) -> list[tuple[int, Bond]]:
        """The bonds of an atom, clockwise on the page from the direction in which it was reached; the first atom of a part
        is reached from the left."""
        x, y = self.grid[atom]
        came = self.came[atom]
        start = math.pi if came is None else math.atan2(self.grid[came][1] - y, self.grid[came][0] - x)

        def turn(other: int) -> float:
            angle = (math.atan2(self.grid[other][1] - y, self.grid[other][0] - x) - start) % (2 * math.pi)
            return angle if angle > 1e-9 and angle < 2 * math.pi - 1e-9 else 2 * math.pi

        return sorted(self.neighbours[atom], key=lambda n: (turn(n[0]), self.grid[n[0]]))

    def _name(self, atom: int, came: int | None, bond: str) -> None:
        a = self.drawing.atoms[atom]
        self.parts.append(_place(a.x, a.y) + bond + a.label)
        self.came[atom] = came
        self.order.append(atom)
        for other, closing in self._clockwise(atom):
            if other in self.came and other != came:
                b = self.drawing.atoms[other]
                self.parts.append(_place(b.x, b.y) + closing.seen_from(atom))

    def _part(self, first: int) -> None:
        self._name(first, None, "")
        trail = [first]
        while trail:
            fresh = [n for n in self._clockwise(trail[-1]) if n[0] not in self.came]
            if fresh:
                other, bond = fresh[0]
                self._name(other, trail[-1], bond.seen_from(trail[-1]))
                trail.append(other)
                continue
            trail.pop()
            while trail and all(n in self.came for n, _ in self.neighbours[trail[-1]]):
                trail.pop()
            if trail:
                a = self.drawing.atoms[trail[-1]]
                self.parts.append("," + _place(a.x, a.y))

    def run(self) -> str:
        """The answer; `order` then holds the atoms as it names them."""
        left = sorted(range(len(self.grid)), key=lambda i: self.grid[i])
        for atom in left:
            if atom not in self.came:
                if self.parts:
                    self.parts.append(".")
                self._part(atom)
        if self.drawing.name and self.drawing.name_place:
            self.parts.append(" " + _place(*self.drawing.name_place) + self.drawing.name)
        return "".join(self.parts)


def write(drawing: Drawing) -> str:
    """The answer for a drawing. No two of its atoms may share a place."""
    return Walk(drawing).run()


def parse(text: str) -> Drawing:
    """The drawing that an answer says; Unreadable where it says none. An empty answer is an empty drawing."""
    drawing = Drawing()
    body, gap, name = text.strip().partition(" ")
    if gap:
        match = PLACE.match(name.lstrip())
        rest = name.lstrip()[match.end() :] if match else name
        drawing.name = " ".join(TOKEN.sub(" ", rest).split())
        if match:
            drawing.name_place = _pixels(match)
    current: int | None = None
    at = 0
    while at < len(body):
        mark = body[at] if body[at] in ",." else ""
        at += len(mark)
        match = PLACE.match(body, at)
        if not match:
            raise Unreadable(f"no place at {at}")
        if not mark and current is None and drawing.atoms:
            raise Unreadable(f"no atom to go on from at {at}")
        place, at = _pixels(match), match.end()
        end = at
        while end < len(body) and body[end] not in ",." and not TOKEN.match(body, end):
            end += 1
        said = body[at:end]
        bond = said[:1] if said[:1] in BONDS[1:] else ""
        label = said[len(bond) :]
        if mark == ",":
            if said:
                raise Unreadable(f"going back with something written at {at}")
            current = _nearest(drawing, place, at)
        elif label and any(place == drawing.place(i) for i in range(len(drawing.atoms))):
            raise Unreadable(f"a second atom at the same place at {at}")
        elif mark == "." or not drawing.atoms:
            if bond or not label or mark and not drawing.atoms:
                raise Unreadable(f"a part begins without an atom at {at}")
            drawing.atoms.append(Atom(*place, label))
            current = len(drawing.atoms) - 1
        elif label:
            drawing.atoms.append(Atom(*place, label))
            drawing.bonds.append(Bond(current, len(drawing.atoms) - 1, bond))
            current = len(drawing.atoms) - 1
        else:
            _join(drawing, current, _nearest(drawing, place, at), bond, at)
        at = end
        if len(drawing.atoms) > MAX_ATOMS:
            raise Unreadable("too many atoms")
    return drawing


def _pixels(match: re.Match) -> tuple[float, float]:
    return int(match[2]) / 1024 * TILE, int(match[1]) / 1024 * TILE


def _nearest(drawing: Drawing, place: tuple[float, float], at: int) -> int:
    best = min(range(len(drawing.atoms)), key=lambda i: math.dist(place, drawing.place(i)), default=None)
    reach = NEAR * drawing.length() or TILE / 32
    if best is None or math.dist(place, drawing.place(best)) > reach:
        raise Unreadable(f"no atom named at this place at {at}")
    return best


def _join(drawing: Drawing, a: int, b: int, kind: str, at: int) -> None:
    if a == b or any({a, b} == {o.first, o.second} for o in drawing.bonds):
        raise Unreadable(f"a bond that is there already at {at}")
    drawing.bonds.append(Bond(a, b, kind))
