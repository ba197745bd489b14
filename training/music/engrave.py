"""Verovio's engraving of a **kern text as a picture and as places: what is drawn for every token of the text, by the names
that Verovio gives its groups. Glyphs and shapes are drawn here, on a black-and-white raster at the scale of a scan."""

from __future__ import annotations

import math
import re
from collections import OrderedDict
from dataclasses import dataclass, field

import numpy as np
import verovio
from PIL import Image, ImageChops, ImageDraw, ImageFont

FONTS = ("Leipzig", "Bravura", "Leland", "Gootville")
HELD_OUT_FONT = "Petaluma"
SPACE = 180.0  # units of the SVG between two staff lines
MASKS = 4000  # glyph pictures that are kept

_TAG = re.compile(r"<(/?)([a-z]+)([^>]*?)(/?)>|>([^<]+)<")
_ATTRIBUTE = re.compile(r'([a-zA-Z:-]+)="([^"]*)"')
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_NAMED = re.compile(r"(note|rest|mRest|clef|accid)-L(\d+)F(\d+)(?:S(\d+))?$")
_GLYPH = re.compile(r'<g id="(E[0-9A-F]{3,4})[^"]*">\s*<path transform="scale\(1,-1\)" d="([^"]+)"')

verovio.enableLog(verovio.LOG_OFF)


@dataclass
class Stroke:
    """A thing to draw, in units of the SVG."""

    kind: str  # "glyph", "line", "polygon", "text", "dots"
    points: list[tuple[float, float]]
    size: float = 0.0  # scale of a glyph, width of a line, size of a text
    text: str = ""  # the glyph's code or the text


@dataclass
class Measure:
    """What is known of a bar's drawing, in units of the SVG."""

    left: float = 0.0
    right: float = 0.0
    bars: list[float] = field(default_factory=list)  # x of the bar line behind it
    staves: list[list[float]] = field(default_factory=list)  # y of the lines of each staff, from the top
    signs: list[tuple[str, int, float, float]] = field(default_factory=list)  # clefs, keys, metres without a name: kind, staff, x, y


@dataclass
class Page:
    """An engraved text."""

    strokes: list[Stroke]
    width: float
    height: float
    measures: list[Measure]
    systems: list[int]  # the number of the first measure of each
    notes: dict[tuple[int, int, int], tuple[float, float, str]]  # line, field, note: centre and glyph
    rests: dict[tuple[int, int], tuple[float, float, str]]
    clefs: dict[tuple[int, int], float]
    accidentals: set[tuple[int, int, int]]
    glyphs: dict[str, str]
    font: str


_TOOLKITS: dict[str, verovio.toolkit] = {}


def engrave(text: str, font: str, options: dict) -> Page | None:
    """The engraving of a text, or None where Verovio refuses it."""
    tk = _TOOLKITS.get("tk")
    if tk is None:
        tk = _TOOLKITS["tk"] = verovio.toolkit()
    tk.resetOptions()
    tk.setOptions({"scale": 100, "header": "none", "footer": "none", "svgViewBox": True, "adjustPageHeight": True, "adjustPageWidth": True,
                   "font": font, "xmlIdSeed": 1, "breaks": "none", "pageHeight": 20000, "pageWidth": 20000} | options)
    if not tk.loadData(text) or not tk.getPageCount():
        return None
    return _read(tk.renderToSVG(1), font)


