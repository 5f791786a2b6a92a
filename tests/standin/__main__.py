"""Start all stand-ins: ``python -m tests.standin [--now MJD] [--config FILE]``.

Prints one line of JSON with all addresses (for programs), or with ``--config`` writes a config
that polls all of them, streams included, and says how to run it. Services are broken and mended
through the switchboard, whose address is printed, too::

    curl -H 'Content-Type: application/json' ADDRESS/fault -d '{"service": "tns", "kind": "503"}'
    curl -X POST ADDRESS/mend

Ends with Ctrl-C; without ``--config`` also when its standard input closes.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from tests.standin import faults, sky
from tests.standin.alerce import Alerce
from tests.standin.antares import Antares
from tests.standin.atlas import Atlas
from tests.standin.fink import FinkLsst, FinkZtf
from tests.standin.lasair import LasairLsst, LasairZtf
from tests.standin.lco import Lco
from tests.standin.server import Question, Reply, Route, Service
from tests.standin.tns import Tns
from tests.standin.yse import Yse

SERVICES = (FinkZtf, FinkLsst, Alerce, Antares, LasairZtf, LasairLsst, Atlas, Tns, Lco, Yse)


class Control(Service):
    """The switchboard: sets faults and times, and tells what was asked."""

    name = "control"

    def __init__(self, services: dict[str, Service]) -> None:
        self.services = services
        super().__init__()

    def routes(self) -> dict[str, Route]:
        return {
            "POST /fault": self.set_one,
            "POST /mend": self.mend,
            "POST /forget": self.forget,
            "POST /now": self.set_now,
            "GET /log/([^/]+)": self.show_log,
            "GET /sky": self.show_sky,
            "GET /state/atlas": self.show_atlas,
            "POST /state/([^/]+)": self.change,
        }

    def set_one(self, question: Question) -> Any:
        asked = question.form()
        self.services[asked.pop("service")].set_fault(faults.Fault(**asked))
        return {}

    def mend(self, question: Question) -> Any:
        """Mend everything, forget what clients did, and go back to the default time."""
        for service in self.services.values():
            service.set_fault(None)
            service.log.clear()
            service.now = self.now
            service.reset()
        return {}

    def forget(self, question: Question) -> Any:
        """Forget what was asked so far."""
        for service in self.services.values():
            service.log.clear()
        return {}

    def set_now(self, question: Question) -> Any:
        for service in self.services.values():
            service.now = float(question.get("now"))
        return {}

    def show_log(self, question: Question, name: str) -> Any:
        return self.services[name].log

    def show_sky(self, question: Question) -> Any:
        now = self.services["alerce"].now
        return [
            dataclasses.asdict(t)
            | {"ztf_id": t.ztf_id, "lsst_id": t.lsst_id}
            | {
                name: [dataclasses.asdict(look) | {"detected": look.detected} for look in looks]
                for name, looks in (
                    ("ztf", t.ztf(now)),
                    ("lsst", t.lsst(now)),
                    ("atlas", t.atlas(now)),
                )
            }
            for t in sky.transients()
        ]

    def show_atlas(self, question: Question) -> Any:
        atlas = self.services["atlas"]
        assert isinstance(atlas, Atlas)
        return {"tasks": list(atlas.tasks.values()), "deleted": atlas.deleted}

    def change(self, question: Question, name: str) -> Any:
        """Set what a service offers to be set: ATLAS's ``steps`` and ``queue_cap``, TNS's quota."""
        for key, value in question.form().items():
            setattr(self.services[name], key, value)
        return Reply({})


def start(now: float) -> tuple[Control, dict[str, str]]:
    """Start every HTTP service; returns the switchboard and the addresses."""
    services = {kind.name: kind(now) for kind in SERVICES}
    control = Control(services)
    control.now = now
    for service in (*services.values(), control):
        service.start()
    # Now that ports are known, Atlas can name its own URLs.
    services["atlas"].reset()
    return control, {name: service.url for name, service in services.items()} | {
        "control": control.url
    }


CONFIG = """\
# Polls the stand-ins; written by `python -m tests.standin --config`.
project: standin
loop: {{interval: 1 min, deadline: 30 s}}
sources:
  fink:
    survey: ztf
    topics: [{topics[fink-ztf]}]
    group_id: standin
    servers: {urls[kafka]}
    url: {urls[fink-ztf]}
    network: {network}
  alerce: {{survey: ztf, url: "{urls[alerce]}", network: {network}}}
  lasair:
    survey: lsst
    topics: [{topics[lasair-lsst]}]
    servers: {urls[kafka]}
    token: ${{LASAIR_TOKEN}}
    url: {urls[lasair-lsst]}/api
    network: {network}
  atlas: {{token: "${{ATLAS_TOKEN}}", url: "{urls[atlas]}/forcedphot", network: {network}}}
  tns:
    bot_id: 12345
    bot_name: standin_bot
    api_key: ${{TNS_API_KEY}}
    folder: {folder}
    url: {urls[tns]}
    network: {network}
models:
  bazin: {{}}
score:
  factors:
    - magnitude: {{zero_point: 18.5 mag, faint_limit: 21 mag, bands: [ztfg, ztfr, lsstg, lsstr]}}
    - detections: {{min: 3, bands: [ztfg, ztfr, lsstg, lsstr]}}
    - unclassified: {{mode: demote, value: 0.2}}
observatories: [la_silla_dk154, la_palma_not]
lco: {{proposal: LCO2026A-000, url: "{urls[lco]}"}}
"""

SECRETS = {
    "LASAIR_TOKEN": LasairLsst.token,
    "ATLAS_TOKEN": Atlas.token,
    "TNS_API_KEY": Tns.api_key,
    "LCO_TOKEN": Lco.token,
}


def start_kafka(now: float) -> subprocess.Popen[str]:
    """Start the Kafka cluster, in a process of its own."""
    command = [sys.executable, "-m", "tests.standin.kafka", "--now", str(now)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def write_config(path: Path, urls: dict[str, str], kafka: dict[str, Any], now: float) -> None:
    """Write a config that polls everything, and say how to run it."""
    network = "{rate: 100, burst: 100}"
    addresses = urls | {"kafka": kafka["servers"]}
    folder = path.resolve().parent / "standin-tns"
    path.write_text(
        CONFIG.format(urls=addresses, topics=kafka["topics"], network=network, folder=folder)
    )
    for name, value in SECRETS.items():
        print(f"export {name}={value}")
    print(f"aas2rto run {path} --once --now {now}")
    print(f"# running until Ctrl-C; the switchboard: {urls['control']}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--now", type=float, default=sky.NOW, help="MJD (UTC) of the sky")
    parser.add_argument("--config", type=Path, help="write a config that polls everything")
    options = parser.parse_args()
    control, urls = start(options.now)
    if options.config is None:
        print(json.dumps({"now": options.now, "urls": urls}), flush=True)
        _wait()
        return
    atlas = control.services["atlas"]
    assert isinstance(atlas, Atlas)
    atlas.steps = 0  # Who tries the loop by hand wants results in the cycle after next.
    with start_kafka(options.now) as cluster:
        assert cluster.stdout is not None
        write_config(options.config, urls, json.loads(cluster.stdout.readline()), options.now)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()  # also where there is no terminal to read from
        cluster.terminate()


def _wait() -> None:
    with contextlib.suppress(KeyboardInterrupt):
        sys.stdin.read()


if __name__ == "__main__":
    main()
