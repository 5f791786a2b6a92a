"""A science case stays as it was checked, and shows no secret."""

from __future__ import annotations

import pytest
from pydantic import SecretStr, ValidationError

from tests.config.cases import BASE, case, service

pytestmark = pytest.mark.usefixtures("in_folder")


def test_a_case_cannot_be_changed_afterwards():
    """What was checked stays as it was checked."""
    found = case()
    with pytest.raises(ValidationError, match="frozen"):
        found.config.project = "other"


def test_secrets_do_not_show_in_a_case(tmp_path):
    """A case can be printed and logged."""
    text = BASE + f"sources:\n  mine: {{type: '{service(tmp_path)}', token: '${{TOKEN}}'}}\n"
    found = case(text, environment={"TOKEN": "hush-hush"})
    assert isinstance(found.sources[0].options.token, SecretStr)
    assert "hush-hush" not in repr(found.sources)
    assert "hush-hush" not in str(found.sources[0].options.model_dump())
