"""Lists as CSV: the same bytes for the same cycle, readable by whatever reads CSV."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import astropy.units as u
import numpy as np
import pandas as pd
import pytest
from astropy.coordinates import SkyCoord
from astropy.time import Time
from hypothesis import given, settings
from hypothesis import strategies as st

from aas2rto.factors import Needs
from aas2rto.factors.observable import observable
from aas2rto.factors.wait import wait
from aas2rto.outputs import ahead, cells, write_atomically
from aas2rto.outputs import lists as tables
from aas2rto.outputs.cell_memory import Written
from aas2rto.sky import observatory_file
from aas2rto.steps.column import BoundFactor
from aas2rto.steps.cycle import Ranking
from aas2rto.steps.rank import rank_site
from tests.conftest import MJD, make_candidates
from tests.factors.fitted import fitted

HEADER = ["aas2rto 1.0", "project: test"]


def candidates(*names, **columns):
    table = make_candidates(list(names) or ["a"], **columns)
    return table.assign(
        rank=np.arange(1, len(table) + 1),
        score=2.0,
        site_score=4.0,
        decision="keep",
        factor="",
        factor_magnitude=10.0,
        reason="magnitude x10 (16.5 mag, in ztfg)",
    )


def read(path):
    return pd.read_csv(path, comment="#", dtype={"candidate_id": str, "name": str})


# -- cells ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        ("", ""),
        (None, ""),
        (float("nan"), ""),
        (-np.inf, "-inf"),
        (1234567.0, "1.23457e+06"),
        (0.1 + 0.2, "0.3"),
        (5, "5"),
        ("a,b", '"a,b"'),
        ('say "hi"', '"say ""hi"""'),
        ("# no comment", '"# no comment"'),
        ("two\nlines\tand\r\nmore", "two lines and more"),
        ("nul\x00 and \x1b[31mred", "nul and [31mred"),
        ("  spaced  out ", "spaced out"),
        ("\N{GREEK SMALL LETTER DELTA} Cep", "\N{GREEK SMALL LETTER DELTA} Cep"),
    ],
)
def test_a_cell_leads_no_reader_astray(value, text):
    """One line, quoted where it must be, no control characters, empty where unknown."""
    assert cells.cell(value) == text


texts = st.text(st.characters(codec="utf-8"), max_size=20)


@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=5))
def test_any_text_keeps_its_place_and_its_words(rows):
    """A name with commas, quotes or hashes moves no other column, for two kinds of readers."""
    first, second = zip(*rows, strict=True)
    table = pd.DataFrame({"name": first, "comment": second, "end": "end"}, dtype=object)
    text = cells.to_csv(table, ["name", "comment", "end"], HEADER)
    lines = [line for line in text.split("\n") if not line.startswith("# ")]
    parsed = list(csv.reader(io.StringIO("\n".join(lines))))
    assert parsed[0] == ["name", "comment", "end"]
    clean = [
        [" ".join("".join(c if c.isprintable() else " " for c in t).split()) for t in row]
        for row in rows
    ]
    assert [row[:2] for row in parsed[1:]] == clean
    found = pd.read_csv(io.StringIO(text), comment="#", dtype=str, keep_default_na=False)
    assert found["end"].tolist() == ["end"] * len(rows)
    assert found["name"].tolist() == [row[0] for row in clean]


def test_columns_are_formatted_by_what_they_hold():
    """Times to the minute, positions to 6 digits, whole numbers whole, truth as a word."""
    table = pd.DataFrame(
        {
            "candidate_id": ["170094456272322680", "b"],
            "ra": [123.45678949, 0.0],
            "dec": [-1.5, 0.0],
            "n_detections": [4, 0],
            "score": [5.623413, -np.inf],
            "rises": [MJD + 0.5, np.nan],
            "observable_now": [True, False],
            "redshift": [0.0512345, np.nan],
        }
    )
    text = cells.to_csv(table, list(table), [])
    assert text.splitlines() == [
        "candidate_id,ra,dec,n_detections,score,rises,observable_now,redshift",
        "170094456272322680,123.456789,-1.500000,4,5.62341,2025-11-21T12:00,true,0.05123",
        "b,0.000000,0.000000,0,-inf,,false,",
    ]


