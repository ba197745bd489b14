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
from training.sweep.transfers import CHANCE, RESOLUTIONS, TRANSFERS
from training.train import RATE

IMAGES = Path(__file__).parents[2] / "docs" / "images"
COLOURS = {"small": "#2f6f9f", "medium": "#c2701c", "large": "#3d7d3a"}
OF_RESOLUTION = dict(zip(RESOLUTIONS, ("#555555", "#a3264c")))
OF_TASK = dict(zip(TRANSFERS, ("#6a4c93", "#1b7f79")))
MEASURE = {"read": "characters", "spatial": "overlap"}
WIDTH, HEIGHT, LEFT, TOP = 330, 220, 52, 40
ACROSS, DOWN = WIDTH + 150, HEIGHT + 92  # from chart to chart: names stand to the right of a chart
LABEL = 14  # pixels between two names

Key = tuple[str, str, int, float]  # task, size, resolution, factor


class Chart:
    """A small chart: an axis of values upwards, named places or values to the right, marks and lines."""

    def __init__(self, title: str, column: int, row: int, low: float, high: float, across: str, up: str):
        self.x, self.y, self.low, self.high = column * ACROSS + LEFT, row * DOWN + TOP, low, high
        self.names: list[tuple[float, float, str, str]] = []
        self.out = [f'<text x="{self.x + WIDTH / 2:.0f}" y="{self.y - 14}" text-anchor="middle" font-weight="bold">{escape(title)}</text>']
        self.out.append(f'<text x="{self.x + WIDTH / 2:.0f}" y="{self.y + HEIGHT + 36}" text-anchor="middle" fill="#555">{escape(across)}</text>')
        middle = self.y + HEIGHT / 2
        self.out.append(f'<text transform="translate({self.x - 40} {middle:.0f}) rotate(-90)" text-anchor="middle" fill="#555">{escape(up)}</text>')
        for i in range(6):
            value = low + (high - low) * i / 5
            y = self.up(value)
            self.out.append(f'<path d="M{self.x} {y:.1f}h{WIDTH}" stroke="#ddd"/><text x="{self.x - 6}" y="{y + 4:.1f}" text-anchor="end">{value:.1f}</text>')

    def up(self, value: float) -> float:
        """Where a value stands."""
        share = (value - self.low) / (self.high - self.low)
        return self.y + HEIGHT * (1 - max(0.0, min(1.0, share)))

    def places(self, ticks: list[str]) -> None:
        """Names of the places to the right, evenly apart."""
        self.step = WIDTH / len(ticks)
        for i, tick in enumerate(ticks):
            self.out.append(f'<text x="{self.x + self.step * (i + 0.5):.1f}" y="{self.y + HEIGHT + 17}" text-anchor="middle">{escape(tick)}</text>')

    def line(self, values: list[tuple[int, float]], colour: str, name: str) -> None:
        """A line through (place, value), named beside its end."""
        points = [(self.x + self.step * (i + 0.5), self.up(v)) for i, v in values]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2" stroke-opacity="0.85"/>')
        self.out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.2" fill="{colour}"/>' for x, y in points]
        self.names.append((points[-1][0] + 8, points[-1][1] + 4, colour, name))

    def level(self, value: float, name: str) -> None:
        """A dashed line across."""
        y = self.up(value)
        self.out.append(f'<path d="M{self.x} {y:.1f}h{WIDTH}" stroke="#999" stroke-dasharray="4 4"/><text x="{self.x + 4}" y="{y - 4:.1f}" fill="#777">{escape(name)}</text>')

    def mark(self, x: float, y: float, colour: str, name: str) -> None:
        """A point by two values of the same axis."""
        at = self.x + WIDTH * (x - self.low) / (self.high - self.low), self.up(y)
        self.out.append(f'<circle cx="{at[0]:.1f}" cy="{at[1]:.1f}" r="5" fill="{colour}" fill-opacity="0.85"/>')
        self.out.append(f'<text x="{at[0]:.1f}" y="{at[1] - 9:.1f}" text-anchor="middle" fill="{colour}">{escape(name)}</text>')

    def legend(self, colours: dict[str, str]) -> None:
        """What the colours of marks say."""
        for i, (name, colour) in enumerate(colours.items()):
            self.out.append(f'<circle cx="{self.x + 14}" cy="{self.y + 14 + 18 * i}" r="5" fill="{colour}"/><text x="{self.x + 24}" y="{self.y + 18 + 18 * i}" fill="{colour}">{escape(name)}</text>')

    def svg(self) -> str:
        """The chart; names that would lie upon one another are moved apart, and up from the lower edge."""
        last = self.y + HEIGHT + LABEL
        for x, y, colour, name in sorted(self.names, key=lambda n: -n[1]):
            last = min(y, last - LABEL)
            self.out.append(f'<text x="{x:.1f}" y="{last:.1f}" fill="{colour}">{escape(name)}</text>')
        return "\n".join(self.out)


