"""Reads the page numbers at the head and foot of pages, as examples/pagenumber-go does."""

import json
import math
import re

import task_pb2 as pb
from serving import Invalid

MAX_PARTS = 48  # into which one strip is cut
MAX_NUMBERS = 64  # that are kept of one page
MAX_ROMAN = 399  # beyond, words such as "mix" are numbers
NEAR = 2  # how many pages away a number still speaks for another
MAX_NOTES = 50
STRIPS = ["8", "12", "20"]
AROUND = " \t\r\n-–—.,·•*~|()[]"  # what people draw around page numbers


class PageNumber:
    """The task. It has no state: what read must know of the plan travels in the asks."""

    def info(self):
        column = pb.Column
        return pb.InfoReply(
            name="pagenumber",
            version="1",
            summary="page numbers at the head and foot of pages, and which of them do not fit the others",
            rounds=1,
            max_asks=2 * MAX_PARTS,
            finishes=True,
            relations=[pb.Relation(name="page_number", summary="numbers that may be the page's, from top to bottom", columns=[
                column(name="value", type="integer", summary="the number"),
                column(name="style", type="text", summary="arabic or roman"),
                column(name="text", type="text", summary="the digits or letters as they were read"),
                column(name="place", type="text", summary="top or bottom"),
            ])],
            options=[pb.Option(name="strip", default_value="12", values=STRIPS,
                               summary="percent of the page's height that is looked at, at either end")],
        )

    def plan(self, page, how):
        check(page, how)
        high = page.height * int(page.options.get("strip") or "12") / 100
        asks = []
        for place, y in (("top", 0), ("bottom", page.height - high)):
            state = json.dumps({"place": place, "bins": how.loc_bins, "placed": how.box != "none", "sure": how.min_confidence}).encode()
            for i, (x0, x1) in enumerate(cut(page.width, high, how)):
                asks.append(pb.Ask(id=f"{place} {i}", region=pb.Box(x0=x0, y0=y, x1=x1, y1=y + high), size=how.size, fit=how.fit,
                                   prompt=how.prompt, max_tokens=how.max_tokens, grammar=how.grammar, state=state))
        return asks

    def read(self, page, answers):
        found, loops, others, unsure = [], 0, 0, 0
        for a in answers:
            loops += a.stop == "loop"
            try:
                state = json.loads(a.ask.state)
                place, bins, placed, sure = state["place"], state["bins"], state["placed"], state["sure"]
            except (ValueError, TypeError, KeyError) as e:
                raise Invalid(f"ask {a.ask.id} is none of this task: {e}") from e
            for text, view in items(a.text, bins) if placed else [(a.text, (0, 0, 1, 1))]:
                number = parse(text)
                box = number and on_page(page, a, view)
                if not box:
                    others += bool(text.strip())
                elif confidence(a.tokens) < sure:
                    unsure += 1
                else:
                    keep(found, {"box": box, "place": place, "confidence": confidence(a.tokens), **number})
        if loops and not found:
            return pb.Reading(unreadable="the model repeated itself and wrote no page number")
        found.sort(key=lambda f: (f["box"][1], f["box"][0]))
        records = [pb.Record(relation="page_number", box=pb.Box(x0=f["box"][0], y0=f["box"][1], x1=f["box"][2], y1=f["box"][3]),
                             confidence=f["confidence"], source="model",
                             values={"value": pb.Value(integer=f["value"]), "style": pb.Value(text=f["style"]),
                                     "text": pb.Value(text=f["text"]), "place": pb.Value(text=f["place"])}) for f in found]
        notes = [f"{n} {what}" for n, what in ((others, "texts are no page numbers"), (unsure, "numbers the model was too unsure of")) if n]
        return pb.Reading(records=records, notes=notes)

    def finish(self, doc):
        seen = [(p.page.number, r.values["value"].integer, r.values["style"].text) for p in doc.pages for r in p.records]
        lines = ["page,number,style,verdict"] if doc.part <= 1 else []  # later parts go on with the same file
        notes = []
        for p in doc.pages:
            if not p.records:
                lines.append(f"{p.page.number},,,")
            for r in p.records:
                one = (p.page.number, r.values["value"].integer, r.values["style"].text)
                verdict = fits(one, seen)
                lines.append(f"{one[0]},{one[1]},{one[2]},{verdict}")
                if verdict == "odd":
                    notes.append(f"page {one[0]}: the number {one[1]} does not fit those near it")
        if len(notes) > MAX_NOTES:
            notes[MAX_NOTES:] = [f"{len(notes) - MAX_NOTES} numbers more do not fit"]
        content = "".join(line + "\n" for line in lines).encode()
        return pb.Reading(artifacts=[pb.Artifact(name="page_numbers.csv", media_type="text/csv", content=content)], notes=notes)


