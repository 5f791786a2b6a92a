"""Observatories are read from files, one per site, see `observatories/README.md`.

A file is checked as a whole: everything that is wrong with it is reported together, with file and
line.
"""

from __future__ import annotations

import functools
import zoneinfo
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from aas2rto.errors import ConfigError, ConfigProblem, InputError, UnknownNameError
from aas2rto.sky.observatory import (
    ASTRONOMICAL_TWILIGHT_DEG,
    STARLISTS,
    Instrument,
    Observatory,
)
from aas2rto.text.words import nearest
from aas2rto.units import Degree, DegreePerSecond, Hour, Mag, Metre, Second

PACKAGE = Path(__file__).parents[1]


_timezones = functools.cache(zoneinfo.available_timezones)
"""Read once: it walks through hundreds of files."""


def _known_timezone(name: str) -> str:
    known = _timezones()
    if known and name not in known:
        raise PydanticCustomError(
            "timezone",
            "{why}",
            {
                "why": f"{name!r} is no IANA time zone{nearest(name, known)}; "
                "expected a name such as 'America/Santiago'"
            },
        )
    return name


def _known_starlist(name: str) -> str:
    if name not in STARLISTS:
        raise PydanticCustomError(
            "starlist",
            "{why}",
            {
                "why": f"{name!r} is no star list{nearest(name, STARLISTS)} "
                f"(known: {', '.join(STARLISTS)})"
            },
        )
    return name


