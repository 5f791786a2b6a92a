"""A source of one's own: the objects of a small survey, from its JSON service.

The service answers ``GET objects?since=MJD&page=N`` with what changed since then, oldest first::

    [{"id": "MS26a", "ra": 150.1, "dec": 2.2, "changed": 61121.3, "real": 0.97, "redshift": null,
      "points": [{"id": 7, "mjd": 61121.2, "filter": "g", "mag": 18.3, "magerr": 0.05}]}]

In a config, below ``sources:``::

    my_survey: {type: "my_survey.py:MySurvey", url: "https://...", token: "${MY_TOKEN}"}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import pandas as pd
from pydantic import SecretStr

from aas2rto.errors import SourceError
from aas2rto.sources import source
from aas2rto.sources.poll_result import DEADLINE_SHARE, Harvest
from aas2rto.sources.transport.http import Answer, Client, Policy
from aas2rto.sources.transport.pacing import Deadline
from aas2rto.tables import photometry
from aas2rto.tables.report import PollRequest, Report, facts_of
from aas2rto.units import Day

NAME = "my_survey"

BANDS = {"g": "ztfg", "r": "ztfr"}
"""The survey's filters -> bands of sncosmo; its filters are copies of ZTF's."""

PAGE_SIZE = 200
"""Objects per page; a page that is not full is the last."""

NETWORK = Policy(rate=2.0)
"""At most two questions per second in the long run, as the survey asks its users."""


class Transport(Protocol):
    """What this source asks of the network; a test hands in its own."""

    def get(self, path: str, *, until: Deadline, params: Mapping[str, Any]) -> Answer:
        """Ask with GET; raise SourceError if there is no usable answer."""
        ...

    def close(self) -> None:
        """Close the connections."""
        ...


@source(NAME)
class MySurvey:
    """Objects of my survey, with their light curves.

    Parameters
    ----------
    transport : Transport or None
        How the service is reached; None: over HTTP.
    url : str
        Address of the service.
    token : SecretStr or None
        Of the account; None for an open service.
    since : float
        Days that the first poll looks back.
    least_real : float
        Smallest probability that an object is real.
    network : Policy
        Timeouts, tries and rate.
    """

    asks_by_object = False  # the service tells what changed; it is never asked for one object

    # What stands behind the * is a setting of the config; what stands before it is not.
    def __init__(
        self,
        transport: Transport | None = None,
        *,
        url: str,
        token: SecretStr | None = None,
        since: Day = 7.0,
        least_real: float = 0.5,
        network: Policy = NETWORK,
    ) -> None:
        credentials = {"Authorization": token} if token else {}
        self._http = transport or Client(NAME, url, policy=network, credentials=credentials)
        self.since = since
        self.least_real = least_real

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def probe(self) -> str:
        """Ask one cheap question, for ``aas2rto check --online``."""
        self._http.get("objects", until=Deadline(10.0), params={"since": 1e6, "page": 1})
        return "my survey answers"

    def poll(self, request: PollRequest) -> Report:
        """Fetch what changed since the last poll; never raise for what the service does wrong."""
        harvest = Harvest(NAME, request)
        until = Deadline(DEADLINE_SHARE * request.deadline)
        try:
            self._fetch(harvest, until)
        except SourceError as error:
            # What came before the error is kept; the cursor says where to go on.
            harvest.fail(error)
        finally:
            self.close()
        return harvest.report()

    def _fetch(self, harvest: Harvest, until: Deadline) -> None:
        start = harvest.cursor.get("changed", harvest.now - self.since)
        page = 0
        while True:
            page += 1
            answer = self._http.get("objects", until=until, params={"since": start, "page": page})
            rows = answer.records()
            for row in rows:
                self._take(row, harvest)
            if len(rows) < PAGE_SIZE:
                return

    def _take(self, row: Any, harvest: Harvest) -> None:
        """Take one object; what is wrong with it costs this object, and one line."""
        try:
            changed = float(row["changed"])
            if changed > harvest.now:
                return  # nothing known later than `now` may be in the answer
            real = float(row["real"])
            if real >= self.least_real:
                place = {"ra": float(row["ra"]), "dec": float(row["dec"])}
                points = light_curve(str(row["id"]), row["points"], changed)
                which = {"object_id": str(row["id"]), "known_at": changed}
                # A redshift that is null takes back what the service said before.
                said = {"redshift": row["redshift"], "my_survey_real": real}
                harvest.objects.append({**which, "survey": NAME, **place})
                harvest.photometry.append(points)
                harvest.facts.extend(facts_of({**which, **said}))
        except (KeyError, TypeError, ValueError) as error:
            label = row.get("id") if isinstance(row, Mapping) else row
            harvest.problems.append(f"{NAME}: object {label!s:.40} cannot be used: {error!r}")
            return
        # Only what has been taken is not asked for again.
        harvest.cursor["changed"] = max(changed, harvest.cursor.get("changed", changed))
        harvest.saw(changed)


def light_curve(object_id: str, points: list[Mapping[str, Any]], known_at: float) -> pd.DataFrame:
    """Turn points of the service into a photometry table [mjd in d, UTC; fluxes in uJy, AB].

    Parameters
    ----------
    object_id : str
        The survey's id.
    points : list of mapping
        ``id``, ``mjd`` [d, UTC], ``filter``, ``mag`` and ``magerr`` [mag, AB].
    known_at : float
        When the service told of them [d, MJD UTC].

    Raises
    ------
    KeyError
        If a filter is none of `BANDS`, or an entry is missing.
    """
    flux = photometry.flux_from_mag([float(point["mag"]) for point in points])
    magerr = np.array([float(point["magerr"]) for point in points])
    error = photometry.flux_err_from_magerr(flux, magerr)
    return photometry.conform(
        pd.DataFrame(
            {
                "candidate_id": object_id,
                "mjd": [float(point["mjd"]) for point in points],
                "band": [BANDS[point["filter"]] for point in points],
                "flux": flux,
                "flux_err": error,
                "kind": photometry.kind_of(flux, error, NAME),
                "survey": NAME,
                "source": NAME,
                "measurement_id": [str(point["id"]) for point in points],
                "known_at": known_at,
            }
        )
    )
