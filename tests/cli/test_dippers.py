"""A night of alerts of stars, ranked by their dips: from packets and histories to the list."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aas2rto.config.load import load
from tests.cli.conftest import Cli
from tests.sources.alerts import ztf_alert, ztf_candidate
from tests.sources.archive_files import NUMBER, ZTF_SCHEMA, write_avro

ROOT = Path(__file__).resolve().parents[2]
NOW = 61119.9  # 2026-03-20, evening at La Palma
FIRST = 61090.0
N_ALERTS, N_HISTORY = 12, 130
STD = 0.02


def schema() -> dict[str, object]:
    """Return the packet's schema with what alerts say of the reference image."""
    found = copy.deepcopy(ZTF_SCHEMA)
    extra = [{"name": name, "type": NUMBER} for name in ("magnr", "sigmagnr")]
    fields = {field["name"]: field for field in found["fields"]}
    fields["candidate"]["type"]["fields"] += extra
    points = fields["prv_candidates"]["type"][1]["items"]["fields"]
    points += [*copy.deepcopy(extra), {"name": "distnr", "type": NUMBER}]
    return found


def sky(n_dippers: int, n_others: int) -> list[dict[str, object]]:
    """Return stars: dippers, and variables of four sorts, with history and alerts [mag]."""
    rng = np.random.default_rng(11)
    stars: list[dict[str, object]] = []
    past = np.sort(rng.uniform(FIRST - 1800, FIRST - 160, N_HISTORY))
    now = FIRST + np.arange(N_ALERTS) * 2.4
    for k in range(n_dippers + n_others):
        name = f"ZTF26dip{k:04d}" if k < n_dippers else f"ZTF26var{k:04d}"
        mag = rng.uniform(13.5, 15.5)
        if k < n_dippers:
            wave = {"past": np.zeros(N_HISTORY), "now": np.full(N_ALERTS, 3.0 * STD)}
        else:
            wave = variable(rng, past, now, kind=k % 4)
        old = mag + wave["past"] + rng.normal(0, STD, N_HISTORY)
        new = mag + wave["now"] + rng.normal(0, 0.5 * STD, N_ALERTS)
        stars.append({"name": name, "mag": mag, "past": past, "old": old, "now": now, "new": new})
    return stars


def variable(
    rng: np.random.Generator, past: np.ndarray, now: np.ndarray, kind: int
) -> dict[str, np.ndarray]:
    """Return how a variable differs from its mean: it is faint now as it has often been."""
    if kind == 0:  # periodic, caught at minimum
        size, period = rng.uniform(0.08, 0.5), rng.uniform(0.3, 600)
        turn = np.pi / 2 - 2 * np.pi * now.mean() / period
        return {
            key: size * np.sin(2 * np.pi * at / period + turn)
            for key, at in (("past", past), ("now", now))
        }
    if kind == 1:  # red noise
        at = np.concatenate([past, now])
        steps = rng.normal(0, 1, len(at)) * np.sqrt(np.diff(at, prepend=at[0] - 1))
        walk = np.cumsum(steps) * 0.02
        walk -= walk[: len(past)].mean()
        return {"past": walk[: len(past)], "now": np.abs(walk[len(past) :])}
    if kind == 2:  # eclipsing: deep, and always has been
        size = rng.uniform(0.1, 0.4)
        dark = rng.random(len(past)) < 0.2
        return {"past": size * dark, "now": np.full(len(now), size)}
    # quiet, with alerts of differences that are none: the reference is too bright
    return {"past": np.zeros(len(past)), "now": np.full(len(now), rng.uniform(0, 0.3) * STD)}


