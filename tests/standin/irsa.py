"""IRSA's ZTF light-curve service, over a real socket.

What it takes follows its published description (irsa.ipac.caltech.edu/docs/program_interface/
ztf_lightcurve_api.html) and what public clients send: one ``POS=CIRCLE ra dec radius`` [deg] or
``ID`` per question, ``BANDNAME`` of g, r, i, ``FORMAT`` of csv, ipac_table, votable, tsv, and
``BAD_CATFLAGS_MASK``. Where nothing lies there, the table has no rows; what it does not understand
it refuses with 400 and a sentence.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from tests.standin.server import Question, Reply, Route, Service

COLUMNS = (
    "oid",
    "expid",
    "hjd",
    "mjd",
    "mag",
    "magerr",
    "catflags",
    "filtercode",
    "ra",
    "dec",
)
"""The first of the service's 24 columns; the others are not read."""

FORMATS = {"csv", "ipac_table", "votable", "tsv"}


def star(ra: float, dec: float, oid: int, n: int = 150) -> pd.DataFrame:
    """Return a star in g and r; each fifth point is flagged as bad."""
    rng = np.random.default_rng(oid)
    parts = []
    for place, band in enumerate(("zg", "zr")):
        mjd = np.sort(rng.uniform(58200, 60400, n))
        parts.append(
            pd.DataFrame(
                {
                    "oid": oid + place,
                    "expid": np.arange(n),
                    "hjd": mjd + 2400000.503,
                    "mjd": mjd,
                    "mag": rng.normal(15, 0.02, n).round(5),
                    "magerr": 0.02,
                    "catflags": np.where(np.arange(n) % 5 == 0, 32768, 0),
                    "filtercode": band,
                    "ra": ra,
                    "dec": dec,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


class Irsa(Service):
    """The service, with stars where a test puts them."""

    name = "irsa"

    def reset(self) -> None:
        super().reset()
        self.stars: list[pd.DataFrame] = []

    def routes(self) -> dict[str, Route]:
        return {"GET /cgi-bin/ZTF/nph_light_curves": self.light_curves}

    def light_curves(self, question: Question) -> Reply:
        wrong = self._wrong(question)
        if wrong:
            return Reply(f"ERROR: {wrong}", 400, "text/plain")
        table = pd.concat([pd.DataFrame(columns=list(COLUMNS)), *self.stars], ignore_index=True)
        ra, dec, radius = (float(word) for word in question.get("POS").split()[1:])
        apart = np.hypot(
            (table["ra"].astype(float) - ra) * np.cos(np.radians(dec)),
            table["dec"].astype(float) - dec,
        )
        bands = {f"z{band}" for band in question.get("BANDNAME", "g,r,i").split(",")}
        mask = int(question.get("BAD_CATFLAGS_MASK", "0"))
        good = (table["catflags"].astype("int64") & mask) == 0
        rows = table[(apart <= radius) & table["filtercode"].isin(bands) & good]
        return Reply(rows.to_csv(index=False), kind="text/csv")

    def _wrong(self, question: Question) -> str:
        """Say what of a question is not understood."""
        places = question.all("POS")
        if len(places) + len(question.all("ID")) != 1:
            return "exactly one of POS and ID must be given"
        words = places[0].split() if places else []
        if places and (len(words) != 4 or words[0].upper() != "CIRCLE"):
            return f"POS: {places[0]!r} is no CIRCLE ra dec radius"
        if question.get("FORMAT", "votable").lower() not in FORMATS:
            return f"FORMAT: {question.get('FORMAT')} is unknown"
        if not set(question.get("BANDNAME", "g").split(",")) <= {"g", "r", "i"}:
            return f"BANDNAME: {question.get('BANDNAME')} is unknown"
        return ""
