"""YAML is read with the line of each key, and what is wrong with it is said with its line."""

from __future__ import annotations

import textwrap

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from aas2rto.config import yaml_lines
from aas2rto.config.yaml_lines import YamlError


def read(folder, text):
    path = folder / "file.yaml"
    path.write_bytes(textwrap.dedent(text).encode() if isinstance(text, str) else text)
    return yaml_lines.load(path)


def test_each_key_and_item_knows_its_line(tmp_path):
    """Lines are counted from 1, in nested places too."""
    data, lines = read(
        tmp_path,
        """\
        # a comment
        a: 1
        b:
          - x
          - c: {d: 2}
        """,
    )
    assert data == {"a": 1, "b": ["x", {"c": {"d": 2}}]}
    assert lines == {
        (): 1,
        ("a",): 2,
        ("b",): 3,
        ("b", 0): 4,
        ("b", 1): 5,
        ("b", 1, "c"): 5,
        ("b", 1, "c", "d"): 5,
    }


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("10:20:30.5", "10:20:30.5"),
        ("-10:20:30", "-10:20:30"),
        ("10:20", "10:20"),
        ("2026-03-20", "2026-03-20"),
        ("2026-03-20T22:00:00", "2026-03-20T22:00:00"),
        ("1.5", 1.5),
        ("7", 7),
        ("true", True),
        ("null", None),
        ("'7'", "7"),
        ("170094456272322680", 170094456272322680),
        ("sqlite:///a.sqlite", "sqlite:///a.sqlite"),
    ],
)
def test_positions_and_dates_stay_text(tmp_path, written, value):
    """YAML 1.1 would make 10:20:30 a number of base 60, and a date an object."""
    data, _ = read(tmp_path, f"a: {written}\n")
    assert data == {"a": value}
    assert type(data["a"]) is type(value)


def test_variables_need_no_quotes(tmp_path):
    """Braces of a variable are not those of YAML, in a list or a mapping on one line as well."""
    data, lines = read(
        tmp_path,
        "fink: {topics: [${A}, x${B}y], group_id: ${GROUP}, user: ${USER}}\n${KEY}: '${QUOTED}'\n",
    )
    assert data == {
        "fink": {"topics": ["${A}", "x${B}y"], "group_id": "${GROUP}", "user": "${USER}"},
        "${KEY}": "${QUOTED}",
    }
    assert lines["${KEY}",] == 2


@pytest.mark.fault("config", "empty", "an empty config")
def test_an_empty_file_holds_nothing(tmp_path):
    """Only comments is as good as nothing."""
    assert read(tmp_path, "# nothing\n") == (None, {(): 1})


def test_a_byte_order_mark_is_no_part_of_a_key(tmp_path):
    """Windows editors put one there."""
    assert read(tmp_path, b"\xef\xbb\xbfa: 1\n")[0] == {"a": 1}


def test_keys_are_texts(tmp_path):
    """A band or a year as a key is a name, not a number."""
    assert read(tmp_path, "1: a\ntrue: b\n")[0] == {"1": "a", "true": "b"}


def test_anchors_may_be_used_again(tmp_path):
    """A block that is meant twice need not be written twice."""
    assert read(tmp_path, "a: &x {y: 1}\nb: *x\n")[0] == {"a": {"y": 1}, "b": {"y": 1}}


@pytest.mark.fault("config", "damaged", "what is no YAML")
@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "'a' stands twice (first in line 1); remove one"),
        ("s:\n  a: 1\n  b: 2\n  a: 3\n", 4, "'a' stands twice (first in line 2); remove one"),
        ("a: 1\nb: [1, 2\nc: 3\n", 3, "is not valid YAML: expected ',' or ']', but got ':'"),
        ("a: 1\n\tb: 2\n", 2, "is not valid YAML: found character '\\t'"),
        ("a: 1\n---\nb: 2\n", 2, "is not valid YAML: but found another document"),
        ("a: *x\n", 1, "is not valid YAML: found undefined alias"),
        ("a: !!python/object:os.system x\n", 1, "is not valid YAML: could not determine"),
        ("a: b: c\n", 1, "is not valid YAML: mapping values are not allowed here"),
        (b"a: \xff\n", 1, "is not UTF-8 text (byte 3); save it as UTF-8"),
        (b"a: b\x00c\n", 1, "is not valid YAML: unacceptable character #x0000"),
        ("a: 1\n? [b, c]\n: 2\n", 2, "a key must be a text, not a list or a mapping"),
        ("a: &x [*x]\n", 1, "nests too deeply, or contains itself"),
        ("a: " + "[" * 500 + "]" * 500, 1, "nests too deeply, or contains itself"),
    ],
)
def test_what_is_no_yaml_says_where_and_why(tmp_path, text, line, words):
    """One error with its line; never a traceback of the reader."""
    with pytest.raises(YamlError) as caught:
        read(tmp_path, text)
    assert (caught.value.line, str(caught.value)[: len(words)]) == (line, words)


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"])),
)
names = st.text("abcdefgh_", min_size=1, max_size=5)
trees = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3)
)


@given(tree=st.dictionaries(names, trees, max_size=4))
def test_what_was_written_comes_back(tree, tmp_path_factory):
    """Data that another program wrote as YAML is read as it was, each key with a line."""
    text = yaml.safe_dump(tree, allow_unicode=True)
    path = tmp_path_factory.mktemp("yaml") / "file.yaml"
    path.write_text(text, encoding="utf-8")
    data, lines = yaml_lines.load(path)
    assert (data if tree else {}) == tree
    assert {(name,) for name in tree} <= set(lines)
    assert all(1 <= line <= text.count("\n") + 1 for line in lines.values())
