"""What docs/messages.md says of messages and figures is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from PIL import Image

from aas2rto.config.load import load
from aas2rto.config.messages import When
from aas2rto.messaging.slack import Slack
from aas2rto.outputs.figures import drawing

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "messages.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCKS = re.findall(r"^ *```yaml\n(.*?)^ *```", TEXT, re.DOTALL | re.MULTILINE)

CASE = """\
project: readme
score: {factors: [magnitude: {zero_point: 18.5 mag, faint_limit: 20 mag}]}
observatories: [la_palma_not]
"""


def block(start: str) -> str:
    """Return the one block of YAML that starts so."""
    (found,) = [text for text in BLOCKS if text.lstrip().startswith(start)]
    return str(found)


def test_the_channels_of_the_page_are_valid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It can be copied into a config; the triggers are those that hold without it."""
    text = block("messages:")
    for name in re.findall(r"\$\{(\w+)\}", text):
        monkeypatch.setenv(name, "https://example.org" if name.endswith("URL") else "1:secret")
    (tmp_path / "case.yaml").write_text(CASE + text)
    case = load(tmp_path / "case.yaml")
    names = [part.name for part in case.messengers]
    assert names == ["slack", "telegram", "mail", "webhook", "operators"]
    assert [part.policy.role for part in case.messengers] == ["observers"] * 4 + ["operators"]
    assert case.when == When()
    for part in case.messengers:
        part.build().close()


def test_the_manifest_asks_for_what_the_bot_needs() -> None:
    """The scopes are those that the messenger names; the way back is open."""
    manifest = yaml.safe_load(block("display_information"))
    scopes = manifest["oauth_config"]["scopes"]["bot"]
    assert all(scope in (Slack.__doc__ or "") for scope in scopes)
    assert {"chat:write", "files:write", "channels:history"} <= set(scopes)
    assert manifest["settings"]["socket_mode_enabled"]
    assert manifest["settings"]["interactivity"] == {"is_enabled": True}


def test_the_figures_of_the_page_are_ours() -> None:
    """All four, as they are drawn today, and small enough for a page."""
    shown = re.findall(r'<img src="([^"]+)"', TEXT)
    assert sorted(Path(path).stem for path in shown) == sorted(drawing.KINDS)
    for path in shown:
        assert (PAGE.parent / path).stat().st_size < 120_000
        with Image.open(PAGE.parent / path) as image:
            assert image.width == 1080
            assert str(image.info["Title"]).startswith("ZTF18abkhcrj: ")
            assert drawing.CONTENT in image.info
