"""Lays a molecule out for drawing: places from RDKit, turned and mirrored, wedges, and what is printed at every atom."""

from __future__ import annotations

import functools
import math
import random
from dataclasses import dataclass, field

from rdkit import Chem
from rdkit.Chem import rdAbbreviations, rdDepictor

from training.molecules.drawing import Atom, Bond, Drawing

# Groups that may be printed as a text: how from the left, how from the right, and what they are.
_GROUPS = """
Me Me *[CH3]
OMe MeO *O[CH3]
OEt EtO *O[CH2][CH3]
SMe MeS *S[CH3]
Et Et *[CH2][CH3]
iPr iPr *[CH]([CH3])[CH3]
tBu tBu *C([CH3])([CH3])[CH3]
Ph Ph *c1[cH][cH][cH][cH][cH]1
Ph Ph *c1[cH][cH][cH][cH][cH]1
Bn Bn *[CH2]c1[cH][cH][cH][cH][cH]1
OPh PhO *Oc1[cH][cH][cH][cH][cH]1
Ac Ac *C(=O)[CH3]
OAc AcO *OC(=O)[CH3]
NHAc AcHN *[NH]C(=O)[CH3]
CO2H HO2C *C(=O)[OH]
COOH HOOC *C(=O)[OH]
CO2Me MeO2C *C(=O)O[CH3]
CO2Et EtO2C *C(=O)O[CH2][CH3]
COOEt EtOOC *C(=O)O[CH2][CH3]
CONH2 H2NOC *C(=O)[NH2]
CF3 F3C *C(F)(F)F
OCF3 F3CO *OC(F)(F)F
CN NC *C#[N]
NO2 O2N *[N+](=O)[O-]
SO2Me MeO2S *S(=O)(=O)[CH3]
SO2NH2 H2NO2S *S(=O)(=O)[NH2]
SO3H HO3S *S(=O)(=O)[OH]
NMe2 Me2N *N([CH3])[CH3]
NHMe MeHN *[NH][CH3]
NEt2 Et2N *N([CH2][CH3])[CH2][CH3]
Boc Boc *C(=O)OC([CH3])([CH3])[CH3]
Ts Ts *S(=O)(=O)c1[cH][cH]c([CH3])[cH][cH]1
Ms Ms *S(=O)(=O)[CH3]
CHO OHC *[CH]=O
CH2OH HOH2C *[CH2][OH]
N3 N3 *N=[N+]=[N-]
TMS TMS *[Si]([CH3])([CH3])[CH3]
C(CH3)3 (CH3)3C *C([CH3])([CH3])[CH3]
N(CH3)2 (CH3)2N *N([CH3])[CH3]
OC2H5 C2H5O *O[CH2][CH3]
OCH3 CH3O *O[CH3]
OCH3 H3CO *O[CH3]
C2H5 C2H5 *[CH2][CH3]
""".split()
GROUPS = [tuple(_GROUPS[i : i + 3]) for i in range(0, len(_GROUPS), 3)]


@functools.lru_cache(maxsize=256)
def _definition(index: int):
    return rdAbbreviations.ParseAbbreviations(f"g{index} {GROUPS[index][2]} x y")


@dataclass
class Piece:
    """A run of characters of a label: 0 on the line, 1 below it, 2 above it; `row` shifts whole letters up (-1) or down."""

    text: str
    level: int = 0
    row: int = 0


@dataclass
class Printed:
    """What is printed at an atom; nothing for the corner of a line. `head` is the character that stands at the atom's place."""

    pieces: list[Piece] = field(default_factory=list)
    head: int = 0


@dataclass
class Plan:
    """A drawing with a bond of about one unit, y downwards, and what painting it needs beside."""

    drawing: Drawing
    printed: list[Printed]
    inner: list[tuple[float, float] | None]  # for each bond the middle of its ring
    circles: list[tuple[float, float]]  # middles of rings that are drawn with a circle
    drawn_single: set[int] = field(default_factory=set)  # bonds of rings with circles