def test_columns_that_are_not_there_are_empty():
    """A list without a fit has the same columns."""
    text = cells.to_csv(pd.DataFrame({"a": [1]}), ["a", "t_peak", "rises"], [])
    assert text == "a,t_peak,rises\n1,,\n"


def test_a_column_of_ones_own_may_have_any_name():
    """An expression is named by its author."""
    text = cells.to_csv(pd.DataFrame({"factor_a,b": [1.0]}), ["factor_a,b"], [])
    assert list(csv.reader(io.StringIO(text))) == [["factor_a,b"], ["1"]]


# -- positions and times --------------------------------------------------------------------------


@given(ra=st.floats(0, 360, exclude_max=True), dec=st.floats(-90, 90))
def test_sexagesimal_positions_mean_the_same_place(ra, dec):
    """Read back by astropy: within the rounding of 0.01 s and 0.1 arcsec."""
    table = cells.with_sexagesimal(pd.DataFrame({"ra": [ra], "dec": [dec]}))
    hms, dms = table["ra_hms"].iloc[0], table["dec_dms"].iloc[0]
    back = SkyCoord(f"{hms} {dms}", unit=(u.hourangle, u.deg))
    assert abs(back.dec.deg - dec) <= 0.0500001 / 3600
    turn = (back.ra.deg - ra + 180) % 360 - 180
    assert abs(turn) <= 0.0750001 / 3600
    assert len(hms) == 11
    assert len(dms) == 11


@pytest.mark.parametrize(
    ("ra", "dec", "hms", "dms"),
    [
        (0.0, 0.0, "00:00:00.00", "+00:00:00.0"),
        (359.99999999, 89.99999999, "00:00:00.00", "+90:00:00.0"),
        (155.127083, -0.5, "10:20:30.50", "-00:30:00.0"),
        (14.99999, -29.99999, "01:00:00.00", "-30:00:00.0"),
        (180.0, -90.0, "12:00:00.00", "-90:00:00.0"),
    ],
)
def test_there_is_no_sixtieth_second_and_no_24th_hour(ra, dec, hms, dms):
    """Rounding carries over, and a small southern declination keeps its sign."""
    table = cells.with_sexagesimal(pd.DataFrame({"ra": [ra], "dec": [dec]}))
    assert (table["ra_hms"].iloc[0], table["dec_dms"].iloc[0]) == (hms, dms)


@given(st.floats(40000, 80000))
def test_times_are_those_of_astropy_to_the_minute(mjd):
    """By an independent implementation; half a minute rounds to either side."""
    (text,) = cells.iso_minutes(np.array([mjd]))
    assert len(text) == 16
    assert abs(Time(text, format="isot", scale="tai").mjd - mjd) * 1440 <= 0.5001


def test_unknown_times_are_empty():
    """Also where none is known."""
    assert cells.iso_minutes(np.array([np.nan, MJD, np.inf])) == ["", "2025-11-21T00:00", ""]
    assert cells.iso_minutes(np.array([])) == []


# -- files ----------------------------------------------------------------------------------------


def test_a_ranked_list_can_be_read_by_anybody(tmp_path):
    """Comment lines with where it comes from, then a table; rank and names as they were."""
    ranking = Ranking("here", candidates("b", "a", name=["x, y", ""]), candidates("c"))
    tables.write_ranking(tmp_path, ranking, HEADER)
    path = tmp_path / "ranked" / "here.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[:3] == ["# aas2rto 1.0", "# project: test", "# list: here"]
    assert lines[3].startswith("# units: ra, dec, ")
    found = read(path)
    assert found["rank"].tolist() == [1, 2]
    assert found["candidate_id"].tolist() == ["b", "a"]
    assert found["name"].iloc[0] == "x, y"
    assert list(found)[:9] == list(tables.LEADING)
    assert "factor_magnitude" in found
    assert list(found)[-len(tables.TRAILING) :] == list(tables.TRAILING)
    assert read(tmp_path / "not_tonight" / "here.csv")["candidate_id"].tolist() == ["c"]


