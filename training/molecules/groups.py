"""What a label in a drawing stands for: an element with hydrogens and charge, a group of plugins/molecule/drawing/groups.txt,
a condensed formula, or a rest that is left open. The rules are those of plugins/molecule/drawing/label.go."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from pathlib import Path

TABLE = Path(__file__).parents[2] / "plugins" / "molecule" / "drawing" / "groups.txt"

ELEMENTS = (
    "H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In "
    "Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm"
).split()
NUMBERS = {symbol: i + 1 for i, symbol in enumerate(ELEMENTS)}
OPEN = re.compile(r"\*|(?:R|X|Y|Z|Q|A|M|G|L|Ar|Hal|Het)'*|R([0-9]{1,2})'*|[XYZ][0-9]{1,2}")
# What elements of condensed formulas may bind.
VALENCES = {"C": (4,), "N": (3, 5), "O": (2,), "S": (2, 4, 6), "P": (3, 5), "B": (3,), "Si": (4,), "Se": (2, 4, 6)}
SINGLE = ("H", "F", "Cl", "Br", "I", "D", "Na", "K", "Li")
FILLED = (5, 6, 7, 8, 9, 14, 15, 16, 17, 33, 34, 35, 52, 53)  # elements that have hydrogens unless a label says how many
_SIGN = r"(\+\+|--|[+-][0-9]?)?"
_LEFT = re.compile(r"([0-9]{0,3})([A-Z][a-z]?|[bcnops]|se|as)(?:(H)([0-9]{0,2}))?" + _SIGN)
_RIGHT = re.compile(r"(H)([0-9]?)([A-Z][a-z]?)" + _SIGN)
MAX_LABEL = 40
MAX_TRIES = 4000


class Unknown(ValueError):
    """A label that stands for nothing known."""


@dataclass
class Part:
    """An atom that a label stands for."""

    element: int  # 0: left open
    isotope: int = 0
    charge: int = 0
    hydrogens: int | None = None  # None: those that fill its valence
    aromatic: bool = False


@dataclass
class Group:
    """What a label stands for; the first atom has the bonds of the drawing. `smiles` is a group of the table instead."""

    parts: list[Part] = field(default_factory=list)
    bonds: list[tuple[int, int, int]] = field(default_factory=list)
    smiles: str = ""
    named: dict[int, str] = field(default_factory=dict)  # parts that are groups of the table


@functools.lru_cache(maxsize=1)
def table() -> dict[str, str]:
    """The abbreviations and what they stand for."""
    lines = (line.split() for line in TABLE.read_text().splitlines() if not line.startswith("#"))
    return {name.removeprefix("="): smiles for name, smiles in lines}


@functools.lru_cache(maxsize=1)
def pieces() -> frozenset[str]:
    """The abbreviations that may be a piece of a condensed formula."""
    lines = (line.split() for line in TABLE.read_text().splitlines() if not line.startswith("#"))
    return frozenset(name for name, _ in lines if not name.startswith("="))


def atom(label: str) -> Part | None:
    """A label that is one atom with its hydrogens and charge, printed from either end."""
    isotope = ""
    if match := _LEFT.fullmatch(label):
        isotope, symbol, hydrogen, count, sign = match.groups()
    elif match := _RIGHT.fullmatch(label):
        hydrogen, count, symbol, sign = match.groups()
    else:
        return None
    if symbol in ("D", "T"):
        return Part(1, 2 if symbol == "D" else 3) if label == symbol else None
    number = NUMBERS.get(symbol.capitalize())
    if number is None:
        return None
    hydrogens = int(count or 1) if hydrogen else None if number in FILLED else 0
    return Part(number, int(isotope or 0), _charge(sign), hydrogens, symbol[0].islower())


def _charge(text: str | None) -> int:
    if not text:
        return 0
    sign = 1 if text[0] == "+" else -1
    if text in ("++", "--"):
        return 2 * sign
    return sign * int(text[1:] or 1)


def read(label: str, orders: int) -> Group:
    """What a label stands for whose bonds in the drawing have these orders in sum."""
    if len(label) > MAX_LABEL:
        raise Unknown(label)
    match = OPEN.fullmatch(label)
    if match:
        return Group([Part(0, int(match[1] or 0))])
    if label in table() and orders == 1:
        return Group(smiles=table()[label])
    single = atom(label)
    if single:
        return Group([single])
    found = Condensed(label, orders).run()
    if found:
        return found
    raise Unknown(label)


@dataclass
class Token:
    """A piece of a condensed formula: an element or a group of the table, or several pieces in brackets; how often; and the
    order of a bond drawn in front of it, 0 where none is."""

    name: str
    count: int = 1
    inside: list["Token"] = field(default_factory=list)
    order: int = 0


class Condensed:
    """Finds the molecule that a condensed formula such as `CH2CO2Me` means: that in which every valence is filled exactly."""

    def __init__(self, label: str, orders: int):
        self.label, self.orders, self.at, self.tries = label, orders, 0, 0

    def run(self) -> Group | None:
        """The group, or None; read from the left end, and else from the right."""
        tokens = self._tokens(False)
        if not tokens or self.at < len(self.label):
            return None
        for order in (tokens, turned(tokens), turned_by_links(tokens)):
            self.tries = 0
            found = self._walk(order, Group(), [], -1)
            if found:
                return found
        return None

    def _tokens(self, nested: bool) -> list[Token] | None:
        out: list[Token] = []
        order = 0
        while self.at < len(self.label):
            c = self.label[self.at]
            if c == ")":
                break
            if c in "=#":
                self.at += 1
                order = 2 if c == "=" else 3
                continue
            if c == "(":
                self.at += 1
                inside = None if nested else self._tokens(True)
                if not inside or self.label[self.at : self.at + 1] != ")":
                    return None
                self.at += 1
                token = Token("", 1, inside)
            else:
                name = _name(self.label, self.at)
                if not name:
                    return None
                self.at += len(name)
                token = Token(name)
            digits = re.compile("[0-9]{0,2}").match(self.label, self.at)[0]
            self.at += len(digits)
            token.count, token.order, order = int(digits or 1), order, 0
            if not 1 <= token.count <= 30:
                return None
            out.append(token)
        return None if order else out

    def _walk(self, tokens: list[Token], group: Group, used: list[int], at: int) -> Group | None:
        """Puts the first token on atom `at`, the others behind it; at -1 it is the head itself."""
        self.tries += 1
        if self.tries > MAX_TRIES:
            return None
        if not tokens:
            return group if at >= 0 and _filled(group, used) else None
        token, rest = tokens[0], tokens[1:]
        if token.inside:
            for inside in (token.inside, turned(token.inside)):
                found = self._brackets(token, inside, rest, group, used, at)
                if found:
                    return found
            return None
        if token.name in SINGLE or token.name in pieces():
            if at < 0 or token.order > 1:
                return None
            return self._walk(rest, *_hang(group, used, at, token), at)
        for orders, stays in self._ways(token, rest, at):
            g, u, end = _grow(group, used, at, token.name, orders, stays, self.orders)
            if g:
                found = self._walk(rest, g, u, end)
                if found:
                    return found
        return self._hydrocarbon(token, rest, group, used, at)

    def _ways(self, token: Token, rest: list[Token], at: int) -> list[tuple[list[int], bool]]:
        """How an element may be bound: the orders of its copies' bonds, and whether the chain stays where it was."""
        n = token.count
        if at < 0:
            return [([0], False)] if n == 1 else []
        if token.order:
            return [([token.order], False)] if n == 1 else []
        if n == 1:
            return ([([2], True)] if token.name in ("O", "S") else []) + [([1], False), ([2], False), ([3], False)]
        if token.name == "O" and n in (2, 3):
            return [([2] * n, True), ([2] * (n - 1) + [1], False)]
        return []

    def _brackets(self, token: Token, inside: list[Token], rest: list[Token], group: Group, used: list[int], at: int) -> Group | None:
        """Copies of what stands in brackets: branches of one atom where it is complete, links of a chain otherwise."""
        if at >= 0 and not token.order:
            branch = Condensed("", 1)._walk(inside, Group(), [], -1)
            if branch:
                g, u = group, used
                for _ in range(token.count):
                    g, u = _attach(g, u, at, branch)
                return self._walk(rest, g, u, at)
        return self._walk(inside * token.count + rest, group, used, at) if token.count * len(inside) <= MAX_LABEL else None

    def _hydrocarbon(self, token: Token, rest: list[Token], group: Group, used: list[int], at: int) -> Group | None:
        """C6H13, C2H4, C6H5: a chain of so many carbon atoms, or phenyl."""
        n = token.count
        if token.name != "C" or n < 2 or token.order or not rest or rest[0].name != "H":
            return None
        hydrogens = rest[0].count
        if (n, hydrogens) == (6, 5) and at >= 0:
            return self._walk([Token("Ph")] + rest[1:], group, used, at)
        if hydrogens == 2 * n + 1:
            chain = [Token("C"), Token("H", 2)] * (n - 1) + [Token("C"), Token("H", 3)]
        elif hydrogens == 2 * n:
            chain = [Token("C"), Token("H", 2)] * n
        else:
            return None
        return self._walk(chain + rest[1:], group, used, at)


