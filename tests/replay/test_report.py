"""The report: a page that is whole, alone and harmless, whatever the replay holds."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from aas2rto.errors import InputError
from aas2rto.replay.folder import open_folder
from aas2rto.replay.report import write_report
from aas2rto.replay.truth import Truth, load_truth
from tests.replay import folders
from tests.replay.folders import START

VOID = {"meta", "img", "br", "link", "input", "hr"}


class Checker(HTMLParser):
    """Reads a page: what is open, what it would load, its texts, alternatives and scripts."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.loads, self.texts, self.alts, self.tags = [], [], [], [], []

    def handle_starttag(self, tag, attrs):
        held = dict(attrs)
        self.tags.append(tag)
        assert not [name for name in held if name.startswith("on")]
        if tag not in VOID:
            self.open.append(tag)
        self.loads += [held[name] for name in ("src", "srcset", "href", "data") if held.get(name)]
        if tag == "img":
            self.alts.append(held.get("alt", ""))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def checked(path):
    """Return a page that was read; fails if it is not well formed, or not alone."""
    text = path.read_text(encoding="utf-8")
    page = Checker()
    page.feed(text)
    page.close()
    assert page.open == []
    outside = [one for one in page.loads if not one.startswith(("data:image/png;base64,", "#"))]
    assert outside == []
    assert not re.search(r"url\(|@import|<script", text)
    ids = set(re.findall(r'<section id="([^"]+)"', text))
    assert {one[1:] for one in page.loads if one.startswith("#")} == ids
    return page


def words(page):
    return " ".join("".join(page.texts).split())


@pytest.fixture(scope="module")
def report(sky):
    truth = load_truth(sky.truth, open_folder(sky.folder).objects)
    return write_report(sky.folder, truth)


@pytest.mark.slow
def test_the_page_is_well_formed_alone_and_complete(report, sky):
    page = checked(report.path)
    assert page.tags.count("img") == 9
    assert all(len(alt) > 60 for alt in page.alts)
    said = words(page)
    for title in ("One config against the other", "What the lists find", "Nights", "Peaks and"):
        assert title in said
    assert said.count("drawn by aas2rto replay case.yaml --archive archive") == 9


@pytest.mark.slow
def test_the_lines_say_the_headline(report):
    said = " ".join(report.lines)
    assert re.search(
        r"Of \d+ SNe Ia that peaked in these nights \d+ % \[\d+, \d+\] were in the", said
    )
    assert re.search(r"A clear night \(all sites\) brought \d\.\d\d \[", said)
    assert "Against against.yaml on the same nights: SNe Ia observed within 2 d" in said


@pytest.mark.slow
def test_figures_are_files_too(report):
    drawn = sorted(path.stem for path in (report.path.parent / "figures").glob("*.png"))
    assert drawn == [
        "churn",
        "completeness",
        "convergence",
        "movers",
        "nights",
        "paired",
        "phases",
        "pit",
        "reliability",
    ]
    for name in drawn:
        with Image.open(report.path.parent / "figures" / f"{name}.png") as image:
            assert image.size[0] == 1080
            assert image.info["aas2rto-command"] == "aas2rto replay case.yaml --archive archive"


@pytest.mark.slow
def test_numbers_are_json_with_every_interval(report):
    found = json.loads((report.path.parent / "metrics.json").read_text(encoding="utf-8"))
    caught = found["runs"]["ours"]["plans"]["all sites"]["caught"]
    assert caught["low"] < caught["value"] < caught["high"]
    assert caught["over"] == "nights"
    assert found["paired"]["plans"]["all sites"]["caught"]["difference"]["low"] > 0
    assert found["settings"]["intervals"]["nights"] == "over nights, in blocks of 6"
    assert found["runs"]["ours"]["models"]["salt"]["pit"]["objects"] > 50


@pytest.mark.slow
def test_the_error_scale_is_a_file_of_its_own(report):
    read = yaml.safe_load((report.path.parent / "error_scale.yaml").read_text(encoding="utf-8"))
    assert 0.8 < read["error_scale"]["ours salt"]["all"]["factor"] < 1.25


@pytest.mark.slow
def test_the_same_replay_gives_the_same_bytes(report, sky):
    names = ("report.html", "metrics.json", "error_scale.yaml", "figures/nights.png")
    before = [(sky.folder / name).read_bytes() for name in names]
    write_report(sky.folder, load_truth(sky.truth, open_folder(sky.folder).objects))
    assert [(sky.folder / name).read_bytes() for name in names] == before