def write(path: Path, charts: list[Chart], columns: int, note: str) -> None:
    """One SVG of several charts."""
    rows = -(-len(charts) // columns)
    width, height = columns * ACROSS + 40, rows * DOWN + 24
    body = "\n".join(chart.svg() for chart in charts)
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" font-family="sans-serif" font-size="12">'
        f'<rect width="100%" height="100%" fill="#fff"/>\n{body}\n<text x="{LEFT}" y="{height - 8}" fill="#555">{escape(note)}</text></svg>\n',
        encoding="utf-8",
    )


def best(quality: dict[Key, float], task: str, size: str, resolution: int) -> float | None:
    """The quality at the best learning rate."""
    return max((quality[k] for f in FACTORS if (k := (task, size, resolution, f)) in quality), default=None)


def rates(quality: dict[Key, float]) -> list[Chart]:
    """Quality by rate, of every size relative to its best."""
    charts = []
    for row, task in enumerate(TRANSFERS):
        for column, resolution in enumerate(RESOLUTIONS):
            chart = Chart(f"{task}, {resolution} px", column, row, 0.0, 1.0, f"learning rate, times {RATE:g}", f"{MEASURE[task]}, relative to the size's best")
            chart.places([f"{f:g}" for f in FACTORS])
            for size in SIZES:
                if top := best(quality, task, size, resolution):
                    values = [(i, quality[k] / top) for i, f in enumerate(FACTORS) if (k := (task, size, resolution, f)) in quality]
                    chart.line(values, COLOURS[size], f"{size} ({top:.2f})")
            charts.append(chart)
    return charts


def gains(quality: dict[Key, float]) -> list[Chart]:
    """Quality at the best rate by size and resolution, then what resolution brings against what size brings."""
    charts, low = [], RESOLUTIONS[0]
    for column, task in enumerate(TRANSFERS):
        chart = Chart(f"{task} at the best rate", column, 0, 0.0, 1.0, "size", MEASURE[task])
        chart.places(list(SIZES))
        if CHANCE[task]:
            chart.level(CHANCE[task], "chance")
        for resolution in RESOLUTIONS:
            values = [(i, found) for i, size in enumerate(SIZES) if (found := best(quality, task, size, resolution)) is not None]
            if values:
                chart.line(values, OF_RESOLUTION[resolution], f"{resolution} px")
        charts.append(chart)
    chart = Chart("gains over the smallest size at the lower resolution", len(TRANSFERS), 0, -0.2, 0.8, "gain by size", "gain by resolution")
    chart.legend(OF_TASK)
    sizes = list(SIZES)
    for task in TRANSFERS:
        start, finer = best(quality, task, sizes[0], low), best(quality, task, sizes[0], RESOLUTIONS[-1])
        for size in sizes[1:]:
            larger = best(quality, task, size, low)
            if None not in (start, finer, larger):
                chart.mark(larger - start, finer - start, OF_TASK[task], size)
    chart.out.append(f'<path d="M{chart.x} {chart.y + HEIGHT}L{chart.x + WIDTH} {chart.y}" stroke="#bbb" stroke-dasharray="4 4"/>')
    chart.places([f"{v:.1f}" for v in (-0.1, 0.1, 0.3, 0.5, 0.7)])
    return [*charts, chart]


def main() -> None:
    gathered = defaultdict(list)
    for r in known().values():
        gathered[r["task"], r["size"], r["resolution"], r["factor"]].append(r[MEASURE[r["task"]]])
    quality = {k: mean(v) for k, v in gathered.items()}
    if not quality:
        raise SystemExit("there are no results yet: run python -m training.sweep")
    count = f"{sum(map(len, gathered.values()))} runs"
    IMAGES.mkdir(parents=True, exist_ok=True)
    write(IMAGES / "sweep-rates.svg", rates(quality), len(RESOLUTIONS), f"{count}; in brackets the size's best")
    write(IMAGES / "sweep-gains.svg", gains(quality), len(TRANSFERS) + 1, f"{count}; above the dashed diagonal resolution brings more than size")


if __name__ == "__main__":
    main()
