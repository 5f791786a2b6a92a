"""A config may ask how real a detection must look."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from aas2rto.sources import SOURCES
from aas2rto.sources.packets.batch import Batch
from aas2rto.sources.packets.quality import Quality
from aas2rto.sources.transport.confluent_frame import feeder_of
from tests.shared import PAYLOADS
from tests.sources.alerts import TAI, dia_forced, dia_source, lsst_alert, ztf_alert, ztf_candidate
from tests.standin import packets, sky


def kinds(alert, quality):
    batch = Batch("x", quality=quality)
    batch.add(alert)
    rows = batch.tables().photometry
    return dict(zip(rows["measurement_id"], rows["kind"], strict=True))


@pytest.mark.parametrize(
    ("least", "kind"), [(0.0, "detection"), (0.7, "detection"), (0.8, "suspect")]
)
def test_lsst_detections_below_the_least_reliability_are_suspect(least, kind):
    """Those of the history too; forced photometry has no such number."""
    old = [dia_source(diaSourceId=5, midpointMjdTai=TAI - 1, reliability=value) for value in (0.9,)]
    old.append(dia_source(diaSourceId=6, midpointMjdTai=TAI - 2, reliability=None))
    alert = lsst_alert(prvDiaSources=old, prvDiaForcedSources=[dia_forced(psfFlux=9000.0)])
    found = kinds(alert, Quality(reliability=least))
    assert found == {
        "170094456272322680": kind,
        "5": "detection",
        "6": "detection",
        "forced:170028486242598972": "detection",
    }


@pytest.mark.parametrize(
    ("quality", "kind"),
    [
        (Quality(), "detection"),
        (Quality(rb=0.8), "detection"),
        (Quality(rb=0.95), "suspect"),
        (Quality(drb=0.9), "detection"),
        (Quality(drb=1.0), "suspect"),
        (Quality(reliability=1.0), "detection"),
    ],
)
def test_ztf_detections_below_the_least_rb_or_drb_are_suspect(quality, kind):
    """The two numbers of ZTF; that of LSST says nothing here."""
    assert set(kinds(ztf_alert(), quality).values()) == {kind}
    assert kinds(ztf_alert(candidate=ztf_candidate(drb=None)), Quality(drb=1.0)) == {
        "3367463101415010117": "detection"
    }


def test_settings_are_shares_and_known():
    """A per cent, or another survey's word, is an error of the config."""
    options = SOURCES.get("fink").options
    assert SOURCES.get("fink").arguments(options(quality={"reliability": 0.5}))["quality"] == (
        Quality(reliability=0.5)
    )
    for wrong in ({"reliability": 50}, {"realness": 0.5}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            options(quality=wrong)


def both_ways(alerts, schema, quality):
    """Read alerts as mappings, and as a stream does, by columns."""
    import json

    plain, fast = Batch("x", quality=quality), Batch("x", quality=quality)
    for alert in alerts:
        plain.add(alert)
    values = [packets.encode(alert, schema) for alert in alerts]
    feeder_of(json.dumps(schema))(values, fast, [""] * len(values))
    keys = ["candidate_id", "measurement_id"]
    return [
        batch.tables().photometry.sort_values(keys, ignore_index=True) for batch in (plain, fast)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("survey", ["ztf", "lsst"])
def test_streams_apply_the_same_cut_to_histories(survey):
    """A stream reads histories by columns; the tables are the same."""
    make, schema = {
        "ztf": (packets.ztf_alert, packets.ZTF_SCHEMA),
        "lsst": (packets.lsst_alert, packets.LSST_SCHEMA),
    }[survey]
    alerts = [alert for t in sky.transients() if (alert := make(t, sky.NOW))]
    rng = np.random.default_rng(1)
    for alert in alerts:
        for one in [*(alert.get("prv_candidates") or ()), *(alert.get("prvDiaSources") or ())]:
            for name in ("rb", "reliability"):
                if name in one and (survey == "lsst" or one.get("candid")):
                    one[name] = float(np.float32(rng.uniform(0.6, 1.0)))
    plain, fast = both_ways(alerts, schema, Quality(rb=0.8, reliability=0.8))
    pd.testing.assert_frame_equal(plain, fast)
    assert {"detection", "suspect"} <= set(plain["kind"])


@pytest.mark.real_data
def test_what_the_shipped_cut_does_to_recorded_alerts(capsys):
    """Some of the detections, not most of them."""
    from aas2rto.sources.archive import Archive
    from aas2rto.tables.report import PollRequest

    folder = str(PAYLOADS / "fink" / "ftransfer_lsst_2026-03-27_750709")
    shares = []
    for quality in (Quality(), Quality(reliability=0.5)):
        rows = Archive(paths=(folder,), quality=quality).poll(PollRequest(61200.0)).photometry
        own = rows[~rows["measurement_id"].str.startswith("forced:")]
        shares.append(float((own["kind"] == "suspect").mean()))
    with capsys.disabled():
        print(f"\nsuspect detections: {shares[0]:.1%} without, {shares[1]:.1%} with the cut")
    assert shares[0] <= shares[1] < 0.5
