"""TNS: names, types and redshifts, matched locally against its table of all transients."""

from __future__ import annotations

import json
import math
import zlib
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import SecretStr

from aas2rto.errors import InputError, SourceError
from aas2rto.parts.web_address import WebAddress
from aas2rto.sources import source
from aas2rto.sources.poll_result import DEADLINE_SHARE, Harvest
from aas2rto.sources.tns_table import Delta, Table, date_of, default_folder, read
from aas2rto.sources.transport.answer import Cause, HttpError
from aas2rto.sources.transport.http import Client, Policy
from aas2rto.sources.transport.pacing import Deadline
from aas2rto.tables.report import PollRequest, Report, is_older
from aas2rto.units import Arcsec

URL = "https://www.wis-tns.org"
FILES = "system/files/tns_public_objects/tns_public_objects"

NETWORK = Policy(read=120.0, rate=0.5, burst=5)
"""Anonymous users had 10 questions a minute [measured 2026-10]; what is left stands in each
answer's headers, which are obeyed."""

KEPT_DAYS = 25.0
"""Days back from which daily changes can be had (TNS keeps about a month); before, the whole
table is fetched again."""

STUCK_DAYS = 2.0
"""Days without a daily file after which it is taken to be missing."""

TEXTS = (
    "type",
    "reporting_group",
    "source_group",
    "discovery_date",
    "internal_names",
    "class_bibcodes",
)
NUMBERS = ("redshift", "discovery_mag")
OPTIONAL = tuple(f"tns_{key}" for key in (*TEXTS, *NUMBERS))
"""Annotations that not every object of TNS has."""

HOUR = 1.0 / 24.0
ROUNDING = 1e-6
"""[d] Times in file names and in date lines are the same to a tenth of a second."""


class BrokenFileError(SourceError):
    """A file came, and cannot be read."""


