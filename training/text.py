"""Makes up the words that tiles are written with: prose of several languages, tables, receipts, codes."""

from __future__ import annotations

import functools
import random
from pathlib import Path

from training import vocab

DICTIONARIES = Path("/usr/share/dict")

LISTS = {
    "en": ("american-english", "british-english"),
    "fr": ("french",),
    "de": ("ngerman",),
    "es": ("spanish",),
    "it": ("italian",),
    "pt": ("portuguese",),
    "nl": ("dutch",),
    "sv": ("swedish",),
    "da": ("danish",),
    "no": ("bokmaal",),
    "ca": ("catalan",),
}
LANGUAGES = ("en",) * 12 + ("fr",) * 4 + ("de",) * 3 + ("es",) * 2 + ("it", "pt", "nl", "sv", "da", "no", "ca")

FUNCTION_WORDS = {
    "en": "the of and to in a is that for it as was with be by on not he I this are or his from at which but have an had they you "
    "were their one all we can her has there been if more when will would who so no she other its may these what them than some "
    "him time into only do such my new about out also two any up first could our then most see me should after said your very "
    "between made many over did down now work years must through before where much well how",
    "fr": "de la le et les des en un du une que est pour qui dans a par plus pas au sur ne se ce il sont cette avec aux ses son "
    "ou mais comme nous sa tout fait été aussi leur bien peut ces deux à être où même très déjà après",
    "de": "der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an werden aus er hat daß sie "
    "nach wird bei einer um am sind noch wie einem über einen so zum war haben nur oder aber vor zur bis mehr durch man können",
    "es": "de la que el en y a los del se las por un para con no una su al lo como más pero sus le ya o este sí porque esta entre "
    "cuando muy sin sobre también me hasta hay donde quien desde todo nos durante todos uno",
    "it": "di che e la il un a è per in una mi sono ho non ma lo ha le si no bene cosa con i come ti della nel più del alla anche",
    "pt": "de a o que e do da em um para é com não uma os no se na por mais as dos como mas foi ao ele das tem à seu sua ou",
    "nl": "de van het een en in is dat op te zijn met voor niet aan er om ook als dan maar bij nog uit door over ze hij naar",
    "sv": "och i att det som en på är av för med till den har de inte om ett han men var jag sig från vi så kan när år",
    "da": "og i at det er en til på som af for med den de ikke der har et var jeg om fra vi så kan når men også",
    "no": "og i det er på som en til av for at med de ikke den har et om var fra vi seg så han kan jeg men",
    "ca": "de la i el que a en les els per un amb del una no és al més són com es seva ha o dels però aquest",
}

NAMES = (
    "James Mary John Anna Peter Maria David Sarah Paul Laura Thomas Julia Daniel Emma Müller Schmidt Smith Johnson Brown García "
    "López Martínez Rossi Bianchi Dupont Lefèvre Martin Bernard Jansen Silva Santos Hansen Nielsen Andersson Lindqvist O'Brien "
    "MacDonald Nguyen Tan Lim Wong Kumar Ahmad London Paris Berlin Madrid Roma Lisboa Zürich København Stockholm Oslo Wien "
    "Genève Barcelona München Köln Malaysia Singapore Johor Kuala Lumpur Selangor Jalan Taman Sdn Bhd Ltd Inc GmbH S.A. Co. LLC"
).split()
MONTHS = "January February March April May June July August September October November December Jan Feb Mar Apr Jun Jul Aug Sep Oct Nov Dec".split()
RECEIPT = (
    "TOTAL SUBTOTAL CASH CHANGE TAX GST VAT INVOICE RECEIPT NO. DATE TIME QTY PRICE AMOUNT ITEM DISCOUNT ROUNDING ADJUSTMENT THANK YOU PLEASE "
    "COME AGAIN TEL FAX CASHIER TABLE MEMBER CARD VISA REF BILL DESCRIPTION EACH PCS SR ZRL RM MYR USD EUR CHF GBP THE GOODS SOLD ARE NOT "
    "RETURNABLE REFUNDABLE EXCHANGEABLE INCL. EXCL. 6% 0% @ X TAX(RM) SUMMARY PAYMENT TENDER SALES PERSON STORE BRANCH REG DOC COUNTER ROUND "
    "AMT ITEM(S) TEL: FAX: DATE: TIME: TOTAL: CASH: CHANGE: GST: NO: INVOICE: (GST) ID: SIMPLIFIED LOT JALAN BATU ENTERPRISE TRADING RESTAURANT"
).split()
LABELS = (
    "No. Fig. Table Section Chapter page pp. vol. e.g. i.e. etc. cf. et al. Mr. Mrs. Dr. Prof. Ref. Date: Name: Address: Phone: Email: "
    "Total: From: To: Subject: Re: Tel. Fax Art. § a) b) (c) (i) (ii) [1] [2] 1. 2. 3. 1) 2) A. B. • – — * & + = / | % # ® © ™ °C m² kg km"
).split()
BULLETS = ("•", "–", "-", "*", "·", "1.", "2.", "3.", "a)", "b)", "(i)", "§", "†")

