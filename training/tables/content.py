"""What the cells of drawn tables say: words of the dictionaries, numbers in the forms of science and administration.
Nothing is taken from any real table."""

from __future__ import annotations

import random

from training import vocab
from training.text import FUNCTION_WORDS, LANGUAGES, MONTHS, NAMES, code, dictionary

HEADINGS = {
    "science": "Variable Characteristic Parameter Group Sample Mean Median SD SE n N % p OR HR RR CI Range Total Ratio Age Sex Weight Dose Time "
    "Control Treatment Baseline Score Rate Value Type Method Model Reference Year Study Site Gene Strain Temperature Length Area "
    "Density Concentration Frequency Coefficient Test Mass Outcome Cases Controls Unit Height Error Accuracy Precision Recall".split(),
    "office": "Year Quarter Region Country Total Amount Number Percent Change Income Expenditure Budget Code Name Date Description Category "
    "Agency Programme Sector Share Growth Index Price Quantity Revenue Cost Rank Status Type Level Population Area Average Item "
    "Unit Rate Contract Employees Households Imports Exports Balance Volume Notes Source Period Division Office Grade".split(),
}
SUB = "(n) (%) (mm) (kg) (years) (s) (°C) (μ) (US$) (95% CI) (SD) (g/l) (thousands) (1) (a) (m²) (mean ± SD)".replace("μ", "µ").split(") ")
SUB = tuple(s if s.endswith(")") else s + ")" for s in SUB)
YES = ("+", "-", "–", "Yes", "No", "yes", "no", "x", "X", "•", "n.a.", "N/A", "ND", "NS", "...", "*", "—", "All", "None")
SECTIONS = "Total Other Overall Demographics Results Women Men Urban Rural Public Private Domestic Foreign First Second General Special".split()


class Writer:
    """Texts of one table: a language, a field, and a form of number for each column."""

    def __init__(self, r: random.Random):
        self.r = r
        self.field = r.choice(("science", "office"))
        self.language = "en" if r.random() < 0.6 else r.choice(LANGUAGES)
        self.words = dictionary(self.language)
        self.little = FUNCTION_WORDS[self.language].split()
        self.upper = r.random() < 0.08

    def phrase(self, least: int, most: int) -> str:
        """Some words, the first with a capital."""
        r = self.r
        out = []
        for i in range(r.randint(least, most)):
            out.append(r.choice(self.little) if i and r.random() < 0.3 else r.choice(self.words))
        text = " ".join(out)
        return spelled(text[:1].upper() + text[1:])

    def heading(self) -> str:
        """The name of a column."""
        r = self.r
        u = r.random()
        if u < 0.5:
            text = r.choice(HEADINGS[self.field])
        elif u < 0.65:
            text = self.phrase(1, 1)
        elif u < 0.85:
            text = self.phrase(2, 4)
        else:
            text = r.choice((str(r.randint(1970, 2024)), f"{r.choice(MONTHS)} {r.randint(1990, 2024)}", f"({r.randint(1, 12)})", chr(65 + r.randrange(12)), f"Model {r.randint(1, 5)}"))
        if r.random() < 0.12:
            text += " " + r.choice(SUB)
        return text.upper() if self.upper else text

    def group(self) -> str:
        """The name of several columns."""
        r = self.r
        return r.choice((self.heading, lambda: self.phrase(1, 3), lambda: r.choice(NAMES)))()

    def section(self) -> str:
        """The name of a group of rows."""
        return self.r.choice(SECTIONS) if self.r.random() < 0.3 else self.phrase(1, 4)

    def label(self, long: bool) -> str:
        """The name of a row."""
        r = self.r
        u = r.random()
        if u < 0.12:
            return str(r.randint(1960, 2024))
        if u < 0.2:
            a = r.randint(0, 80)
            return r.choice((f"{a}–{a + r.randint(4, 20)}", f"<{a}", f">{a}", f"≥{a}".replace("≥", ">"), f"{a}+"))
        if u < 0.26:
            return code(r)[:8]
        if u < 0.32:
            return " ".join(r.sample(NAMES, r.randint(1, 2)))
        return self.phrase(3, 12) if long else self.phrase(1, 4)

    def column(self) -> "Column":
        """A form for a column's cells."""
        return Column(self.r, self)


FORMS = ("decimal",) * 6 + ("integer",) * 5 + ("percent",) * 2 + ("plusminus",) * 2 + ("range",) * 2 + ("bracket",) * 2 + (
    "p", "thousands", "thousands", "word", "word", "phrase", "phrase", "text", "code", "yes", "date", "money", "mixed")


class Column:
    """Cells of one form."""

    def __init__(self, r: random.Random, writer: Writer):
        self.r, self.writer = r, writer
        self.form = r.choice(FORMS)
        self.places = r.choice((1, 1, 2, 2, 3))
        self.size = 10 ** r.uniform(0, 3)
        self.comma = "," if r.random() < 0.1 else "."
        self.empty = r.choice((0, 0, 0, 0.03, 0.1, 0.3, 0.6))
        self.worded = self.form in ("word", "phrase", "text")

    def _number(self) -> str:
        value = f"{self.r.random() * self.size:.{self.places}f}"
        return value.replace(".", self.comma)

    def cell(self) -> str:
        """One cell's text; "" for an empty one."""
        r, form = self.r, self.form
        if r.random() < self.empty:
            return ""
        if form == "mixed":
            form = r.choice(FORMS[:-1])
        if r.random() < 0.04:
            return r.choice(YES)
        if form == "decimal":
            return r.choice(("", "", "", "", "-", "−")) + self._number()
        if form == "integer":
            return str(int(r.random() * self.size * 3))
        if form == "percent":
            return f"{100 * r.random():.{self.places - 1}f}%"
        if form == "plusminus":
            return self._number() + r.choice((" ± ", "±", " +/- ")) + f"{r.random() * self.size / 4:.{self.places}f}"
        if form == "range":
            return self._number() + r.choice(("–", "-", " – ", " to ")) + self._number()
        if form == "bracket":
            a = f"{int(r.random() * self.size)} ({100 * r.random():.1f})"
            return a if r.random() < 0.7 else f"{self._number()} ({self._number()}, {self._number()})"
        if form == "p":
            return r.choice(("<0.001", "< 0.05", f"0.{r.randint(1, 999):03d}", f"0.{r.randint(1, 99):02d}", "NS"))
        if form == "thousands":
            return f"{int(r.random() * 10 ** r.randint(3, 7)):,}".replace(",", r.choice((",", ",", " ", ".")))
        if form == "money":
            return r.choice(("$", "€", "£", "$")) + f"{r.random() * 10**5:,.{r.choice((0, 2))}f}"
        if form == "code":
            return code(r)[:10]
        if form == "yes":
            return r.choice(YES)
        if form == "date":
            return f"{r.randint(1, 28):02d}{r.choice('/.-')}{r.randint(1, 12):02d}{r.choice('/.-')}{r.randint(1990, 2024)}"
        if form == "word":
            return self.writer.phrase(1, 1)
        if form == "phrase":
            return self.writer.phrase(1, 4)
        return self.writer.phrase(3, 16)


_KNOWN = frozenset(vocab.CHARACTERS + " ")


def spelled(text: str) -> str:
    """The text in the vocabulary's characters."""
    text = vocab.spell(text)
    return text if _KNOWN.issuperset(text) else "".join(c for c in text if c in _KNOWN)
