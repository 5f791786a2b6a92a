"""Each row of a table is accounted for, once."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aas2rto.sources.files import light_curve_table
from aas2rto.sources.files.sheet import Sheet
from tests.sources.files.reading import contents

HEAD = "object_id,mjd,fid,magpsf,sigmapsf,diffmaglim,isdiffpos,rb\n"
ROWS = {
    "detection": "{0},1,18.5,0.05,20.5,t,0.9",
    "limit": "{0},1,,,20.5,,",
    "negative": "{0},1,18.5,0.05,20.5,f,0.9",
    "low rb": "{0},1,18.5,0.05,20.5,t,0.2",
    "no time": ",1,18.5,0.05,20.5,t,0.9",
    "later": "7{0},1,18.5,0.05,20.5,t,0.9",
}


def test_what_is_suspect_or_left_out_is_said_in_one_line(tmp_path):
    """With the numbers of all rows, and why points are suspect."""
    kinds = ["detection", "detection", "limit", "negative", "low rb", "low rb", "no time"]
    lines = [f"ZTF23abcdefg,{ROWS[kind].format(60200 + n)}\n" for n, kind in enumerate(kinds)]
    path = tmp_path / "lc.csv"
    path.write_text(HEAD + "".join([*lines, lines[0]]))
    assert contents(path).notes == (
        "8 rows: 2 detections, 1 limit, 3 suspect (2 rb below 0.55; 1 a negative flux: fainter "
        "than the template), 1 left out, 1 given twice",
    )
    path.write_text(HEAD + "".join(lines[:3]))
    assert contents(path).notes == ()


@given(kinds=st.lists(st.sampled_from(sorted(ROWS)), min_size=1, max_size=12), twice=st.booleans())
def test_the_numbers_add_up_to_all_rows(tmp_path_factory, kinds, twice):
    """Whatever is in the file."""
    lines = [f"ZTF23abcdefg,{ROWS[kind].format(60200 + n)}\n" for n, kind in enumerate(kinds)]
    lines += lines[:1] * twice
    path = tmp_path_factory.mktemp("account") / "lc.csv"
    path.write_text(HEAD + "".join(lines))
    sheet = light_curve_table.read(path)
    assert isinstance(sheet, Sheet)
    found = light_curve_table.contents(sheet, now=61000.0)
    if not found.notes:
        assert len(found.photometry) == len(lines)
        return
    total, _, told = found.notes[0].partition(" row")
    told = re.sub(r"\([^)]*\)", "", told)
    assert int(total) == len(lines) == sum(map(int, re.findall(r"\d+", told)))


ATLAS = "###MJD m dm uJy duJy F err chi/N RA Dec x y maj min phi apfit mag5sig Sky Obs\n" + "".join(
    f"{mjd} 18 0.1 {flux} 12 {band} 0 1 155.1 -5.2 {x} 5000 2 2 0 -0.4 19.5 20 0{n}o\n"
    for n, (mjd, flux, band, x) in enumerate(
        [
            (60200.40, 200, "o", 5000),
            (60200.41, 210, "o", 5000),
            (60200.42, 190, "o", 5000),
            (60200.43, 5000, "w", 5000),
            (60202.40, 20, "o", 5000),
            (60202.41, 30, "o", 5),
            (60204.40, 200, "o", 5000),
            (60204.41, 2000, "o", 5000),
        ]
    )
)


def test_exposures_that_are_stacked_are_said(tmp_path):
    """ATLAS's visits: exposures become points."""
    path = tmp_path / "SN1.txt"
    path.write_text(ATLAS)
    assert contents(path).notes == (
        "8 rows: 6 stacked into 3 points (1 detection, 1 limit, 1 suspect (its exposures scatter "
        "more than noise and sky allow)), 2 left out",
    )


@pytest.mark.parametrize(("now", "said"), [(60203.0, "4 stacked into 2 points"), (60100.0, "")])
def test_points_to_come_are_counted_as_such(tmp_path, now, said):
    """By their exposures."""
    path = tmp_path / "SN1.txt"
    path.write_text(ATLAS)
    found = light_curve_table.contents(light_curve_table.read(path), name="SN1", now=now)
    later = 2 if said else 6
    assert said in found.notes[0]
    assert f"{later} later than now" in found.notes[0]
