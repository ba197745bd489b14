"""The families that the acceptance pages are set in stay out of training."""

import pytest

from training import fonts

INSTALLED = bool(fonts.files())


def font(path, family):
    return fonts.Font(path, family, "Regular", 0.5, "")


@pytest.mark.parametrize(
    ("path", "family"),
    [
        ("/f/ebgaramond/EBGaramond12-Regular.otf", "EB Garamond"),
        ("/f/x/GaramondNo8.otf", "Garamond No 8"),
        ("/f/oldstandard/OldStandard-Bold.ttf", "Old Standard TT"),
        ("/f/vollkorn/Vollkorn-Italic.ttf", "Vollkorn"),
        ("/f/cantarell/Cantarell-VF.otf", "Cantarell"),
        ("/f/quattrocento/QuattrocentoSans.ttf", "Quattrocento Sans"),
        ("/f/inconsolata/Inconsolata.otf", "Inconsolata"),
        ("/f/levien-inconsolata/InconsolataLGC.otf", "Inconsolata LGC"),
        ("/f/ricty/RictyDiminished-Regular.ttf", "Ricty Diminished"),
        ("/f/courier-prime/Courier Prime Code.otf", "Courier Prime Code"),
        ("/renamed/file.ttf", "EBGaramond"),
        ("/f/Vollkorn/a.ttf", "Something"),
    ],
)
def test_held_out_fonts_are_recognised(path, family):
    assert fonts.held_out(path, family)
    assert fonts.split_of(font(path, family)) == "acceptance"


@pytest.mark.skipif(not INSTALLED, reason="no fonts installed")
def test_no_split_of_training_holds_one():
    for split in ("train", "validation"):
        for groups in fonts.families(split):
            for group in groups:
                for f in group:
                    assert fonts.held_out(f.path, f.family) is None, f


@pytest.mark.skipif(not INSTALLED, reason="no fonts installed")
def test_splits_share_no_family():
    names = [{g[0].family for g in fonts.families(s)[1]} for s in ("train", "validation", "acceptance")]
    assert not (names[0] & names[1] or names[0] & names[2] or names[1] & names[2])


def test_package_lists():
    from pathlib import Path

    folder = Path(fonts.__file__).parent
    read = lambda n: {l for l in (folder / n).read_text().splitlines() if l and not l.startswith("#")}  # noqa: E731
    assert not read("fonts.txt") & read("fonts_held_out.txt")
    assert len(read("fonts_held_out.txt")) == len(fonts.HELD_OUT) == 7
