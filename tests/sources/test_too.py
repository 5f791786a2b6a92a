import contextlib
import os
import time
from pathlib import Path

import pytest
from astropy.coordinates import Angle
from hypothesis import given
from hypothesis import strategies as st

from aas2rto.errors import InputError
from aas2rto.sources import SOURCES, too, too_file
from aas2rto.sources.files.coordinates import declination, right_ascension
from aas2rto.sources.too import TooFolder
from aas2rto.tables.report import OBJECT_COLUMNS, Outcome, PollRequest
from tests.conftest import told

NOW = 61120.0
GOOD = "name: SN2026abc\nra: 10:20:30.5\ndec: -05:15:20\n"
FORMATS = pytest.mark.parametrize(
    "text",
    [
        "10:20:30.5",
        "10h20m30.5s",
        "10 20 30.5",
        "10h 20m 30.5s",
        "155.12708333333333",
        "155.12708333333333d",
        "155.12708333333333 deg",
        "10.341805555555556h",
        "155d07m37.5s",
        "１０：２０：３０．５",
        "+10:20:30.5",
        "10:20.508333333333333",
    ],
)


@pytest.fixture(autouse=True)
def _quick_looks(monkeypatch):
    monkeypatch.setattr(too, "LOOKS_APART", 0.0)


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "too_targets"
    place.mkdir()
    return place


def drop(folder, name, text, *, age=60.0):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    moment = time.time() - age
    os.utime(path, (moment, moment))
    return path


def poll(folder, now=NOW, **settings):
    return TooFolder(folder=str(folder), **settings).poll(PollRequest(now=now))


def note(path):
    return path.with_name(path.name + ".error.txt")


# Coordinates


@FORMATS
def test_every_way_to_write_a_right_ascension(text):
    assert right_ascension(text) == pytest.approx(155.12708333333333, abs=1e-9)


@pytest.mark.parametrize(
    ("text", "degrees"),
    [
        ("-00:30:00", -0.5),
        ("-0 30 0", -0.5),
        ("-00d30m00s", -0.5),
        ("+05:15:20", 5.2555555556),
        ("05 15", 5.25),
        ("-5.25", -5.25),
        ("−5.25", -5.25),
        ("-05°15′00″", -5.25),
        ("90", 90.0),
        ("-90:00:00", -90.0),
        ("-5.25deg", -5.25),
        ("- 05:15:00", -5.25),
    ],
)
def test_every_way_to_write_a_declination(text, degrees):
    assert declination(text) == pytest.approx(degrees, abs=1e-9)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("24:00:00", "is 24 hours; a right ascension has less than 24"),
        ("360", "out of range; a right ascension runs from 0 to 360 degrees"),
        ("-1", "is negative"),
        ("-10:20:30", "is negative"),
        ("10:60:00", "has 60 minutes; there are less than 60"),
        ("10:20:61.5", "has 61.5 seconds; there are less than 60"),
        ("155,127", "write a point, not a comma"),
        ("10:20:30, -5", "write one value, without a comma"),
        ("nan", "'nan' is no angle"),
        ("1_0", "'1_0' is no angle"),
        ("ten", "'ten' is no angle"),
        ("10:20:30:40", "is no angle"),
        ("", "there is no value"),
    ],
)
def test_wrong_right_ascensions_are_explained(text, words):
    with pytest.raises(ValueError, match=r".") as caught:
        right_ascension(text)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("90.1", "out of range; a declination runs from -90 to 90 degrees"),
        ("-90:00:01", "out of range"),
        ("10h20m30s", "is in hours; a declination is in degrees"),
    ],
)
def test_wrong_declinations_are_explained(text, words):
    with pytest.raises(ValueError, match=r".") as caught:
        declination(text)
    assert words in str(caught.value)


@given(
    st.floats(0, 359.999999),
    st.sampled_from(["hour", "degree"]),
    st.sampled_from([":", " ", "fromunit"]),
)
def test_right_ascensions_as_astropy_writes_them_come_back(degrees, unit, sep):
    if unit == "degree" and sep != "fromunit":
        sep = "fromunit"  # without letters, a right ascension is in hours
    text = Angle(degrees, "deg").to_string(unit=unit, sep=sep, precision=6)
    assert abs(right_ascension(text) - degrees) < 1e-8