@source("tns", wants="all", annotates=("tns_",))
class Tns:
    """What TNS knows of each candidate: its name, and who classified it as what.

    Parameters
    ----------
    bot_id, bot_name : int and str
        From the TNS account (Bots); TNS refuses whoever does not say who they are.
    api_key : SecretStr
        Of the bot.
    radius : float
        Largest separation of a candidate from its TNS position [arcsec].
    folder : Path or None
        Where the local table is kept (about 15 MB); the user's cache folder by default, where
        projects share it.
    url : str
        Another address, such as that of a test server or of the TNS sandbox.
    network : Policy
        Timeouts, tries and rate.
    """

    def __init__(
        self,
        *,
        bot_id: int,
        bot_name: str,
        api_key: SecretStr,
        radius: Arcsec = 5.0,
        folder: Path | None = None,
        url: WebAddress = URL,
        network: Policy = NETWORK,
    ) -> None:
        self.radius = radius
        self._api_key = api_key
        self._table = Table(default_folder() if folder is None else Path(folder).expanduser())
        marker = {"tns_id": bot_id, "type": "bot", "name": bot_name}
        self._client = Client(
            "tns",
            url,
            policy=network,
            headers={"User-Agent": f"tns_marker{json.dumps(marker, separators=(',', ':'))}"},
            secrets=[api_key],
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def probe(self) -> str:
        """Ask for the changes of one hour.

        Raises
        ------
        HttpError
            If TNS does not answer, or refuses the bot.
        """
        until = self._client.deadline(self._client.policy.read)
        try:
            self._ask("_00", until)
        except HttpError as error:
            if error.cause is not Cause.NOT_FOUND:
                raise
        finally:
            self.close()
        return f"{self._client.host} answers, and knows the bot"

    def poll(self, request: PollRequest) -> Report:
        """Bring the local table up to date, then match all candidates against it."""
        harvest = Harvest("tns", request)
        until = self._client.deadline(DEADLINE_SHARE * request.deadline)
        harvest.part(self._table.load)
        harvest.part(lambda: self._update(harvest, until))
        self.close()
        if math.isfinite(self._table.complete_until):
            harvest.saw(self._table.complete_until)
            self._match(harvest)
        return harvest.report()

    # -- the table --------------------------------------------------------------------------

    def _ask(self, stamp: str, until: Deadline) -> bytes:
        form = {"api_key": self._api_key.get_secret_value()}
        answer = self._client.post(f"{FILES}{stamp}.csv.zip", data=form, until=until)
        if answer.is_page:
            raise answer.unreadable("with a page of HTML in place of data (maintenance?)")
        return answer.content

    def _fetch(self, stamp: str, harvest: Harvest, until: Deadline) -> Delta:
        """Fetch one file; a broken one is an error, for it may be whole the next time."""

        def complain(what: str) -> None:
            harvest.problems.append(f"tns: tns_public_objects{stamp}.csv: {what}")

        content = self._ask(stamp, until)
        try:
            return read(content, complain)
        except InputError as error:
            raise BrokenFileError(
                f"tns ({self._client.host}): tns_public_objects{stamp}.csv.zip cannot be read: "
                f"{error}"
            ) from error

    def _update(self, harvest: Harvest, until: Deadline) -> None:
        table = self._table
        before = table.complete_until
        try:
            if table.complete_until < harvest.now - KEPT_DAYS:
                self._fetch_all(harvest, until)
            broken = self._apply_changes(harvest, until)
            if self._is_stuck(harvest):
                self._fetch_all(harvest, until)
            elif broken is not None:
                raise broken
        except HttpError as error:
            # Our own pacing leaves no room for more questions: the rest comes next time.
            paced = error.cause is Cause.THROTTLED and error.status is None
            if not (paced and math.isfinite(table.complete_until)):
                raise
        finally:
            if table.complete_until != before:
                table.save()

    def _fetch_all(self, harvest: Harvest, until: Deadline) -> None:
        whole = self._fetch("", harvest, until)
        if whole.rows.empty:
            raise SourceError(
                f"tns ({self._client.host}): the table of all objects is empty, which cannot be"
            )
        # The table is made after 0 h UT, of everything before.
        end = whole.end if math.isfinite(whole.end) else math.floor(harvest.now)
        self._table.replace(whole.rows, min(end, harvest.now))
        harvest.cursor["whole_at"] = harvest.now

    def _is_stuck(self, harvest: Harvest) -> bool:
        """Say whether a daily file is missing for good; the whole table is asked for once a day."""
        is_old = self._table.complete_until < harvest.now - STUCK_DAYS
        return is_old and is_older(harvest.cursor.get("whole_at"), harvest.now, 1.0)

    def _apply_changes(self, harvest: Harvest, until: Deadline) -> BrokenFileError | None:
        """Apply files up to one that is broken, which is returned: it may be whole next time."""
        try:
            self._apply_in_turn(harvest, until)
        except BrokenFileError as error:
            return error
        return None

    def _apply_in_turn(self, harvest: Harvest, until: Deadline) -> None:
        """Apply whole days, then hours, until a file has not been made yet or time is over."""
        table, now = self._table, harvest.now
        while until.left() > 0:
            # Of a day that is begun the whole file is taken: changes may come twice.
            day = math.floor(table.complete_until + ROUNDING)
            if day + 1.0 > now + ROUNDING:
                break
            if not self._apply(f"_{date_of(day)}", day, day + 1.0, harvest, until):
                break
        while until.left() > 0 and table.complete_until + HOUR <= now + ROUNDING:
            day = math.floor(table.complete_until + ROUNDING)
            hour = round((table.complete_until - day) * 24.0)
            begin = day + hour * HOUR
            if not self._apply(f"_{hour:02d}", begin, begin + HOUR, harvest, until):
                break

    def _apply(
        self, stamp: str, begin: float, end: float, harvest: Harvest, until: Deadline
    ) -> bool:
        """Apply one file; returns False if it is not there yet, or is that of an earlier day."""
        try:
            delta = self._fetch(stamp, harvest, until)
        except HttpError as error:
            if error.cause is Cause.NOT_FOUND:
                return False
            raise
        # Hourly files carry the hour alone: yesterday's has the same name until today's is made.
        if math.isfinite(delta.begin) and abs(delta.begin - begin) > HOUR / 2.0:
            return False
        self._table.apply(delta.rows, end)
        return True

    # -- the match --------------------------------------------------------------------------

    def _match(self, harvest: Harvest) -> None:
        """Report what has changed about any candidate since it was last reported."""
        wanted = harvest.wanted
        known: dict[str, int] = harvest.cursor.get("matched", {})
        if wanted.empty:
            return
        pairs = self._table.match(
            wanted["ra"].to_numpy(float),
            wanted["dec"].to_numpy(float),
            radius=self.radius,
            aliases=wanted["aliases"].tolist() if "aliases" in wanted else (),
        )
        matched = {}
        rows = self._table.rows.iloc[pairs["row"].to_numpy(int)].to_dict("records")
        for row, place, separation in zip(
            rows, pairs["candidate"].astype(int), pairs["separation"], strict=True
        ):
            candidate = wanted.iloc[place]
            name = str(candidate["candidate_id"])
            facts = facts_of({str(key): value for key, value in row.items()})
            matched[name] = fingerprint(facts)
            if known.get(name) != matched[name]:
                self._report(candidate, facts, round(float(separation), 2), harvest)
        harvest.cursor["matched"] = matched

    @staticmethod
    def _report(candidate: Any, facts: dict[str, Any], separation: float, harvest: Harvest) -> None:
        name, redshift = facts["tns_name"], facts.get("tns_redshift")
        harvest.objects.append(
            {
                "object_id": name,
                "survey": "tns",
                # The candidate's own place, so that it is this candidate that gets the name.
                "ra": float(candidate["ra"]),
                "dec": float(candidate["dec"]),
                "known_at": harvest.now,
                # The other surveys' names of the same object: brokers are asked for it by them.
                "also_known_as": internal_names(facts),
            }
        )
        # What TNS does not say any more is taken back.
        harvest.say(
            name,
            name=f"{facts['tns_prefix']} {name}".strip(),
            spectral_type=facts.get("tns_type"),
            redshift=redshift,
            redshift_source="TNS",
            tns_separation=separation,
            **dict.fromkeys(OPTIONAL) | facts,
        )


def facts_of(row: dict[str, Any]) -> dict[str, Any]:
    """Return the annotations of one row of the table; unknown ones have no key.

    Returns
    -------
    dict
        ``tns_name, tns_prefix`` (AT, SN, ...), ``tns_classified``, and where known ``tns_type,
        tns_redshift, tns_reporting_group, tns_source_group, tns_discovery_date,
        tns_discovery_mag, tns_internal_names, tns_class_bibcodes``.
    """
    found: dict[str, Any] = {
        "tns_name": str(row["name"]),
        "tns_prefix": str(row["prefix"]),
        "tns_classified": bool(row["type"]),
    }
    found |= {f"tns_{key}": str(row[key]) for key in TEXTS if row[key]}
    return found | {f"tns_{key}": float(row[key]) for key in NUMBERS if not pd.isna(row[key])}


def internal_names(facts: dict[str, Any]) -> tuple[str, ...]:
    """Return the names that surveys gave to an object of TNS.

    Parameters
    ----------
    facts : dict
        From `facts_of`; ``tns_internal_names`` is such as ``, ZTF26aaaaaaa, LSST-P-DO-313...``.
        TNS writes Rubin's diaObjectIds with a prefix (lvra-doc, tns.html).
    """
    words = str(facts.get("tns_internal_names", "")).split(",")
    names = (word.strip().removeprefix("LSST-P-DO-") for word in words)
    return tuple(dict.fromkeys(name for name in names if name and name != facts["tns_name"]))


def fingerprint(facts: dict[str, Any]) -> int:
    """Return a number that changes when the facts do; small enough to keep one per candidate."""
    named = [facts, internal_names(facts)]
    return zlib.crc32(json.dumps(named, sort_keys=True).encode())
