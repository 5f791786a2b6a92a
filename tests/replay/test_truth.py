"""The truth table: every spelling, every door of names, nothing passed over in silence."""

from __future__ import annotations

import pandas as pd
import pytest
from astropy.table import Table

from aas2rto.errors import InputError
from aas2rto.replay.truth import load_truth
from tests.replay import folders
from tests.shared import SHARED


def objects(**aliases):
    rows = [{"candidate_id": k, "aliases": v} for k, v in aliases.items()]
    return pd.DataFrame(rows, columns=["candidate_id", "aliases"])


HELD = objects(ZTF20abc="ZTF20abc|SN 2020xyz|ATLAS20q", ZTF20def="ZTF20def")


def told(path, rows, held=HELD):
    return load_truth(folders.write_truth(path, rows), held)


def test_any_name_of_a_candidate_finds_it(tmp_path):
    """By its id, its TNS name with or without its prefix, another survey's name, in any case."""
    for name in ("ZTF20abc", "2020xyz", "AT2020xyz", "sn 2020xyz", "atlas20Q", " ZTF20abc "):
        found = told(tmp_path / "t.csv", [{"id": name, "type": "SN Ia", "peak_mjd": 59000}])
        assert found.table["candidate_id"].tolist() == ["ZTF20abc"], name
        assert found.unmatched == 0


@pytest.mark.parametrize("ours", ["id", "type", "peak_mjd", "peak_mag"])
def test_other_spellings_are_taken_with_a_line(tmp_path, ours):
    other = {"id": "objectId", "type": "SN_Type", "peak_mjd": "t0", "peak_mag": "Peak Mag"}[ours]
    row = {"id": "ZTF20def", "type": "SN Ia", "peak_mjd": 59001.5, "peak_mag": 17.2}
    found = told(tmp_path / "t.csv", [{(other if k == ours else k): v for k, v in row.items()}])
    assert found.table[["type", "peak_mjd", "peak_mag"]].iloc[0].tolist() == [
        "SN Ia",
        59001.5,
        17.2,
    ]
    assert any(f"took {other} as {ours}" in line for line in found.lines)


@pytest.mark.parametrize("kind", ["csv", "parquet", "ecsv"])
def test_formats(tmp_path, kind):
    table = pd.DataFrame(
        {"id": ["ZTF20def"], "type": ["TDE"], "peak_mjd": [59001.0], "peak_mag": [18.0]}
    )
    path = tmp_path / f"t.{kind}"
    if kind == "csv":
        table.to_csv(path, index=False)
    elif kind == "parquet":
        table.to_parquet(path)
    else:
        Table.from_pandas(table).write(path, format="ascii.ecsv")
    found = load_truth(path, HELD)
    assert found.table[["candidate_id", "type", "peak_mjd"]].iloc[0].tolist() == [
        "ZTF20def",
        "TDE",
        59001.0,
    ]


def test_what_matches_nobody_is_counted_and_named(tmp_path):
    rows = [{"id": f"X{k}", "type": "SN Ia"} for k in range(5)] + [{"id": "ZTF20def", "type": ""}]
    found = told(tmp_path / "t.csv", rows)
    assert found.unmatched == 5
    line = next(line for line in found.lines if "match no candidate" in line)
    assert line == "truth t.csv: 5 match no candidate of the replay: X0, X1, X2 and 2 more"
    assert found.table["type"].tolist() == [""]


def test_the_first_of_several_rows_wins_with_a_line(tmp_path):
    rows = [{"id": "2020xyz", "type": "SN Ia"}, {"id": "ZTF20abc", "type": "SN II"}]
    found = told(tmp_path / "t.csv", rows)
    assert found.table["type"].tolist() == ["SN Ia"]
    assert any("1 row for a candidate that has one: the first is taken" in s for s in found.lines)


def test_a_name_of_two_candidates_is_true_of_both(tmp_path):
    held = objects(A="A|SN 2020q", B="B|SN 2020q")
    found = told(tmp_path / "t.csv", [{"id": "2020q", "type": "SN Ia"}], held)
    assert found.table["candidate_id"].tolist() == ["A", "B"]
    assert any("shared by several candidates" in line for line in found.lines)


