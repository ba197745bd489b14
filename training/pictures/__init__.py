"""Questions about pictures of drawn shapes, whose places and relations are known: what is there, where it is, how many there
are, and statements that are true or false. docs/targets.md fixes prompts and answers."""

from __future__ import annotations

import random

import numpy as np
from PIL import Image

from training import degrade, detect
from training.detect import Thing
from training.example import Example
from training.pictures import scenes
from training.pictures.scenes import RELATIONS, Artist, Scene
from training.pictures.shapes import KINDS, ROOM

PROMPTS = (
    "caption en",
    "detect KIND ; KIND",
    "answer en the KIND is RELATION the KIND",
    "answer en there is a KIND",
    "answer en how many KINDs?",
)

# How often each is asked: relations are what is measured, places what the others rest on.
SHARES = {"relation": 0.42, "detect": 0.28, "caption": 0.12, "count": 0.08, "presence": 0.08, "nothing": 0.02}

ACROSS = ("left of", "right of", "larger than", "smaller than")  # what a low window has room for


class Source:
    """Pictures with questions, without end."""

    def __init__(self, split: str, r: random.Random):
        self.split, self.r = split, r

    def example(self, rows: int) -> Example | None:
        """A picture in so many rows of patches, with one question."""
        if rows not in (16, 8, 4):
            return None
        what = self.r.choices(list(SHARES), SHARES.values())[0]
        while True:
            artist = Artist(self.r, self.split, rows)
            asked = getattr(self, "_" + what)(artist)
            if asked:
                scene, prompt, answer, truth = asked
                return self._finish(scene, rows, prompt, answer, truth | {"task": what})

    def _finish(self, scene: Scene, rows: int, prompt: str, answer: str, truth: dict) -> Example:
        shapes = scene.ordered()
        first_row = (16 - rows) // 2
        pixels = scenes.draw(scene, self.r, rows, self.r.choice((1.5, 2.0, 2.0, 3.0)))
        marks = detect.marks([(detect.symbol(KINDS.index(s.kind)), s.box) for s in shapes], rows, first_row)
        return Example(pixels, prompt, answer, marks, first_row, truth)

    def _kinds(self, most: int) -> list[str]:
        """Kinds of a crowd: often some of a kind."""
        r = self.r
        few = r.sample(KINDS, r.randint(2, len(KINDS)))
        return [r.choice(few) for _ in range(r.randint(1, most))]

    def _crowd(self, artist: Artist, most: int) -> Scene:
        return artist.scatter(self._kinds(min(most, 2 + artist.rows // 2)))

    def _detect(self, artist: Artist):
        scene = self._crowd(artist, 8)
        there = sorted({s.kind for s in scene.shapes})
        asked = self.r.sample(there, min(len(there), self.r.choice((1, 1, 2, 3)))) if there and self.r.random() < 0.9 else []
        others = [k for k in KINDS if k not in there]
        if others and (not asked or self.r.random() < 0.25):
            asked.append(self.r.choice(others))
        if not asked:
            return None
        self.r.shuffle(asked)
        things = [t for t in scene.things if t.label in asked]
        return scene, "detect " + " ; ".join(asked), detect.answer(things), {"things": things}

    def _caption(self, artist: Artist):
        scene = artist.scatter([self.r.choice(KINDS) for _ in range(self.r.choice((1, 2, 2, 2, 3, 4)))])
        if self.r.random() < 0.2:
            inner, outer = self.r.choice(KINDS), self.r.choice(list(ROOM))
            scene = artist.pair(inner, outer, "inside", True) if inner != outer else None
        said = scene and scenes.caption(scene)
        return said and (scene, "caption en", said, {"facts": facts(said)})

    def _relation(self, artist: Artist):
        question, truth, scene = statement(self.r, artist)
        return scene and (scene, "answer en " + question, str(truth), {"relation": question})

    def _presence(self, artist: Artist):
        r = self.r
        kind, truth = r.choice(KINDS), r.random() < 0.5
        kinds = scenes.kinds_without(r, {kind}, r.randint(0, 5)) + [kind] * truth
        r.shuffle(kinds)
        scene = artist.scatter(kinds)
        if any(s.kind == kind for s in scene.shapes) is not truth:
            return None
        return scene, "answer en there is " + scenes.article(kind), str(truth), {}

    def _count(self, artist: Artist):
        r = self.r
        kind = r.choice(KINDS)
        kinds = [kind] * r.randint(0, 5) + scenes.kinds_without(r, {kind}, r.randint(0, 3))
        r.shuffle(kinds)
        scene = artist.scatter(kinds)
        count = sum(s.kind == kind for s in scene.shapes)
        return scene, f"answer en how many {scenes.plural(kind)}?", str(count), {}

    def _nothing(self, artist: Artist):
        """An empty ground: nothing to say, nothing to find."""
        prompt = "caption en" if self.r.random() < 0.5 else "detect " + " ; ".join(self.r.sample(KINDS, self.r.randint(1, 3)))
        return artist.scene(), prompt, "", {"things": []} if prompt.startswith("detect") else {"facts": []}


def statement(r: random.Random, artist: Artist) -> tuple[str, bool, Scene | None]:
    """A statement, whether it is true, and a picture of it. What is said and whether it is true are drawn first and apart, so
    that nothing in the words tells which it is."""
    relation = r.choice(RELATIONS if artist.rows > 4 else ACROSS)
    b = r.choice(list(ROOM) if relation == "inside" else KINDS)
    a = r.choice([k for k in KINDS if k != b])
    truth = r.random() < 0.5
    scene = None
    while scene is None:
        scene = artist.pair(a, b, relation, truth)
        if scene is None:  # no room in this style: another one, for the same statement
            artist = Artist(r, artist.split, artist.rows)
    artist.scatter(scenes.kinds_without(r, {a, b}, r.choice((0, 0, 1, 1, 2, 3))), scene)
    return scenes.statement(relation, a, b), truth, scene


def facts(caption: str) -> list[str]:
    """What a caption says: each thing by itself, and how two of them lie."""
    out, text = [], " " + caption.replace(",", " ,") + " "
    for relation in ("left of", "above", "inside"):
        if f" {relation} " in text:
            out.append(relation)
            text = text.replace(f" {relation} ", " , ")
    for part in text.replace(" and ", " , ").split(","):
        words = [w for w in part.split() if w not in ("a", "an")]
        if words:
            out.append(" ".join(words))
    return out


def score(said: list[str], examples: list[Example]) -> dict[str, float]:
    """Accuracy of statements and counts, overlap and recall of what is to be found, and the share of captions' facts."""
    out: dict[str, float] = {}
    for task in ("relation", "presence", "count"):
        right = [s.strip() == e.answer for s, e in zip(said, examples) if e.truth["task"] == task]
        if right:
            out["spatial" if task == "relation" else task] = round(sum(right) / len(right), 4)
    found = [(detect.parse(s), e.truth["things"]) for s, e in zip(said, examples) if "things" in e.truth]
    if found:
        out |= {"detect_" + k: v for k, v in detect.score([s for s, _ in found], [t for _, t in found]).items()}
    hits = n_said = n_true = whole = 0
    captions = [(facts(s), e.truth["facts"]) for s, e in zip(said, examples) if "facts" in e.truth]
    for s, t in captions:
        left = list(t)
        for fact in s:
            if fact in left:
                left.remove(fact)
                hits += 1
        n_said, n_true, whole = n_said + len(s), n_true + len(t), whole + (s == t)
    if captions:
        out |= {"caption_facts": round(2 * hits / max(1, n_said + n_true), 4), "caption_exact": round(whole / len(captions), 4)}
    return out


def drawn(r: random.Random) -> tuple[Image.Image, dict]:
    """A picture in held-out styles with a statement, and its row of a manifest for the task `answer`."""
    artist = Artist(r, "validation", 16)
    question, truth, scene = statement(r, artist)
    scale = r.uniform(2.0, 3.5)
    image = scenes.canvas(scene, r, scale)
    noise = np.random.default_rng(r.getrandbits(48))
    a = np.asarray(image, np.float32) + noise.normal(0, r.uniform(0, 8), (image.height, image.width))
    image = Image.fromarray(np.clip(a, 0, 255).astype(np.uint8))
    if r.random() < 0.4:
        image = degrade.jpeg(image, r).copy()
    return image, {"question": question, "gt": str(truth), "choices": ["True", "False"], "metric": "exact"}
