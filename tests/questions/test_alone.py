"""One candidate taken from a judgement of all, against the same one judged alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from astropy.time import Time

from aas2rto.cli import main
from aas2rto.config.load import load
from aas2rto.factors import Decision
from aas2rto.questions.alone import Alone
from aas2rto.questions.explain import explain_judged
from aas2rto.questions.figure import findings_of
from aas2rto.steps.build import build
from aas2rto.steps.fit_memory import OnlyRead, Remembering
from aas2rto.steps.judge import judge
from aas2rto.steps.prefilter import as_known
from aas2rto.store import Store
from aas2rto.text.json_values import plain
from tests.cli.conftest import CONFIG, NOW, light_curve

NAMES = ("bright", "fainter", "third", "twin")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run a cycle; two are as good as each other, one was said something of, two are out."""
    monkeypatch.chdir(tmp_path)
    rows = [
        *light_curve("bright", 150.0, 10.0, [18.5, 18.0, 17.5, 17.0]),
        *light_curve("fainter", 165.0, -5.0, [19.0, 18.6, 18.4, 18.2]),
        *light_curve("third", 120.0, 25.0, [19.0, 18.5, 18.1, 18.0]),
        *light_curve("twin", 120.5, 25.0, [19.0, 18.5, 18.1, 18.0]),
        *light_curve("too_faint", 170.0, 0.0, [21.0, 20.5, 20.2, 20.0]),
        *light_curve("declining", 155.0, 5.0, [16.0, 16.5, 17.0, 17.5]),
    ]
    (tmp_path / "night.csv").write_text(
        "\n".join(["candidate_id,ra,dec,mjd,band,mag,magerr", *rows]) + "\n"
    )
    (tmp_path / "small.yaml").write_text(CONFIG)
    for words in (
        ["run", "small.yaml", "--once", "--now", NOW],
        ["mark", "small.yaml", "fainter", "pin", "--now", NOW],
        ["mark", "small.yaml", "third", "comment", "near a star", "--now", NOW],
    ):
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert ended.value.code == 0
    return tmp_path


def written(value: Any) -> str:
    """Write as JSON; of numbers nine digits, since sums of many rows are not those of one."""

    def rounded(one: Any) -> Any:
        if isinstance(one, dict):
            return {key: rounded(held) for key, held in one.items()}
        if isinstance(one, list):
            return [rounded(held) for held in one]
        return float(f"{one:.9g}") if isinstance(one, float) else one

    return json.dumps(rounded(plain(value)), default=str)


def test_it_is_what_judging_it_alone_finds(project: Path) -> None:
    """Word by word: score, factors, fits, sites, marks, names; and what is drawn of it."""
    parts = build(load(project / "small.yaml"), with_sources=False)
    now = Time(NOW.rstrip("Z"))
    with Store(f"sqlite:///{project}/outputs/small/store.sqlite") as store:
        memory = Remembering(OnlyRead(store.fits))
        known = as_known(parts, store, now)
        judged = judge(parts, known, now, memory=memory, tomorrow=True)
        every = Alone(known, judged)
        kept = judged.scored.rows(Decision.KEEP)["candidate_id"].tolist()
        assert set(NAMES) <= set(kept)
        for name in kept:
            found = every.of(name)
            assert found is not None
            alone = as_known(parts, store, now, candidate_id=name)
            anew = judge(parts, alone, now, memory=OnlyRead(store.fits), in_full=True)
            told = [explain_judged(parts, store, *pair) for pair in (found, (alone, anew))]
            assert written(told[0]) == written(told[1])
            drawn = [findings_of(parts, store, name, one[1]) for one in (found, (alone, anew))]
            points, anew_points = (written(one.photometry.to_dict("list")) for one in drawn)
            assert points == anew_points
            assert drawn[0].ranks.equals(drawn[1].ranks)


def test_who_is_left_out_is_judged_anew(project: Path) -> None:
    """Not every factor was asked of it, and no site looked at it; nor of a stranger."""
    parts = build(load(project / "small.yaml"), with_sources=False)
    now = Time(NOW.rstrip("Z"))
    with Store(f"sqlite:///{project}/outputs/small/store.sqlite") as store:
        known = as_known(parts, store, now)
        every = Alone(known, judge(parts, known, now, memory=OnlyRead(store.fits)))
    left_out = [name for name in known.table["candidate_id"] if name not in NAMES]
    for name in [*left_out, "too_faint", "declining", "nobody"]:
        assert every.of(name) is None