Latitude = Annotated[Degree, Field(ge=-90, le=90)]
Longitude = Annotated[Degree, Field(ge=-180, le=360)]
Altitude = Annotated[Degree, Field(ge=0, le=90)]
Azimuth = Annotated[Degree, Field(ge=0, le=360)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Position(_Section):
    longitude: Longitude
    latitude: Latitude
    elevation: Annotated[Metre, Field(ge=-500, le=9000)]


class _Point(_Section):
    azimuth: Azimuth
    altitude: Altitude


class _Limits(_Section):
    min_altitude: Altitude | None = None
    max_altitude: Altitude | None = None
    hour_angle: Annotated[Hour, Field(gt=0, le=12)] | None = None
    horizon: tuple[_Point, ...] = ()


class _Moon(_Section):
    min_separation: Annotated[Degree, Field(ge=0, le=180)] | None = None


class _Telescope(_Section):
    aperture: Annotated[Metre, Field(gt=0)] | None = None
    slew_rate: Annotated[DegreePerSecond, Field(gt=0)] | None = None
    settle: Annotated[Second, Field(ge=0)] | None = None
    overhead: Annotated[Second, Field(ge=0)] | None = None
    starlist: Annotated[str, AfterValidator(_known_starlist)] = "csv"


class _Instrument(_Section):
    name: str = ""
    reference_mag: Mag
    reference_time: Annotated[Second, Field(gt=0)]
    sky_mag: Mag | None = None
    extinction: Annotated[Mag, Field(ge=0)] | None = None
    bright_limit: Mag | None = None
    faint_limit: Mag | None = None
    min_exposure: Annotated[Second, Field(ge=0)] | None = None
    max_exposure: Annotated[Second, Field(gt=0)] | None = None

    def instrument(self) -> Instrument:
        return Instrument(
            name=self.name,
            reference_mag=self.reference_mag,
            reference_time_s=self.reference_time,
            sky_mag=self.sky_mag,
            extinction_mag=self.extinction,
            bright_limit_mag=self.bright_limit,
            faint_limit_mag=self.faint_limit,
            min_exposure_s=self.min_exposure,
            max_exposure_s=self.max_exposure,
        )


class _File(_Section):
    """What an observatory's file may say."""

    title: str
    position: _Position
    timezone: Annotated[str, AfterValidator(_known_timezone)] = "UTC"
    twilight: Annotated[Degree, Field(ge=-30, le=0)] = ASTRONOMICAL_TWILIGHT_DEG
    limits: _Limits = _Limits()
    moon: _Moon = _Moon()
    telescope: _Telescope = _Telescope()
    instrument: _Instrument | None = None

    def observatory(self, name: str) -> Observatory:
        return Observatory(
            name=name,
            title=self.title,
            longitude_deg=self.position.longitude,
            latitude_deg=self.position.latitude,
            elevation_m=self.position.elevation,
            timezone=self.timezone,
            twilight_deg=self.twilight,
            min_altitude_deg=self.limits.min_altitude,
            max_altitude_deg=self.limits.max_altitude,
            hour_angle_limit_h=self.limits.hour_angle,
            horizon=tuple(sorted((p.azimuth, p.altitude) for p in self.limits.horizon)),
            moon_separation_deg=self.moon.min_separation,
            aperture_m=self.telescope.aperture,
            slew_rate_deg_s=self.telescope.slew_rate,
            settle_s=self.telescope.settle,
            overhead_s=self.telescope.overhead,
            instrument=self.instrument.instrument() if self.instrument else None,
            starlist=self.telescope.starlist,
        )


def folders(beside: Path | None = None) -> list[Path]:
    """Return where observatories are looked for, the user's own folders first.

    Parameters
    ----------
    beside : Path, optional
        The folder of a config.
    """
    own = [] if beside is None or is_here(beside) else [beside / "observatories"]
    return [
        *own,
        Path("observatories"),
        PACKAGE / "share" / "observatories",  # a normal install
        PACKAGE.parent / "observatories",  # the repository
    ]


def is_here(folder: Path) -> bool:
    """Tell whether a folder is the one where the program was started."""
    return folder.resolve() == Path.cwd()


def available(beside: Path | None = None) -> list[str]:
    """Return the names of all observatories that `load` finds, sorted."""
    return sorted({path.stem for folder in folders(beside) for path in folder.glob("*.yaml")})


def load(name_or_path: str | Path, *, beside: Path | None = None) -> Observatory:
    """Read an observatory.

    Parameters
    ----------
    name_or_path : str or Path
        A name such as ``la_palma_not``, or the path of a YAML file.
    beside : Path, optional
        The folder of a config: names and relative paths are looked for there first.

    Raises
    ------
    UnknownNameError
        If there is no such file; the text offers the nearest name and says where was looked.
    ConfigError
        With everything that is wrong with the file, together.
    """
    path = _find(str(name_or_path), beside)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    return parse(text, path)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that no file system takes
        return False


def _find(name: str, beside: Path | None) -> Path:
    if name.endswith((".yaml", ".yml")) or "/" in name:
        path = Path(name).expanduser()
        if beside is not None and _is_file(beside / path):
            return beside / path
        if not _is_file(path):
            raise UnknownNameError(f"there is no observatory file {path}")
        return path
    for folder in folders(beside):
        if _is_file(folder / f"{name}.yaml"):
            return folder / f"{name}.yaml"
    known = available(beside)
    raise UnknownNameError(
        f"no observatory is called {name!r}{nearest(name, known)} "
        f"(known: {', '.join(known) or 'none'}; looked in {', '.join(map(str, folders(beside)))})"
    )


def parse(text: str, path: Path) -> Observatory:
    """Check the text of an observatory's file.

    Parameters
    ----------
    text : str
        YAML.
    path : Path
        Where it came from; its stem becomes the observatory's name.

    Raises
    ------
    ConfigError
        With everything that is wrong, together.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError([_not_yaml(path, error)]) from error
    except (ValueError, TypeError, LookupError, OverflowError, RecursionError) as error:
        # YAML's own types: a date such as 2026-02-30, a text that nests for ever.
        message = f"cannot be read: {type(error).__name__}: {error!s:.80}"
        raise ConfigError([ConfigProblem(f"{path}:1", "(file)", message)]) from error
    if not isinstance(root, yaml.MappingNode):
        message = "is empty or no mapping; expected settings such as 'title: ...'"
        raise ConfigError([ConfigProblem(f"{path}:1", "(file)", message)])
    lines = dict(_lines(root))
    problems = list(_repeated(root, path))
    try:
        checked = _File.model_validate(content)
    except ValidationError as error:
        problems += [_problem(detail, path, lines) for detail in error.errors()]
    if problems:
        raise ConfigError(sorted(problems, key=_place))
    return checked.observatory(path.stem)


def _place(problem: ConfigProblem) -> tuple[int, str]:
    return int(problem.where.rpartition(":")[2]), problem.key


def _not_yaml(path: Path, error: yaml.YAMLError) -> ConfigProblem:
    mark = getattr(error, "problem_mark", None)
    line = mark.line + 1 if mark is not None else 1
    what = getattr(error, "problem", None) or str(error)
    return ConfigProblem(f"{path}:{line}", "(file)", f"is not YAML: {what}")


Location = tuple[str | int, ...]


def _lines(node: yaml.Node, at: Location = ()) -> Iterator[tuple[Location, int]]:
    """Yield the line of each setting, counted from 1."""
    if not at:
        yield at, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*at, key.value)
            yield here, key.start_mark.line + 1
            yield from _lines(value, here)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield (*at, index), value.start_mark.line + 1
            yield from _lines(value, (*at, index))


def _repeated(node: yaml.Node, path: Path, at: Location = ()) -> Iterator[ConfigProblem]:
    """Yield keys that stand twice, of which YAML silently takes the last."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            here = (*at, key.value)
            if key.value in seen:
                where = f"{path}:{key.start_mark.line + 1}"
                yield ConfigProblem(where, _dotted(here), "stands twice; keep one")
            seen.add(key.value)
            yield from _repeated(value, path, here)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _repeated(value, path, (*at, index))


def _dotted(at: Location) -> str:
    return ".".join(str(part) for part in at) or "(file)"


def _problem(detail: ErrorDetails, path: Path, lines: dict[Location, int]) -> ConfigProblem:
    at = tuple(detail["loc"])
    known = at
    while known not in lines:  # a missing setting has no line: its section has
        known = known[:-1]
    return ConfigProblem(f"{path}:{lines[known]}", _dotted(at), _message(detail, at))


def _message(detail: ErrorDetails, at: Location) -> str:
    if detail["type"] == "extra_forbidden":
        keys = _section(at[:-1]).model_fields
        return f"is unknown{nearest(str(at[-1]), keys)} (known: {', '.join(keys)})"
    if detail["type"] == "missing":
        return "is missing, but required"
    if detail["type"] in {"model_type", "model_attributes_type"}:
        return f"expected settings ({', '.join(_section(at).model_fields)})"
    return detail["msg"].replace("Input should be", f"{detail['input']!r} should be")


def _section(at: Location) -> type[_Section]:
    """Find the model that checks the section at `at`."""
    if not at:
        return _File
    kind = _File.model_fields[str(at[0])].annotation
    if "horizon" in at:
        kind = _Point
    return _Instrument if at[0] == "instrument" else kind  # type: ignore[return-value]