def test_the_science_list_has_nobody_who_cannot_be_seen(tmp_path):
    """It knows no site."""
    tables.write_ranking(tmp_path, Ranking("science", candidates(), candidates().iloc[:0]), HEADER)
    assert [p.name for p in tmp_path.iterdir()] == ["ranked"]


def test_the_same_list_is_the_same_bytes(tmp_path):
    """Nothing of the clock, the machine or the order of memory gets in."""
    written = []
    for order in (slice(None), slice(None, None, -1)):
        table = candidates("a", "b", "c").iloc[order]
        tables.write_excluded(tmp_path, table, HEADER)
        written.append((tmp_path / "excluded.csv").read_bytes())
    assert written[0] == written[1]


def test_an_empty_list_has_its_header(tmp_path):
    """Nothing to do tonight is an answer."""
    empty = candidates("a").iloc[:0]
    tables.write_ranking(tmp_path, Ranking("here", empty, empty), HEADER)
    tables.write_excluded(tmp_path, empty, HEADER)
    assert len(read(tmp_path / "ranked" / "here.csv")) == 0
    assert "site_score" in read(tmp_path / "ranked" / "here.csv")
    assert len(read(tmp_path / "excluded.csv")) == 0


def rejections(*names):
    rows = [
        {
            "candidate_id": name,
            "factor": "time_span",
            "reason": "45 d old",
            "at": MJD,
            "row": {
                "ra": 10.0,
                "dec": -5.0,
                "name": "",
                "factor_time_span": 1e-9,
                "last_mag": 18.0,
                "first_detection": float("nan"),
                "reason": "in the row",
                "decision": "keep",
            },
        }
        for name in names
    ]
    return pd.DataFrame(rows, columns=["candidate_id", "factor", "reason", "at", "row"])


def test_rejected_candidates_are_listed_with_when_and_why(tmp_path):
    """What was known of them then, and the score of the paper's encoding."""
    tables.write_rejected(tmp_path, lambda: rejections("a", "b"), [*HEADER, "2 rejected"])
    found = read(tmp_path / "rejected.csv")
    row = found.iloc[0]
    assert found["candidate_id"].tolist() == ["a", "b"]
    assert (row["at"], row["factor"], row["reason"]) == (
        "2025-11-21T00:00",
        "time_span",
        "45 d old",
    )
    assert (row["score"], row["decision"], row["ra_hms"]) == (-np.inf, "reject", "00:40:00.00")
    assert pd.isna(row["first_detection"])


def test_nobody_rejected_gives_an_empty_list(tmp_path):
    """Of the first night, for example."""
    tables.write_rejected(tmp_path, rejections, HEADER)
    assert len(read(tmp_path / "rejected.csv")) == 0


def test_rejections_are_only_read_when_they_changed(tmp_path):
    """Over a season they become many."""
    asked = []

    def load():
        asked.append(1)
        return rejections("a")

    for state in ("1 rejected", "1 rejected", "2 rejected"):
        tables.write_rejected(tmp_path, load, [*HEADER, state])
    assert len(asked) == 2


def of_names(*names, at=MJD):
    """Return what loads rejections, and what tells since when; what was asked for is noted."""
    table = rejections(*names).assign(at=at)
    for row, name in zip(table["row"], names, strict=True):
        number = ord(name)
        row |= {"name": f'"{name}", it is said', "n_detections": 5 + number, "ra": 10.0 + number}
    asked = []

    def load(*, only=None):
        asked.append(only)
        chosen = table if only is None else table[table["candidate_id"].isin(only)]
        return chosen.reset_index(drop=True)

    return load, lambda: table.set_index("candidate_id")["at"].astype(float), asked


