"""The services' own clients, unchanged from PyPI, read the stand-ins.

They pin other versions of what this program needs, hence they live in an environment of their
own: ``make clients`` makes it (``.clients``) and runs these tests; without it they are skipped.
"""

from __future__ import annotations

import functools
import itertools
import json
import subprocess
from typing import Any

import pytest

from tests.sources.conftest import ROOT
from tests.standin import sky
from tests.standin.alerce import STAMP
from tests.standin.antares import locus_id
from tests.standin.kafka import messages, send
from tests.standin.lasair import Lasair

PYTHON = ROOT / ".clients" / "bin" / "python"
SCRIPT = ROOT / "tests" / "standin" / "official.py"
PACKAGES = {
    "antares": "antares_client",
    "alerce": "alerce",
    "lasair": "lasair",
    "fink": "fink_client",
}
T = sky.transients()[0]
_numbers = itertools.count()

pytestmark = pytest.mark.official


@functools.cache
def is_installed(package: str) -> bool:
    if not PYTHON.exists():
        return False
    command = [str(PYTHON), "-c", f"import importlib.util as u; print(u.find_spec({package!r}))"]
    return "None" not in subprocess.run(command, capture_output=True, text=True, check=True).stdout


def ask(client: str, **asked: Any) -> Any:
    """Let a client ask; skipped where it is not installed."""
    if not is_installed(PACKAGES[client]):
        pytest.skip(f"the official client {PACKAGES[client]} is not installed: make clients")
    # -I: neither this program's folders nor the script's own, whose names are those of clients.
    command = [str(PYTHON), "-I", str(SCRIPT), client, json.dumps(asked)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_alerce(standin):
    """Lists of both surveys, light curves, forced photometry; a stranger is "not found"."""
    found = ask(
        "alerce",
        url=standin.urls["alerce"],
        ztf_id=T.ztf_id,
        lsst_id=str(T.lsst_id),
        classifier=STAMP,
        lastmjd=[standin.now - 5.0, standin.now],
    )
    assert len(found["lsst"]) == len(found["ztf"]) == 5
    seen = T.detections("ztf", standin.now)
    assert len(found["light_curve"]["detections"]) == len(seen)
    assert len(found["forced"]) == len(T.ztf(standin.now)) - len(seen)
    assert len(found["rubin"]["detections"]) == len(T.detections("lsst", standin.now))
    assert found["stranger"] == "not found"
    redirected = [q["path"] for q in standin.log("alerce")]
    assert "/ztf/v1/objects" in redirected, "the client leaves the slash out"


def test_antares(standin):
    """All loci over pages of three, one by each id, its alerts and tags; a stranger is None."""
    name = {"lsst_id": str(T.lsst_id), "ztf_id": T.ztf_id}
    time = "properties.newest_alert_observation_time"
    found = ask("antares", url=standin.urls["antares"], time=time, **name)
    seen = [t for t in sky.transients() if t.detections("lsst", standin.now)]
    assert sorted(found["all"]) == sorted(map(locus_id, seen))
    assert found["one"] == found["by_ztf"] == locus_id(T)
    assert found["newest"] == T.detections("lsst", standin.now)[-1].mjd
    n = len(T.detections("lsst", standin.now)) + len(T.ztf(standin.now))
    assert len(found["alerts"]) == found["light_curve"] == n
    assert "nuclear_transient" in found["tags"]
    assert (found["matches"], found["stranger"]) == (0, None)
    assert "only the key query is allowed" in found["refused"]


@pytest.mark.parametrize("survey", ["ztf", "lsst"])
def test_lasair(standin, survey):
    """Queries with an order, objects with and without what Lasair adds, and strangers."""
    standin.call("state/lasair-lsst", cutout_days=2.0)
    name, known, stranger, last = {
        "ztf": ("objects.objectId", T.ztf_id, "ZTF20aaaaaaa", "objects.jdmax"),
        "lsst": ("objects.diaObjectId", str(T.lsst_id), "99", "objects.lastDiaSourceMjdTai"),
    }[survey]
    found = ask(
        "lasair",
        url=f"{standin.urls[f'lasair-{survey}']}/api",
        token=Lasair.token,
        name=name,
        known=known,
        stranger=stranger,
        last=last,
    )
    everyone = [t for t in sky.transients() if t.detections(survey, standin.now)]
    assert len(found["query"]) == len(everyone)
    assert found["parentheses"].startswith("LasairError: Bad Request")
    assert found["stranger"].startswith("LasairError: ")
    if survey == "ztf":
        assert len(found["object"]["candidates"]) == len(T.ztf(standin.now))
        assert {"candidates", "forcedphot"} <= set(found["plain"])
    else:
        assert found["object"].startswith("LasairError: Bad Request"), "it is long-lived"
        seen = T.detections("lsst", standin.now)
        assert len(found["plain"]["diaSourcesList"]) == len(seen)
        assert found["plain"]["diaObject"]["ra"] == T.ra


@pytest.mark.slow
@pytest.mark.parametrize(
    ("survey", "of"), [("ztf", "fink_sn_candidates_ztf"), ("lsst", "fink_most_likely_sn_lsst")]
)
def test_fink(cluster, survey, of):
    """Every alert of a stream, with its schema in the key."""
    topic = f"official_{next(_numbers)}"
    alerts = [(key, value) for name, key, value in messages(sky.NOW) if name == of]
    send(cluster.servers, [(topic, key, value) for key, value in alerts])
    found = ask(
        "fink", servers=cluster.servers, topic=topic, survey=survey, group=topic, n=len(alerts)
    )
    assert len(found) == len({alert for _, alert in found}) == len(alerts)
    assert {name for name, _ in found} == {topic}
