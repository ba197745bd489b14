"""Writes table_structure_targets.jsonl beside this file: the examples of the step "table structure" of docs/targets.md."""

import json
from pathlib import Path

from training.tables import structure
from training.tables.structure import Table


def loc(*numbers):
    return "".join(f"<loc{n:04d}>" for n in numbers)


WRITTEN = [
    ("no table", []),
    ("one cell", [Table([], [(20, 34)], [(10, 200)], [])]),
    ("head and body", [Table([(12, 22)], [(30, 40), (50, 60)], [(10, 40), (100, 150), (160, 190)], [])]),
    ("cells of several lines", [Table([(8, 40)], [(48, 80), (90, 98)], [(4, 90), (110, 140), (170, 220)], [])]),
    ("columns under one heading", [Table([(5, 15), (25, 35)], [(45, 55), (65, 75)], [(5, 50), (80, 110), (130, 160)], [(80, 5, 160, 15)])]),
    ("heading of two rows", [Table([(5, 15), (25, 35)], [(45, 55)], [(5, 50), (80, 110), (130, 160)], [(5, 5, 50, 35), (80, 5, 160, 15)])]),
    ("rows under one name", [Table([], [(5, 15), (25, 35), (45, 55)], [(5, 50), (80, 110)], [(5, 5, 50, 35)])]),
    ("section across", [Table([(5, 15)], [(25, 35), (45, 55)], [(5, 50), (80, 110), (130, 160)], [(5, 25, 160, 35)])]),
    ("two tables", [Table([(5, 15)], [(25, 35)], [(5, 50), (80, 110)], []), Table([], [(120, 130), (140, 150)], [(5, 50), (80, 110)], [])]),
    ("at the edge", [Table([], [(0, 112), (112, 224)], [(0, 100), (124, 224)], [])]),
]
READ = [
    ("lists without places", "hbcs"),
    ("rows alone", "b" + loc(8, 40, 60, 80)),
    ("columns alone", "c" + loc(8, 40, 60, 80)),
    ("words", "I see no table here."),
    ("spaces and other characters between", "h " + loc(8, 40) + " ; b\n" + loc(60, 80) + "!c" + loc(0, 100) + " " + loc(200, 300)),
    ("places in front of a list", loc(1, 2, 3) + "b" + loc(8, 40) + "c" + loc(0, 100)),
    ("odd number of places", "b" + loc(8, 40, 60) + "c" + loc(0, 100, 200, 300, 400)),
    ("turned inside out", "b" + loc(40, 8, 60, 80, 90, 90) + "c" + loc(0, 100)),
    ("rows out of order", "b" + loc(200, 220, 8, 40) + "c" + loc(300, 400, 0, 100)),
    ("a row twice", "b" + loc(8, 40, 12, 40, 60, 80) + "c" + loc(0, 100, 4, 96)),
    ("head below body", "h" + loc(60, 80) + "b" + loc(8, 40) + "c" + loc(0, 100)),
    ("head between", "h" + loc(8, 20, 60, 80) + "b" + loc(30, 50, 90, 100) + "c" + loc(0, 100)),
    ("head alone", "h" + loc(8, 20) + "c" + loc(0, 100, 200, 300)),
    ("span of one place", "b" + loc(8, 20, 40, 60) + "c" + loc(0, 100, 200, 300) + "s" + loc(8, 0, 20, 100)),
    ("span of nothing", "b" + loc(8, 20, 40, 60) + "c" + loc(0, 100, 200, 300) + "s" + loc(24, 0, 36, 300)),
    ("span a little off", "b" + loc(8, 20, 40, 60) + "c" + loc(0, 100, 200, 300) + "s" + loc(12, 8, 24, 280)),
    ("spans that overlap", "b" + loc(8, 20, 40, 60) + "c" + loc(0, 100, 200, 300) + "s" + loc(8, 0, 20, 300, 8, 0, 60, 100)),
    ("span out of the head", "h" + loc(8, 20) + "b" + loc(40, 60, 80, 100) + "c" + loc(0, 100, 200, 300) + "s" + loc(8, 0, 100, 300)),
    ("span out of the head that is left with one place", "h" + loc(8, 20) + "b" + loc(40, 60) + "c" + loc(0, 100, 200, 300) + "s" + loc(8, 0, 60, 100)),
    ("a list again begins a table", "b" + loc(8, 40) + "c" + loc(0, 100) + "b" + loc(60, 80) + "c" + loc(0, 100)),
    ("a list again without rows", "b" + loc(8, 40) + "c" + loc(0, 100) + "c" + loc(200, 300)),
    ("cut in the columns", "h" + loc(8, 40) + "b" + loc(60, 80) + "c" + loc(0, 100, 200)),
    ("cut in the rows", "h" + loc(8, 40) + "b" + loc(60, 80, 100)),
]


def read(text):
    return [
        {"head": len(t.head), "rows": [list(b) for b in t.rows], "columns": [list(b) for b in t.columns], "cells": [list(c) for c in structure.cells(t)]}
        for t in structure.parse(text)
    ]


if __name__ == "__main__":
    with open(Path(__file__).with_name("table_structure_targets.jsonl"), "w", encoding="utf-8") as out:
        for name, tables in WRITTEN:
            text = structure.answer(tables)
            out.write(json.dumps({"name": name, "tables": [t._asdict() for t in tables], "answer": text, "read": read(text)}) + "\n")
        for name, text in READ:
            out.write(json.dumps({"name": name, "answer": text, "read": read(text)}) + "\n")
