"""Secrets come from the environment and from a file that nobody else may read."""

from __future__ import annotations

import os
import textwrap
from pathlib import Path

import pytest

from aas2rto.config.load import load
from aas2rto.config.secrets import secrets_from_file
from aas2rto.errors import UsageError
from tests.config.cases import BASE, case

pytestmark = pytest.mark.usefixtures("in_folder")


def secrets(text: str | bytes, mode: int = 0o600) -> dict[str, str]:
    path = Path("secrets.env")
    path.write_bytes(text if isinstance(text, bytes) else textwrap.dedent(text).encode())
    path.chmod(mode)
    return secrets_from_file({"AAS2RTO_SECRETS": str(path)})


def test_a_file_of_secrets_is_read_as_a_shell_reads_it():
    """The same file can be sourced."""
    found = secrets(
        """\
        # tokens
        A=one
        export B="two words"
         C = 'three'
        D=a=b"c
        E=
        not an assignment
        #F=no
        """
    )
    assert found == {"A": "one", "B": "two words", "C": "three", "D": 'a=b"c', "E": ""}


def test_the_environment_wins_over_the_file_of_secrets():
    """What one exports now is what one means."""
    path = Path("secrets.env")
    path.write_text("STORE=sqlite:///file.sqlite\nSITE=la_silla_ntt\n")
    path.chmod(0o600)
    found = case(
        BASE.replace("la_palma_not", "${SITE}") + "store: ${STORE}\n",
        environment={"AAS2RTO_SECRETS": str(path), "STORE": "sqlite"},
    )
    assert found.config.store.url == "sqlite"
    assert found.observatories[0].name == "la_silla_ntt"


@pytest.mark.fault("config", "secret", "a file of secrets that others may read")
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o606, 0o660])
def test_a_file_of_secrets_that_others_may_read_is_refused(mode):
    """The error says how to mend it."""
    with pytest.raises(UsageError) as caught:
        secrets("A=1\n", mode)
    assert str(caught.value) == (
        f"AAS2RTO_SECRETS: secrets.env has mode {mode:04o}, others may read it; "
        "correct it with: chmod 600 secrets.env"
    )


@pytest.mark.fault("config", "damaged", "a file of secrets that is no text")
def test_a_file_of_secrets_that_cannot_be_read_is_named():
    """A path that leads nowhere, a folder, or bytes that are no text."""
    for path, why in (("gone.env", "No such file or directory"), (".", "Is a directory")):
        with pytest.raises(UsageError, match=f"^AAS2RTO_SECRETS: cannot read {path}: {why}$"):
            secrets_from_file({"AAS2RTO_SECRETS": path})
    with pytest.raises(UsageError, match=r"^AAS2RTO_SECRETS: secrets.env is not UTF-8 text$"):
        secrets(b"A=\xff\n")


def test_the_process_environment_is_used_by_default(monkeypatch):
    """`run` takes what was exported."""
    monkeypatch.setitem(os.environ, "AAS2RTO_TEST_SITE", "la_silla_ntt")
    Path("case.yaml").write_text(BASE.replace("la_palma_not", "${AAS2RTO_TEST_SITE}"))
    assert load("case.yaml").observatories[0].name == "la_silla_ntt"