@given(st.floats(-89.999999, 89.999999), st.sampled_from([":", " ", "fromunit"]), st.booleans())
def test_declinations_as_astropy_writes_them_come_back(degrees, sep, sign):
    text = Angle(degrees, "deg").to_string(sep=sep, precision=6, alwayssign=sign, pad=True)
    assert abs(declination(text) - degrees) < 1e-8


@given(st.floats(0, 359.99999999))
def test_decimal_degrees_come_back_exactly(degrees):
    assert right_ascension(repr(degrees)) == degrees


@given(st.text(max_size=30))
def test_no_text_breaks_the_reader(text):
    for read, low, high in ((right_ascension, 0, 360), (declination, -90, 90)):
        with contextlib.suppress(ValueError):
            assert low <= read(text) <= high


# One file


def test_minimal_file():
    target, mistakes = too_file.parse(GOOD)
    assert mistakes == []
    assert target.name == "SN2026abc"
    assert target.ra == pytest.approx(155.127083333)
    assert target.dec == pytest.approx(-5.25555555)
    assert target.base_score is None


def test_full_file():
    target, mistakes = too_file.parse(
        GOOD + "base_score: 2000\ncomment: spectrum: soon # not this\nvalid_until: 61150.5\n"
        "redshift: 0.05\nmagnitude: 17.5\n"
    )
    assert mistakes == []
    assert (target.base_score, target.redshift, target.magnitude) == (2000.0, 0.05, 17.5)
    assert target.comment == "spectrum: soon"
    assert target.valid_until == 61150.5


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace("\n", "\r\n"),
        "\ufeff" + GOOD,
        "# a comment\n\n---\n" + GOOD,
        "Name :\tSN2026abc\nRA:10:20:30.5\n DEC : '-05:15:20'  # south\n",
        'name： "SN2026abc"\nra： 10:20:30.5\ndec： −05:15:20\n',
        "name = SN2026abc\nright ascension = 10:20:30.5\ndeclination = -05:15:20\n",
        "name: SN2026abc\u00a0\nra: 10:20:30.5\ndec: -05:15:20",
    ],
)
def test_kindness_to_editors_and_keyboards(text):
    decoded, mistakes = too_file.decode(text.encode())
    assert mistakes == []
    target, mistakes = too_file.parse(decoded)
    assert mistakes == []
    assert target == too_file.parse(GOOD)[0]


def test_utf16_of_windows_is_read():
    assert too_file.decode(GOOD.encode("utf-16"))[0] == GOOD


def test_quotes_protect_a_hash():
    target, _ = too_file.parse(GOOD + 'comment: "slot #3" # note\n')
    assert target.comment == "slot #3"


@pytest.mark.parametrize(
    ("text", "mjd"),
    [
        ("2026-12-24", 61399.0),
        ("2026-12-24T06:00", 61398.25),
        ("2026-12-24 06:00:00Z", 61398.25),
        ("2026-12-24T08:00+02:00", 61398.25),
        ("61398.25", 61398.25),
        ("2461398.75", 61398.25),
        ("20261224", 61399.0),
        ("2026-12-24 06:00 UTC", 61398.25),
    ],
)
def test_every_way_to_write_valid_until(text, mjd):
    target, mistakes = too_file.parse(f"{GOOD}valid_until: {text}\n", now=NOW)
    assert mistakes == []
    assert target.valid_until == pytest.approx(mjd, abs=1e-9)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("valid_until: 2026-01-01", "line 4: valid_until: '2026-01-01' is in the past"),
        ("valid_until: soon", "'soon' is neither a date nor an MJD"),
        ("valid_until: 12", "'12' is neither a date nor an MJD"),
        ("base_scor: 5", "line 4: there is no key 'base_scor'; did you mean 'base_score'?"),
        ("xyzzy: 5", "there is no key 'xyzzy'; the keys are name, ra, dec, base_score"),
        ("base_score: high", "base_score: 'high' is not a number"),
        ("base_score: 0", "a base score is larger than 0"),
        ("base_score: -5", "'-5' is out of range; a base score runs from 0"),
        ("base_score: inf", "'inf' is not a number"),
        ("base_score: 1e3_0", "is not a number"),
        ("base_score:", "base_score: there is no value"),
        ("redshift: 1100", "out of range; a redshift runs from 0 to 20"),
        ("magnitude: bright", "magnitude: 'bright' is not a number"),
        ("please observe", "line 4: 'please observe' is not 'key: value'"),
        ("dec: 3", "line 4: dec was given in line 3 already; delete one of them"),
        ("- name: b", "line 4: name was given in line 1 already"),
    ],
)
def test_mistakes_say_line_and_reason(line, words):
    target, mistakes = too_file.parse(GOOD + line + "\n", now=NOW)
    assert target is None
    assert words in str(mistakes[0])