@pytest.mark.slow
def test_the_order_of_rows_changes_nothing(tmp_path):
    """A resumed replay may have written its nights in another order."""
    numbers = []
    for k in range(2):
        sky = folders.drawn(tmp_path / str(k), n_objects=40, n_nights=16, runs=["ours"])
        if k:
            for path in (sky.folder / "ours").glob("*.parquet"):
                table = pd.read_parquet(path).sample(frac=1.0, random_state=3)
                table.to_parquet(path, index=False)
        truth = load_truth(sky.truth, open_folder(sky.folder).objects)
        write_report(sky.folder, truth)
        numbers.append((sky.folder / "metrics.json").read_text(encoding="utf-8"))
    assert numbers[0] == numbers[1]


# -- replays that lack something -----------------------------------------------------------------

ONE = {
    "nights": folders.nights(1),
    "objects": folders.objects(["a", "b"]),
    "ranks": folders.ranks({0: "ab"}),
}


def truth_of(**types):
    names = list(types)
    table = pd.DataFrame({"candidate_id": names, "type": list(types.values())})
    return Truth(table.assign(peak_mjd=START + 0.5, peak_mag=17.0, id=names))


@pytest.mark.slow
def test_without_truth_sections_say_so(sky, tmp_path):
    folder = folders.drawn(tmp_path, n_objects=40, n_nights=12).folder
    report = write_report(folder, None)
    said = words(checked(report.path))
    assert said.count("No truth table was given (--truth FILE): this section needs one.") == 3
    assert not (folder / "error_scale.yaml").exists()
    assert "spectra" in " ".join(report.lines)
    found = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    assert found["truth"] is None
    assert "purity" not in found["runs"]["ours"]["lists"]["science"]


def test_one_night(folder):
    folders.write_replay(folder, {"ours": ONE})
    report = write_report(folder, truth_of(a="SN Ia", b="SN II"))
    said = words(checked(report.path))
    assert "One night has no night before: churn needs two." in said
    assert "Nothing was observed: give --capacity" in said
    assert "1 night from" in " ".join(report.lines)


@pytest.mark.slow
def test_no_candidates(folder):
    tables = {"nights": folders.nights(3)}
    folders.write_replay(folder, {"ours": tables, "against": tables})
    report = write_report(folder, truth_of())
    checked(report.path)
    assert "holds no candidate" in " ".join(report.lines)


def test_no_nights(folder):
    folders.write_replay(folder, {"ours": {}})
    report = write_report(folder, truth_of(a="SN Ia"))
    checked(report.path)
    assert "No night was replayed" in " ".join(report.lines)


def test_no_tables_at_all(folder):
    folders.write_replay(folder, {"ours": dict.fromkeys(folders.SCHEMAS)})
    checked(write_report(folder, None).path)


@pytest.mark.slow
def test_a_truth_without_peaks_is_one_of_types(tmp_path):
    sky = folders.drawn(tmp_path, n_objects=40, n_nights=12, runs=["ours"])
    rows = pd.read_csv(sky.truth)[["id", "type"]]
    folders.write_truth(sky.truth, rows)
    truth = load_truth(sky.truth, open_folder(tmp_path).objects)
    report = write_report(tmp_path, truth)
    assert "No fit to a candidate of the class with a known peak" in words(checked(report.path))
    found = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert found["runs"]["ours"]["lists"]["science"]["ever"]["value"] > 0
    assert found["runs"]["ours"]["lists"]["science"]["in_time"]["value"] is None


@pytest.mark.slow
def test_another_class(tmp_path):
    sky = folders.drawn(tmp_path, n_objects=80, n_nights=20, runs=["ours"])
    truth = load_truth(sky.truth, open_folder(tmp_path).objects)
    report = write_report(tmp_path, truth, classes=["SN II", "TDE"], top=3, seed=4)
    assert "SN II, TDE" in " ".join(report.lines)
    assert "top 3" in " ".join(report.lines)
    checked(report.path)


def test_figures_of_an_earlier_report_go(folder):
    folders.write_replay(folder, {"ours": ONE})
    (folder / "figures").mkdir()
    (folder / "figures" / "pit.png").write_bytes(b"old")
    write_report(folder, None)
    assert not (folder / "figures" / "pit.png").exists()


