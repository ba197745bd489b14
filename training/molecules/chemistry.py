"""From a drawing to the molecule it shows, by RDKit: abbreviations written out, wedges and sides of double bonds read off the
places."""

from __future__ import annotations

import functools

from rdkit import Chem, RDLogger

from training.molecules import groups
from training.molecules.drawing import Drawing, Unreadable

RDLogger.DisableLog("rdApp.*")

_HYDROGENS = Chem.RemoveHsParameters()
_HYDROGENS.removeDefiningBondStereo = True
_ORDERS = {"=": Chem.BondType.DOUBLE, "%": Chem.BondType.DOUBLE, "#": Chem.BondType.TRIPLE}
_SIDES = {"/": Chem.BondDir.BEGINWEDGE, ":": Chem.BondDir.BEGINDASH, "~": Chem.BondDir.UNKNOWN, "%": Chem.BondDir.EITHERDOUBLE}
_VALUE = {"=": 2, "%": 2, "#": 3}


@functools.lru_cache(maxsize=512)
def _template(smiles: str) -> Chem.Mol:
    mol = Chem.MolFromSmiles(smiles)
    Chem.Kekulize(mol, clearAromaticFlags=True)
    return mol


def molecule(drawing: Drawing) -> Chem.Mol:
    """The molecule of a drawing with its stereo; Unreadable where no valences allow it."""
    try:
        return _build(drawing)
    except groups.Unknown as error:
        raise Unreadable(f"unknown label {error}") from error
    except (ValueError, RuntimeError) as error:
        raise Unreadable(str(error)) from error


def smiles(drawing: Drawing, stereo: bool = True) -> str:
    """RDKit's canonical SMILES of a drawing."""
    return Chem.MolToSmiles(molecule(drawing), isomericSmiles=stereo)


def _build(drawing: Drawing) -> Chem.Mol:
    m = Chem.RWMol()
    orders = [0] * len(drawing.atoms)
    for b in drawing.bonds:
        for a in (b.first, b.second):
            orders[a] += _VALUE.get(b.kind, 1)
    heads, places, extended = [], [], set()
    for a, order in zip(drawing.atoms, orders):
        head = _add_label(m, groups.read(a.label, order))
        heads.append(head)
        if m.GetNumAtoms() > head + 1:
            extended.add(head)
        places += [(a.x, -a.y)] * (m.GetNumAtoms() - head)
    lower = {heads[i] for i, a in enumerate(drawing.atoms) if (p := groups.atom(a.label)) and p.aromatic}
    for b in drawing.bonds:
        first, second, kind = heads[b.first], heads[b.second], b.kind
        if kind in ("\\", ";"):
            first, second, kind = second, first, b.seen_from(b.second)
        m.AddBond(first, second, _ORDERS.get(kind, Chem.BondType.SINGLE))
        if kind in _SIDES:
            m.GetBondBetweenAtoms(first, second).SetBondDir(_SIDES[kind])
    _open_sides(m, extended)
    if lower:
        _aromatic(m, lower)
    conformer = Chem.Conformer(m.GetNumAtoms())
    conformer.Set3D(False)
    for i, (x, y) in enumerate(places):
        conformer.SetAtomPosition(i, (x, y, 0.0))
    m.AddConformer(conformer, assignId=True)
    out = m.GetMol()
    Chem.SanitizeMol(out)
    Chem.AssignChiralTypesFromBondDirs(out, replaceExistingTags=True)
    for b in out.GetBonds():  # wedges would be taken for directions beside double bonds
        if b.GetBondDir() in (Chem.BondDir.BEGINWEDGE, Chem.BondDir.BEGINDASH):
            b.SetBondDir(Chem.BondDir.NONE)
    Chem.DetectBondStereochemistry(out)
    out = Chem.RemoveHs(out, _HYDROGENS)
    Chem.AssignStereochemistry(out, cleanIt=True, force=True)
    return out


def _add_label(m: Chem.RWMol, group: groups.Group) -> int:
    """Adds what a label stands for; returns its first atom."""
    first = m.GetNumAtoms()
    if group.smiles:
        _add_template(m, group.smiles)
        return first
    index = []
    for i, p in enumerate(group.parts):
        if i in group.named:
            index.append(_add_template(m, group.named[i]))
            continue
        a = Chem.Atom(p.element)
        a.SetFormalCharge(p.charge)
        a.SetIsotope(p.isotope)
        if p.hydrogens is not None:
            a.SetNoImplicit(True)
            a.SetNumExplicitHs(p.hydrogens)
        index.append(m.AddAtom(a))
    for a, b, order in group.bonds:
        m.AddBond(index[a], index[b], {1: Chem.BondType.SINGLE, 2: Chem.BondType.DOUBLE, 3: Chem.BondType.TRIPLE}[order])
    return first


def _add_template(m: Chem.RWMol, text: str) -> int:
    first = m.GetNumAtoms()
    template = _template(text)
    for a in template.GetAtoms():
        copy = Chem.Atom(a.GetAtomicNum())
        copy.SetFormalCharge(a.GetFormalCharge())
        m.AddAtom(copy)
    for b in template.GetBonds():
        m.AddBond(first + b.GetBeginAtomIdx(), first + b.GetEndAtomIdx(), b.GetBondType())
    return first


def _open_sides(m: Chem.RWMol, extended: set[int]) -> None:
    """A double bond to a label of several atoms has no sides: where they lie is not drawn."""
    for b in m.GetBonds():
        if b.GetBondType() == Chem.BondType.DOUBLE and (b.GetBeginAtomIdx() in extended or b.GetEndAtomIdx() in extended):
            b.SetBondDir(Chem.BondDir.EITHERDOUBLE)


def _aromatic(m: Chem.RWMol, lower: set[int]) -> None:
    """Makes the single ring bonds between atoms of rings with circles aromatic."""
    Chem.FastFindRings(m)
    for i in lower:
        m.GetAtomWithIdx(i).SetIsAromatic(True)
    for b in m.GetBonds():
        ends = {b.GetBeginAtomIdx(), b.GetEndAtomIdx()}
        if ends <= lower and b.IsInRing() and b.GetBondType() == Chem.BondType.SINGLE:
            b.SetBondType(Chem.BondType.AROMATIC)
            b.SetIsAromatic(True)