def _read(svg: str, font: str) -> Page:
    page = Page([], 0, 0, [], [], {}, {}, {}, set(), dict(_GLYPH.findall(svg)), font)
    box = re.search(r'viewBox="0 0 (\d+) (\d+)"', svg[svg.index("definition-scale") :])
    page.width, page.height = float(box.group(1)), float(box.group(2))
    stack: list[tuple[str, str]] = []  # class and id of open groups
    shift = (0.0, 0.0)
    angle: tuple[float, float, float] | None = None
    text_at: tuple[float, float] = (0, 0)
    size = 0.0
    new_system = False
    for m in _TAG.finditer(svg, svg.index("page-margin") - 10):
        end, tag, attributes, empty, words = m.groups()
        if words is not None:
            continue
        if end:
            if tag == "g" and stack:
                if stack.pop()[0].startswith("arpeg"):
                    angle = None
            continue
        a = dict(_ATTRIBUTE.findall(attributes))
        if tag == "g":
            kind, name = a.get("class", ""), a.get("id", "")
            if kind == "page-margin":
                shift = tuple(float(v) for v in _NUMBER.findall(a["transform"]))[:2]
            elif kind == "system":
                new_system = True
            elif kind == "measure":
                if new_system:
                    page.systems.append(len(page.measures))
                new_system = False
                page.measures.append(Measure())
            elif kind == "staff":
                page.measures[-1].staves.append([])
            elif kind.startswith("arpeg") and "transform" in a:
                turned = [float(v) for v in _NUMBER.findall(a["transform"])]
                angle = (turned[0], turned[1] + shift[0], turned[2] + shift[1])
            if not empty:
                stack.append((kind.split(" ")[0], name))
            continue
        inside = {k for k, _ in stack}
        if tag == "use":
            x, y, sx, *_ = (float(v) for v in _NUMBER.findall(a["transform"]))
            code = a["xlink:href"][1:].split("-")[0]
            at = (x + shift[0], y + shift[1])
            if angle:
                c, s = math.cos(math.radians(angle[0])), math.sin(math.radians(angle[0]))
                dx, dy = at[0] - angle[1], at[1] - angle[2]
                at = (angle[1] + c * dx - s * dy, angle[2] + s * dx + c * dy)
            page.strokes.append(Stroke("glyph", [at], sx, code + ("r" if angle else "")))
            _name(page, stack, inside, at, code, sx)
        elif tag == "path":
            _path(page, a, stack, shift, inside)
        elif tag in ("polygon", "polyline"):
            v = [float(n) for n in _NUMBER.findall(a["points"])]
            points = [(x + shift[0], y + shift[1]) for x, y in zip(v[::2], v[1::2])]
            if tag == "polygon":
                page.strokes.append(Stroke("polygon", points))
            else:
                width = float(a.get("stroke-width", 13))
                page.strokes += [Stroke("line", [p, q], width) for p, q in zip(points, points[1:])]
        elif tag == "rect":
            x, y, w, h = (float(a.get(k, 0)) for k in ("x", "y", "width", "height"))
            x, y = x + shift[0], y + shift[1]
            page.strokes.append(Stroke("polygon", [(x, y), (x + w, y), (x + w, y + h), (x, y + h)]))
        elif tag == "ellipse" and not inside & {"section", "mdiv", "score"} - {"section"} or tag == "ellipse" and inside & {"dots", "staff"}:
            x, y, rx, ry = (float(a.get(k, 0)) for k in ("cx", "cy", "rx", "ry"))
            if stack[-1][0] not in ("section", "mdiv", "score", "scoreDef", "sb", "pb"):
                page.strokes.append(Stroke("dots", [(x + shift[0], y + shift[1])], (rx + ry) / 2))
        elif tag == "text":
            text_at = (float(a.get("x", 0)) + shift[0], float(a.get("y", 0)) + shift[1])
            anchor = a.get("text-anchor", "start")
            words = re.sub(r"\s+", " ", " ".join(re.findall(r">([^<>]+)<", svg[m.end() - 1 : svg.index("</text>", m.end())]))).strip()
            found = re.search(r'font-size="([1-9]\d*)px"', svg[m.end() : m.end() + 400])
            size = float(found.group(1)) if found else 300.0
            words = "".join(c for c in words if " " <= c < "\u0180")
            if words:
                page.strokes.append(Stroke("text", [text_at], size, anchor[0] + words))
    return page


def _named(name: str) -> tuple[str, int, int, int] | None:
    m = _NAMED.match(name)
    return (m.group(1), int(m.group(2)), int(m.group(3)) - 1, int(m.group(4)) - 1 if m.group(4) else 0) if m else None


def _name(page: Page, stack: list[tuple[str, str]], inside: set[str], at: tuple[float, float], code: str, size: float) -> None:
    """Note where a glyph stands if it belongs to a token."""
    kind, name = stack[-1]
    if kind == "notehead":
        found = _named(stack[-2][1])
        if found:
            page.notes.setdefault(found[1:], (at[0] + 118 * size / 0.72, at[1], code))
    elif kind in ("rest", "mRest"):
        found = _named(name)
        if found:
            page.rests[found[1:3]] = (at[0] + 90, at[1], code)
    elif kind == "accid":
        found = _named(name) or _named(stack[-2][1])
        if found:
            page.accidentals.add(found[1:])
    elif kind == "clef":
        found = _named(name)
        if found:
            page.clefs[found[1:3]] = at[0] + 230
        elif page.measures:
            page.measures[-1].signs.append(("clef", len(page.measures[-1].staves) - 1, at[0] + 230, at[1]))
    elif kind in ("keyAccid", "keySig", "meterSig") and page.measures:
        page.measures[-1].signs.append(("key" if kind != "meterSig" else "metre", len(page.measures[-1].staves) - 1, at[0] + 90, at[1]))