@dataclass
class Habits:
    """How a draughtsman writes: shares of choices for one drawing."""

    abbreviate: float = 0.0
    circles: bool = False
    methyl: str = ""  # "", "CH3" or "Me"
    ring_hydrogens: bool = False  # hydrogens at ring fusions are drawn with wedges
    wavy: float = 0.0
    sub: bool = True
    stacked: bool = True  # the H of a ring's NH above or below
    hydrogen_bond: float = 0.0  # the H of an NH drawn as an atom of its own
    carbons: float = 0.0  # implicit carbons printed as C, with their hydrogens

    @staticmethod
    def some(r: random.Random) -> "Habits":
        """A draughtsman."""
        return Habits(
            abbreviate=r.choice((0, 0, 0, 0, 0.3, 0.7, 1.0)),
            circles=r.random() < 0.05,
            methyl=r.choices(("", "CH3", "Me"), (0.72, 0.22, 0.06))[0],
            ring_hydrogens=r.random() < 0.3,
            wavy=0.5 if r.random() < 0.08 else 0.0,
            sub=r.random() < 0.93,
            stacked=r.random() < 0.85,
            hydrogen_bond=0.5 if r.random() < 0.05 else 0.0,
            carbons=r.uniform(0.1, 1) if r.random() < 0.04 else 0.0,
        )


def _condense(mol: Chem.Mol, r: random.Random, share: float) -> tuple[Chem.Mol, dict[int, tuple[str, str]]]:
    """Puts texts in place of some groups; returns the labels of the atoms that stand for them."""
    chosen = [i for i in range(len(GROUPS)) if r.random() < share]
    r.shuffle(chosen)
    done = 0
    for i in chosen:
        try:
            out = rdAbbreviations.CondenseMolAbbreviations(mol, _definition(i), maxCoverage=0.8, sanitize=False)
        except (ValueError, RuntimeError):
            continue
        if out.GetNumAtoms() < mol.GetNumAtoms() or out.GetNumAtoms() > 1:
            mol = out
            done += 1
        if done > 12:
            break
    labels = {}
    for a in mol.GetAtoms():
        if a.HasProp("atomLabel") and a.GetProp("atomLabel").startswith("g"):
            labels[a.GetIdx()] = GROUPS[int(a.GetProp("atomLabel")[1:])][:2]
    return mol, labels


def plan(mol: Chem.Mol, r: random.Random, habits: Habits, lie: float | None = None) -> Plan | None:
    """A layout; None if the molecule cannot be laid out well. With `lie` the longest axis lies at about that slope."""
    mol = Chem.RenumberAtoms(mol, r.sample(range(mol.GetNumAtoms()), mol.GetNumAtoms()))
    if habits.ring_hydrogens:
        only = [a.GetIdx() for a in mol.GetAtoms() if a.GetChiralTag() and a.GetTotalNumHs() == 1 and a.GetDegree() == 3 and a.IsInRing()]
        if only:
            mol = Chem.AddHs(mol, onlyOnAtoms=only)
    if habits.hydrogen_bond:
        only = [a.GetIdx() for a in mol.GetAtoms() if a.GetAtomicNum() == 7 and a.GetTotalNumHs() == 1 and r.random() < habits.hydrogen_bond]
        if only:
            mol = Chem.AddHs(mol, onlyOnAtoms=only)
    labels: dict[int, tuple[str, str]] = {}
    if habits.abbreviate:
        mol, labels = _condense(mol, r, habits.abbreviate)
    if mol.GetNumAtoms() < 2:
        return None
    rdDepictor.SetPreferCoordGen(False)
    rdDepictor.Compute2DCoords(mol, canonOrient=False, sampleSeed=r.randrange(1 << 30), nSample=0)
    places = mol.GetConformer().GetPositions()[:, :2] * (r.choice((1, -1)), 1)
    angle = _angle(places, r, lie)
    c, s = math.cos(angle), math.sin(angle)
    conformer = mol.GetConformer()
    for i, (x, y) in enumerate(places.tolist()):
        conformer.SetAtomPosition(i, (c * x - s * y, s * x + c * y, 0.0))
    aromatic = [[mol.GetBondBetweenAtoms(ring[k], ring[k - 1]).GetIsAromatic() for k in range(len(ring))] for ring in mol.GetRingInfo().AtomRings()]
    round_rings = [
        ring
        for ring, bonds in zip(mol.GetRingInfo().AtomRings(), aromatic)
        if habits.circles and len(ring) == 6 and all(bonds) and all(mol.GetAtomWithIdx(i).GetTotalNumHs() == 0 or mol.GetAtomWithIdx(i).GetAtomicNum() == 6 for i in ring)
    ]
    if round_rings and sum(all(b) for b in aromatic) != len(round_rings):
        round_rings = []
    Chem.Kekulize(mol, clearAromaticFlags=True)
    Chem.WedgeMolBonds(mol, conformer)
    return _drawn(mol, r, habits, labels, round_rings)


