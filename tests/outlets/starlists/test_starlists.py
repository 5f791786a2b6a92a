"""Star lists are read back, dialect by dialect, by readers written from the telescopes' pages."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aas2rto.errors import InputError, UsageError
from aas2rto.outlets import starlists
from aas2rto.outlets.starlists.names import short_names
from aas2rto.outlets.starlists.targets import LONGEST_COMMENT, plain
from aas2rto.sky.observatory import STARLISTS
from aas2rto.sources import target_list
from tests.outlets.starlists.readers import READERS

EVERY = pytest.mark.parametrize("name", STARLISTS)

NASTY = "a,\"b\n# ! ; {x} | \t\r\u2028=1+2 \u03b2Céti\x1b[2J --drop 'q' %s"
"""What a comment may hold to lead a reader astray."""


def table(**columns: object) -> pd.DataFrame:
    given_ = {"name": ["SN2026abcd"], "ra": [148.968458], "dec": [-0.206639], **columns}
    return pd.DataFrame({key: np.asarray(value) for key, value in given_.items()})


def read_back(name: str, targets: pd.DataFrame) -> list[tuple[str, float, float, str]]:
    return list(READERS[name](starlists.write(targets, starlists.dialect(name))))


def separation(ra: float, dec: float, ra2: float, dec2: float) -> float:
    """Return the angle between two places [arcsec], by the haversine."""
    phi, phi2 = math.radians(dec), math.radians(dec2)
    turn = math.radians(ra2 - ra)
    square = math.sin((phi2 - phi) / 2) ** 2
    square += math.cos(phi) * math.cos(phi2) * math.sin(turn / 2) ** 2
    return math.degrees(2 * math.asin(math.sqrt(min(square, 1.0)))) * 3600


def a_thousand() -> pd.DataFrame:
    """Return random places all over the sky, and those where readers trip."""
    rng = np.random.default_rng(22)
    ra, dec = rng.uniform(0, 360, 1000), np.degrees(np.arcsin(rng.uniform(-1, 1, 1000)))
    ra[:8] = [0.0, 359.9999999999, 360 - 1e-7, 15 - 1e-9, 0.0, 180.0, 1e-9, 299.99999]
    dec[:8] = [0.0, -1e-7, -0.206639, -0.9999999, 90.0, -90.0, 89.99999999, -59.9999999]
    dec[8:40] = rng.uniform(-1, 0, 32)  # -00
    letters = np.array(list("abcXYZ0189-_. +/()é\u03b2{}#!,;"))
    names = ["".join(rng.choice(letters, rng.integers(1, 41))) for _ in range(1000)]
    names[10:20] = ["SN2026abcd"] * 10
    names[20:24] = ["LSST170587117720698934", "LSST270587117720698934", "170587117720698934", "#"]
    names[24:26] = ["sn2026ABCD", "12 30 45 -10 20 30"]
    comments = [NASTY[k % 30 :] + str(k) for k in range(1000)]
    comments[30] = "x" * 10_000
    return pd.DataFrame(
        {
            "name": names,
            "ra": ra,
            "dec": dec,
            "mag": np.where(rng.random(1000) < 0.2, np.nan, rng.uniform(12, 22, 1000)),
            "band": rng.choice(["ztfg", "ztfr", "atlaso", "", "bessellv"], 1000),
            "rank": np.arange(1000) + 1,
            "exposure_s": np.where(rng.random(1000) < 0.3, np.nan, rng.uniform(60, 3600, 1000)),
            "too": rng.random(1000) < 0.1,
            "comment": comments,
        }
    )


@EVERY
def test_a_thousand_targets_are_read_back_where_they_are(name: str) -> None:
    """To 0.1 arcsec, in their order, each once, under names that differ without regard to case."""
    wanted = a_thousand()
    found = read_back(name, wanted)
    assert len(found) == 1000
    apart = [
        separation(ra, dec, row.ra, row.dec)
        for (_, ra, dec, _), row in zip(found, wanted.itertuples(), strict=True)
    ]
    assert max(apart) <= 0.1
    labels = [label for label, *_ in found]
    assert len({label.casefold() for label in labels}) == 1000
    assert all(0 < len(one) <= starlists.dialect(name).longest for one in labels)


@EVERY
@given(
    ra=st.floats(0, 360, exclude_max=True),
    dec=st.floats(-90, 90),
    called=st.text(max_size=50),
    said=st.text(max_size=50),
)
def test_any_place_any_name_and_any_words(
    name: str, ra: float, dec: float, called: str, said: str
) -> None:
    ((_, found_ra, found_dec, _),) = read_back(
        name, table(name=[called], ra=[ra], dec=[dec], comment=[said])
    )
    assert separation(found_ra, found_dec, ra, dec) <= 0.1


@EVERY
@pytest.mark.parametrize(
    ("ra", "dec"),
    [(10.0, -0.5), (359.99999999, -0.00001), (0.0, 90.0), (12.0, -90.0), (10.0, -1e-7)],
)
def test_small_southern_declinations_and_the_24th_hour(name: str, ra: float, dec: float) -> None:
    """-00 stays south; what rounds up to 24 h is 0 h; the readers refuse 60 s and 24 h."""
    text = starlists.write(table(ra=[ra], dec=[dec]), starlists.dialect(name))
    ((_, found_ra, found_dec, _),) = READERS[name](text)
    assert separation(found_ra, found_dec, ra, dec) <= 0.1
    if dec == -0.5:
        assert found_dec < 0
        assert "-00" in text or "-0.5" in text
    if abs(dec) < 1e-6:
        assert "-00 00 00" not in text
        assert "-00:00:00" not in text


@EVERY
def test_standards_stand_at_the_end_and_the_rest_in_observing_order(name: str) -> None:
    some = table(
        name=["Feige34", "late", "early"],
        ra=[159.9, 200.0, 10.0],
        dec=[43.1, 0.0, 0.0],
        standard=[True, False, False],
    )
    assert [label for label, *_ in read_back(name, some)] == ["late", "early", "Feige34"]


@EVERY
def test_comments_reach_the_observer_and_nothing_else_does(name: str) -> None:
    """Where a dialect has comments, its own marks and commas are out of them."""
    first, second = read_back(
        name, table(name=["a1", "b1"], ra=[1.0, 2.0], dec=[1.0, 2.0], comment=[NASTY, "fine"])
    )
    assert (first[0], second[0]) == ("a1", "b1")
    if second[3] == "fine":
        assert first[3] == plain(NASTY)
        assert not set(first[3]) & set(",;#!{}\"'|=\t\n")
        assert "Ceti" in first[3]
    else:
        assert name in {"blanco", "visplot", "nina", "stellarium", "gemini", "ds9"}


@EVERY
def test_nothing_to_observe_is_an_empty_list(name: str) -> None:
    assert read_back(name, table().head(0)) == []


def test_names_that_were_cut_are_told_in_full() -> None:
    """An observer finds his object: the end of a name is kept, and the comment says all of it."""
    long = ["LSST170587117720698934", "LSST170587117720698935"]
    some = table(name=long, ra=[1.0, 2.0], dec=[3.0, 4.0], comment=["rank 1", "rank 2"])
    found = read_back("keck", some)
    assert [one[0] for one in found] == ["LSS_17720698934", "LSS_17720698935"]
    assert [one[3] for one in found] == [f"{one} rank {k}" for k, one in enumerate(long, 1)]
    assert starlists.renamed(some, starlists.dialect("keck")) == list(
        zip(long, ["LSS_17720698934", "LSS_17720698935"], strict=True)
    )


@pytest.mark.parametrize(
    ("names", "short"),
    [
        (["ZTF19acwrvzk"], ["ZTF19acwrvzk"]),
        (
            ["SN 2026abcd", "SN2026abcd", "sn2026ABCD"],
            ["SN2026abcd", "SN2026abcd-2", "sn2026ABCD-3"],
        ),
        (["A" * 20, "A" * 20], ["AAA_AAAAAAAAAAA", "AAA_AAAAAAAAA-2"]),
        (["12345", "", "#!,", "M31."], ["ID12345", "target", "target-2", "M31"]),
    ],
)
def test_short_names(names: list[str], short: list[str]) -> None:
    assert short_names(names, 15) == short


@given(st.lists(st.text(max_size=30), max_size=60), st.integers(8, 20))
def test_short_names_are_short_and_differ(names: list[str], longest: int) -> None:
    """Whatever they are, they never collide, and a second look gives the same."""
    found = short_names(names, longest)
    assert len({one.casefold() for one in found}) == len(names)
    assert all(0 < len(one) <= longest and one[0].isalnum() for one in found)
    assert short_names(found, longest) == found


def test_every_line_fits() -> None:
    """Keck's column 17; Blanco's 78 signs; its 64 kB for a thousand targets."""
    text = starlists.write(a_thousand(), starlists.dialect("blanco"))
    assert max(map(len, text.splitlines())) < 79
    assert len(starlists.write(a_thousand().head(800), starlists.dialect("blanco"))) < 64 * 1024
    assert len(plain("x" * 500)) == LONGEST_COMMENT


# ACP and the planetarium have no room for it; MMT's list of fields is checked by its reader.
@pytest.mark.parametrize("name", ["keck", "p200", "ing", "eso", "lascampanas", "mmt", "acp", "csv"])
def test_our_own_import_reads_what_we_write(name: str, tmp_path) -> None:
    """`aas2rto targets import` takes the lists of a colleague who has aas2rto too."""
    path = tmp_path / f"list{starlists.dialect(name).suffix}"
    path.write_text(starlists.write(table(mag=[17.4]), starlists.dialect(name)))
    (one,) = target_list.read(path).wanted
    assert one.name == "SN2026abcd"
    assert separation(one.ra, one.dec, 148.968458, -0.206639) < 0.1


EXAMPLES = {
    "keck": "SN2026abcd      09 55 52.430 -00 12 23.90 2000.0 # rank 1\n",
    "p200": "SN2026abcd            09 55 52.43  -00 12 23.9  2000.0  ! rank 1\n",
    "ing": "SN2026abcd 09 55 52.430 -00 12 23.90 J2000 ! rank 1\n",
    "eso": "SN2026abcd 095552.430 -001223.90 2000.0 0.0 0.0 rank 1\n",
    "blanco": "SN2026abcd 09 55 52.430 -00 12 23.90 2000.0\n",
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples(name: str) -> None:
    """As an observer sees them."""
    assert starlists.write(table(comment=["rank 1"]), starlists.dialect(name)) == EXAMPLES[name]


def test_the_registry_and_the_names_of_observatory_files_are_the_same() -> None:
    assert tuple(starlists.DIALECTS) == STARLISTS


def test_a_target_without_a_position_is_an_error_and_not_lost() -> None:
    with pytest.raises(InputError, match="no position for SN2026abcd; a star list needs one"):
        starlists.write(table(dec=[np.nan]), starlists.dialect("csv"))


def test_a_misspelt_dialect() -> None:
    with pytest.raises(UsageError, match="there is no star list 'kekc'; did you mean 'keck'"):
        starlists.dialect("kekc")


def test_the_same_targets_give_the_same_bytes() -> None:
    """And the VOTable is as good as astropy's own reader thinks."""
    from io import BytesIO

    from astropy.table import Table

    some = a_thousand()
    for name in STARLISTS:
        chosen = starlists.dialect(name)
        assert starlists.write(some.head(50), chosen) == starlists.write(some.head(50), chosen)
    text = starlists.write(some, starlists.dialect("votable"))
    read = Table.read(BytesIO(text.encode()), format="votable")
    assert (len(read), str(read["ra"].unit)) == (1000, "deg")
