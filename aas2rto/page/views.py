"""What each page shows: the words of its template, from one night."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from aas2rto import __version__
from aas2rto.config.all_settings import settings_of
from aas2rto.config.redaction import Redactor
from aas2rto.factors import Decision
from aas2rto.outputs.cells import sexagesimal
from aas2rto.page import classes, words
from aas2rto.page.altitude_svg import large_curve, small_curves
from aas2rto.page.desk import Desk, Said
from aas2rto.page.folded import folded
from aas2rto.page.light_curve_svg import band_class, light_curve, rank_history
from aas2rto.page.links import Links
from aas2rto.page.near import near
from aas2rto.page.night import Night
from aas2rto.page.rights import Right
from aas2rto.page.rows import SORTS, Wanted, listed
from aas2rto.steps.streams import Verdict
from aas2rto.tables.photometry import LIMIT, mag_from_flux, magerr_from_flux
from aas2rto.text.words import counted, iso

TEMPLATES = Path(__file__).parent / "templates"

KINDS: tuple[tuple[str, str, str], ...] = (
    ("observed", "o", "Observed"),
    ("failed", "f", "Failed"),
    ("clouded", "w", "Clouded"),
    ("veto", "x", "Veto"),
    ("pin", "p", "Pin"),
    ("snooze", "s", "Snooze 1 d"),
)
"""Marks with a button: the kind, its key, and what stands on the button."""

OPINIONS = (("possible", "y", "Possible"), ("bogus", "n", "Bogus"))
"""Marks that say what a candidate is thought to be, in the same form."""

REPLAYED = 1.0
"""A cycle that is older than this [d] is of another night: it is said."""

MOST_POINTS, MOST_MARKS = 500, 200
"""Rows of photometry, and marks, that a page shows, the newest; the API has all."""


@dataclass(frozen=True)
class Asked:
    """Who asks for a page, and how.

    Parameters
    ----------
    links : Links
    right : Right
    csrf : str
        What forms carry.
    back : str
        Where a form leads back to: this page.
    author : str
        Who marks.
    said : Said or None
        The mark that was just taken.
    trouble : str
        Why what is shown is not the newest.
    """

    links: Links
    right: Right = Right.READ
    csrf: str = ""
    back: str = ""
    author: str = ""
    said: Said | None = None
    trouble: str = ""


class Views:
    """The pages of one science case.

    Parameters
    ----------
    desk : Desk
        Answers what is asked of one candidate.
    hide : Redactor
        Takes secrets out of what services and people say.
    """

    def __init__(self, desk: Desk, hide: Redactor) -> None:
        self.desk, self.hide = desk, hide
        self._templates = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters |= words.FILTERS

    def render(self, template: str, asked: Asked, night: Night | None, **more: Any) -> str:
        """Return a page.

        Parameters
        ----------
        template : str
            Without its end.
        asked : Asked
        night : Night or None
        **more
            What only this page shows.
        """
        told = {"asked": asked, "links": asked.links, "night": night, "kinds": KINDS}
        told["opinions"] = OPINIONS
        told |= {"version": __version__, "page": template, "can_write": asked.right >= Right.WRITE}
        told |= {"live": asked.links.is_live, "state": None if night is None else state_of(night)}
        return self._templates.get_template(f"{template}.html").render(told | more)

    def tonight(self, asked: Asked, night: Night, name: str, wanted: Wanted) -> str:
        """Return a list; the night of its site is drawn for the rows that are shown."""
        ranking = night.ranking(name)
        if ranking is None:
            raise KeyError(name)
        found = listed(night, ranking, wanted)
        case = night.parts.case
        site = next((one for one in case.observatories if one.name == name), None)
        curves = [""] * len(found.rows)
        if site is not None:
            curves = small_curves(site, ranking, found.table, night.mjd)
        return self.render(
            "tonight",
            asked,
            night,
            name=name,
            site=site,
            found=found,
            rows=list(zip(found.rows, curves, strict=True)),
            wanted=wanted,
            sorts=[one for one in SORTS if site is not None or one not in {"altitude", "sets"}],
            idle=night.report.get("idle", {}).get(name, ""),
            out=len(ranking.out),
        )

    def candidate(
        self, asked: Asked, night: Night, candidate_id: str, *, whole: bool, period: str = ""
    ) -> str:
        """Return all that is known of a candidate.

        Parameters
        ----------
        asked, night, candidate_id
        whole : bool
            Also what would bring it in, which may take a while.
        period : str
            By which the light curve is folded [d], or ``find``.
        """
        found = self.desk.candidate(night, candidate_id)
        told, subject = found.told, found.subject
        sites = [site.name for site in night.parts.case.observatories]
        ra, dec = (np.array([told[key]]) for key in ("ra", "dec"))
        points = _points(subject.points, night.mjd)
        bands = dict.fromkeys(row["band"] for row in points)
        return self.render(
            "candidate",
            asked,
            night,
            told=told,
            subject=subject,
            hms=sexagesimal(ra, "ra_hms")[0],
            dms=sexagesimal(dec, "dec_dms")[0],
            curve=light_curve(subject),
            folded=folded(subject, period),
            bands=[(band, band_class(band)) for band in bands],
            nights=[(one, large_curve(one, night.mjd)) for one in subject.sites],
            history=rank_history(subject, sites),
            sites=sites,
            points=points[:MOST_POINTS],
            n_points=len(points),
            fits=_fits(told["fits"]),
            would=self.desk.would(night, candidate_id) if whole else None,
            whole=whole,
            elsewhere=elsewhere(told),
            near=near(night, told),
            sent=[one | {"words": self.hide(one["words"])} for one in found.sent],
            annotations={
                str(k): self.hide(str(v)) for k, v in classes.without(told["annotations"]).items()
            },
            classifiers=classes.drawn(told["annotations"]),
        )

    def would(self, asked: Asked, night: Night, candidate_id: str) -> str:
        """Return what would bring a candidate in: a piece of a page."""
        found = self.desk.would(night, candidate_id)
        return self.render("would", asked, night, would=found)

    def why(self, asked: Asked, night: Night, name: str) -> str:
        """Return what became of any id or name, and where all candidates went."""
        told = self.desk.why(night, name) if name.strip() else None
        return self.render("why", asked, night, told=told, funnel=funnel(night))

    def sources(self, asked: Asked, night: Night) -> str:
        """Return how the sources are doing, and what the newest cycle told."""
        rows = [source_row(name, one, self.hide) for name, one in night.sources.items()]
        told = {key: night.report.get(key) or [] for key in ("problems", "notes")}
        hidden = {key: [self.hide(str(one)) for one in lines[:50]] for key, lines in told.items()}
        timings = night.report.get("timings", {})
        more = {"failures": [self.hide(str(one)) for one in night.judged.failures[:50]]}
        return self.render("sources", asked, night, rows=rows, timings=timings, **hidden, **more)

    def config(self, asked: Asked, night: Night) -> str:
        """Return every setting, with its default; secrets are hidden."""
        case = night.parts.case
        rows = [
            {"key": one.key, "value": self.hide(one.value), "default": self.hide(one.default)}
            for one in settings_of(case)
        ]
        return self.render("config", asked, night, rows=rows, case=case)

    def marks(self, asked: Asked, night: Night, now: float) -> str:
        """Return what people said, the newest first."""
        rows = self.desk.marks(now)
        return self.render("marks", asked, night, rows=rows[:MOST_MARKS], total=len(rows))


def state_of(night: Night) -> dict[str, Any]:
    """Say how old what is shown is, and whether the loop runs with the same config."""
    cycle = night.report.get("now_mjd")
    other = night.report.get("config") not in {None, night.parts.case.digest}
    age = None if cycle is None else night.mjd - float(cycle)
    return {
        "now": iso(night.mjd).replace("T", " "),
        "cycle": None if cycle is None else iso(float(cycle)).replace("T", " "),
        "cycle_age": age,
        "is_old": age is not None and age > REPLAYED,
        "other_config": other,
        "funnel": funnel(night),
        "ill": [n for n, one in night.sources.items() if one.is_failing or one.is_dark],
    }


def funnel(night: Night) -> dict[str, Any]:
    """Count where the candidates went, as they are judged now, and who was rejected before."""
    report = night.report.get("funnel") or {}
    verdict = night.judged.scored.verdict
    by = {
        decision: Counter(np.asarray(verdict.factor, dtype=object)[verdict.decision == decision])
        for decision in (Decision.EXCLUDE, Decision.REJECT)
    }
    excluded = {str(one): n for one, n in sorted(by[Decision.EXCLUDE].items())}
    rejected = by[Decision.REJECT] + Counter(report.get("rejected") or {})
    ranked = len(night.judged.rankings[0].table)
    total = ranked + sum(excluded.values()) + sum(rejected.values())
    return {"rejected": dict(rejected), "excluded": excluded, "ranked": ranked, "total": total}


def source_row(name: str, verdict: Verdict, hide: Redactor) -> dict[str, Any]:
    """Say how a source is doing, ready for JSON."""
    state = verdict.state
    word = "ok"
    if state.last_poll is None:
        word = "never asked"
    elif verdict.is_failing:
        word = f"failing ({counted(state.failures, 'time')} in a row)"
    elif verdict.is_dark:
        word = "stream dark"
    return {
        "source": name,
        "verdict": word,
        "last_success_mjd": state.last_success,
        "newest_alert_mjd": state.newest_alert,
        "failures": state.failures,
        "lag": verdict.lag,
        "dark": verdict.is_dark,
        "last_error": hide(state.last_error or ""),
        "next_try_mjd": state.retry_at,
    }


def _points(table: Any, now: float) -> list[dict[str, Any]]:
    """Return photometry as rows of a table, the newest first."""
    rows = []
    for row in table.sort_values("mjd", ascending=False, kind="stable").to_dict("records"):
        is_limit = row["kind"] == LIMIT
        flux = np.array([row["limit"] if is_limit else row["flux"]], dtype=float)
        error = np.array([row["flux_err"]], dtype=float)
        mag = float(mag_from_flux(flux)[0]) if flux[0] > 0 else None
        err = None if is_limit or mag is None else float(magerr_from_flux(flux, error)[0])
        rows.append(
            {
                "mjd": float(row["mjd"]),
                "ago": now - float(row["mjd"]),
                "band": str(row["band"]),
                "kind": str(row["kind"]),
                "mag": mag,
                "magerr": err,
                "survey": str(row["survey"]),
                "source": str(row["source"]),
            }
        )
    return rows


def _fits(fits: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Put the fits side by side: what each parameter is, model by model."""
    names: dict[str, None] = {}
    for fit in fits.values():
        names |= dict.fromkeys(fit.get("parameters") or {})
    rows = []
    for name in names:
        cells = []
        for fit in fits.values():
            value = (fit.get("parameters") or {}).get(name)
            error = (fit.get("errors") or {}).get(name)
            cells.append(_value(name, value, error))
        if any(cells):
            rows.append((name, cells))
    return {"models": list(fits.items()), "rows": rows}


def _value(name: str, value: Any, error: Any) -> str:
    if not isinstance(value, int | float):
        return "" if value is None else words.name(value)
    told = f"{value:.2f}" if name.startswith(("t0", "t_peak")) else f"{value:.4g}"
    return told if not isinstance(error, int | float) else f"{told} ± {error:.2g}"


def elsewhere(told: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return other people's pages about a place in the sky; nothing is asked of them here."""
    ra, dec = float(told["ra"]), float(told["dec"])
    place = f"{ra:.6f}%20{dec:+.6f}".replace("+", "%2B")
    return [
        ("TNS", f"https://www.wis-tns.org/search?ra={ra:.6f}&decl={dec:.6f}&radius=5"),
        (
            "SIMBAD",
            f"https://simbad.cds.unistra.fr/simbad/sim-coo?Coord={place}&Radius=10&Radius.unit=arcsec",
        ),
        ("Legacy Survey", f"https://www.legacysurvey.org/viewer?ra={ra:.6f}&dec={dec:.6f}&zoom=15"),
    ]
