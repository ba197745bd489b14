"""Draws the sweep's results as the report draws its own: quality by learning rate and size, relative to the best of each
size, and the gain by resolution against the gain by size.

    python -m training.sweep.plots
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from statistics import mean
from xml.sax.saxutils import escape

from training.sweep.__main__ import FACTORS, SIZES, known
from training.sweep.transfers import RESOLUTIONS, TRANSFERS

IMAGES = Path(__file__).parents[2] / "docs" / "images"
COLOURS = {"small": "#2f6f9f", "medium": "#c2701c", "large": "#3d7d3a"}
MEASURE = {"read": "characters", "spatial": "accuracy"}
WIDTH, HEIGHT, LEFT, TOP = 320, 220, 48, 34


class Plot:
    """A small chart: axes from 0 to 1 upwards, marks and lines."""

    def __init__(self, title: str, ticks: list[str], column: int, row: int):
        self.x, self.y = column * (WIDTH + 70) + LEFT, row * (HEIGHT + 80) + TOP
        self.ticks = ticks
        self.out = [f'<text x="{self.x + WIDTH / 2}" y="{self.y - 12}" text-anchor="middle" font-weight="bold">{escape(title)}</text>']
        for i in range(6):
            y = self.at(0, i / 5)[1]
            self.out.append(f'<path d="M{self.x} {y:.1f}h{WIDTH}" stroke="#ddd"/><text x="{self.x - 6}" y="{y + 4:.1f}" text-anchor="end">{i / 5:.1f}</text>')
        for i, tick in enumerate(ticks):
            self.out.append(f'<text x="{self.at(i, 0)[0]:.1f}" y="{self.y + HEIGHT + 16}" text-anchor="middle">{escape(tick)}</text>')

    def at(self, place: float, value: float) -> tuple[float, float]:
        """Where a value stands."""
        return self.x + WIDTH * (place + 0.5) / len(self.ticks), self.y + HEIGHT * (1 - max(0.0, min(1.0, value)))

    def line(self, values: list[tuple[float, float]], colour: str, name: str, dashed: bool = False) -> None:
        """A line through (place, value), named at its end."""
        points = [self.at(*v) for v in values]
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
        self.out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points]
        self.out.append(f'<text x="{points[-1][0] + 6:.1f}" y="{points[-1][1] + 4:.1f}" fill="{colour}">{escape(name)}</text>')


def write(path: Path, plots: list[Plot], columns: int, note: str) -> None:
    """One SVG of several charts."""
    rows = -(-len(plots) // columns)
    width, height = columns * (WIDTH + 70) + 60, rows * (HEIGHT + 80) + 30
    body = "\n".join(line for plot in plots for line in plot.out)
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">'
        f'<rect width="100%" height="100%" fill="#fff"/>\n{body}\n<text x="{LEFT}" y="{height - 8}" fill="#555">{escape(note)}</text></svg>\n',
        encoding="utf-8",
    )


def best(quality: dict[tuple, float], task: str, size: str, resolution: int) -> float:
    """The quality at the best learning rate."""
    return max((quality.get((task, size, resolution, f), 0.0) for f in FACTORS), default=0.0)


def main() -> None:
    gathered = defaultdict(list)
    for r in known().values():
        gathered[r["task"], r["size"], r["resolution"], r["factor"]].append(r[MEASURE[r["task"]]])
    quality = {k: mean(v) for k, v in gathered.items()}
    if not quality:
        raise SystemExit("there are no results yet: run python -m training.sweep")
    charts = []
    for row, task in enumerate(TRANSFERS):
        for column, resolution in enumerate(RESOLUTIONS):
            chart = Plot(f"{task}, {resolution} px: {MEASURE[task]} relative to the size's best", [f"{f:g}" for f in FACTORS], column, row)
            for size in SIZES:
                top = best(quality, task, size, resolution)
                values = [(i, quality[task, size, resolution, f] / top) for i, f in enumerate(FACTORS) if top and (task, size, resolution, f) in quality]
                if values:
                    chart.line(values, COLOURS[size], size)
            charts.append(chart)
    write(IMAGES / "sweep-rates.svg", charts, len(RESOLUTIONS), "learning rate as a factor of 2.5e-3")
    charts = []
    for column, task in enumerate(TRANSFERS):
        chart = Plot(f"{task}: {MEASURE[task]} at the best rate", list(SIZES), column, 0)
        for resolution in RESOLUTIONS:
            values = [(i, best(quality, task, size, resolution)) for i, size in enumerate(SIZES) if best(quality, task, size, resolution)]
            if values:
                chart.line(values, "#444" if resolution == RESOLUTIONS[0] else "#a3264c", f"{resolution} px", resolution == RESOLUTIONS[0])
        charts.append(chart)
    write(IMAGES / "sweep-gains.svg", charts, len(TRANSFERS), "up: what resolution gives; to the right: what size gives")


if __name__ == "__main__":
    main()