def turned(tokens: list[Token]) -> list[Token]:
    """A formula read from its right end; what stands in brackets is turned when it is looked at."""
    out = [Token(t.name, t.count, t.inside) for t in reversed(tokens)]
    for i, t in enumerate(reversed(tokens)):
        if t.order and i + 1 < len(out):
            out[i + 1].order = t.order
    return out


def turned_by_links(tokens: list[Token]) -> list[Token]:
    """The same where each link is printed from the left, such as `CH3O`: what an atom holds stays behind it."""
    links: list[list[Token]] = []
    for t in tokens:
        if links and (t.name in SINGLE or t.name in pieces()):
            links[-1].append(t)
        else:
            links.append([t])
    return [t for link in reversed(links) for t in link] if all(not t.order for t in tokens) else []


def _name(label: str, at: int) -> str:
    """The longest group or element that the label goes on with."""
    for size in range(min(8, len(label) - at), 0, -1):
        name = label[at : at + size]
        if name in pieces() or name in VALENCES or name in SINGLE:
            return name
    return ""


def _filled(group: Group, used: list[int]) -> bool:
    return all(p.element == 0 or n in VALENCES.get(ELEMENTS[p.element - 1], (1,)) for p, n in zip(group.parts, used))


def _hang(group: Group, used: list[int], at: int, token: Token) -> tuple[Group, list[int]]:
    """Copies of a single-bonded token on an atom; a group of the table is a part of element 0 with its name."""
    g, u = Group(group.parts[:], group.bonds[:], named=dict(group.named)), used[:]
    for _ in range(token.count):
        if token.name in pieces():
            g.named[len(g.parts)] = table()[token.name]
            g.parts.append(Part(0))
        else:
            g.parts.append(Part(1, 2) if token.name == "D" else Part(NUMBERS[token.name]))
        g.bonds.append((at, len(g.parts) - 1, 1))
        u[at] += 1
        u.append(1)
    return g, u