def test_of_the_rejected_only_new_lines_are_written_anew(tmp_path):
    """The same bytes as if all were, whoever came and went."""
    fresh = tmp_path / "fresh"
    steps = (
        ("b", "d", "f", "g", "h"),
        ("a", "b", "d", "f", "g", "h"),
        ("a", "b", "d", "f", "h"),
        ("a", "b", "c", "d", "h"),
    )
    read_alone = []
    for names in steps:
        load, since, asked = of_names(*names)
        header = [*HEADER, f"{len(names)} rejected: {names}"]
        tables.write_rejected(tmp_path, load, header, since=since)
        read_alone.append(asked)
        tables.write_rejected(fresh, load, header)
        assert (tmp_path / "rejected.csv").read_bytes() == (fresh / "rejected.csv").read_bytes()
    # The second list that is asked for is the fresh one; who only went costs no reading.
    assert read_alone == [[None, None], [["a"], None], [None], [["c"], None]]


def test_who_was_rejected_anew_has_a_new_line(tmp_path):
    """It came back in between."""
    for names, at in ((("a", "b", "c"), [MJD] * 3), (("a", "b", "c"), [MJD, MJD + 9, MJD])):
        load, since, asked = of_names(*names, at=at)
        tables.write_rejected(tmp_path, load, [*HEADER, str(at)], since=since)
    assert asked == [["b"]]
    found = read(tmp_path / "rejected.csv")["at"].tolist()
    assert found == ["2025-11-21T00:00", "2025-11-30T00:00", "2025-11-21T00:00"]


@pytest.mark.parametrize("change", ["header", "columns", "damaged"])
def test_a_list_that_may_have_been_written_otherwise_is_written_anew(tmp_path, change):
    """By another version or config; with other factors; or by somebody's hand."""
    load, since, _ = of_names("a", "b", "c")
    tables.write_rejected(tmp_path, load, [*HEADER, "3"], since=since)
    path, header = tmp_path / "rejected.csv", [*HEADER, "4"]
    if change == "header":
        header = ["another config", *HEADER[1:], "4"]
    elif change == "damaged":
        path.write_text(path.read_text().replace("b,", '"b",', 1))
    load, since, asked = of_names("a", "b", "c", "d")
    if change == "columns":
        plain = load
        load = lambda **only: plain(**only).assign(row=with_factor(plain(**only)["row"]))  # noqa: E731
    tables.write_rejected(tmp_path, load, header, since=since)
    assert asked[-1] is None, "all were read"
    assert len(read(path)) == 4


def with_factor(rows):
    return [{**row, "factor_new": 1.0} for row in rows]


def test_the_report_of_a_cycle_is_json(tmp_path):
    """For other programs; what JSON cannot say is refused."""
    tables.write_cycle(tmp_path, {"funnel": {"ranked": 1}, "problems": []})
    assert json.loads((tmp_path / "cycle.json").read_text())["funnel"] == {"ranked": 1}
    with pytest.raises(ValueError, match="not JSON compliant"):
        tables.write_cycle(tmp_path, {"score": float("nan")})
    assert json.loads((tmp_path / "cycle.json").read_text())["funnel"] == {"ranked": 1}


# -- writing beside and renaming over -------------------------------------------------------------


def test_a_file_is_replaced_as_a_whole(tmp_path):
    """Folders are made, texts are UTF-8, nothing is left beside."""
    path = tmp_path / "a" / "b.csv"
    write_atomically(path, "\N{GREEK SMALL LETTER MU}Jy\n")
    write_atomically(path, b"bytes")
    assert path.read_bytes() == b"bytes"
    assert [p.name for p in path.parent.iterdir()] == ["b.csv"]


@pytest.mark.parametrize("step", ["write_bytes", "replace"])
def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch, step):
    """A full disk costs the new list, not the old one; the next cycle mends it."""
    path = tmp_path / "list.csv"
    write_atomically(path, "old")

    def fail(self, *_):
        if step == "write_bytes":
            with self.open("wb") as file:
                file.write(b"half")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, step, fail)
        with pytest.raises(OSError, match="No space left"):
            write_atomically(path, "new")
    assert path.read_text() == "old"
    write_atomically(path, "new")
    assert path.read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["list.csv"]