_PAIRS = (('"', '"'), ("“", "”"), ("‘", "’"), ("'", "'"), ("«", "»"), ("„", "“"), ("(", ")"), ("[", "]"), ("(", ")"), ("“", "”"), ("(", ")"))
_UNITS = ("%", "€", "kg", "mm", "km", "°", "px", "ml", "GB", "A", "th", "st", "x", "+", "m²")
_CODE = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"
_KNOWN = frozenset(vocab.CHARACTERS)
_LOWER = "abcdefghijklmnopqrstuvwxyz"
_UPPER = _LOWER.upper()
_ACCENTED = "àáâäãåæçèéêëìíîïñòóôöõøœùúûüýÿßšž"
_MARKS = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"


@functools.lru_cache(maxsize=None)
def dictionary(language: str) -> tuple[str, ...]:
    """Words of a language of 2 to 16 characters that the vocabulary can spell."""
    known = set(vocab.CHARACTERS)
    words: set[str] = set()
    for name in LISTS[language]:
        path = DICTIONARIES / name
        if path.exists():
            for line in path.read_text(encoding="utf-8", errors="ignore").splitlines():
                word = line.strip().split("/")[0]
                if 2 <= len(word) <= 16 and set(word) <= known and not word.endswith("'s"):
                    words.add(word)
    return tuple(sorted(words)) or tuple(FUNCTION_WORDS[language].split())


def number(r: random.Random) -> str:
    """A number, price, date, time, code or something like it."""
    kind = r.randrange(16)
    digits = lambda n: "".join(r.choice("0123456789") for _ in range(n))  # noqa: E731
    if kind < 2:
        return str(r.randrange(10 ** r.randint(1, 6)))
    if kind < 5:
        return f"{r.random() * 10 ** r.randint(0, 4):.2f}"
    if kind == 5:
        return f"{r.randrange(1, 10**7):,}" if r.random() < 0.7 else f"{r.randrange(1000, 10**7):,}".replace(",", ".") + "," + digits(2)
    if kind == 6:
        return r.choice(("$", "$", "€", "£", "RM")) + f"{r.random() * 10 ** r.randint(0, 4):,.2f}"
    if kind == 7:
        sep = r.choice("/.-")
        day, month, year = r.randint(1, 31), r.randint(1, 12), r.choice((str(r.randint(1950, 2030)), f"{r.randint(0, 30):02d}"))
        return r.choice((f"{day:02d}{sep}{month:02d}{sep}{year}", f"{year}{sep}{month:02d}{sep}{day:02d}", f"{day}{sep}{month}{sep}{year}"))
    if kind == 8:
        return f"{r.randint(0, 23):02d}:{r.randint(0, 59):02d}" + r.choice(("", "", f":{r.randint(0, 59):02d}", "AM", "pm"))
    if kind == 9:
        return str(r.randint(1600, 2035))
    if kind == 10:
        return r.choice(("0", "+", "00", "1")) + digits(r.randint(1, 3)) + r.choice(("-", ".", "", "/")) + digits(r.randint(3, 7))
    if kind == 11:
        return f"{r.random() * 10 ** r.randint(0, 3):.{r.randint(1, 3)}f}" + r.choice(_UNITS)
    if kind == 12:
        return f"{r.randint(1, 20)}.{r.randint(1, 20)}" + r.choice(("", f".{r.randint(1, 9)}"))
    if kind == 13:
        return digits(r.randint(4, 12))
    if kind == 14:
        return r.choice("(-+~<>±×") + f"{r.randrange(10000) / 10 ** r.randint(0, 3):g}" + r.choice(("", ")", "%"))
    return f"{r.randint(1, 99)}{r.choice('/-–:x×')}{r.randint(1, 99)}"


def code(r: random.Random) -> str:
    """A serial number, a key or a run of random characters."""
    kind = r.randrange(10)
    if kind < 4:
        return "".join(r.choice(_CODE) for _ in range(r.randint(3, 10)))
    if kind < 6:
        return "-".join("".join(r.choice(_CODE) for _ in range(r.randint(2, 5))) for _ in range(r.randint(2, 3)))
    if kind == 6:
        return "".join(r.choice(_LOWER) for _ in range(r.randint(2, 9)))
    if kind == 7:
        return "".join(r.choice(_LOWER + _UPPER + "0123456789") for _ in range(r.randint(3, 9)))
    if kind == 8:
        return "".join(r.choice(vocab.ASCII) for _ in range(r.randint(2, 7)))
    return "".join(r.choice(_LOWER + _UPPER + _ACCENTED + _ACCENTED.upper().replace("SS", "")) for _ in range(r.randint(2, 8)))


