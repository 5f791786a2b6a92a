"""`aas2rto bundle`: what an operator without an account needs, and the log that comes back."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from pathlib import Path

import astropy.units as u
import numpy as np
import pandas as pd
import pytest
from astropy.coordinates import AltAz, EarthLocation, SkyCoord
from astropy.time import Time
from icalendar import Calendar

from tests.cli.conftest import NOW, Cli, Said, too_text
from tests.outlets.starlists.readers import READERS

SITE = "la_palma_not"
MORNING = "2026-03-21T08:00"


@pytest.fixture
def ran(project: Path, aas2rto: Cli) -> Path:
    (project / "too" / "grb.txt").write_text(too_text())
    assert aas2rto("run", "small.yaml", "--once", "--now", NOW).code == 0
    return project


def bundled(aas2rto: Cli, *words: str) -> Said:
    return aas2rto("bundle", "small.yaml", "--observatory", SITE, "--now", NOW, *words)


def opened(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}


def test_a_bundle_holds_all_for_one_night(ran: Path, aas2rto: Cli) -> None:
    """List, plan, star list, pages in observing order, airmass, log, calendar, README."""
    (ran / "standards.csv").write_text("name,ra,dec\nFeige 34,159.9031,43.1025\n")
    said = bundled(aas2rto, "--most", "2", "--standards", "standards.csv")
    assert said.code == 0, said.err
    path = ran / "outputs" / "small" / "bundles" / f"{SITE}_2026-03-20.zip"
    assert re.search(rf"{path.name} \(4 targets, 2 with a page, \d+ kB\)", said.out)
    files = opened(path)
    names = [name for name, *_ in READERS["visplot"](files["starlist.txt"].decode())]
    assert names == ["GRB260320A", "bright", "fainter", "Feige34"]
    pages = sorted(name for name in files if name.startswith("targets/"))
    assert pages == ["targets/01_GRB260320A.pdf", "targets/02_bright.pdf"]
    assert all(files[name].startswith(b"%PDF-") for name in pages)
    assert all(len(re.findall(rb"/Type /Page\b(?!s)", files[name])) == 1 for name in pages)
    assert b"the night that begins on 2026-03-20" in files["README.txt"]
    assert len(Calendar.from_ical(files["plan.ics"]).walk("VEVENT")) == 3
    ranked = pd.read_csv(io.BytesIO(files["ranked.csv"]), comment="#")
    assert ranked["candidate_id"].tolist() == ["GRB260320A", "bright", "fainter"]
    log = [line for line in files["log.csv"].decode().splitlines() if line[0] != "#"]
    assert [line.split(",")[0] for line in log[1:]] == ["GRB260320A", "bright", "fainter"]


def test_the_airmass_is_that_of_astropy(ran: Path, aas2rto: Cli) -> None:
    """By another implementation, of the altitude without refraction, each half hour."""
    assert bundled(aas2rto, "--most", "0", "--to", "a.zip").code == 0
    text = opened(ran / "a.zip")["airmass.csv"].decode()
    head, *rows = csv.reader(io.StringIO(text.partition("\n")[2]))
    there = EarthLocation(lon=-17.885083 * u.deg, lat=28.757278 * u.deg, height=2382 * u.m)
    ((bright,),) = [[row for row in rows if row[0] == "bright"]]
    place = SkyCoord(150.0, 10.0, unit="deg")
    seen = 0
    for clock, told in zip(head[1:], bright[1:], strict=True):
        date = "2026-03-20" if clock > "12" else "2026-03-21"
        frame = AltAz(obstime=Time(f"{date}T{clock}"), location=there)
        altitude = place.transform_to(frame).alt
        if told:
            seen += 1
            assert abs(float(told) - 1 / np.sin(altitude.rad)) < 0.01
        else:
            assert altitude < 10.1 * u.deg
    assert seen > 10


def test_the_same_night_gives_the_same_bytes(ran: Path, aas2rto: Cli) -> None:
    for name in ("a.zip", "b.zip"):
        assert bundled(aas2rto, "--most", "1", "--to", name).code == 0
    assert (ran / "a.zip").read_bytes() == (ran / "b.zip").read_bytes()


def test_a_night_to_come(ran: Path, aas2rto: Cli) -> None:
    said = bundled(aas2rto, "--most", "0", "--date", "2026-03-22", "--format", "keck")
    assert said.code == 0, said.err
    files = opened(ran / "outputs" / "small" / "bundles" / f"{SITE}_2026-03-22.zip")
    assert b",2026-03-22,2026-03-22T" in files["log.csv"]
    assert list(READERS["keck"](files["starlist.txt"].decode()))


def filled(ran: Path, aas2rto: Cli, *changes: tuple[str, str]) -> Path:
    """Return a log sheet in which the cells after these names were filled in."""
    assert bundled(aas2rto, "--most", "0", "--to", "a.zip").code == 0
    text = opened(ran / "a.zip")["log.csv"].decode()
    for name, cells in changes:
        text = re.sub(rf"^({name},.*?),,,,$", rf"\1,{cells}", text, flags=re.MULTILINE)
    path = ran / "log.csv"
    path.write_text(text)
    return path


def test_a_log_comes_back_as_marks(ran: Path, aas2rto: Cli) -> None:
    """What was observed leaves the lists; read twice, it counts once."""
    filled(
        ran,
        aas2rto,
        ("bright", "observed,23:41,KH,two exposures"),
        ("fainter", "Clouded,2026-03-21T03:10,,"),
    )
    told = ("mark", "small.yaml", "--from", "log.csv", "--by", "night crew", "--now", MORNING)
    said = aas2rto(*told)
    assert said.code == 0, said.err
    assert said.out.splitlines() == [
        f"bright: observed {SITE} two exposures",
        f"fainter: clouded {SITE}",
        "2 marks taken, 0 known already, 0 refused",
    ]
    again = aas2rto(*told)
    assert "0 marks taken, 2 known already, 0 refused" in again.out
    why = aas2rto("explain", "small.yaml", "bright", "--now", MORNING).out
    assert "observed" in why
    assert "KH" in why
    assert "2026-03-20T23:41" in why or "20 Mar 23:41" in why or "23:41" in why


def test_without_a_time_it_is_taken_once_too(ran: Path, aas2rto: Cli) -> None:
    filled(ran, aas2rto, ("bright", "observed,,KH,"))
    told = ("mark", "small.yaml", "--from", "log.csv", "--now")
    assert "1 mark taken" in aas2rto(*told, MORNING).out
    assert "0 marks taken, 1 known" in aas2rto(*told, "2026-03-21T09:00").out


def test_each_bad_line_costs_itself(ran: Path, aas2rto: Cli) -> None:
    """And says where it is, what is wrong, and what was meant; the others count."""
    path = filled(ran, aas2rto, ("bright", "observed,23:41,KH,fine"), ("fainter", "obsrved,,,"))
    with path.open("a") as log:
        log.write("nobody,,,,,observed,,,\n")
        log.write("bright,,la_palma_nto,,,failed,,,\n")
        log.write("bright,,,2026-03-20,,failed,25:00,,\n")
        log.write("bright,,,,,failed,2027-01-01T00:00,,\n")
        log.write("bright,,,,,snooze,,,for ever\n")
        log.write(",,,,,,,,just words\n")
    said = aas2rto("mark", "small.yaml", "--from", "log.csv", "--now", MORNING)
    assert said.code == 1
    assert "1 mark taken, 0 known already, 7 refused" in said.out
    lines = said.err.splitlines()
    for number, words in (
        (7, "'obsrved' is no kind; did you mean 'observed'?"),
        (8, "no candidate is known as 'nobody'"),
        (9, "'la_palma_nto' is no observatory of this case; did you mean 'la_palma_not'?"),
        (10, "at_utc: '25:00' is no time; write 23:41 or 2026-03-20T23:41"),
        (11, "at_utc: 2027-01-01T00:00 is still to come"),
        (12, "'for' is no end"),
        (13, "there is no candidate_id"),
    ):
        assert any(line.startswith(f"log.csv:{number}: ") and words in line for line in lines), (
            number,
            lines,
        )
    assert lines[-1] == "error: log.csv: 7 lines refused; put right, then read again"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252"])
def test_a_spreadsheet_saved_it(ran: Path, aas2rto: Cli, encoding: str) -> None:
    """Semicolons, a byte-order mark or old letters, CRLF, quotes, empty rows, moved columns."""
    text = (
        "Comment;candidate_id;Kind;at_utc;by;observatory;night\r\n"
        '"r\u00e9gl\u00e9; 2 x 900 s";bright;OBSERVED;23h41 UT;;la_palma_not;2026/03/20\r\n'
        ";;;;;;\r\n"
    )
    (ran / "log.csv").write_bytes(text.encode(encoding))
    said = aas2rto("mark", "small.yaml", "--from", "log.csv", "--now", MORNING)
    assert said.code == 0, said.err
    assert "bright: observed la_palma_not r\u00e9gl\u00e9; 2 x 900 s" in said.out


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"a,b\n1,2\n", "log.csv: there is no column candidate_id; see aas2rto bundle"),
        (b"candidate_id,name\nx,y\n", "log.csv:1: there is no column kind"),
        (b"PK\0\0", "log.csv is no log sheet: save it as CSV"),
        (None, "log.csv cannot be read: No such file or directory"),
    ],
)
def test_what_is_no_log(ran: Path, aas2rto: Cli, content: bytes | None, told: str) -> None:
    if content is not None:
        (ran / "log.csv").write_bytes(content)
    said = aas2rto("mark", "small.yaml", "--from", "log.csv", "--now", MORNING)
    assert said.code == 1
    assert told in said.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("bright", "observed", "--from", "log.csv"), "or --from FILE, not both"),
        (("bright",), "say which candidate and what of it, or --from a log sheet"),
        ((), "say which candidate and what of it, or --from a log sheet"),
    ],
)
def test_a_mark_or_a_log(ran: Path, aas2rto: Cli, words: tuple[str, ...], told: str) -> None:
    said = aas2rto("mark", "small.yaml", *words, "--now", MORNING)
    assert said.code == 2
    assert told in said.err
