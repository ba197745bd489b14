"""Nothing of the evaluation sets enters training: no file of theirs is read but to be left out, no molecule, work of music, line
of text or picture of theirs is drawn. Skipped where the sets are not beside the repository."""

import ast
import functools
import hashlib
import json
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from training.molecules import seeds
from training.paths import MODEL_DIR, REPOSITORY

DATA = seeds.shared() / "data"
SETS = ("ocr", "tables", "molecules", "music", "cxr", "robustness")
# What training may open of the shared folder: its seeds, and the molecules that it must not draw.
OPEN = (DATA / "training", DATA / "molecules" / "manifest.jsonl")
LONG = 5  # words in a row that are no coincidence

needs_sets = pytest.mark.skipif(not all((DATA / s / "manifest.jsonl").exists() for s in SETS), reason=f"the evaluation sets are not in {DATA}")

# Draws some examples of every task, of training's split, and prints their texts and every file that was opened meanwhile.
DRAW = """
import json, os, random, sys
opened, out = set(), []
sys.addaudithook(lambda event, args: opened.add(os.path.realpath(os.fsdecode(args[0]))) if event == "open" and isinstance(args[0], (str, bytes)) else None)
from training import tasks
from training.sweep import transfers
for name in tasks.NAMES:
    source, left = tasks.source(name, "train", random.Random(name)), 16 if name in ("ocr", "table") else 5
    while left:
        if example := source.example(16):
            out.append((name, example.prompt, example.answer))
            left -= 1
r = random.Random(1)
out += [(name, e.prompt, e.answer) for name, draw in transfers.TRANSFERS.items() for e in [draw(r, "train")]]
json.dump({"opened": sorted(opened), "drawn": out}, sys.stdout)
"""


def rows(name):
    return [json.loads(line) for line in (DATA / name / "manifest.jsonl").read_text(encoding="utf-8").splitlines()]


def words(text):
    return re.findall(r"\w+", re.sub(r"<[^>]*>", " ", text).lower())


def runs(text):
    """Its runs of so many words that hold more than numbers."""
    said = words(text)
    found = (said[i : i + LONG] for i in range(len(said) - LONG + 1))
    return {" ".join(run) for run in found if sum(w.isalpha() and len(w) > 1 for w in run) >= LONG - 1}


def texts(value):
    """All texts of a truth."""
    if isinstance(value, str):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from texts(part)