def check(page, how):
    """Refuses what no plan can be made from."""
    if page.options.get("strip", "") not in ["", *STRIPS]:
        raise Invalid(f"option strip={page.options['strip']}: want one of {STRIPS}")
    if page.width < 1 or page.height < 1:
        raise Invalid(f"page of {page.width} x {page.height} pixels")
    if not (1 <= how.size <= 4096 and 1 <= how.max_tokens <= 16384 and how.loc_bins >= 2 and 0 <= 2 * how.overlap <= how.size):
        raise Invalid(f"profile: size {how.size}, {how.max_tokens} tokens, {how.loc_bins} places, overlap {how.overlap}")
    if how.fit not in ("stretch", "letterbox") or how.view not in ("page", "region", "tiles") or how.box not in ("none", "yxyx-before"):
        raise Invalid(f"profile: fit {how.fit!r}, view {how.view!r}, box {how.box!r}")


def cut(width, high, how):
    """The left and right edges of what the profile wants the model to see of a strip at once."""
    side = max(high, width / (MAX_PARTS / 2))
    rest = width - side
    if how.view != "tiles" or rest <= 0:
        return [(0, width)]
    n = math.ceil(rest / (side * (1 - how.overlap / how.size)))
    return [(rest * i / n, rest * i / n + side) for i in range(n + 1)]


def items(text, bins):
    """The texts that exactly four location tokens stand in front of, with their boxes in the unit square of the view."""
    out = []
    for places, words in re.findall(r"((?:<loc\d{4,5}>)+)((?:(?!<loc\d{4,5}>).)+)", text, re.DOTALL):
        n = [int(d) / bins for d in re.findall(r"\d+", places)]
        if len(n) == 4 and max(n) < 1 and n[0] < n[2] and n[1] < n[3]:
            out.append((words, (n[1], n[0], n[3], n[2])))
    return out


def on_page(page, answer, view):
    """A box of the view in page pixels, within the region that was shown; None where nothing of it is there."""
    a, b, c, d, e, f = answer.to_page
    xs = [a * x + b * y + c for x in view[0::2] for y in view[1::2]]
    ys = [d * x + e * y + f for x in view[0::2] for y in view[1::2]]
    r = answer.ask.region
    box = (max(min(xs), r.x0, 0), max(min(ys), r.y0, 0), min(max(xs), r.x1, page.width), min(max(ys), r.y1, page.height))
    return box if box[0] < box[2] and box[1] < box[3] else None


def parse(text):
    """A page number, or None."""
    text = text.strip(AROUND)
    if re.fullmatch("[0-9]{1,5}", text) and int(text) > 0:
        return {"value": int(text), "style": "arabic", "text": text}
    value = ROMAN.get(text.lower()) if text.isascii() and text in (text.lower(), text.upper()) else None
    return {"value": value, "style": "roman", "text": text} if value else None


def numeral(v):
    out = ""
    for worth, letters in ((100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i")):
        out += letters * (v // worth)
        v %= worth
    return out


ROMAN = {numeral(v): v for v in range(1, MAX_ROMAN + 1)}


def confidence(tokens):
    """The geometric mean probability of an answer's tokens; 1 without any."""
    logs = [max(-1e4, min(0.0, t.log_prob)) if t.log_prob == t.log_prob else -1e4 for t in tokens]
    return math.exp(sum(logs) / len(logs)) if logs else 1.0


def keep(found, new):
    """Adds a number, unless it is one that a neighbouring part showed, too; the surer one stays."""
    for i, old in enumerate(found):
        a, b = old["box"], new["box"]
        shared = max(0, min(a[2], b[2]) - max(a[0], b[0])) * max(0, min(a[3], b[3]) - max(a[1], b[1]))
        if 2 * shared >= min((c[2] - c[0]) * (c[3] - c[1]) for c in (a, b)):
            if new["confidence"] > old["confidence"]:
                found[i] = new
            return
    if len(found) < MAX_NUMBERS:
        found.append(new)


def fits(one, seen):
    """Whether numbers of its style on pages near it count as it does; alone without any, odd where all contradict it."""
    verdict = "alone"
    for page, value, style in seen:
        apart = page - one[0]
        if apart and abs(apart) <= NEAR and style == one[2]:
            if value - one[1] == apart:
                return "fits"
            verdict = "odd"
    return verdict