def test_all_mistakes_are_told_together_with_examples():
    text = "nane: x\nra: 25:00:00\nvalid_until: 2001-01-01\nfoo\n"
    _, mistakes = too_file.parse(text, now=NOW)
    told = too_file.error_text("x.txt", mistakes)
    assert told.startswith("x.txt cannot be taken: 6 mistakes\n")
    for words in (
        "line 1: there is no key 'nane'; did you mean 'name'?",
        "line 2: ra: '25:00:00'",
        "line 3: valid_until",
        "line 4: 'foo' is not 'key: value'",
        "name is missing",
        "dec is missing",
        "for example   ra: 10:20:30.5",
        "Mend the file and save it",
    ):
        assert words in told


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it is empty"),
        (b" \r\n\n", "it is empty"),
        (b"name: caf\xe9\nra: 1\n", "line 1: the byte 0xe9 is not UTF-8; save the file as UTF-8"),
        (b"x" * 70000, "it is larger than 64 kB"),
        (b"name: a\x00b\n", "it is not a text file"),
    ],
)
def test_bytes_that_are_no_text(content, words):
    text, mistakes = too_file.decode(content)
    assert text == ""
    assert words in str(mistakes[0])


@given(st.text(max_size=200))
def test_no_file_breaks_the_reader(text):
    target, mistakes = too_file.parse(text, now=NOW)
    assert (target is None) == bool(mistakes)


# The folder


def test_source_has_the_paper_score_as_default():
    settings = {s.name: s.default for s in SOURCES.get("too").settings}
    assert settings == {"folder": "too_targets", "base_score": 1000.0, "lifetime": 7.0}


def test_right_file_is_taken_and_moved_after_the_store_has_it(folder):
    path = drop(folder, "a.txt", GOOD + "comment: soon\nmagnitude: 17\n")
    report = poll(folder)
    assert report.outcome is Outcome.DATA
    row = told(report).iloc[0].to_dict()
    assert (row["object_id"], row["survey"], row["too"]) == ("SN2026abc", "too", True)
    assert (row["base_score"], row["comment"], row["known_at"]) == (1000.0, "soon", NOW)
    assert row["ra"] == pytest.approx(155.127083333)
    assert row["magnitude"] == 17.0
    assert set(report.objects.columns) <= set(OBJECT_COLUMNS)
    assert path.exists(), "not moved before the store has it"
    report.acknowledge()
    assert not path.exists()
    assert too.accepted(folder) == [folder / "accepted" / "a.txt"]
    assert poll(folder).outcome is Outcome.EMPTY


def test_accepted_names_never_collide(folder):
    for expected in ("a.txt", "a-2.txt", "a-3.txt"):
        drop(folder, "a.txt", GOOD)
        poll(folder).acknowledge()
        assert (folder / "accepted" / expected).exists()


def test_base_scores_of_file_and_config(folder):
    drop(folder, "a.txt", GOOD)
    drop(folder, "b.yaml", GOOD.replace("abc", "b") + "base_score: 5000\n")
    report = poll(folder, base_score=1500.0)
    assert told(report)["base_score"].tolist() == [1500.0, 5000.0]


@pytest.mark.parametrize(
    ("line", "said"), [("", None), ("urgent: no\n", None), ("urgent: Yes\n", True)]
)
def test_urgent_is_said_and_taken_back_by_a_file_without_it(folder, line, said):
    drop(folder, "a.txt", GOOD + line)
    facts = poll(folder).facts.set_index("key")["value"]
    assert facts["too_urgent"] is said


def test_urgent_is_yes_or_no():
    _, mistakes = too_file.parse(GOOD + "urgent: very\n")
    assert "'very' is neither yes nor no" in str(mistakes[0])