@functools.lru_cache(maxsize=1)
def lines():
    """Every text of the truths of pages, tables and reports."""
    out = []
    for name in ("ocr", "tables", "cxr"):
        for row in rows(name):
            out += texts(row.get("gt"))
            path = DATA / name / (row.get("gt_file") or "none")
            if path.suffix == ".json" and path.exists():
                out += texts(json.loads(path.read_text(encoding="utf-8")))
            elif path.suffix in (".txt", ".xml") and path.exists():
                out.append(path.read_text(encoding="utf-8", errors="replace"))
    return out


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    state = tmp_path_factory.mktemp("state")  # no cache of earlier runs: what is measured once is opened, too
    environment = os.environ | {"PALIMPSEST_TRAINING": str(state), "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
    known = Path(os.environ.get("PALIMPSEST_TRAINING") or Path.home() / ".cache" / "palimpsest" / "training") / "fonts.json"
    if known.exists():
        (state / "fonts.json").write_bytes(known.read_bytes())
    done = subprocess.run([sys.executable, "-B", "-c", DRAW], capture_output=True, text=True, env=environment, timeout=900, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout[done.stdout.index('{"opened"') :])


@needs_sets
def test_no_file_of_the_sets_is_opened(drawn):
    inside = [Path(p) for p in drawn["opened"] if Path(p).is_relative_to(DATA.resolve())]
    allowed = tuple(p.resolve() for p in OPEN)
    assert any(p.is_relative_to(allowed[0]) for p in inside)  # the seeds were: the record works
    assert [p for p in inside if not any(p.is_relative_to(a) for a in allowed)] == []


@needs_sets
def test_no_file_of_the_sets_lies_elsewhere(drawn):
    """By hash: pictures and truths, among what training opens and what is committed for it."""
    hashes = {row["sha256"]: row["id"] for name in SETS for row in rows(name) if row["bytes"]}
    assert len(hashes) > 500
    opened = [Path(p) for p in drawn["opened"]]
    committed = [p for folder in (REPOSITORY / "training", MODEL_DIR, REPOSITORY / "samples") for p in folder.rglob("*")]
    for path in {p for p in opened + committed if p.is_file() and p.stat().st_size < 50_000_000}:
        assert hashlib.sha256(path.read_bytes()).hexdigest() not in hashes, path


@needs_sets
def test_no_text_of_the_sets_is_written(drawn):
    """No five words in a row of a truth are drawn, or stand in the sources or the lists that words come from. What a source
    splits into words that are drawn one by one is no text."""
    real = set().union(*map(runs, lines()))
    assert len(real) > 5_000
    said = [answer for name, _, answer in drawn["drawn"] if name in ("ocr", "table", "pictures")]
    assert sum(len(words(s)) for s in said) > 200
    for answer in said:
        assert not runs(answer) & real
    for path in (REPOSITORY / "training").rglob("*.txt"):
        assert not runs(path.read_text(encoding="utf-8")) & real, path
    for path in (REPOSITORY / "training").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        split = {id(node.func.value) for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "split"}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in split:
                assert not runs(node.value) & real, f"{path}:{node.lineno}"


@needs_sets
def test_no_name_of_a_receipt_is_known():
    """Companies, addresses and sums of labelled receipts stand in no source."""
    sources = "\n".join(" ".join(words(p.read_text(encoding="utf-8"))) for p in (REPOSITORY / "training").rglob("*.py"))
    facts = set()
    for row in rows("ocr"):
        truth = json.loads((DATA / "ocr" / row["gt_file"]).read_text(encoding="utf-8"))
        facts |= {" ".join(words(truth.get("key_info", {}).get(k, ""))) for k in ("company", "address")}
    facts = {f for f in facts if len(f) > 5}
    assert len(facts) > 10
    assert [f for f in facts if f in sources] == []


@needs_sets
def test_no_molecule_of_the_sets_is_in_the_pool():
    """Every seed that could be one of theirs by its atoms is spelled out, and refused in every split; so are parts of theirs."""
    from rdkit import Chem

    if not seeds.source().exists():
        pytest.skip(f"no seeds at {seeds.source()}")

    def atoms(text):
        letters = re.sub(r"\[nH\]", "n", text).replace("Cl", "X").replace("Br", "Y")
        return "".join(sorted(c.upper() for c in letters if c.isalpha() and c != "H"))

    theirs = {}
    for row in rows("molecules"):
        for text in {row["gt"]["smiles"], row["gt"].get("smiles_nostereo") or row["gt"]["smiles"]}:
            if mol := Chem.MolFromSmiles(text):
                theirs[seeds.flat(mol)] = row["id"]
                for part in Chem.GetMolFrags(mol, asMols=True):
                    if part.GetNumHeavyAtoms() >= seeds.PART:
                        theirs[seeds.flat(part)] = row["id"]
    assert len(theirs) > 40 and set(theirs) <= seeds.forbidden()
    known, met = {atoms(text) for text in theirs}, 0
    for some in seeds.lines().values():
        for text in some:
            if atoms(text) not in known:
                continue
            mol = Chem.MolFromSmiles(text)
            if mol is not None and seeds.flat(mol) in theirs:
                met += 1
                assert all(seeds.usable(text, split) is None for split in seeds.SPLITS), text
    print(f"{met} seeds are molecules of the evaluation sets and refused")


@needs_sets
def test_no_molecule_of_the_sets_is_drawn(drawn):
    from training.molecules import chemistry
    from training.molecules.drawing import parse

    answers = [answer for name, _, answer in drawn["drawn"] if name == "molecule" and answer]
    assert answers
    for answer in answers:
        assert seeds.flat(chemistry.molecule(parse(answer))) not in seeds.forbidden()


def _melodies(text, length):
    """Runs of so many notes of the columns of a **kern text, by their letters alone."""
    columns = {}
    for line in text.splitlines():
        if line[:1] not in ("*", "!", "="):
            for i, token in enumerate(line.split("\t")):
                if note := re.search(r"([a-gA-G]+)([#-]*)", token):
                    columns.setdefault(i, []).append(note.group())
    return {" ".join(c[i : i + length]) for c in columns.values() for i in range(len(c) - length + 1) if len(set(c[i : i + length])) > 6}


@needs_sets
def test_no_work_of_music_of_the_sets_is_in_the_archive():
    """By work, and by the notes: no forty of a labelled system in a row."""
    from training.music import sources

    if not sources.ARCHIVE.exists():
        pytest.skip(f"no music at {sources.ARCHIVE}")
    manifest = rows("music")
    works = {m.group(1) for row in manifest if (m := re.match(r"chopin(\d{3})", row["group"]))}
    others = {row["group"] for row in manifest if not row["group"].startswith("chopin")}
    with tarfile.open(sources.ARCHIVE) as archive:
        texts_by_name = {Path(m.name).stem: archive.extractfile(m).read().decode("utf-8", "replace") for m in archive.getmembers() if m.name.endswith(".krn")}
    assert works and len(texts_by_name) > 100
    assert [n for n in texts_by_name if n[:3] in works or n in others] == []
    real = set()
    for row in manifest:
        real |= _melodies((DATA / "music" / row["gt_file"]).read_text(encoding="utf-8"), 40)
    assert len(real) > 100
    for name, text in texts_by_name.items():
        assert not _melodies(text, 40) & real, name