# -- what others write ---------------------------------------------------------------------------

HOSTILE = [
    '<script>alert("x")</script>',
    "a\u202egnp.exe\u2066",
    "x" * 10_000,
    "'\"><img src=x onerror=alert(1)>",
    "line\nbreak\x1b[2J\x00",
    "$title ${style} {0} %s",
    "名前",
]


@pytest.mark.slow
def test_hostile_names_are_cut_and_escaped(folder):
    """Ids, sites, configs, factors, commands and types."""
    names = HOSTILE
    lists = {0: names, 1: names[::-1], 2: names}
    tables = {
        "nights": folders.nights(3),
        "objects": folders.objects(names),
        "ranks": folders.ranks(lists) + folders.ranks(lists, HOSTILE[3]),
        "decisions": [
            {"night": 0, "candidate_id": names[0], "decision": "exclude", "factor": HOSTILE[3]}
        ],
    }
    other = tables | {"ranks": folders.ranks({0: names[::-1], 1: names[1:]})}
    folders.write_replay(
        folder,
        {"ours": tables, "against": other},
        command=["aas2rto", "replay", HOSTILE[0]],
        archive=HOSTILE[2],
        runs=[
            {"name": "ours", "config": HOSTILE[0], "digest": HOSTILE[2], "seconds": 1},
            {"name": "against", "config": HOSTILE[3], "digest": "", "seconds": None},
        ],
    )
    kinds = [HOSTILE[3], *["SN Ia"] * 6]
    table = pd.DataFrame({"candidate_id": names, "type": kinds, "peak_mjd": START + 1.0})
    truth = Truth(table.assign(peak_mag=17.0), (f"truth: {HOSTILE[0]} \u202e",))
    report = write_report(folder, truth)
    page = checked(report.path)
    text = report.path.read_text(encoding="utf-8")
    assert "\u202e" not in text
    assert "\x1b" not in text
    assert "x" * 3000 not in re.sub(r"base64,[^\"]+", "", text)
    assert '<script>alert("x")</script>' in "".join(page.texts)
    assert max(map(len, report.lines)) <= 2000
    assert not any("\u202e" in line for line in report.lines)
    json.loads((folder / "metrics.json").read_text(encoding="utf-8"))


def test_rows_of_candidates_that_nobody_lists_are_left_out_and_said(folder):
    tables = ONE | {"ranks": folders.ranks({0: "abz"})}
    folders.write_replay(folder, {"ours": tables})
    report = write_report(folder, truth_of(a="SN Ia"))
    assert "1 row of ranks.parquet left out" in words(checked(report.path))


@pytest.mark.parametrize("content", ["", "{", "[]", '{"runs": []}', '{"runs": [{}]}'])
def test_a_damaged_replay_json_is_said(folder, content):
    folder.mkdir()
    (folder / "replay.json").write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=r"replay\.json"):
        write_report(folder, None)


def test_a_folder_without_a_replay(tmp_path):
    with pytest.raises(InputError, match=r"is .* the folder of a replay"):
        write_report(tmp_path, None)


def test_a_damaged_table_is_said(folder):
    folders.write_replay(folder, {"ours": ONE})
    (folder / "ours" / "ranks.parquet").write_bytes(b"PAR1 no table PAR1")
    with pytest.raises(InputError, match=r"ranks\.parquet: cannot be read"):
        write_report(folder, None)


def test_infinite_and_missing_numbers(folder):
    """A score of inf, a rank without a night, a fit without an error: no crash, no NaN in JSON."""
    tables = ONE | {
        "scores": [
            {
                "night": 0,
                "candidate_id": "a",
                "score": np.inf,
                "t_peak": np.inf,
                "t_peak_err": -1.0,
            },
            {"night": 0, "candidate_id": "b", "score": np.nan, "t_peak": START, "t_peak_err": 0.0},
        ],
        "fits": [{"night": 0, "candidate_id": "a", "t_peak": np.inf, "n_points": 3}],
        "ranks": [*folders.ranks({0: "ab"}), *folders.ranks({9: "ab"})],
    }
    folders.write_replay(folder, {"ours": tables})
    checked(write_report(folder, truth_of(a="SN Ia", b="SN Ia")).path)
    assert "NaN" not in (folder / "metrics.json").read_text(encoding="utf-8")
