"""Names become parts: built in, from installed packages, and from a user's own file."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace

import pytest
from pydantic import SecretStr, ValidationError

from aas2rto.config.load import load
from aas2rto.errors import UnknownNameError
from aas2rto.factors import FACTORS, Needs
from aas2rto.models import MODELS
from aas2rto.parts import registry
from aas2rto.parts.registry import Registry, Setting
from aas2rto.units import Mag


def user_file(folder: Path, code: str, name: str = "mine.py") -> Path:
    path = folder / name
    path.write_text(textwrap.dedent(code))
    return path


def words(call) -> str:
    with pytest.raises(UnknownNameError) as caught:
        call()
    return str(caught.value)


def test_built_in_parts_are_found_by_name():
    """A file in a room is enough to be found."""
    part = FACTORS.get("magnitude")
    assert part.kind == "factor"
    assert part.extras["needs"] is Needs.LIGHT_CURVE
    assert part.summary.startswith("Rank by the latest magnitude")
    assert {"magnitude", "detections", "expression"} <= set(FACTORS.names())
    assert FACTORS.names() == sorted(FACTORS.names())


def test_a_misspelt_name_is_answered_with_the_nearest_and_all_known():
    """The error offers what was probably meant."""
    said = words(lambda: FACTORS.get("magnitud"))
    assert said.startswith("no factor is called 'magnitud'; did you mean 'magnitude'? (known: ")
    assert "time_span" in said


def test_a_name_far_from_all_others_gets_no_guess():
    """A wild guess would lead astray."""
    assert words(lambda: FACTORS.get("zzz")).startswith("no factor is called 'zzz' (known: ")


def test_settings_of_ones_own_may_name_files(tmp_path):
    """Whoever marks them so is told by `check` what is missing."""
    user_file(
        tmp_path,
        """
        from aas2rto.parts.path_setting import DataPath
        def listed(candidates, now, *, table: DataPath | None = None): return 1
        """,
    )
    part = FACTORS.get(f"{tmp_path}/mine.py:listed")
    case_file = tmp_path / "case.yaml"
    case_file.write_text(
        f"project: p\nscore: {{factors: [{{'{tmp_path}/mine.py:listed': {{table: a.csv}}}}]}}\n"
        "observatories: [la_palma_not]\n"
    )
    case = load(case_file, environment={})
    assert part.settings[0].on_disk is not None
    assert [str(one).partition("; ")[0] for one in case.absent] == [
        f"{case_file}:2: score.factors[0].{tmp_path}/mine.py:listed.table: "
        f"there is no a.csv in {Path.cwd()}, the folder where you started, nor beside the config"
    ]


def test_settings_are_the_keyword_arguments_with_units_and_defaults():
    """`list` shows what a config may say."""
    shown = [str(setting) for setting in FACTORS.get("time_span").settings]
    assert shown == ["midpoint: 25 day", "rate: -1 / day", "max: 30 day"]
    shown = [str(setting) for setting in FACTORS.get("expression").settings]
    assert shown[0] == "formula (required)"
    assert str(Setting("depth", None, "mag", True)) == "depth [mag] (required)"


def test_unknown_settings_and_missing_ones_are_refused():
    """A key that does nothing is worse than an error."""
    options = FACTORS.get("expression").options
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        options(formula="1", formul="2")
    with pytest.raises(ValidationError, match="Field required"):
        options()


def test_numbers_of_a_config_are_finite():
    """`.nan` or `.inf` in a config would spoil every score in silence."""
    for value in (float("nan"), float("inf")):
        with pytest.raises(ValidationError, match="finite number"):
            FACTORS.get("peak").options(amplitude=value)


def test_names_that_python_reserves_end_in_an_underscore_inside():
    """A config says `class`, the part `class_`."""
    part = registry.Part("source", "x", _Reserved)
    options = part.options.model_validate({"class": "SN"})
    assert part.arguments(options) == {"class_": "SN", "limit": 1.0}


class _Reserved:
    def __init__(self, *, class_: str, limit: Mag = 1.0) -> None:
        self.class_ = class_


def test_a_class_without_settings_takes_none():
    """A part need not have an `__init__`."""

    class Bare:
        """Nothing to set."""

    part = registry.Part("source", "bare", Bare)
    assert part.settings == []
    assert part.arguments(part.options()) == {}


def test_secrets_hide_in_checked_settings():
    """A token never shows in a printed config."""

    class Service:
        def __init__(self, *, token: SecretStr) -> None: ...

    options = registry.Part("source", "s", Service).options(token="hush-hush")
    assert "hush-hush" not in repr(options)
    assert "hush-hush" not in str(options.model_dump(mode="json"))


# -- parts of one's own ---------------------------------------------------------------------------


def test_a_plain_function_from_a_file_is_a_part(tmp_path):
    """Annotations and defaults are all that a user writes."""
    path = user_file(
        tmp_path,
        """
        from aas2rto.units import Mag

        def blue(candidates, now, *, limit: Mag = 0.3, steep: float = 2):
            "Prefer blue ones."
            return candidates["mag_ztfg"] * steep
        """,
    )
    part = FACTORS.get(f"{path}:blue")
    assert part.summary == "Prefer blue ones."
    assert [str(setting) for setting in part.settings] == ["limit: 0.3 mag", "steep: 2"]
    assert part.options(limit="200 mmag").limit == pytest.approx(0.2)
    with pytest.raises(ValidationError, match="needs a unit"):
        part.options(limit=0.2)


def test_a_decorated_part_from_a_file_keeps_what_its_decorator_said(tmp_path):
    """`needs` in a user's file places the factor as it does in the package."""
    path = user_file(
        tmp_path,
        """
        from aas2rto.factors import Needs, factor

        @factor("high", needs=Needs.SITE)
        def high(candidates, now):
            return candidates["altitude"]
        """,
    )
    part = FACTORS.get(f"{path}:high")
    assert (part.name, part.extras["needs"]) == ("high", Needs.SITE)
    assert "high" not in FACTORS.names()


