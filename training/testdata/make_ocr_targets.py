"""Writes ocr_targets.jsonl beside this file: the examples of docs/targets.md."""

import json
from pathlib import Path

from training.targets import Word, answer, parse

WRITTEN = {
    "empty tile": [],
    "one word": [("Hello", (10.0, 20.0, 60.0, 34.0))],
    "two lines": [("The", (3.5, 4.25, 24.0, 18.0)), ("quick,", (28.125, 4.25, 70.5, 20.5)), ("fox.", (3.5, 30.0, 31.0, 44.0))],
    "edges are clamped": [("Ünïcödé", (0.0, 0.0, 224.0, 14.0)), ("“x”", (200.0, 210.0, 224.0, 224.0))],
    "halves go up": [("a", (0.4375, 1.3125, 2.1875, 3.0625))],
    "accents and signs": [("3–4", (5, 5, 30, 16)), ("€12.50", (40, 5, 90, 16)), ("§7", (100, 5, 115, 16)), ("l’été…", (120, 5, 160, 16)), ("Œuvre«", (165, 5, 210, 16))],
    "code and address": [("QX7-9K2B", (12.3, 100.1, 80.9, 112.7)), ("info@example.org", (90.2, 100.1, 200.6, 114.9))],
    "marks that look like markup": [("<b>", (1, 2, 30, 14)), ("<loc", (40, 2, 70, 14)), ("a<loc12>", (80, 2, 140, 14))],
}

READ = {
    "text before the first location": "lost<loc0100><loc0100><loc0140><loc0300>kept",
    "three locations": "<loc0100><loc0100><loc0140>lost<loc0200><loc0100><loc0240><loc0300>kept",
    "five locations": "<loc0000><loc0100><loc0100><loc0140><loc0300>lost<loc0200><loc0100><loc0240><loc0300>kept",
    "locations without text at the end": "<loc0100><loc0100><loc0140><loc0300>kept<loc0200><loc0100><loc0240><loc0300>",
    "cut off inside the locations": "<loc0100><loc0100><loc0140><loc0300>kept<loc0200><loc01",
    "cut off inside the text": "<loc0100><loc0100><loc0140><loc0300>kept<loc0200><loc0100><loc0240><loc0300>ke",
    "turned inside out": "<loc0140><loc0100><loc0100><loc0300>lost<loc0100><loc0300><loc0140><loc0100>lost<loc0100><loc0100><loc0140><loc0300>kept",
    "no area": "<loc0100><loc0100><loc0100><loc0300>lost<loc0100><loc0300><loc0140><loc0300>lost",
    "white space": "<loc0100><loc0100><loc0140><loc0300> a b <loc0200><loc0100><loc0240><loc0300> ",
    "odd locations are allowed": "<loc0001><loc0002><loc0511><loc1023>kept",
    "not a location": "<loc0100><loc0100><loc0140><loc0300><loc12>x<locabcd>",
    "nothing": "",
}


def shown(words):
    return [{"text": w.text, "box": list(w.box)} for w in words]


def main():
    lines = []
    for name, words in WRITTEN.items():
        words = [Word(t, tuple(map(float, b))) for t, b in words]
        text = answer(words)
        lines.append({"name": name, "words": shown(words), "answer": text, "decoded": shown(parse(text))})
    for name, text in READ.items():
        lines.append({"name": name, "answer": text, "decoded": shown(parse(text))})
    out = Path(__file__).with_name("ocr_targets.jsonl")
    out.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    main()