def _angle(places, r: random.Random, lie: float | None) -> float:
    """A turn: by RDKit's own axes, by whole twelfths, or any; or so that the longest axis is nearly horizontal."""
    centred = places - places.mean(0)
    xx, yy, xy = (centred[:, 0] ** 2).sum(), (centred[:, 1] ** 2).sum(), (centred[:, 0] * centred[:, 1]).sum()
    axis = 0.5 * math.atan2(2 * xy, xx - yy)
    if lie is not None:
        return -axis + r.gauss(0, lie) + (math.pi if r.random() < 0.5 else 0)
    u = r.random()
    if u < 0.35:
        return -axis + r.gauss(0, 0.15)
    if u < 0.85:
        return math.pi / 6 * r.randrange(12) + (r.gauss(0, 0.02) if r.random() < 0.3 else 0)
    return r.uniform(0, 2 * math.pi)


_KINDS = {Chem.BondType.SINGLE: "", Chem.BondType.DOUBLE: "=", Chem.BondType.TRIPLE: "#"}
_WEDGES = {Chem.BondDir.BEGINWEDGE: "/", Chem.BondDir.BEGINDASH: ":", Chem.BondDir.UNKNOWN: "~"}


def _drawn(mol: Chem.Mol, r: random.Random, habits: Habits, labels: dict[int, tuple[str, str]], circles: list[tuple[int, ...]]) -> Plan | None:
    positions = mol.GetConformer().GetPositions().tolist()
    in_circle = {i for ring in circles for i in ring}
    drawing = Drawing()
    bonds_of_circles = {frozenset((ring[k], ring[k - 1])) for ring in circles for k in range(6)}
    rings = mol.GetRingInfo().AtomRings()
    inner, single = [], set()
    for b in mol.GetBonds():
        kind = _WEDGES.get(b.GetBondDir()) or _KINDS.get(b.GetBondType())
        if kind is None:
            return None
        first, second = b.GetBeginAtomIdx(), b.GetEndAtomIdx()
        if frozenset((first, second)) in bonds_of_circles:
            single.add(len(drawing.bonds))
            kind = ""
        drawing.bonds.append(Bond(first, second, kind))
        around = sorted((ring for ring in rings if first in ring and second in ring), key=len)
        inner.append(None if not around or len(around[0]) > 8 else tuple(sum(positions[i][k] for i in around[0]) / len(around[0]) * (1, -1)[k] for k in (0, 1)))
    scale = 1 / 1.5
    for a in mol.GetAtoms():
        i = a.GetIdx()
        drawing.atoms.append(Atom(positions[i][0] * scale, -positions[i][1] * scale, ""))
    inner = [None if c is None else (c[0] * scale, c[1] * scale) for c in inner]
    _some_wavy(mol, drawing, r, habits)
    plan_ = Plan(drawing, [], inner, [], single)
    for ring in circles:
        xs, ys = [drawing.atoms[i].x for i in ring], [drawing.atoms[i].y for i in ring]
        plan_.circles.append((sum(xs) / 6, sum(ys) / 6))
    near = drawing.neighbours()
    for a in mol.GetAtoms():
        i = a.GetIdx()
        label, printed = _label(a, drawing, near[i], labels.get(i), i in in_circle, r, habits)
        drawing.atoms[i].label = label
        plan_.printed.append(printed)
    return plan_ if _apart(drawing) else None


def _some_wavy(mol: Chem.Mol, drawing: Drawing, r: random.Random, habits: Habits) -> None:
    """Wavy bonds at some centres that nothing is said of."""
    if not habits.wavy:
        return
    for a in mol.GetAtoms():
        if a.GetAtomicNum() == 6 and a.GetDegree() == 3 and a.GetTotalNumHs() == 1 and not a.GetChiralTag() and r.random() < habits.wavy:
            for b in drawing.bonds:
                other = b.second if b.first == a.GetIdx() else b.first if b.second == a.GetIdx() else None
                if other is not None and b.kind == "" and mol.GetAtomWithIdx(other).GetDegree() == 1:
                    b.first, b.second, b.kind = a.GetIdx(), other, "~"
                    break


def _apart(drawing: Drawing) -> bool:
    """Whether no two atoms lie on one another, and none on a bond of others' by their ends."""
    cells: dict[tuple[int, int], list[Atom]] = {}
    for a in drawing.atoms:
        key = (round(a.x / 0.5), round(a.y / 0.5))
        for dx in (-1, 0, 1):
            for dy in (-1, 0, 1):
                if any(math.hypot(a.x - o.x, a.y - o.y) < 0.4 for o in cells.get((key[0] + dx, key[1] + dy), ())):
                    return False
        cells.setdefault(key, []).append(a)
    return True


