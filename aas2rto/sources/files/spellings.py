"""How columns are called: every spelling of a time, a band, a flux that tables are read with.

A person's table says the same things under many names. `ROLES` holds those that are understood,
`ASIDE` those that look like something measured and are left aside on purpose; whatever else looks
measured is named in a line, so that nothing is passed over in silence.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass

from aas2rto.sources.files.units import UNIT_WORDS


@dataclass(frozen=True)
class Role:
    """One thing that a table can say.

    Parameters
    ----------
    name : str
        Ours.
    what : str
        What it is, with its unit.
    spellings : tuple of str
        Names of columns, as `plain` writes them; the first that is there is read.
    """

    name: str
    what: str
    spellings: tuple[str, ...]


def _role(name: str, what: str, spellings: str) -> Role:
    return Role(name, what, tuple(spellings.split()))


ROLES: tuple[Role, ...] = (
    _role(
        "id",
        "which object; without it, one object per file, called like the file",
        "candidate_id object_id objectid oid diaobjectid snid object obj_id objname object_name "
        "target target_name star_name name id",
    ),
    _role(
        "ra",
        "right ascension, ICRS: degrees, or hours as 10:20:30.5 or with the unit hour",
        "ra ra_deg raj2000 _raj2000 ra_icrs radeg ra_j2000 right_ascension meanra ramean alpha",
    ),
    _role(
        "dec",
        "declination, ICRS: degrees, or -05:15:20",
        "dec dec_deg dej2000 _dej2000 de_icrs decj2000 decdeg dec_j2000 decl declination "
        "meandec decmean delta",
    ),
    _role(
        "place",
        "right ascension and declination in one column: 10:20:30.5 -05:15:20",
        "coordinates coords coord position radec ra_dec skycoord",
    ),
    _role("mjd", "time: MJD, UTC", "mjd mjd_utc mjd_obs obs_mjd obsmjd mjd_start time_mjd"),
    _role(
        "jd",
        "time: JD, UTC; heliocentric and barycentric ones as they are (up to 8 min); "
        "'JD-2450000' is understood",
        "jd jd_utc jd_obs obs_jd obsjd hjd bjd bjd_tdb",
    ),
    _role(
        "time",
        "time: ISO 8601, YYYY-MM-DD.ddd, YYYYMMDD, MJD or JD; UTC if it says no other",
        "time date obstime obsdate date_obs obs_date observation_date datetime ut_date utc "
        "date_utc isot",
    ),
    _role("mjd_tai", "time: MJD, TAI", "mjd_tai midpointmjdtai expmidptmjd"),
    _role("jd_tcb", "time: JD, TCB (Gaia)", "jd_tcb"),
    _role(
        "band",
        "passband: ztfg, ZTF_g, zg, lsstr, atlaso, o, or a letter or code whose survey is known",
        "band filter passband band_name fid filtercode flt filt filter_name bandpass f",
    ),
    _role(
        "mag",
        "magnitude, AB unless the table says Vega; '>20.5' is a limit",
        "mag magpsf magnitude unforced_mag psfmag mag_psf averagemag m",
    ),
    _role(
        "magerr",
        "1 sigma of the magnitude",
        "magerr mag_err sigmapsf mag_error e_mag dmag magnitude_error magnitude_err "
        "unforced_mag_error mag_unc psfmagerr merr emag sigma_mag err_mag averagemag_err dm",
    ),
    _role(
        "flux",
        "flux, may be negative: uJy, or what its unit, its name, 'zp' or 'mag' says",
        "psfflux flux flux_density fnu fluxcal forcediffimflux forced_ujy ujy",
    ),
    _role(
        "flux_err",
        "1 sigma of the flux, in the unit of the flux if it says no other",
        "psffluxerr flux_err fluxerr flux_error e_flux dflux flux_unc eflux sigma_flux err_flux "
        "flux_density_err fnu_err fluxcalerr forcediffimfluxunc forced_ujy_error dujy",
    ),
    _role(
        "error",
        "1 sigma of what else is there: the magnitude, else the flux",
        "error err uncertainty unc",
    ),
    _role(
        "zp",
        "zero point of the flux [mag, AB unless zpsys says Vega]",
        "zp zeropoint zero_point zpdiff magzpsci magzp",
    ),
    _role(
        "limit",
        "5-sigma limit: a magnitude, or a flux where the table has fluxes only",
        "limit diffmaglim limmag limitmag maglim limiting_mag limiting_magnitude limitingmag "
        "mag_limit lim_mag mag5sig upper_limit_mag flux_limit",
    ),
    _role(
        "is_limit",
        "true where the magnitude of the row is a limit; a number is the limit",
        "is_limit ul upper_limit upperlimit upper_lim",
    ),
    _role("magsys", "magnitude system: AB or Vega", "magsys zpsys mag_system magsystem system"),
    _role(
        "kind",
        "detection, valid, positive, negative, limit, upperlim, suspect, badquality",
        "kind tag unforced_mag_status",
    ),
    _role("isdiffpos", "t or 1: brighter than the template; f, 0 or -1: fainter", "isdiffpos"),
    _role("rb", "ZTF's real-bogus score; below 0.55 suspect", "rb"),
    _role("nbad", "ZTF's bad pixels; above 0 suspect", "nbad"),
    _role("infobits", "quality bits of a ZTF image; from 33554432 suspect", "infobitssci infobits"),
    _role("sigpix", "noise of a ZTF image [DN]; above 25 suspect", "scisigpix"),
    _role("seeing", 'seeing of a ZTF image [pixel of 1.01"]; above 4 suspect', "sciinpseeing"),
    _role("procstatus", "status of ZTF's forced photometry; 61 and more suspect", "procstatus"),
    _role(
        "survey", "ztf, lsst, atlas, asassn, gaia, aavso, or a name of your own", "survey tid sid"
    ),
    _role(
        "telescope",
        "who measured: rows of other telescopes in one band stay apart",
        "telescope tel instrument_name instrument tel_inst",
    ),
    _role(
        "measurement_id",
        "name of the measurement, so that the same one is taken once",
        "measurement_id candid diasourceid",
    ),
    _role("known_at", "when the row was known [MJD, UTC]; else when it was measured", "known_at"),
    _role("redshift", "redshift", "redshift z zhel redshift_final redshift_helio"),
    _role(
        "spectral_type",
        "spectral type; 'type' and 'class' only where they hold such: a broker's guess (Fink's "
        "v:classification, ALeRCE's class, Sherlock's) is kept as fink_classification, "
        "alerce_class or lasair_sherlock",
        "spectral_type tns_type sn_type obj_type classification type class",
    ),
    _role("tns", "name in TNS", "tns tns_name iauid"),
)

COLUMNS: dict[str, tuple[str, ...]] = {role.name: role.spellings for role in ROLES}

ASIDE: dict[str, str] = {
    r".*_corr(_ext)?|magap.*|sigmagap.*|mag_?nr|sigmagnr|magg?nr.*|template_?flux.*"
    r"|.*science_?flux.*": "total or reference brightness, not that of the transient",
    r"exp(osure)?_?time\w*|ra_?dec_?cov|trail\w*|dipole\w*|\w*_?flag(_\w*)?|pixelflags\w*"
    r"|[ab]image(rat)?|\w*(source|object|nr|rms|unc|gaia(bright)?)_?(mag|flux)\w*|ssmagnr"
    r"|magzpsci(unc|rms)|maggaia\w*|zp\w*unc": "about the image, its shape or its flags",
    r"forcediffim.*ap|forcediffimfluxuncap|forcediffim(snr|chisq)"
    r"|(psf|ap|science)flux\w*": "another measurement of the same exposure",
    r"nearestref.*|refjd.*|zpmag.*|.*galmag.*|.*(sgmag|srmag|simag|szmag)\d?|magdiff"
    r"|magfromlim": "about the image or its neighbours",
    r"delta_time|from_upper|jd_first_real_det|mag_rate|upper_rate"
    r"|(peak|disc|discovery|latest|last|first|max|min|new|mean|std|jd(start|end|min|max)).*"
    r"|.*(_ago|_start|_end)|jd(start|end|min|max|starthist|endhist"
    r"|startref|endref)\w*": "about the light curve as a whole",
    r"time(processed|withdrawn)\w*|created_?at|modified|time_?received|.*lastmodified|time_?created"
    r"|utc_?(created|received)|night_date": "when a row was written, not when it was measured",
    r"(ra|dec)_?(unc|err|error)|e_(ra|dec)|(ra|dec)(err)?sex|field_?(ra|dec)|limit(ing_mag)?_?n?sigma"
    r"|(ra|dec)(err|nr|_nr)|(ra|dec)\d*corr": "beside the position",
    r"date|.*date|time|utc?|.*_utc|hjd|jd|mjd": "a second time of the same row",
    r"sigmapsf|magerr|fluxerr|flux_adu|dflux_adu|snr|scisigpix|explosion|quality|cmag|kmag|"
    r"comp_star.*|mag5sig|diffmaglim|limit|limiting_mag": "a second value of the same row",
}
"""Columns that look like something measured and are not read, by pattern: why."""

_MEASURED = re.compile(
    r"mag|flux|fnu|(^|_)[munk]?jy($|_)|mjd|(^|_)[hb]?jd($|_)|^(ra|dec)($|_)|_(ra|dec)$|^glon|^glat"
    r"|time|date|limit|upper|_lim($|_)"
)
_PREFIX = re.compile(r"^[a-z]:")
_UNIT_AFTER = re.compile(r"^(.*?)\s*[\[(]([^\])]*)[\])]$")
_OFFSET = re.compile(r"^([mhb]?jd)\s*-\s*(\d+(?:\.\d+)?)$")
_UNIT_INSIDE = re.compile(r"^(\w+?)_(njy|ujy|mjy|jy|vega|ab|hours?|hr)(_(?:err|error|unc))?$")


LONGEST_NAME = 200
"""Of a column; the rest of a longer one, which is none that we know, is not looked at."""


@dataclass(frozen=True)
class Name:
    """The name of a column, taken apart.

    Parameters
    ----------
    plain : str
        In lower case, without unit, prefix and signs.
    unit : str
        The unit in the name, such as ``mJy`` of ``flux [mJy]``.
    offset : float
        What a shortened date leaves out: 2450000 of ``JD-2450000``.
    """

    plain: str
    unit: str = ""
    offset: float = 0.0


@functools.lru_cache(maxsize=4096)
def name_of(raw: str) -> Name:
    """Take the name of a column apart.

    Examples
    --------
    >>> name_of("i:magpsf").plain, name_of("Mag Error").plain, name_of("flux(mJy)").unit
    ('magpsf', 'mag_error', 'mJy')
    """
    text = _PREFIX.sub("", raw[:LONGEST_NAME].strip().strip("#").strip())
    shortened = _OFFSET.match(text.lower())
    if shortened:
        return Name(shortened.group(1), offset=float(shortened.group(2)))
    unit = ""
    bracket = _UNIT_AFTER.match(text)
    if bracket and _is_unit(bracket.group(2), text):
        text, unit = bracket.group(1), bracket.group(2).strip()
    leading = "_" if text.startswith("_") else ""
    plain = leading + re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
    if plain not in _known():
        inside = _UNIT_INSIDE.match(plain)
        shorter = f"{inside.group(1)}{inside.group(3) or ''}" if inside else ""
        if inside and shorter in _known():
            return Name(shorter, unit or _CASED.get(inside.group(2), inside.group(2)))
    return Name(plain, unit)


def _is_unit(words: str, text: str) -> bool:
    """Say whether what stands in brackets is a unit; in square ones it always is."""
    plain = words.strip().lower()
    return plain in UNIT_WORDS or text.endswith("]") or "jy" in plain or "erg" in plain


_CASED = {"njy": "nJy", "ujy": "uJy", "mjy": "mJy", "jy": "Jy"}


@functools.cache
def _known() -> frozenset[str]:
    return frozenset(name for names in COLUMNS.values() for name in names)


def is_known(raw: str) -> bool:
    """Say whether a column of this name is read."""
    return name_of(raw).plain in _known()


@functools.lru_cache(maxsize=4096)
def _why_aside(plain: str) -> str:
    return next((why for names, why in ASIDE.items() if re.fullmatch(names, plain)), "")


def looks_measured(raw: str) -> bool:
    """Say whether a name looks like a flux, magnitude, time, position or limit.

    Those of `ASIDE` do not: they are left aside on purpose.
    """
    plain = name_of(raw).plain
    return bool(_MEASURED.search(plain)) and not _why_aside(plain)


def found_in(names: Iterable[str]) -> dict[str, str]:
    """Return the column for each role that is there: our name -> theirs."""
    given: dict[str, str] = {}
    for raw in names:
        given.setdefault(name_of(raw).plain, raw)
    return {
        role.name: given[spelling]
        for role in ROLES
        for spelling in [next((s for s in role.spellings if s in given), None)]
        if spelling is not None
    }
