"""What `check` and `list` show can be copied into a config."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel, SecretStr

from aas2rto.config.load import load
from aas2rto.parts.setting_text import in_yaml, settings_in_yaml
from aas2rto.units import Day, Mag, PerDay

ROOT = Path(__file__).resolve().parents[2]


class Inner(BaseModel):
    """Settings within settings."""

    rate: PerDay = -1.0
    waits: tuple[Day, ...] = (1.0, 2.5)


class Options(BaseModel):
    """Settings of every sort."""

    limit: Mag | None = 18.5
    depth: Mag | None = None
    bands: tuple[str, ...] = ("ztfg", "ztfr")
    redshift: tuple[float, float] = (0.0, 0.2)
    forced: bool = True
    inner: Inner = Inner()
    token: SecretStr = SecretStr("hush")
    digest: str = "16:00"
    name: str = ""


def test_settings_are_written_as_in_a_config() -> None:
    """No tuples, no `None`, no units of Python."""
    assert settings_in_yaml(Options()) == {
        "limit": "18.5 mag",
        "depth": "null",
        "bands": "[ztfg, ztfr]",
        "redshift": "[0, 0.2]",
        "forced": "true",
        "inner": "{rate: -1 / day, waits: [1 day, 2.5 day]}",
        "token": "***",
        "digest": "'16:00'",
        "name": "''",
    }


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (61119.9166667, "61119.9166667"),
        (67108864, "67108864"),
        (1e-5, "1e-05"),
        ("3", "'3'"),
        ({"a": [1.0, None]}, "{a: [1, null]}"),
        ("${TOKEN}", "'${TOKEN}'"),
        ((), "[]"),
        (Path("a/b"), "a/b"),
        ("1 + exp(-5 * x)", "1 + exp(-5 * x)"),
    ],
)
def test_values(value: Any, expected: str) -> None:
    assert in_yaml(value) == expected


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sn_ia_peak", "fink_live", "lasair_live", "alerce_live"])
def test_what_a_config_resolves_to_is_a_config(name: str) -> None:
    """Every setting that is shown would be accepted, and mean the same."""
    case = load(ROOT / "configs" / f"{name}.yaml", environment={}, need_secrets=False)
    for part in (*case.sources, *case.models, *case.factors, case.site_factor):
        if part.missing:
            continue
        written = settings_in_yaml(part.options)
        text = "{" + ", ".join(f"{key}: {value}" for key, value in written.items()) + "}"
        again = part.part.options.model_validate(yaml.safe_load(text))
        assert settings_in_yaml(again) == written