def _grow(group: Group, used: list[int], at: int, name: str, orders: list[int], stays: bool, head: int) -> tuple[Group | None, list[int], int]:
    """Atoms of an element bound to an atom; at -1 the head, of which the bonds of the drawing are used already."""
    g, u = Group(group.parts[:], group.bonds[:], named=dict(group.named)), used[:]
    end = at
    for order in orders:
        g.parts.append(Part(NUMBERS[name]))
        u.append(order if at >= 0 else head)
        if at >= 0:
            g.bonds.append((at, len(g.parts) - 1, order))
            u[at] += order
        end = len(g.parts) - 1
    most = max(VALENCES.get(ELEMENTS[g.parts[at].element - 1], (1,))) if at >= 0 else 0
    if at >= 0 and u[at] > most or u[end] > max(VALENCES[name]):
        return None, u, at
    return g, u, at if stays else end


def _attach(group: Group, used: list[int], at: int, branch: Group) -> tuple[Group, list[int]]:
    g, u = Group(group.parts[:], group.bonds[:], named=dict(group.named)), used[:]
    first = len(g.parts)
    g.parts += branch.parts
    g.bonds += [(a + first, b + first, o) for a, b, o in branch.bonds] + [(at, first, 1)]
    g.named |= {k + first: v for k, v in branch.named.items()}
    u += [0] * len(branch.parts)
    for a, b, o in g.bonds[len(group.bonds) :]:
        u[a] += o
        u[b] += o
    return g, u
