"""The molecules that training draws: PubChem substances from ../shared/data/training, without any of the evaluation sets."""

from __future__ import annotations

import functools
import gzip
import json
import os
import random
import zlib
from pathlib import Path

from rdkit import Chem, RDLogger
from rdkit.Chem import rdMolDescriptors

RDLogger.DisableLog("rdApp.*")

ROOT = Path(__file__).parents[2]
MAX_ATOMS = 46
ELEMENTS = {0, 1, 3, 5, 6, 7, 8, 9, 11, 14, 15, 16, 17, 19, 20, 34, 35, 53}
SPLITS = ("train", "validation", "acceptance")
PART = 8  # heavy atoms from which a part of a salt is a molecule of its own


def shared() -> Path:
    """The folder of evaluation data and training seeds; PALIMPSEST_SHARED overrides."""
    return Path(os.environ.get("PALIMPSEST_SHARED") or ROOT.parent / "shared")


def source() -> Path:
    """The file of seeds, which may be missing."""
    return shared() / "data" / "training" / "pubchem_100k.smi.gz"


@functools.lru_cache(maxsize=1)
def forbidden() -> frozenset[str]:
    """Canonical SMILES, without stereo, of every molecule in the evaluation sets, and of its parts but counterions."""
    out = set()
    manifest = shared() / "data" / "molecules" / "manifest.jsonl"
    if not manifest.exists():
        return frozenset()
    for line in manifest.read_text().splitlines():
        truth = json.loads(line)["gt"]
        for text in (truth["smiles"], truth.get("smiles_nostereo")):
            mol = Chem.MolFromSmiles(text) if text else None
            if mol:
                out |= {flat(mol), *(flat(part) for part in Chem.GetMolFrags(mol, asMols=True) if part.GetNumHeavyAtoms() >= PART)}
    return frozenset(out)


def flat(mol: Chem.Mol) -> str:
    """Canonical SMILES without stereo and isotopes."""
    return Chem.MolToSmiles(mol, isomericSmiles=False)


def split_of(text: str) -> str:
    """Which split a molecule belongs to, by its text without stereo."""
    n = zlib.crc32(text.encode()) % 100
    return "acceptance" if n < 5 else "validation" if n < 8 else "train"


def size(text: str) -> int:
    """About how many heavy atoms a SMILES has, without parsing it."""
    text = text.replace("Cl", "X").replace("Br", "X").replace("[nH]", "n").replace("@", "").replace("H", "")
    return sum(c.isalpha() or c == "*" for c in text)


@functools.lru_cache(maxsize=1)
def lines() -> dict[int, list[str]]:
    """The seeds by size. Which split one belongs to is decided when it is drawn."""
    out: dict[int, list[str]] = {}
    if not source().exists():
        raise FileNotFoundError(f"{source()}: the seeds of the molecules are not there; set PALIMPSEST_SHARED")
    with gzip.open(source(), "rt") as f:
        for line in f:
            text = line.split()[0] if line.strip() else ""
            n = size(text)
            if 2 <= n <= MAX_ATOMS and len(text) < 160:
                out.setdefault(n, []).append(text)
    return out


def usable(text: str, split: str) -> Chem.Mol | None:
    """The molecule of a seed if it belongs to the split, can be drawn plainly, and is in no evaluation set."""
    mol = Chem.MolFromSmiles(text)
    if mol is None or not 2 <= mol.GetNumAtoms() <= MAX_ATOMS:
        return None
    for a in mol.GetAtoms():
        if a.GetAtomicNum() not in ELEMENTS or a.GetNumRadicalElectrons() or a.GetDegree() > 4 and a.GetAtomicNum() not in (15, 16):
            return None
        if a.GetTotalNumHs() and a.GetDegree() and (a.GetAtomicNum() in (9, 17, 35, 53) or a.GetAtomicNum() == 16 and a.GetFormalCharge() < 0):
            return None  # such as Br-IH-I
    if any(b.GetBondType() not in (Chem.BondType.SINGLE, Chem.BondType.DOUBLE, Chem.BondType.TRIPLE, Chem.BondType.AROMATIC) for b in mol.GetBonds()):
        return None
    text = flat(mol)
    if text in forbidden() or split_of(text) != split or text.count(".") > 2:
        return None
    return mol


PARTNERS = ("Cl", "Cl", "Cl", "Br", "O", "[Na+]", "[K+]", "[Cl-]", "[Br-]", "[I-]", "OC(=O)C(F)(F)F", "OS(=O)(=O)C", "CC(=O)O", "O=S(=O)(O)O", "C[NH3+]")
STEREO = 0.75  # share of molecules with centres that have them told
SALTS = 0.04


def varied(mol: Chem.Mol, r: random.Random) -> Chem.Mol:
    """The seeds have neither stereo nor salts: gives some molecules arrangements at random, and a second part."""
    tell = r.random() < STEREO and not rdMolDescriptors.CalcNumBridgeheadAtoms(mol)  # of cages no drawing tells it
    some = r.choice((1.0, 1.0, 0.6))
    for e in Chem.FindPotentialStereo(mol):
        if e.type == Chem.StereoType.Bond_Double:
            bond = mol.GetBondWithIdx(e.centeredOn)
            ligands = [i for i in e.controllingAtoms if i < mol.GetNumAtoms()]
            if r.random() < 0.5 and bond.GetStereo() == Chem.BondStereo.STEREONONE and len(ligands) >= 2:
                _side(mol, bond, r)
        elif e.type == Chem.StereoType.Atom_Tetrahedral and tell and r.random() < some:
            mol.GetAtomWithIdx(e.centeredOn).SetChiralTag(r.choice((Chem.ChiralType.CHI_TETRAHEDRAL_CW, Chem.ChiralType.CHI_TETRAHEDRAL_CCW)))
    if r.random() < SALTS:
        mol = Chem.CombineMols(mol, Chem.MolFromSmiles(r.choice(PARTNERS)))
        Chem.SanitizeMol(mol)
    return mol


def _side(mol: Chem.Mol, bond: Chem.Bond, r: random.Random) -> None:
    """Draws a double bond with its ends on one side or on either."""
    ends = []
    for a, other in ((bond.GetBeginAtom(), bond.GetEndAtom()), (bond.GetEndAtom(), bond.GetBeginAtom())):
        near = [n.GetIdx() for n in a.GetNeighbors() if n.GetIdx() != other.GetIdx()]
        if not near:
            return
        ends.append(r.choice(near))
    bond.SetStereoAtoms(*ends)
    bond.SetStereo(r.choice((Chem.BondStereo.STEREOCIS, Chem.BondStereo.STEREOTRANS)))