def packet(star: dict[str, object], number: int) -> dict[str, object]:
    """Return the newest alert of a star, with those before it as its history."""
    points = []
    reference = float(star["mag"]) - 0.08  # type: ignore[arg-type]
    for k, (mjd, mag) in enumerate(zip(star["now"], star["new"], strict=True)):  # type: ignore[call-overload]
        lost = 10 ** (-0.4 * reference) - 10 ** (-0.4 * mag)
        points.append(
            ztf_candidate(
                candid=10**12 + number * 100 + k,
                jd=mjd + 2400000.5,
                fid=2,
                isdiffpos="f" if lost > 0 else "t",
                magpsf=-2.5 * np.log10(abs(lost)),
                sigmapsf=0.05,
                magnr=reference,
                sigmagnr=0.005,
                distnr=0.2,
                ra=100.0 + 0.02 * (number % 100),
                dec=20.0 + 0.02 * (number // 100),
            )
        )
    before = [{key: p.get(key) for key in points[0]} for p in points[:-1]]
    return ztf_alert(
        objectId=star["name"], candidate=points[-1], prv_candidates=before, fp_hists=None
    )


def files(folder: Path, stars: list[dict[str, object]]) -> None:
    """Write the night's packets, the histories and the config."""
    alerts = [packet(star, k) for k, star in enumerate(stars)]
    write_avro(folder / "night.avro", alerts, schema())
    parts = [
        pd.DataFrame(
            {
                "oid": k,
                "mjd": star["past"],
                "mag": star["old"],
                "magerr": STD,
                "catflags": 0,
                "filtercode": "zr",
                "ra": alerts[k]["candidate"]["ra"],  # type: ignore[index]
                "dec": alerts[k]["candidate"]["dec"],  # type: ignore[index]
            }
        )
        for k, star in enumerate(stars)
    ]
    pd.concat(parts, ignore_index=True).to_parquet(folder / "history.parquet")
    text = (ROOT / "configs" / "stellar_dippers.yaml").read_text()
    begin, end = text.index("sources:"), text.index("models:")
    sources = "sources:\n  archive: {paths: [night.avro]}\n"
    sources += "  ztf_history: {paths: [history.parquet]}\n\n"
    (folder / "case.yaml").write_text(text[:begin] + sources + text[end:] + "figures: {top: 0}\n")


def ranked(aas2rto: Cli, folder: Path) -> pd.DataFrame:
    said = aas2rto("run", "case.yaml", "--once", "--now", NOW)
    assert said.code == 0, said.err
    project = load("case.yaml", need_secrets=False).project
    return pd.read_csv(folder / "outputs" / project / "ranked" / "science.csv", comment="#")


@pytest.mark.slow
def test_a_small_night_is_ranked_and_explained(
    aas2rto: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Explain says for each test what it saw, of one that dips and of one that does not."""
    monkeypatch.chdir(tmp_path)
    files(tmp_path, sky(2, 20))
    table = ranked(aas2rto, tmp_path)
    assert set(table["candidate_id"].head(2)) == {"ZTF26dip0000", "ZTF26dip0001"}
    said = aas2rto("explain", "case.yaml", "ZTF26dip0000", "--now", NOW)
    assert said.code == 0, said.err
    words = " ".join((said.out + said.err).split())
    for part in (
        "dips: ztfr",
        "sd:",
        "130 old points",
        "chi2 ",
        "5-95 % chi2 ",
        "12 alerts",
        "KS p",
    ):
        assert part in words, (part, words)
    assert "dip_paper" in words
    said = aas2rto("explain", "case.yaml", "ZTF26var0004", "--now", NOW)
    assert said.code == 0, said.err
    assert "FAILS: " in " ".join(said.out.split())
    shown = aas2rto("serve", "case.yaml", "--export", tmp_path / "page", "--now", NOW)
    assert shown.code == 0, shown.err
    again = aas2rto("run", "case.yaml", "--once", "--now", NOW + 0.01)
    assert again.code == 0, again.err
    assert "ZTF26dip0000" in (tmp_path / "outputs/stellar-dippers/ranked/science.csv").read_text()
    drawn = aas2rto("figure", "case.yaml", "ZTF26dip0000", "--now", NOW + 0.01)
    assert drawn.code == 0, drawn.err
    assert drawn.out.splitlines()[-1].endswith("total.png")
    assert Path(drawn.out.splitlines()[-1]).read_bytes().startswith(b"\x89PNG")


@pytest.mark.proof
def test_twenty_dippers_among_two_thousand_variables(
    aas2rto: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All twenty, 3 standard deviations deep with 12 alerts, are among the first thirty."""
    monkeypatch.chdir(tmp_path)
    files(tmp_path, sky(20, 2000))
    first = ranked(aas2rto, tmp_path).head(30)
    assert first["candidate_id"].str.startswith("ZTF26dip").sum() == 20
