"""Secrets are in no log, error, output, store or message, whatever goes wrong."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from aas2rto.cli import main
from aas2rto.config.load import load
from aas2rto.config.redaction import Redactor
from aas2rto.text import logs
from tests.cli.conftest import NOW, light_curve
from tests.messaging import as_slack, as_telegram, servers
from tests.messaging.test_mail import box  # noqa: F401  a fixture

SECRETS = {
    "SLACK_TOKEN": "xoxb-planted-slack-token",
    "SLACK_APP_TOKEN": "xapp-planted-app-token",
    "TELEGRAM_TOKEN": "777:planted-telegram-token",
    "MAIL_PASSWORD": "planted mail/password&1",
    "HOOK_URL": "http://127.0.0.1:{port}/hook/planted-path-of-the-hook",
    "HOOK_SIGNATURE": "planted-signature",
}

CASE = """\
project: secret
sources:
  archive: {{paths: [night.csv]}}
score:
  factors:
    - magnitude: {{zero_point: 18.5 mag, faint_limit: 19 mag}}
observatories: [la_palma_not]
messages:
  slack: {{channel: C0123456789, token: "${{SLACK_TOKEN}}", app_token: "${{SLACK_APP_TOKEN}}",
           allowed: [UANNA], base_url: "{slack}/api/", timeout: 1 s}}
  telegram: {{chat: -100, token: "${{TELEGRAM_TOKEN}}", base_url: "{telegram}/bot", timeout: 1 s}}
  mail: {{to: [a@example.org], from: b@example.org, host: 127.0.0.1, port: {mail}, security: none,
          username: anna, password: "${{MAIL_PASSWORD}}", timeout: 2 s}}
  webhook: {{url: "${{HOOK_URL}}", signature: "${{HOOK_SIGNATURE}}", timeout: 1 s}}
  ops: {{type: terminal, role: operators}}
"""


def all_bytes(folder: Path) -> bytes:
    """Return every byte of every file below a folder, but for the config itself."""
    return b"\0".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def run(*arguments: str) -> int:
    """Run the command line in this process."""
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return int(ended.value.code or 0)


@pytest.mark.fault("messages", "secret", "secrets of messengers")
@pytest.mark.proof
@pytest.mark.parametrize("fault", ["refused", servers.ERROR, servers.DROP])
def test_no_secret_is_written_anywhere(
    fault: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: Any,
    slack_server: as_slack.Slack,
    telegram_server: as_telegram.Telegram,
    receiver: servers.Receiver,
    box: Any,  # noqa: F811  the fixture
) -> None:
    """Every service refuses, fails, or falls silent; then everything is searched."""
    monkeypatch.chdir(tmp_path)
    if fault != "refused":
        slack_server.token, telegram_server.token = (
            SECRETS["SLACK_TOKEN"],
            SECRETS["TELEGRAM_TOKEN"],
        )
        for service in (slack_server, telegram_server, receiver):
            service.plan = lambda: fault
    else:
        receiver.status = 403
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value.format(port=receiver.url.rpartition(":")[2]))
    hosts = {"slack": slack_server.url, "telegram": telegram_server.url, "mail": box[1]}
    (tmp_path / "case.yaml").write_text(CASE.format(**hosts))
    head = "candidate_id,ra,dec,mjd,band,mag,magerr"
    rows = light_curve("bright", 150.0, 10.0, [18.5, 18.0, 17.5, 17.0])
    (tmp_path / "night.csv").write_text("\n".join([head, *rows]) + "\n")
    monkeypatch.setattr("aas2rto.inform.tell.PATIENCE", 3.0)
    with caplog_everything() as heard:
        assert run("run", "case.yaml", "--once", "--now", NOW) == 0
        assert run("run", "case.yaml", "--once", "--now", "2026-03-20T22:10") == 0
        assert run("check", "case.yaml", "--online", "--test-message") == 1
        assert run("check", "case.yaml", "--json") == 0
        assert run("messages", "case.yaml", "--full") == 0
        assert run("messages", "case.yaml", "--json") == 0
        assert run("explain", "case.yaml", "bright", "--now", NOW) == 0
    said = capfd.readouterr()
    written = all_bytes(tmp_path / "outputs") + (said.out + said.err + heard()).encode()
    assert b"bright enters the top 5" in written
    assert b"channel telegram" in written
    for name, value in SECRETS.items():
        for secret in (value.format(port=0), value.rpartition("/")[2]):
            assert secret.encode() not in written, f"{name} is in what was written"


class caplog_everything:  # noqa: N801  used as a function
    """Hear all loggers at all levels, as a handler of somebody else's would."""

    def __enter__(self) -> Any:
        import io

        stream = io.StringIO()
        self._handler = logging.StreamHandler(stream)
        self._handler.setLevel(logging.INFO)
        for name in ("aas2rto", "slack_sdk", "telegram"):
            logging.getLogger(name).addHandler(self._handler)
        return stream.getvalue

    def __exit__(self, *_: object) -> None:
        for name in ("aas2rto", "slack_sdk", "telegram"):
            logging.getLogger(name).removeHandler(self._handler)


def _reject() -> None:
    raise ValueError("the token `hunter22-longer` was rejected")


def test_what_is_logged_hides_secrets(tmp_path: Path) -> None:
    """Also in tracebacks of libraries that quote them."""
    hide = Redactor(["hunter22", "hunter22-longer"])
    log = logging.getLogger("aas2rto.test")
    with logs.to_file(tmp_path / "log.jsonl", hide=hide):
        try:
            _reject()
        except ValueError:
            log.exception("login with %s failed", "hunter22")
    text = (tmp_path / "log.jsonl").read_text()
    assert "hunter22" not in text
    entry = json.loads(text)
    assert entry["message"] == "login with *** failed"
    assert "the token `***` was rejected" in entry["traceback"]


def test_a_redactor_knows_all_secrets_of_a_case(tmp_path: Path) -> None:
    """Those of messengers and of the store; as they are, and as addresses write them."""
    (tmp_path / "case.yaml").write_text(
        "project: p\nstore: postgresql+pg8000://me:store-pass@db/x\n"
        "score: {factors: [magnitude]}\nobservatories: [la_palma_not]\n"
        "messages:\n  telegram: {chat: 1, token: '${TOKEN}'}\n"
    )
    case = load(tmp_path / "case.yaml", environment={"TOKEN": "1:planted/token"})
    hide = Redactor.of(case)
    assert hide("x 1:planted/token y 1%3Aplanted%2Ftoken z store-pass") == "x *** y *** z ***"
    assert isinstance(case.messengers[0].options.token, SecretStr)  # type: ignore[attr-defined]


def test_a_secret_in_a_config_is_refused(tmp_path: Path) -> None:
    """It belongs into the environment."""
    (tmp_path / "case.yaml").write_text(
        "project: p\nscore: {factors: [magnitude]}\nobservatories: [la_palma_not]\n"
        "messages:\n  telegram: {chat: 1, token: '1:literal-token'}\n"
    )
    from aas2rto.errors import ConfigError

    with pytest.raises(ConfigError) as told:
        load(tmp_path / "case.yaml")
    assert "a secret does not belong into a config; write ${TELEGRAM_TOKEN}" in str(told.value)
    assert "literal-token" not in str(told.value)
