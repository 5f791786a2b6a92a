"""`aas2rto check`: is this science case right? Touches no network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aas2rto.cli.arguments import ConfigFile, JsonOption, offline

if TYPE_CHECKING:
    from aas2rto.config import Case, PartConfig


def check(config: ConfigFile, as_json: JsonOption = False) -> None:
    """Load a config, report everything that is wrong with it, show what it resolves to."""
    import json

    from aas2rto import config as configs
    from aas2rto.cli.showing import console

    offline()
    case = configs.load(config, need_secrets=False)
    if as_json:
        print(json.dumps(as_dictionary(case), indent=2))
        return
    out = console()
    for line in lines(case):
        out.print(line, soft_wrap=True, markup=False)


def as_dictionary(case: Case) -> dict[str, object]:
    """Return the resolved science case for programs."""
    return {
        "project": case.project,
        "config": case.digest,
        "sources": {part.name: _settings(part) for part in case.sources},
        "models": {part.name: _settings(part) for part in case.models},
        "factors": {part.name: _settings(part) for part in case.factors},
        "visibility": {case.site_factor.name: _settings(case.site_factor)},
        "observatories": [site.name for site in case.observatories],
        "messages": {part.name: _settings(part) for part in case.messengers},
        "not_set": [str(problem) for problem in case.missing],
    }


def lines(case: Case) -> list[str]:
    """Return the resolved science case for people."""
    config = case.config
    told = [
        f"{case.path}: project {case.project}, config {case.digest}",
        f"  a cycle every {config.loop.interval / 60:g} min; store: {config.store.split('@')[-1]}",
    ]
    sections = {
        "sources": case.sources,
        "models": case.models,
        f"factors (base score {config.score.base:g})": case.factors,
        "visibility": (case.site_factor,),
        "messages": case.messengers,
    }
    for title, parts in sections.items():
        told.append(f"{title}:" + ("" if parts else " none"))
        told.extend(f"  {part.name}: {_shown(part)}" for part in parts)
    told.append("observatories:")
    told.extend(f"  {site.name}: {site.title}" for site in case.observatories)
    told.extend(f"not set: {problem}" for problem in case.missing)
    if case.missing:
        told.append("the science case is right; `run` needs what is not set")
    else:
        told.append("ok")
    return told


def _settings(part: PartConfig) -> dict[str, str]:
    units = {setting.name.rstrip("_"): setting.unit for setting in part.part.settings}
    return {
        name: f"{value} {units.get(name, '')}".strip()
        for name, value in part.options.model_dump().items()
    }


def _shown(part: PartConfig) -> str:
    settings = ", ".join(f"{name}={value}" for name, value in _settings(part).items())
    return settings or "(no settings)"
