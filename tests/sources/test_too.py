import os
import time
from pathlib import Path

import pytest

from aas2rto.errors import InputError
from aas2rto.sources import SOURCES, too, too_file
from aas2rto.sources.too import TooFolder
from aas2rto.tables.report import OBJECT_COLUMNS, Outcome, PollRequest
from tests.conftest import told
from tests.sources.too_folder import GOOD, NOW


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


@pytest.mark.fault("ToO file", "damaged", "one bad file of several")
def test_one_bad_file_does_not_hold_back_the_others(folder):
    drop(folder, "a.txt", b"\xff\x00\x12")
    drop(folder, "b.txt", GOOD)
    report = poll(folder)
    assert report.objects["object_id"].tolist() == ["SN2026abc"]
    assert len(report.problems) == 1


@pytest.mark.fault("ToO file", "again", "the same name twice")
def test_same_name_twice_is_told(folder):
    drop(folder, "a.txt", GOOD)
    second = drop(folder, "b.txt", GOOD.replace("SN", "sn"))
    report = poll(folder)
    assert len(report.objects) == 1
    assert "'sn2026abc' stands in a.txt, too; rename one of them" in report.problems[0]
    assert note(second).exists()


@pytest.mark.fault("ToO file", "range", "a time that is over")
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


@pytest.mark.fault("ToO file", "slow", "a file that grows")
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


@pytest.mark.fault("ToO file", "gone", "a file deleted after it was read")
def test_file_deleted_after_it_was_read_is_no_error(folder):
    path = drop(folder, "a.txt", GOOD)
    report = poll(folder)
    path.unlink()
    report.acknowledge()
    assert too.accepted(folder) == []


@pytest.mark.fault("ToO file", "gone", "a folder that cannot be written")
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


@pytest.mark.fault("ToO file", "gone", "a file that may not be read")
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