def _label(a: Chem.Atom, drawing: Drawing, near: list, group: tuple[str, str] | None, circled: bool, r: random.Random, habits: Habits) -> tuple[str, Printed]:
    """What the answer writes of an atom, and what is printed."""
    here = drawing.atoms[a.GetIdx()]
    xs = [drawing.atoms[o].x - here.x for o, _ in near]
    ys = [drawing.atoms[o].y - here.y for o, _ in near]
    right = sum(xs) > 0.15 * max(1, len(xs))  # the bonds go to the right, so the text to the left
    if group:
        text = group[1] if right else group[0]
        return text, _text(text, right, habits.sub)
    symbol, charge, isotope = a.GetSymbol(), a.GetFormalCharge(), a.GetIsotope()
    if symbol == "*":
        text = f"R{isotope}" if isotope else r.choice(("*", "R", "R", "X", "Ar"))
        return text, _text(text, False, habits.sub)
    hydrogens = a.GetTotalNumHs()
    sign = "" if not charge else ("+" if charge > 0 else "-") + (str(abs(charge)) if abs(charge) > 1 else "")
    answer = (str(isotope) if isotope else "") + (symbol.lower() if circled else symbol)
    answer += (f"H{hydrogens}" if hydrogens > 1 else "H" if hydrogens else "") if _unusual(a, hydrogens) else ""
    answer += sign
    if symbol == "H" and isotope == 2 and r.random() < 0.5:
        return "D", Printed([Piece("D")])
    plain = symbol == "C" and not charge and not isotope and a.GetDegree() > 0
    if plain:
        double = sum(b.kind == "=" for _, b in near) == 2 and len(near) == 2  # the middle of an allene
        if a.GetDegree() == 1 and habits.methyl and hydrogens == 3:
            if habits.methyl == "Me":
                return "Me", _text("Me", right, False)
        elif not (double and r.random() < 0.5) and not (habits.carbons and not a.IsInRing() and r.random() < habits.carbons):
            return answer, Printed()
    return answer, _symbol(symbol, isotope, hydrogens, charge, right, _vertical(xs, ys) if habits.stacked else 0, habits.sub)


def _unusual(a: Chem.Atom, hydrogens: int) -> bool:
    """Whether an atom has other hydrogens than a reader would give it."""
    return a.GetNoImplicit() and a.GetNumExplicitHs() != hydrogens


def _vertical(xs: list[float], ys: list[float]) -> int:
    """-1 or 1 where the free side of an atom with several bonds lies above or below it."""
    if len(xs) < 2 or abs(sum(ys)) < abs(sum(xs)) or abs(sum(ys)) < 0.3:
        return 0
    return -1 if sum(ys) > 0 else 1


def _symbol(symbol: str, isotope: int, hydrogens: int, charge: int, right: bool, vertical: int, sub: bool) -> Printed:
    own = [Piece(str(isotope), 2)] if isotope else []
    own.append(Piece(symbol))
    more = [Piece("H")] + ([Piece(str(hydrogens), 1 if sub else 0)] if hydrogens > 1 else []) if hydrogens else []
    sign = [Piece((str(abs(charge)) if abs(charge) > 1 else "") + ("+" if charge > 0 else "-"), 2)] if charge else []
    if vertical and more:
        for p in more:
            p.row = vertical
        return Printed(own + sign + more, len(str(isotope)) if isotope else 0)
    if right:
        pieces = more + own + sign
        return Printed(pieces, sum(len(p.text) for p in more) + (len(str(isotope)) if isotope else 0))
    return Printed(own + more + sign, len(str(isotope)) if isotope else 0)


def _text(text: str, right: bool, sub: bool) -> Printed:
    """A text with its digits below the line behind a letter; the head is its first letter, or the last capital."""
    pieces: list[Piece] = []
    for k, c in enumerate(text):
        level = 1 if sub and c.isdigit() and k > 0 and text[0] != "R" else 0
        if pieces and pieces[-1].level == level:
            pieces[-1].text += c
        else:
            pieces.append(Piece(c, level))
    capitals = [k for k, c in enumerate(text) if c.isupper() or k == 0]
    return Printed(pieces, capitals[-1] if right else 0)