def _path(page: Page, a: dict[str, str], stack: list[tuple[str, str]], shift: tuple[float, float], inside: set[str]) -> None:
    d = a["d"]
    width = float(a.get("stroke-width", 13))
    if "C" in d:
        page.strokes.append(Stroke("polygon", [(x + shift[0], y + shift[1]) for x, y in flatten(d)[0]]))
        return
    v = [float(n) for n in _NUMBER.findall(d)]
    points = [(x + shift[0], y + shift[1]) for x, y in zip(v[::2], v[1::2])]
    kind = stack[-1][0] if stack else ""
    dashed = "stroke-dasharray" in a
    if kind == "staff" and page.measures:
        page.measures[-1].staves[-1].append(points[0][1])
        page.measures[-1].left, page.measures[-1].right = points[0][0], points[-1][0]
    if kind == "barLine" and page.measures:
        page.measures[-1].bars.append(points[0][0])
    for p, q in zip(points, points[1:]):
        if dashed:
            n = max(1, int(math.hypot(q[0] - p[0], q[1] - p[1]) / 160))
            for i in range(n):
                f, g = i / n, (i + 0.55) / n
                page.strokes.append(Stroke("line", [(p[0] + (q[0] - p[0]) * t, p[1] + (q[1] - p[1]) * t) for t in (f, g)], width))
        else:
            page.strokes.append(Stroke("line", [p, q], width, "staff" if kind == "staff" else ""))


def flatten(d: str) -> list[list[tuple[float, float]]]:
    """The outlines of a path of moves, lines and cubic curves, absolute or relative, as polygons."""
    out: list[list[tuple[float, float]]] = []
    x = y = sx = sy = 0.0
    last: tuple[float, float] | None = None  # the second handle of the curve before, for S
    for command, numbers in re.findall(r"([MmLlHhVvCcSsQqZz])([^MmLlHhVvCcSsQqZz]*)", d):
        v = [float(n) for n in re.findall(r"-?(?:\d+\.?\d*|\.\d+)(?:e-?\d+)?", numbers)]
        relative, c = command.islower(), command.upper()
        if c == "Z":
            x, y, last = sx, sy, None
            continue
        size = {"M": 2, "L": 2, "H": 1, "V": 1, "C": 6, "S": 4, "Q": 4}[c]
        for i in range(0, len(v) - size + 1, size):
            p = v[i : i + size]
            if c == "H":
                x, last = (x + p[0] if relative else p[0]), None
            elif c == "V":
                y, last = (y + p[0] if relative else p[0]), None
            else:
                points = [(a + x, b + y) if relative else (a, b) for a, b in zip(p[::2], p[1::2])]
                if c == "M" and i == 0:
                    x, y = sx, sy = points[0]
                    out.append([(x, y)])
                    last = None
                    continue
                if c in "ML":
                    (x, y), last = points[0], None
                else:
                    if c == "S":
                        points.insert(0, (2 * x - last[0], 2 * y - last[1]) if last else (x, y))
                    if c == "Q":
                        h, e = points
                        points = [(x + (h[0] - x) * 2 / 3, y + (h[1] - y) * 2 / 3), (e[0] + (h[0] - e[0]) * 2 / 3, e[1] + (h[1] - e[1]) * 2 / 3), e]
                    (ax, ay), (bx, by), (ex, ey) = points
                    for k in range(1, 7):
                        t = k / 6
                        u = 1 - t
                        out[-1].append((u**3 * x + 3 * u * u * t * ax + 3 * u * t * t * bx + t**3 * ex, u**3 * y + 3 * u * u * t * ay + 3 * u * t * t * by + t**3 * ey))
                    x, y, last = ex, ey, (bx, by)
                    continue
            out[-1].append((x, y))
    return out


_MASKS: OrderedDict[tuple, tuple[Image.Image, int, int]] = OrderedDict()