def test_a_list_whose_rows_did_not_change_is_not_written_again(tmp_path):
    """Its first lines tell of the cycle that wrote it."""
    table, written = make_candidates(["a", "b"], reason="too faint"), Written()
    path = tmp_path / "excluded.csv"
    tables.write_excluded(tmp_path, table, ["now: 1"], written)
    tables.write_excluded(tmp_path, table.iloc[::-1], ["now: 2"], written)
    assert path.read_text().startswith("# now: 1\n")
    tables.write_excluded(tmp_path, table.assign(reason="too old"), ["now: 3"], written)
    assert path.read_text().startswith("# now: 3\n")
    path.unlink()
    tables.write_excluded(tmp_path, table.assign(reason="too old"), ["now: 4"], written)
    assert path.read_text().startswith("# now: 4\n")
    tables.write_excluded(tmp_path, table.assign(reason="too old"), ["now: 5"], Written())
    assert path.read_text().startswith("# now: 5\n")


def test_x_vis_stands_beside_a_chance_and_nowhere_else(tmp_path):
    """Where the score is one, A&A 698, A153, Eq. 13 and B.2 are for people to look at."""
    seen = {"altitude_area": [15.0, 0.1], "night_left": 0.5, "min_altitude": 30.0}
    table = candidates("a", "b").assign(**seen, hours_left=3.0)
    for name, rows in (("here", table.assign(factor_value=0.5)), ("there", table)):
        tables.write_ranking(tmp_path, Ranking(name, rows, rows.iloc[:0]), HEADER)
    found = read(tmp_path / "ranked" / "here.csv")
    # (90 - 30) deg x 0.5 d / 15 deg d = 2; and 300 is bounded by 10.
    assert found["x_vis"].tolist() == [2.0, 10.0]
    assert "x_vis" not in read(tmp_path / "ranked" / "there.csv")


SITE = observatory_file.load("palomar_p60")
FACTORS = (
    BoundFactor("observable", Needs.SITE, observable),
    BoundFactor("wait_here", Needs.SITE, wait, {"nights": 11}, ahead=11),
)


def who_may_wait(n: int) -> pd.DataFrame:
    """Return candidates all over the sky, about their peaks, some of them alike."""
    rng = np.random.default_rng(7)
    fits = fitted(MJD + rng.integers(-6, 10, n), rng.choice([0.5, 2.0], n), mag=17.5)
    table = make_candidates(
        [f"C{i:02d}" for i in range(n)],
        ra=rng.uniform(0, 360, n),
        dec=np.degrees(np.arcsin(rng.uniform(-0.3, 1, n))),
    )
    table = table.drop(columns=[name for name in fits if name in table])
    table = pd.concat([table, fits.drop(columns="candidate_id")], axis=1)
    table.insert(0, "candidate_id", [f"C{i:02d}" for i in range(n)])
    return table.assign(score=0.5, factor_value=0.5, last_mag=18.0, reason="", decision="keep")


def bytes_of(folder: Path, table: pd.DataFrame, now: Time) -> dict[str, bytes]:
    ranking = rank_site(SITE, table, FACTORS, now, min_altitude=30.0)
    assert ranking.failures == ()
    tables.write_ranking(folder, ranking, HEADER)
    ahead.write(folder, [ranking, ranking], table, HEADER)
    return {path.parent.name: path.read_bytes() for path in folder.rglob("*.csv")}


@pytest.mark.slow
@settings(max_examples=20)
@given(st.floats(0, 300), st.randoms(use_true_random=False))
def test_lists_and_nights_ahead_are_the_same_bytes(tmp_path_factory, days, chance):
    """Whenever it is, and in whatever order the store gives its candidates."""
    table = who_may_wait(24)
    order = list(range(len(table)))
    chance.shuffle(order)
    now = Time(MJD + days, format="mjd", scale="utc")
    one, other = (tmp_path_factory.mktemp(name) for name in ("one", "other"))
    first = bytes_of(one, table, now)
    assert set(first) == {"ranked", "not_tonight", "ahead"}
    assert first == bytes_of(other, table.iloc[order].reset_index(drop=True), now)