def test_a_file_may_use_dataclasses_with_postponed_annotations(tmp_path):
    """Python looks such a module up by its name while it is imported."""
    path = user_file(
        tmp_path,
        """
        from __future__ import annotations
        from dataclasses import dataclass

        @dataclass
        class Line:
            slope: float = 1.0

        def line(candidates, now, *, slope: float = 2.0):
            return Line(slope).slope
        """,
    )
    assert FACTORS.get(f"{path}:line").make(None, None) == 2.0


def test_two_files_of_one_name_do_not_meet(tmp_path):
    """Each folder may have its own my_factors.py."""
    values = []
    for number, folder in enumerate(("one", "two")):
        (tmp_path / folder).mkdir()
        code = f"def f(candidates, now):\n    return {number}\n"
        path = user_file(tmp_path / folder, code)
        values.append(FACTORS.get(f"{path}:f").make)
    assert [value(None, None) for value in values] == [0, 1]
    assert values[0].__module__ != values[1].__module__
    assert all(value.__module__ in sys.modules for value in values)


def test_a_class_built_on_a_built_in_part_is_itself(tmp_path):
    """A subclass is not mistaken for its parent."""
    path = user_file(
        tmp_path,
        """
        from aas2rto.models.salt import Salt

        class MySalt(Salt):
            "Mine."
            def __init__(self, *, speed: float = 1.0) -> None:
                super().__init__()
        """,
    )
    part = MODELS.get(f"{path}:MySalt")
    assert part.summary == "Mine."
    assert [setting.name for setting in part.settings] == ["speed"]


@pytest.mark.parametrize(
    ("code", "name", "expected"),
    [
        ("def blue(c, now): ...", "bleu", "has no 'bleu'; did you mean 'blue'?"),
        ("1 / 0", "f", "failed with ZeroDivisionError: division by zero"),
        ("def f(:", "f", "failed with SyntaxError"),
        ("import no_such_package", "f", "No module named 'no_such_package'"),
        ("f = 5", "f", "is 5, which is no function or class"),
        (
            "def f(c, now, *, x: 'Nowhere' = 1): ...",
            "f",
            "its settings make no sense: NameError: name 'Nowhere' is not defined",
        ),
        (
            "from aas2rto.models.salt import Salt as f",
            "f",
            "is a model, not a factor",
        ),
    ],
)
def test_a_file_that_cannot_be_used_says_why(tmp_path, code, name, expected):
    """The error names the file and the cause, without a traceback."""
    path = user_file(tmp_path, code)
    said = words(lambda: FACTORS.get(f"{path}:{name}"))
    assert str(path) in said
    assert expected in said
    assert "\n" not in said


def test_a_file_that_is_not_there_is_named_in_full(tmp_path, monkeypatch):
    """A relative path may mean another folder than one thinks."""
    monkeypatch.chdir(tmp_path)
    said = words(lambda: FACTORS.get("gone.py:f"))
    assert said == f"'gone.py:f': there is no file {tmp_path / 'gone.py'}"


# -- parts of installed packages ------------------------------------------------------------------


def fresh(monkeypatch, **points) -> Registry:
    """Return a registry of factors with entry points of our choice."""

    def found(*, group):
        assert group == "aas2rto.factors"
        return [SimpleNamespace(name=name, load=load) for name, load in points.items()]

    monkeypatch.setattr(registry, "entry_points", found)
    return Registry("factor", "aas2rto.factors")


def doubled(candidates, now, *, by: float = 2.0):
    """Double."""


def test_installed_packages_add_parts(monkeypatch):
    """An entry point makes a name known."""
    parts = fresh(monkeypatch, doubled=lambda: doubled)
    assert "doubled" in parts.names()
    assert parts.get("doubled").options().by == 2.0


def test_a_broken_package_costs_its_own_parts_only(monkeypatch):
    """Other names work, and the broken one says what is wrong with it."""

    def broken():
        raise ImportError("needs numpy 1")

    parts = fresh(monkeypatch, doubled=lambda: doubled, broken=broken, five=lambda: 5)
    assert "doubled" in parts.names()
    said = words(lambda: parts.get("broken"))
    assert said == (
        "the factor 'broken' of an installed package cannot be used: "
        "ImportError: needs numpy 1; mend or update that package"
    )
    assert "is 5, which is no function or class" in words(lambda: parts.get("five"))


def test_an_installed_part_does_not_replace_a_built_in_one(monkeypatch):
    """A name keeps its meaning, whatever else is installed."""
    built_in = FACTORS.get("magnitude")
    parts = fresh(monkeypatch, magnitude=lambda: doubled)
    parts._parts["magnitude"] = built_in
    assert parts.get("magnitude") is built_in