def test_file_with_mistakes_stays_with_a_note_until_mended(folder):
    path = drop(folder, "a.txt", "name: a\nra: 25:00:00\n")
    report = poll(folder)
    assert report.outcome is Outcome.EMPTY
    (line,) = report.problems
    assert line.startswith(f"{path}: line 2: ra: '25:00:00' is 25 hours")
    assert line.endswith("dec is missing (see a.txt.error.txt)")
    told = note(path).read_text()
    assert "2 mistakes" in told
    written = note(path).stat().st_mtime_ns
    assert poll(folder).problems == report.problems
    assert note(path).stat().st_mtime_ns == written, "an unchanged note is not written again"
    drop(folder, "a.txt", "name: a\nra: 25:00:00\ndec: 3\n")
    poll(folder)
    assert "1 mistake\n" in note(path).read_text()
    drop(folder, "a.txt", GOOD)
    assert poll(folder).outcome is Outcome.DATA
    assert not note(path).exists()


def test_note_goes_when_its_file_goes(folder):
    path = drop(folder, "a.txt", "nonsense")
    poll(folder)
    assert note(path).exists()
    path.unlink()
    drop(folder, "mine.error.txt", "my own notes")
    poll(folder)
    assert not note(path).exists()
    assert (folder / "mine.error.txt").exists()


def test_one_bad_file_does_not_hold_back_the_others(folder):
    drop(folder, "a.txt", b"\xff\x00\x12")
    drop(folder, "b.txt", GOOD)
    report = poll(folder)
    assert report.objects["object_id"].tolist() == ["SN2026abc"]
    assert len(report.problems) == 1


def test_same_name_twice_is_told(folder):
    drop(folder, "a.txt", GOOD)
    second = drop(folder, "b.txt", GOOD.replace("SN", "sn"))
    report = poll(folder)
    assert len(report.objects) == 1
    assert "'sn2026abc' stands in a.txt, too; rename one of them" in report.problems[0]
    assert note(second).exists()


def test_target_whose_time_is_over_is_refused(folder):
    drop(folder, "a.txt", GOOD + "valid_until: 61119\n")
    assert "is in the past" in poll(folder).problems[0]
    assert poll(folder, now=61118.0).outcome is Outcome.DATA


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "readme.txt",
        ".a.txt",
        "a.txt~",
        "a.txt.part",
        "a.tmp",
        ".a.txt.swp",
        "x.error.txt",
        "example.txt.off",
    ],
)
def test_names_that_are_no_targets_are_not_read(folder, name):
    drop(folder, name, GOOD)
    report = poll(folder)
    assert report.outcome is Outcome.EMPTY
    assert report.problems == ()
    assert (folder / name).exists()


def test_file_of_another_kind_is_pointed_out(folder):
    drop(folder, "SN2026abc.doc", "x")
    assert "its name does not end in .txt, .yaml or .yml" in poll(folder).problems[0]


def test_growing_file_is_left(folder, monkeypatch):
    path = drop(folder, "a.txt", GOOD)
    monkeypatch.setattr(too.time, "sleep", lambda _: path.write_text(GOOD + "base_score: 1"))
    assert poll(folder).outcome is Outcome.EMPTY
    assert path.exists()


def test_file_that_is_open_for_writing_is_left(folder):
    path = drop(folder, "a.txt", GOOD)
    with path.open("a"):
        assert poll(folder).outcome is Outcome.EMPTY
    with path.open("r"):
        assert poll(folder).outcome is Outcome.DATA


def test_young_file_with_mistakes_is_left_silently(folder):
    path = drop(folder, "a.txt", "name: a\nra: 10:2", age=2.0)
    report = poll(folder)
    assert report.outcome is Outcome.EMPTY
    assert report.problems == ()
    assert not note(path).exists()


def test_young_file_that_is_right_is_taken(folder):
    drop(folder, "a.txt", GOOD, age=1.0)
    assert poll(folder).outcome is Outcome.DATA


def test_file_from_the_future_is_not_young_for_ever(folder):
    drop(folder, "a.txt", "nonsense", age=-5000.0)
    assert len(poll(folder).problems) == 1


def test_file_changed_after_it_was_read_is_read_again(folder):
    drop(folder, "a.txt", GOOD)
    report = poll(folder)
    path = drop(folder, "a.txt", GOOD + "base_score: 3000\n")
    report.acknowledge()
    assert path.exists()
    assert told(poll(folder))["base_score"].tolist() == [3000.0]


