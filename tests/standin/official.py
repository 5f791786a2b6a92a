"""Questions to the stand-ins through the services' own clients, exactly as they are on PyPI.

Run by the interpreter of an environment that has them (``make clients``), which need not have
this program: ``python tests/standin/official.py lasair '{"url": ..., ...}'`` prints one JSON value.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any


def ask_alerce(asked: dict[str, Any]) -> Any:
    """Ask for lists, light curves and forced photometry of both surveys, and for a stranger."""
    import alerce

    default = json.loads((Path(alerce.__file__).parent / "default_config.json").read_text())
    default["ztf"]["ZTF_API_URL"] = asked["url"]
    default["multisurvey"]["URL_MS"] = f"{asked['url']}/"
    with tempfile.NamedTemporaryFile("w", suffix=".json", delete=False) as file:
        json.dump(default, file)
    os.environ["ALERCE_CONFIG_PATH"] = file.name  # the client's own way to other addresses

    from alerce.core import Alerce
    from alerce.exceptions import ObjectNotFoundError

    client = Alerce()
    lsst = client.query_objects(
        survey="lsst",
        format="json",
        classifier=asked["classifier"],
        class_name="SN",
        order_by="lastmjd",
        order_mode="ASC",
        page_size=5,
    )
    try:
        client.query_lightcurve("ZTF20aaaaaaa", survey="ztf", format="json")
        stranger = "found"
    except ObjectNotFoundError:
        stranger = "not found"
    ztf = client.query_objects(
        survey="ztf",
        format="json",
        classifier="stamp_classifier",
        class_name="SN",
        lastmjd=asked["lastmjd"],
        order_by="lastmjd",
        order_mode="ASC",
        page_size=5,
    )
    return {
        "lsst": [row["oid"] for row in lsst],
        "ztf": [row["oid"] for row in ztf["items"]],
        "light_curve": client.query_lightcurve(asked["ztf_id"], survey="ztf", format="json"),
        "forced": client.query_forced_photometry(asked["ztf_id"], survey="ztf", format="json"),
        "rubin": client.query_lightcurve(survey="lsst", oid=int(asked["lsst_id"]), format="json"),
        "stranger": stranger,
    }


def ask_lasair(asked: dict[str, Any]) -> Any:
    """Ask a query and for objects; what is refused is told as the client tells it."""
    from lasair import LasairError, lasair_client

    client = lasair_client(asked["token"], endpoint=asked["url"])

    def told(work: Callable[[], Any]) -> Any:
        try:
            return work()
        except LasairError as error:
            return f"LasairError: {error.message}"

    last = asked["last"]
    return {
        "query": told(
            lambda: client.query(asked["name"], "objects", f"{last} > 0 ORDER BY {last} DESC")
        ),
        "parentheses": told(
            lambda: client.query(asked["name"], "objects", f"({last} > 0 ORDER BY {last})")
        ),
        "object": told(lambda: client.object(asked["known"])),
        "plain": told(lambda: client.object(asked["known"], lite=False, lasair_added=False)),
        "stranger": told(lambda: client.object(asked["stranger"])),
    }


def ask_fink(asked: dict[str, Any]) -> Any:
    """Read a stream."""
    from fink_client.consumer import AlertConsumer

    settings = {
        "bootstrap.servers": asked["servers"],
        "group.id": asked["group"],
        "username": "standin",
    }
    consumer = AlertConsumer([asked["topic"]], settings, survey=asked["survey"])
    found = []
    for _ in range(asked["n"]):
        topic, alert, _ = consumer.poll(timeout=20)
        if alert is None:
            break
        candidate = alert.get("candidate") or alert["diaSource"]
        found.append([topic, str(candidate.get("candid") or candidate.get("diaSourceId"))])
    consumer.close()
    return found


def ask_antares(asked: dict[str, Any]) -> Any:
    """Search over several pages, ask for one by each of its ids, its alerts, and for a stranger."""
    os.environ["ANTARES_API_BASE_URL"] = f"{asked['url']}/v2/"  # the client's own way

    from antares_client import search
    from antares_client.exceptions import AntaresException

    try:
        refused = [one.locus_id for one in search.search({"query": {}, "size": 3})]
    except AntaresException as error:
        refused = str(error)
    query = {"query": {"bool": {"filter": [{"range": {asked["time"]: {"gte": 0}}}]}}}
    one = search.get_by_lsst_dia_object_id(asked["lsst_id"])
    alerts = search.get_locus_alerts(one.locus_id)
    return {
        "all": [locus.locus_id for locus in search.search(query, limit=3)],
        "by_ztf": search.get_by_ztf_object_id(asked["ztf_id"]).locus_id,
        "one": one.locus_id,
        "newest": one.properties["newest_alert_observation_time"],
        "light_curve": len(one.lightcurve),
        "alerts": [alert.alert_id for alert in alerts],
        "bands": sorted({str(a.properties.get("lsst_diaSource_band")) for a in alerts}),
        "tags": sorted(search.get_available_tags()),
        "matches": len(search.get_locus_catalog_matches(one.locus_id)),
        "stranger": search.get_by_id("ANT2020nobody"),
        "refused": refused,
    }


if __name__ == "__main__":
    asks = {"antares": ask_antares, "alerce": ask_alerce, "lasair": ask_lasair, "fink": ask_fink}
    print(json.dumps(asks[sys.argv[1]](json.loads(sys.argv[2]))))