def _mask(page: Page, code: str, scale: float) -> tuple[Image.Image, int, int] | None:
    """A glyph's picture, 255 where there is ink, and where its corner lies against its origin."""
    key = (page.font, code, round(scale, 4))
    if key in _MASKS:
        _MASKS.move_to_end(key)
        return _MASKS[key]
    turned = code.endswith("r")
    d = page.glyphs.get(code.removesuffix("r"))
    if d is None:
        return None
    loops = [[(x * scale, -y * scale) for x, y in loop] for loop in flatten(d) if len(loop) > 2]
    if turned:
        loops = [[(y, -x) for x, y in loop] for loop in loops]
    if not loops:
        return None
    xs, ys = [x for loop in loops for x, _ in loop], [y for loop in loops for _, y in loop]
    x0, y0 = math.floor(min(xs)) - 1, math.floor(min(ys)) - 1
    size = math.ceil(max(xs)) - x0 + 2, math.ceil(max(ys)) - y0 + 2
    fine = 3
    whole = Image.new("1", (size[0] * fine, size[1] * fine))
    for loop in loops:
        one = Image.new("1", whole.size)
        ImageDraw.Draw(one).polygon([((x - x0) * fine, (y - y0) * fine) for x, y in loop], fill=1)
        whole = ImageChops.logical_xor(whole, one)
    mask = whole.convert("L").resize(size, Image.Resampling.BOX).point(lambda v: 255 if v > 127 else 0)
    _MASKS[key] = mask, x0, y0
    while len(_MASKS) > MASKS:
        _MASKS.popitem(last=False)
    return _MASKS[key]


def raster(page: Page, space: float, lines: float = 1.0, face: str | None = None) -> Image.Image:
    """The page in grey, 0 is ink, with so many pixels between two staff lines; lines thickens or thins all strokes."""
    f = space / SPACE
    image = Image.new("L", (math.ceil(page.width * f), math.ceil(page.height * f)), 255)
    draw = ImageDraw.Draw(image)
    for s in page.strokes:
        if s.kind == "glyph":
            found = _mask(page, s.text, s.size * f)
            if found:
                mask, x0, y0 = found
                x, y = s.points[0]
                image.paste(0, (round(x * f) + x0, round(y * f) + y0), mask)
        elif s.kind == "line":
            (x, y), (u, v) = s.points
            w = max(1.0, s.size * f * lines)
            if abs(x - u) < 0.5 or abs(y - v) < 0.5:
                half = w / 2
                flat = abs(y - v) < 0.5
                x0, x1, y0, y1 = min(x, u) * f, max(x, u) * f, min(y, v) * f, max(y, v) * f
                if flat:
                    top = round(y0 - half)
                    draw.rectangle((round(x0), top, round(x1), top + round(w) - 1), fill=0)
                else:
                    left = round(x0 - half)
                    draw.rectangle((left, round(y0), left + round(w) - 1, round(y1)), fill=0)
            else:
                draw.line((x * f, y * f, u * f, v * f), fill=0, width=max(1, round(w)))
        elif s.kind == "polygon":
            points = [(x * f, y * f) for x, y in s.points]
            draw.polygon(points, fill=0)
            if s.kind == "polygon" and len(points) > 6:
                draw.line(points, fill=0, width=1)
        elif s.kind == "dots":
            (x, y), r = s.points[0], s.size * f
            draw.ellipse((x * f - r, y * f - r, x * f + r, y * f + r), fill=0)
        elif face:
            size = max(6, round(s.size * f))
            draw.text((s.points[0][0] * f, s.points[0][1] * f), s.text[1:], fill=0, font=_font(face, size), anchor={"s": "ls", "m": "ms", "e": "rs"}[s.text[0]])
    return image


_FACES: OrderedDict[tuple[str, int], ImageFont.FreeTypeFont] = OrderedDict()


def _font(path: str, size: int) -> ImageFont.FreeTypeFont:
    key = (path, size)
    if key not in _FACES:
        _FACES[key] = ImageFont.truetype(path, size)
        while len(_FACES) > 64:
            _FACES.popitem(last=False)
    return _FACES[key]


def staff_space(page: Page) -> float:
    """The distance of staff lines in the SVG's units."""
    for m in page.measures:
        for lines in m.staves:
            if len(lines) >= 2:
                return abs(float(np.median(np.diff(sorted(lines)))))
    return SPACE