def test_file_deleted_after_it_was_read_is_no_error(folder):
    path = drop(folder, "a.txt", GOOD)
    report = poll(folder)
    path.unlink()
    report.acknowledge()
    assert too.accepted(folder) == []


def test_move_that_fails_is_tried_again(folder, monkeypatch, caplog):
    path = drop(folder, "a.txt", GOOD)
    report = poll(folder)

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", refuse)
        report.acknowledge()
    assert path.exists()
    assert "could not be moved to accepted" in caplog.text
    assert poll(folder).outcome is Outcome.DATA


def test_unreadable_file_says_so(folder, monkeypatch):
    bad = drop(folder, "a.txt", GOOD)
    opened = Path.open

    def refuse(self, *args, **kwargs):
        if self == bad:
            raise PermissionError(13, "Permission denied")
        return opened(self, *args, **kwargs)

    monkeypatch.setattr(Path, "open", refuse)
    assert poll(folder).problems == (
        f"{bad}: cannot be read (Permission denied); check its permissions",
    )


def test_folder_is_made_but_not_its_parents(tmp_path):
    assert poll(tmp_path / "too_targets").outcome is Outcome.EMPTY
    assert (tmp_path / "too_targets").is_dir()
    report = poll(tmp_path / "a" / "b")
    assert report.outcome is Outcome.FAILED
    assert "cannot be used (No such file or directory)" in report.error
    assert "correct 'folder' in the config" in report.error


def test_template_is_a_right_file():
    target, mistakes = too_file.parse(too.template(), now=NOW)
    assert mistakes == []
    assert target.name == "SN2026abc"


def test_template_with_all_lines_switched_on_is_right():
    lines = [
        line.removeprefix("# ") if line.startswith("# ") and ":" in line[:16] else line
        for line in too.template().splitlines()
    ]
    target, mistakes = too_file.parse("\n".join(lines), now=NOW)
    assert mistakes == []
    assert target.magnitude == 17.5


def test_shipped_example_and_readme_are_up_to_date():
    shipped = Path(__file__).resolve().parents[2] / "too_targets"
    assert (shipped / "example.txt.off").read_text() == too.template()
    readme = (shipped / "README.md").read_text()
    for key in too_file.EXAMPLES:
        assert key in readme
    target, mistakes = too_file.parse(readme.split("```")[1].strip())
    assert mistakes == []
    assert target is not None


def test_written_target_is_read_back(folder):
    values = {
        "name": "GRB 260320/A",
        "ra": "11:32:10.5",
        "dec": "-00:14:20",
        "base_score": "2000",
        "comment": 'a "quoted" # comment',
        "redshift": "0.1",
    }
    path = too.write(folder, values)
    assert path == folder / "GRB_260320_A.txt"
    assert too.pending(folder) == [path]
    row = told(poll(folder)).iloc[0]
    assert row["object_id"] == "GRB 260320/A"
    assert row["comment"] == 'a "quoted" # comment'
    assert row["dec"] == pytest.approx(-0.23888889)
    assert row["base_score"] == 2000.0


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"name": "x", "ra": "25:00:00", "dec": "95"}, "is 25 hours"),
        ({"name": "x", "ra": "25:00:00", "dec": "95"}, "dec: '95' is out of range"),
        ({"name": "", "ra": "1", "dec": "2"}, "name: there is no value"),
        ({"name": "x", "ra": "1"}, "dec is missing"),
        ({"name": "x", "ra": "1", "dec": "2", "colour": "red"}, "there is no key 'colour'"),
    ],
)
def test_wrong_target_is_not_written(folder, values, words):
    with pytest.raises(InputError) as caught:
        too.write(folder, values)
    assert words in str(caught.value)
    assert list(folder.iterdir()) == []


def test_target_is_not_written_over_another(folder):
    values = {"name": "x", "ra": "1", "dec": "2"}
    too.write(folder, values)
    with pytest.raises(InputError, match=r"x\.txt is there already"):
        too.write(folder, values)


def test_probe_and_lists_of_a_missing_folder(tmp_path):
    assert TooFolder(folder=str(tmp_path / "no")).probe().startswith("0 files waiting")
    assert too.pending(tmp_path / "no") == []
    assert too.accepted(tmp_path / "no") == []
