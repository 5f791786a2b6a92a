"""Lists of targets: tables and star lists -> objects, and why a row is refused."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.table import Table

from aas2rto.errors import InputError
from aas2rto.sources import target_list
from aas2rto.sources.target_list import As
from tests.conftest import told

NOW = 61000.0
PLACE = (148.968458, -0.206639)

# Layouts of the telescopes' own pages: Keck (starlist), Lick (!Data), Palomar (tcs), ING
# (catformat), ESO (TCS catalogues), Las Campanas (observing catalogs format), MMT, Blanco (TCS
# coordinate format), Lowell (LMI), ACP (tab format), DS9 (region files), and plain degrees.
STAR_LISTS = {
    "Keck": "SN 2026abcd     09 55 52.43 -00 12 23.90 2000.0 vmag=17.4 rotmode=pa # spectrum\n",
    "Lick": "!Data {name %16} ra_h ra_m ra_s dec_d dec_m dec_s equinox keyval {comment *}\n"
    "SN 2026abcd     09 55 52.43 -00 12 23.90 2000.0 vmag=17.4 {spectrum}\n",
    "Palomar": "SN 2026abcd  09 55 52.43  -00 12 23.9  2000.0  ! spectrum\n",
    "ING": "SN2026abcd 09 55 52.43 -00 12 23.9 J2000 0.0 0.0 2026.0 ! spectrum\n",
    "ESO": "SN2026abcd 095552.430 -001223.90 2000\n",
    "Las Campanas": "001 SN2026abcd 09:55:52.43 -00:12:23.9 2000.0 0.00 0.00 0 EQU 00:00:00 "
    "00:00:00 2000 00:00:00 00:00:00 2000 2000.0 # spectrum\n",
    "MMT": "SN2026abcd 09:55:52.43 -00:12:23.9 0.0 0.0 17.4 SN 2000.0\n",
    "Blanco": "SN2026abcd 09 55 52.43 -00 12 23.9 2000.0\n",
    "Lowell": '#title=true ra=true\n#\n"SN2026abcd" 09:55:52.43 -00:12:23.9 2000.0 0 0\n',
    "ACP": "; plan\n#COUNT 3\nSN2026abcd\t09:55:52.43\t-00:12:23.9\n",
    "DS9": "global color=green\nicrs\npoint(148.968458,-0.206639) # point=circle "
    "text={SN2026abcd}\n",
    "degrees": "SN2026abcd 148.968458 -0.206639\n",
}


@pytest.mark.parametrize("dialect", STAR_LISTS)
def test_star_lists_of_telescopes(tmp_path, dialect):
    """Name and position of each dialect; magnitudes and comments where they have them."""
    path = tmp_path / "list.cat"
    path.write_text(STAR_LISTS[dialect])
    found = target_list.read(path)
    (one,) = found.wanted
    assert (found.kind, found.refused) == ("star list", [])
    assert one.name.replace(" ", "") == "SN2026abcd"
    assert (one.ra, one.dec) == pytest.approx(PLACE, abs=1e-5)
    if dialect in {"Keck", "Lick", "MMT"}:
        assert one.magnitude == 17.4
    if dialect in {"Keck", "Lick", "Palomar", "ING", "Las Campanas"}:
        assert one.comment.endswith("spectrum")


def test_names_that_end_in_numbers(tmp_path):
    """M 31 is at 00 42, not at 31 00."""
    (tmp_path / "a.txt").write_text(
        "M 31 00 42 44.3 +41 16 09 J2000\nNGC 4993 13 09 47.7 -23 23 02\n"
    )
    first, second = target_list.read(tmp_path / "a.txt").wanted
    assert (first.name, second.name) == ("M 31", "NGC 4993")
    assert (first.ra, second.ra) == pytest.approx((10.6846, 197.44875), abs=1e-3)


TABLES = {
    "plain": "name,ra,dec,magnitude,priority,comment\n"
    'SN2026abcd,148.968458,-0.206639,17.4,1,"spectrum, please"\n',
    # wis-tns.org, search as CSV
    "TNS search": '"ID","Name","RA","DEC","Obj. Type","Redshift","Discovery Mag/Flux",'
    '"Discovery Date (UT)"\n"1","SN 2026abcd","09:55:52.43","-00:12:23.9","","","17.4",'
    '"2026-11-01 01:02:03"\n',
    # wis-tns.org, tns_public_objects.csv: the first line is its night
    "TNS daily": '"2026-11-30 00:00:00 - 23:59:59"\n"objid","name_prefix","name","ra",'
    '"declination","redshift","typeid","type","discoverymag"\n"1","SN","2026abcd","148.968458",'
    '"-0.206639","0.05","3","SN Ia","17.4"\n',
    # Palomar NGPS, target list
    "NGPS": "NAME,RA,DECL,OFFSET_RA,OFFSET_DEC,COMMENT,PRIORITY,MAGNITUDE\n"
    "SN2026abcd,09:55:52.43,-00:12:23.9,0,0,spectrum,1,17.4\n",
    # N.I.N.A., import of targets
    "NINA": "Familiar Name,Right Ascension (J2000),Declination (J2000),Magnitude\n"
    "SN2026abcd,09h 55m 52.43s,-00d 12m 23.9s,17.4\n",
}


@pytest.mark.parametrize("kind", TABLES)
def test_tables_of_targets(tmp_path, kind):
    path = tmp_path / "list.csv"
    path.write_text(TABLES[kind])
    found = target_list.read(path)
    (one,) = found.wanted
    assert (found.kind, found.refused) == ("table", [])
    assert one.name.replace(" ", "") == "SN2026abcd"
    assert (one.ra, one.dec) == pytest.approx(PLACE, abs=1e-5)
    assert one.magnitude == 17.4


def test_votable_with_hours(tmp_path):
    """A unit that the file declares counts."""
    table = Table({"main_id": ["SN2026abcd"], "RA": [9.931230556], "DEC": [-0.206639]})
    table["RA"].unit = "hourangle"
    table.write(tmp_path / "a.ecsv", format="ascii.ecsv")
    (one,) = target_list.read(tmp_path / "a.ecsv").wanted
    assert one.ra == pytest.approx(PLACE[0], abs=1e-5)


@pytest.mark.fault("CLI", "nan", "rows of target lists")
def test_what_a_source_is(tmp_path):
    """Words of people and of SIMBAD; a doubt and a spectral type are none of the three."""
    path = tmp_path / "watched.csv"
    words = ["AGN", "QSO", "Galaxy", "star", "WD*", "AGN?", "SN Ia", ""]
    rows = [f"w{k},{10 + k},5,{word}" for k, word in enumerate(words)]
    path.write_text("\n".join(["name,ra,dec,class", *rows]) + "\n")
    found = target_list.read(path).wanted
    known = ["agn", "agn", "galaxy", "star", "star", "", "", ""]
    assert [one.source_class for one in found] == known
    told = target_list.report(found, target_list.As.WATCH, 61000.0, base_score=1.0).facts
    told = told[told["key"] == "source_class"]
    assert told["value"].tolist() == [one for one in known if one]


def test_refused_rows_say_why(tmp_path):
    """Where, who, why; the others are taken."""
    (tmp_path / "a.csv").write_text(
        "name,ra,dec,equinox\nA,10,20,2000\nB,25:00:00,20,2000\nC,10,95,2000\n,10,20,2000\n"
        "a,11,20,2000\nD,10,20,1950\n"
    )
    found = target_list.read(tmp_path / "a.csv")
    assert [one.name for one in found.wanted] == ["A"]
    assert list(map(str, found.refused)) == [
        "row 2 (B): ra: '25:00:00' is 25 hours; a right ascension has less than 24",
        "row 3 (C): dec: '95' is out of range; a declination runs from -90 to 90 degrees",
        "row 4: has no name",
        "row 5 (a): has the name of row 1; names must differ",
        "row 6 (D): is of the equinox 1950; give positions in ICRS (J2000)",
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("A 09 55 52.43 -00 12 23.9 1950.0\n", "is of the equinox 1950.0; give positions in ICRS"),
        ("A 09 55 52.43 -00 12 23.9 J2015.5\n", "is of the equinox J2015.5; give positions"),
        ("A somewhere in Leo\n", "has no position: 'A somewhere in Leo'; a line is NAME HH"),
        ("09 55 52.43 -00 12 23.9\n", "has no name before its position"),
        ("galactic\npoint(10.1,20.2) # text={A}\n", "is in the frame galactic; save the"),
        ("icrs\npoint(10.1,20.2)\n", "has no name; give the region a text={NAME}"),
    ],
)
def test_refused_lines_say_why(tmp_path, text, why):
    (tmp_path / "a.txt").write_text(text)
    found = target_list.read(tmp_path / "a.txt")
    assert found.wanted == []
    assert found.refused[0].why.startswith(why)


@pytest.mark.fault("CLI", "damaged", "target lists that are none")
def test_files_that_are_no_lists(tmp_path):
    (tmp_path / "a.txt").write_text("# nothing\n")
    with pytest.raises(InputError, match="holds no target: neither a table with name, ra and dec"):
        target_list.read(tmp_path / "a.txt")
    with pytest.raises(InputError, match="cannot be opened"):
        target_list.read(tmp_path / "no.txt")
    Table({"flux": [1.0]}).write(tmp_path / "a.fits")
    with pytest.raises(InputError, match="is no list of targets: it needs a name, ra and dec; its"):
        target_list.read(tmp_path / "a.fits")


def test_what_targets_become(tmp_path):
    """A ToO is above all for a week; one to watch is never lifted; a candidate is one of many."""
    (tmp_path / "a.csv").write_text("name,ra,dec,priority,base_score\nA,10,20,2,50\nB,11,20,,0.5\n")
    wanted = target_list.read(tmp_path / "a.csv").wanted
    too, watch, plain = (
        told(target_list.report(wanted, kind, NOW, base_score=1.0))
        for kind in (As.TOO, As.WATCH, As.CANDIDATES)
    )
    assert too["too"].tolist() == [True, True]
    assert too["base_score"].tolist() == [50.0, 0.5]
    assert too["valid_until"].tolist() == [NOW + 7.0] * 2
    assert watch["base_score"].tolist() == [1.0, 0.5]
    assert watch["comment"].tolist() == ["watch: priority 2", "watch"]
    assert not watch["too"].any()
    assert not plain["too"].any()
    assert np.isnan(plain["base_score"].astype(float)).all()
    bare = target_list.report(wanted[:0], As.TOO, NOW, base_score=1.0)
    assert bare.objects.empty