def address(r: random.Random, words: tuple[str, ...]) -> str:
    """An e-mail or web address."""
    word = lambda: "".join(c for c in r.choice(words).lower() if c in _LOWER)[:8] or "info"  # noqa: E731
    end = r.choice(("com", "org", "net", "de", "fr", "co.uk", "eu", "my", "edu", "io"))
    kind = r.randrange(4)
    if kind == 0:
        return f"{word()}@{word()}.{end}"
    if kind == 1:
        return f"www.{word()}.{end}"
    if kind == 2:
        return f"{r.choice(('http', 'https'))}://{word()}.{end}"[:24]
    return f"{word()}.{word()}@{word()}.{end}"[:26]


class Writer:
    """An endless text in one mood: a language and shares of words, numbers and codes."""

    def __init__(self, r: random.Random, mood: str | None = None):
        self.r = r
        self.language = r.choice(LANGUAGES)
        self.mood = mood or r.choice(("prose",) * 9 + ("data",) * 4 + ("random",) * 4 + ("receipt",) * 3)
        self.words = dictionary(self.language)
        self.function = FUNCTION_WORDS[self.language].split()
        self.upper = r.random() < (0.6 if self.mood == "receipt" else 0.05)
        self.typographic = r.random() < 0.6
        self.opening = True

    def word(self) -> str:
        """The next word, without spaces."""
        word = getattr(self, "_" + self.mood)()
        if self.upper and "ß" not in word:
            word = word.upper()
        if self.typographic:
            word = word.replace("'", "’")
        word = vocab.spell(word)
        if not _KNOWN.issuperset(word):
            word = "".join(c for c in word if c in _KNOWN)
        return word[:28] or "a"

    def _plain(self) -> str:
        r = self.r
        word = r.choice(self.words)
        if self.language == "en" and "-" not in word and r.random() < 0.03:
            word += "-" + r.choice(self.words)
        return word

    def _prose(self) -> str:
        r = self.r
        u = r.random()
        if u < 0.42:
            word = r.choice(self.function)
        elif u < 0.86:
            word = self._plain()
        elif u < 0.91:
            word = r.choice(NAMES)
        elif u < 0.95:
            word = number(r)
        elif u < 0.96:
            word = r.choice(MONTHS)
        elif u < 0.98:
            word = r.choice(LABELS)
        elif u < 0.985:
            word = code(r)
        elif u < 0.99:
            word = address(r, self.words)
        else:
            word = self._plain().upper() if r.random() < 0.7 else r.choice("–—&/-")
        if self.opening:
            word = word[:1].upper() + word[1:]
        self.opening = False
        return self._punctuate(word, 0.07, 0.06)

    def _punctuate(self, word: str, comma: float, stop: float) -> str:
        r = self.r
        u = r.random()
        if u < comma:
            return word + ","
        if u < comma + stop:
            self.opening = True
            return word + r.choice("......?!")
        if u < comma + stop + 0.02:
            return word + r.choice(":;:;…”)»")
        if u < comma + stop + 0.045:
            a, b = r.choice(_PAIRS)
            k = r.random()
            return a + word if k < 0.35 else word + b if k < 0.7 else a + word + b
        if u < comma + stop + 0.05 and self.language == "en":
            return word + "'s"
        return word

    def _data(self) -> str:
        r = self.r
        u = r.random()
        if u < 0.40:
            return number(r)
        if u < 0.48:
            return code(r)
        if u < 0.56:
            return r.choice(LABELS)
        if u < 0.66:
            return r.choice(NAMES)
        if u < 0.69:
            return address(r, self.words)
        word = self._plain()
        word = word.capitalize() if r.random() < 0.5 else word.upper() if r.random() < 0.2 else word
        return self._punctuate(word, 0.03, 0.01)

    def _random(self) -> str:
        r = self.r
        u = r.random()
        if u < 0.28:
            word = code(r)
        elif u < 0.42:
            word = number(r)
        else:
            word = self._plain()
            word = word.capitalize() if r.random() < 0.25 else word.upper() if r.random() < 0.15 else word
        if r.random() < 0.05:
            return word + r.choice(_MARKS)
        return self._punctuate(word, 0.03, 0.02)

    def _receipt(self) -> str:
        r = self.r
        u = r.random()
        if u < 0.34:
            return number(r)
        if u < 0.62:
            word = r.choice(RECEIPT)
            return word if self.upper or r.random() < 0.5 else word.capitalize()
        if u < 0.68:
            return code(r)
        if u < 0.76:
            return r.choice(NAMES)
        word = self._plain()
        return word.capitalize() if r.random() < 0.7 else word
