"""Other people's text obeys nobody's terminal, spreadsheet or calendar."""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar

from aas2rto.cli.showing import SafeConsole
from aas2rto.cli.terminal import Clean, Forgiving
from aas2rto.outputs.cells import cell
from aas2rto.text.words import harmless
from tests.cli.conftest import NOW, Cli, too_text

ESC, BEL, CSI, RLO, NEL = "\x1b", "\x07", "\x9b", "\u202e", "\x85"
EVIL = f"{ESC}]0;owned{BEL}{ESC}[2J{CSI}31m{RLO}gpj{NEL}"
WORDS = f"{ESC}[2J{RLO}{BEL}"
"""Signs that a text file may hold; the others end its lines, or make it binary."""
OBEYED = {ESC, BEL, CSI, RLO, NEL, "\r", "\u2028"}


def is_harmless(text: str) -> bool:
    return not OBEYED & set(text) and harmless(text) == text


@pytest.mark.fault("terminal", "text", "ESC, BEL, RTL")
@given(st.text(st.characters() | st.sampled_from(sorted(OBEYED | set("[]0;m\n\t")))))
def test_nothing_that_a_terminal_obeys_is_left(text: str) -> None:
    """Whatever the text; what is harmless stays as it is."""
    clean = harmless(text)
    assert not OBEYED & set(clean)
    assert harmless(clean) == clean
    if text.isprintable():
        assert clean == text
    assert clean.count("\n") == text.count("\n") or ESC in text


def test_a_console_has_styles_of_its_own_alone() -> None:
    """Bold is ours; the red of a candidate's name is not."""
    out = io.StringIO()
    console = SafeConsole(file=out, force_terminal=True, color_system="standard")
    console.print(f"[bold]ours[/bold] SN{ESC}[31m1{BEL}{RLO}", highlight=False)
    assert out.getvalue() == f"{ESC}[1mours{ESC}[0m SN1\n"


def test_streams_are_clean_below_print(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where printing is forgiven; the styles of a console pass below."""
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", Forgiving(Clean(out)))  # type: ignore[arg-type]
    print(EVIL, "plain")
    console = SafeConsole(force_terminal=True, color_system="standard", highlight=False)
    console.print(f"[bold]{EVIL}x[/bold]")
    assert out.getvalue() == f"gpj plain\n{ESC}[1mgpjx{ESC}[0m\n"


@pytest.mark.fault("results", "text", "=, +, -, @ cells")
@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("=HYPERLINK(A1)", "'=HYPERLINK(A1)"),
        ('=cmd|"/C calc"!A0', '"\'=cmd|""/C calc""!A0"'),
        ("+1+cmd|x", "'+1+cmd|x"),
        ("-2+3", "'-2+3"),
        ("@SUM(1)", "'@SUM(1)"),
        ("\t=1", "'=1"),
        ("\r\n=1", "'=1"),
        ("\N{FULLWIDTH EQUALS SIGN}1", "'\N{FULLWIDTH EQUALS SIGN}1"),
        ("-05:15:20.0", "-05:15:20.0"),
        ("+12.5", "+12.5"),
        ("-1e-5", "-1e-5"),
        ("-", "-"),
        ("SN 2026=a", "SN 2026=a"),
        (-3.25, "-3.25"),
    ],
)
def test_cells_that_a_spreadsheet_would_run_are_texts(text: str | float, written: str) -> None:
    """An apostrophe says so; numbers, and declinations, stay numbers."""
    assert cell(text) == written


@pytest.fixture
def hostile(project: Path, aas2rto: Cli) -> tuple[Path, str]:
    """Return a project that has run with hostile names and comments, and what was printed."""
    night = (project / "night.csv").read_text().replace("bright,", f"=bright{WORDS},")
    (project / "night.csv").write_text(night)
    comment = f"@SUM(A1){WORDS},;\\ BEGIN:VEVENT " + "\N{GREEK SMALL LETTER ALPHA}" * 200
    (project / "too" / "a.txt").write_text(too_text(comment=comment))
    said = aas2rto("run", "small.yaml", "--once", "--now", NOW)
    assert said.code == 0, said.err
    return project, said.out + said.err


@pytest.mark.fault("terminal", "text", "every verb")
@pytest.mark.slow
def test_verbs_print_nothing_that_a_terminal_obeys(hostile: tuple[Path, str], aas2rto: Cli) -> None:
    """The cycle, why, the plan, what was said, status, and errors."""
    _, printed = hostile
    for arguments in (
        ("explain", "small.yaml", "GRB260320A", "--now", NOW),
        ("explain", "small.yaml", f"nobody{EVIL}", "--now", NOW),
        ("plan", "small.yaml", "--network", "--now", NOW),
        ("mark", "small.yaml", "GRB260320A", "comment", EVIL, "--now", NOW),
        ("status", "small.yaml"),
    ):
        said = aas2rto(*arguments)
        printed += said.out + said.err
    assert is_harmless(printed)
    assert "=bright" in printed


@pytest.mark.fault("results", "text", "every list")
@pytest.mark.slow
def test_lists_hold_nothing_that_a_spreadsheet_runs(hostile: tuple[Path, str]) -> None:
    """In no cell of no list."""
    folder = hostile[0] / "outputs" / "small"
    cells = 0
    for file in folder.rglob("*.csv"):
        text = file.read_text(encoding="utf-8")
        assert is_harmless(text), file
        lines = [line for line in text.splitlines() if not line.startswith("#")]
        for row in csv.DictReader(lines):
            for name, value in row.items():
                cells += 1
                signed = name in {"dec_dms", "ra_hms"} or value[1:2].isdigit() or value == "-inf"
                assert not value.startswith(("=", "@", "+", "-")) or len(value) == 1 or signed
    assert cells > 100
    assert "'=bright" in (folder / "ranked" / "science.csv").read_text()
    log = (folder / "log.jsonl").read_text()
    assert is_harmless(log)


@pytest.mark.fault("results", "text", "RFC 5545")
@pytest.mark.slow
def test_the_calendar_is_one_by_its_standard(hostile: tuple[Path, str], aas2rto: Cli) -> None:
    """RFC 5545: 75 octets a line, commas and semicolons escaped; nobody's words end an event."""
    said = aas2rto("plan", "small.yaml", "--network", "--now", NOW)
    assert said.code == 0, said.err
    (file,) = (hostile[0] / "outputs" / "small").rglob("*.ics")
    content = file.read_bytes()
    assert max(map(len, content.split(b"\r\n"))) <= 75
    assert b"\n" not in content.replace(b"\r\n", b"")
    text = content.replace(b"\r\n ", b"").decode()
    assert is_harmless(text.replace("\r\n", "\n"))
    events = list(Calendar.from_ical(content).walk("VEVENT"))
    assert len(events) == text.count("\r\nBEGIN:VEVENT\r\n") >= 1