def test_integers_of_64_bits_keep_their_digits(tmp_path):
    """LSST's ids: as floats the last digits would be lost, and another object found."""
    big = 313888618311254074
    held = objects(**{str(big): str(big), str(big + 1): ""})
    path = tmp_path / "t.parquet"
    pd.DataFrame({"id": pd.array([big, None], dtype="Int64"), "type": ["TDE", "AGN"]}).to_parquet(
        path
    )
    assert load_truth(path, held).table["candidate_id"].tolist() == [str(big)]


def test_peaks_that_cannot_be_meant(tmp_path):
    """Julian dates are converted, other numbers and words are unknown; each with a line."""
    held = objects(a="", b="", c="", d="")
    peaks = [2459001.0, 12.0, "soon", ""]
    rows = [{"id": k, "type": "SN Ia", "peak_mjd": p} for k, p in zip("abcd", peaks, strict=True)]
    found = told(tmp_path / "t.csv", rows, held)
    assert found.table["peak_mjd"].iloc[0] == 59000.5
    assert found.table["peak_mjd"].isna().tolist() == [False, True, True, True]
    said = " ".join(found.lines)
    assert "1 peak given as a Julian date" in said
    assert "1 peak outside 1968 to 2077" in said
    assert "1 row with a peak_mjd that is no number" in said


def test_a_table_without_peaks_is_one_of_types(tmp_path):
    found = told(tmp_path / "t.csv", [{"id": "ZTF20abc", "type": "SN Ia"}])
    assert found.table["peak_mjd"].isna().all()
    assert any("has no peak_mjd and no peak_mag" in line for line in found.lines)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("name,peak_mjd\na,59000\n", "has no column 'type'"),
        ("type,peak_mjd\nSN Ia,59000\n", "has no column 'id'"),
        ("<html><body>log in</body></html>", "is a web page"),
    ],
)
def test_what_is_no_truth_table_is_refused_in_words(tmp_path, content, words):
    path = tmp_path / "t.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=words) as error:
        load_truth(path, HELD)
    assert str(path) in str(error.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="cannot be opened"):
        load_truth(tmp_path / "none.csv", HELD)


def test_damaged_parquet(tmp_path):
    path = tmp_path / "t.parquet"
    pd.DataFrame({"id": ["a"], "type": ["b"]}).to_parquet(path)
    path.write_bytes(path.read_bytes()[:-20] + b"x" * 16 + b"PAR1")
    with pytest.raises(InputError, match=str(path)):
        load_truth(path, HELD)


def test_an_empty_replay(tmp_path):
    found = told(tmp_path / "t.csv", [{"id": "a", "type": "SN Ia"}], objects())
    assert found.table.empty
    assert found.unmatched == 1


def test_an_object_is_found_by_another_column_of_names(tmp_path):
    """BTS gives ZTF's name and TNS's; a candidate may be known by either."""
    row = {"objectId": "ZTF20nobody", "tns": "SN2020xyz", "type": "SN Ia"}
    found = told(tmp_path / "t.csv", [row, {"objectId": "ZTF20other", "tns": "", "type": "TDE"}])
    assert found.table["candidate_id"].tolist() == ["ZTF20abc"]
    assert found.unmatched == 1


@pytest.mark.real_data
def test_the_bright_transient_survey_is_a_truth_table():
    """As it comes: its names, types and peaks."""
    path = SHARED / "data" / "ztf_bts_objects.parquet"
    names = pd.read_parquet(path, columns=["objectId"])["objectId"].astype(str)
    held = pd.DataFrame({"candidate_id": names[:100], "aliases": ""})
    found = load_truth(path, held)
    assert len(found.table) == 100
    assert found.table["peak_mjd"].between(58000, 60000).mean() > 0.95
    assert (found.table["type"] == "SN Ia").mean() > 0.5
    assert found.unmatched == len(names) - 100
