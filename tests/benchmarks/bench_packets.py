"""How fast alerts become tables, beside how fast fastavro decodes them: one line, one run.

Run with ``python -m tests.benchmarks.bench_packets`` from the project's root.
"""

import io
import sys
import time
from pathlib import Path

import fastavro

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from aas2rto.sources.packets import batch as packets
from tests.sources.alerts import JD, ztf_alert, ztf_candidate, ztf_forced, ztf_limit
from tests.sources.archive_files import ZTF_SCHEMA

ALERTS = 2000
HISTORY = 10  # detections, limits and forced measurements each: 30 days of ZTF


def alert(number: int) -> dict:
    return ztf_alert(
        objectId=f"ZTF26{number:07d}",
        candidate=ztf_candidate(candid=10**18 + number),
        prv_candidates=[
            record
            for k in range(1, HISTORY + 1)
            for record in (
                ztf_candidate(candid=10**17 + HISTORY * number + k, jd=JD - k),
                ztf_limit(jd=JD - k - 0.5),
            )
        ],
        fp_hists=[ztf_forced(jd=JD - k - 0.25, pid=10**12 + k) for k in range(HISTORY)],
    )


def main() -> None:
    file = io.BytesIO()
    fastavro.writer(file, ZTF_SCHEMA, [alert(n) for n in range(ALERTS)])
    file.seek(0)
    begun = time.perf_counter()
    alerts = list(fastavro.reader(file))
    decoded = time.perf_counter()
    rows = len(packets.ztf(alerts).photometry)
    converted = time.perf_counter()
    decoding, converting = decoded - begun, converted - decoded
    print(
        f"{ALERTS} alerts, {rows} measurements: converted {ALERTS / converting:.0f} alerts/s, "
        f"decoded by fastavro {ALERTS / decoding:.0f} alerts/s, "
        f"converting / decoding = {converting / decoding:.2f}"
    )


if __name__ == "__main__":
    main()
