"""Parquet files of Fink's data transfer as clients before version 11 wrote them.

They cast every column of integers that may be null to double, so that ids lost digits.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aas2rto.sources.archive import Archive
from aas2rto.tables.report import Outcome, PollRequest, Report
from tests.shared import PAYLOADS
from tests.sources.alerts import TAI, dia_forced, dia_source, lsst_alert, ztf_alert, ztf_candidate

TRANSFER = "fink/ftransfer_lsst_2026-03-27_750709"
NULLABLE = ("diaObjectId", "diaSourceId", "ssObjectId", "parentDiaSourceId", "diaForcedSourceId")
"""What was cast: in the parent and in the history, but not in the alert's own source."""


def poll(folder: Path) -> Report:
    return Archive(paths=(str(folder),)).poll(PollRequest(61200.0))


def as_doubles(kind: pa.DataType, names: tuple[str, ...]) -> pa.DataType:
    """Return a type of which the fields `names` are doubles, however deep they are."""
    if pa.types.is_struct(kind):
        fields = [kind.field(i) for i in range(kind.num_fields)]
        return pa.struct(
            [
                pa.field(f.name, pa.float64() if f.name in names else as_doubles(f.type, names))
                for f in fields
            ]
        )
    if pa.types.is_list(kind):
        return pa.list_(as_doubles(kind.value_type, names))
    return kind


def write_old(table: pa.Table, file: Path, *columns: str, names: tuple[str, ...]) -> None:
    """Write a table as an old client did: some ids inside `columns` as doubles."""
    for column in columns:
        place = table.schema.get_field_index(column)
        kind = as_doubles(table.schema.field(column).type, names)
        rows = [_floats(row, names) for row in table.column(column).to_pylist()]
        table = table.set_column(place, pa.field(column, kind), pa.array(rows, kind))
    pq.write_table(table, file)


def _floats(value: Any, names: tuple[str, ...]) -> Any:
    if isinstance(value, list):
        return [_floats(one, names) for one in value]
    if isinstance(value, dict):
        return {
            key: float(one) if key in names and one is not None else _floats(one, names)
            for key, one in value.items()
        }
    return value


TWINS = (313853517453852677, 313853517453852678)
"""Two objects whose ids are one double."""


def test_ids_of_twins_are_one_as_doubles():
    """What makes the parent's id useless."""
    assert float(TWINS[0]) == float(TWINS[1])


def test_the_alerts_own_id_is_taken_where_the_parents_is_a_double(tmp_path):
    """Two objects that would be one; the history is named by its exposures."""
    alerts = [
        lsst_alert(
            diaSource=dia_source(diaObjectId=name, diaSourceId=170094456272322680 + n),
            diaObject={"diaObjectId": name, "ra": 62.0 + n, "dec": -48.0},
            prvDiaSources=[
                dia_source(
                    diaSourceId=170094456272322001 + k, midpointMjdTai=TAI - k, diaObjectId=name
                )
                for k in (1, 2)
            ],
            prvDiaForcedSources=[dia_forced(diaObjectId=name)],
        )
        for n, name in enumerate(TWINS)
    ]
    columns = ("diaObject", "prvDiaSources", "prvDiaForcedSources")
    write_old(pa.Table.from_pylist(alerts), tmp_path / "old.parquet", *columns, names=NULLABLE)
    report = poll(tmp_path)
    assert (report.outcome, report.problems) == (Outcome.DATA, ())
    assert sorted(report.objects["object_id"]) == [str(name) for name in TWINS]
    assert sorted(report.objects["ra"]) == [62.0, 63.0]
    for n, name in enumerate(TWINS):
        rows = report.photometry[report.photometry["candidate_id"] == str(name)]
        assert sorted(rows["measurement_id"]) == sorted(
            [
                str(170094456272322680 + n),
                f"lssti:{TAI - 1:.4f}",
                f"lssti:{TAI - 2:.4f}",
                f"forced:lsstz:{TAI - 4:.4f}",
            ]
        )


def test_a_history_with_damaged_candids_is_named_by_its_exposures(tmp_path):
    """ZTF's history is nullable, and was cast; rows without a candid stay limits."""
    old = [ztf_candidate(candid=3367463101415010117 + k, jd=2461100.75 - k) for k in (1, 2)]
    alert = ztf_alert(prv_candidates=old)
    alert["prv_candidates"].append(old[0] | {"candid": None, "jd": 2461090.75, "magpsf": None})
    write_old(
        pa.Table.from_pylist([alert]), tmp_path / "a.parquet", "prv_candidates", names=("candid",)
    )
    report = poll(tmp_path)
    assert report.problems == ()
    names = set(report.photometry["measurement_id"])
    assert names == {
        "3367463101415010117",
        "ztfr:61099.2500",
        "ztfr:61098.2500",
        "limit:ztfr:61090.2500",
    }


def test_an_alert_whose_own_ids_are_damaged_is_still_refused(tmp_path):
    """It would be counted as another object."""
    alert = lsst_alert()
    write_old(
        pa.Table.from_pylist([alert]),
        tmp_path / "a.parquet",
        "diaObject",
        "diaSource",
        names=("diaObjectId",),
    )
    report = poll(tmp_path)
    assert report.objects.empty
    assert "is not an integer, so digits may be lost" in report.problems[0]


@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.parametrize("twins", [False, True])
def test_recorded_transfers_with_the_parents_id_as_a_double(tmp_path, twins, capsys):
    """All four alerts are read, also if two of their objects have ids that are one double."""
    n, expected = 0, set()
    for file in sorted((PAYLOADS / TRANSFER).glob("*.parquet")):
        rows = pq.read_table(file)
        alerts = rows.to_pylist()
        for alert in alerts:
            if twins and n < 2:
                alert["diaObject"]["diaObjectId"] = TWINS[n]
                alert["diaSource"]["diaObjectId"] = TWINS[n]
            expected.add(str(alert["diaSource"]["diaObjectId"]))
            n += 1
        changed = pa.Table.from_pylist(alerts, schema=rows.schema)
        columns = ("diaObject", "prvDiaSources", "prvDiaForcedSources")
        write_old(changed, tmp_path / file.name, *columns, names=NULLABLE)
    report = poll(tmp_path)
    plain = poll(PAYLOADS / TRANSFER)
    with capsys.disabled():
        print(f"\nold transfer files, twins {twins}: {len(report.objects)} of {n} alerts read")
    assert report.problems == plain.problems
    assert set(report.objects["object_id"]) == expected
    assert len(expected) == n == 4
    assert len(report.photometry) == len(plain.photometry)
