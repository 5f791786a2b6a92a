"""Doors of files: configs, targets, observatories, tables, alerts."""

from __future__ import annotations

import atexit
import functools
import io
import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import fastavro
import pyarrow as pa

from aas2rto.config.load import load
from aas2rto.errors import InputError
from aas2rto.sky import observatory_file
from aas2rto.sources import too_file
from aas2rto.sources.archive import Archive
from aas2rto.sources.files.light_curve_table import read_light_curve
from aas2rto.sources.files.spellings import COLUMNS
from aas2rto.sources.target_list import As, read, report, summary
from aas2rto.tables.report import PollRequest, Report
from tests.fuzz import damage, seeds
from tests.fuzz.damage import SECRET
from tests.fuzz.door import Door
from tests.fuzz.seeds import NOW

SHM = "/dev/shm"

_KEYS = tuple(itertools.chain.from_iterable(COLUMNS.values()))


@functools.cache
def folder() -> Path:
    """Return a folder of this process; it goes when the process ends."""
    place = Path(tempfile.mkdtemp(prefix="fuzz-", dir=SHM if Path(SHM).is_dir() else None))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    return place


def place(name: str, content: bytes) -> Path:
    """Write a file anew."""
    path = folder() / name
    path.write_bytes(content)
    return path


def text_of(make: Callable[[Random], str]) -> Callable[[Random], bytes]:
    """Let a maker of texts make bytes; half characters stay half."""
    return lambda rng: make(rng).encode("utf-8", "surrogatepass")


def check_report(found: Report) -> list[str]:
    """Check that a report can be stored as it is; return what it says to people."""
    import json

    from aas2rto.store.rows import plain

    json.dumps(dict(found.cursor), default=plain)
    for table in (found.objects, found.photometry, found.facts):
        for name in table.columns:
            if table[name].dtype.kind not in "fiub":
                "".join(map(str, table[name].tolist())).encode()
    return [found.error, *found.problems]


# -- config ---------------------------------------------------------------------------------------

ENVIRONMENT = dict.fromkeys(
    (
        "FUZZ_SECRET",
        "FINK_USERNAME",
        "FINK_GROUP_ID",
        "LASAIR_TOKEN",
        "ATLAS_TOKEN",
        "TNS_API_KEY",
        "SLACK_TOKEN",
        "SLACK_APP_TOKEN",
        "SMTP_PASSWORD",
        "TELEGRAM_TOKEN",
    ),
    SECRET,
) | {"TNS_BOT_ID": "12345", "TNS_BOT_NAME": "bot"}
_CONFIG_WORDS = (
    "${FUZZ_SECRET}",
    "http://u:${FUZZ_SECRET}@h/",
    "{",
    "}",
    "[",
    "]",
    "&a",
    "*a",
    "<<: *a",
    "!!python/object:os",
    "!!binary x",
    "|",
    ">",
    "? ",
    "---",
    "...",
    "- ",
    "18.5 mag",
    "3 day",
    "1 parsec",
    "30 deg",
    "null",
    "~",
    "expression: '1/0'",
    "my_factors.py:x",
    "sources:",
    "score:",
    "factors:",
    "observatories: []",
    "models: {salt: {}}",
    "messages:",
    "store: postgresql://u:p@h/d",
    "retention: {all: -1 day}",
)


def _config(rng: Random) -> str:
    return damage.of_text(rng, rng.choice(seeds.configs()), _CONFIG_WORDS)


def _load(content: bytes) -> Iterable[str]:
    path = place("case.yaml", content)
    case = load(path, environment=ENVIRONMENT)
    return [str(problem) for problem in (*case.absent, *case.to_be_made, *case.missing)]


# -- targets of opportunity and observatories -----------------------------------------------------

TOO = (
    "name: SN2026abc\nra: 10:20:30.5\ndec: -05:15:20\n",
    'name: "AT 2026xyz"  # near the core\nra: 155.127\ndec: -5.2556\nmag: 18.5\nband: ztfr\n'
    "redshift: 0.03\nbase_score: 100\nvalid_until: 2026-12-24T12:00\ncomment: x\nurgent: yes\n",
)
_TOO_WORDS = (
    *too_file.READERS,
    "name:",
    "ra: ",
    "dec: ",
    "valid_until: ",
    "10h20m30.5s",
    "-5d15m",
    "∞",
)


def _too(rng: Random) -> str:
    return damage.of_text(rng, rng.choice(TOO), _TOO_WORDS)


def _read_too(content: bytes) -> Iterable[str]:
    text, mistakes = too_file.decode(content)
    target, more = too_file.parse(text, now=NOW) if text else (None, [])
    assert target is not None or mistakes or more
    said = too_file.error_text("a.txt", [*mistakes, *more])
    said.encode()
    return [said, str(target)]


def _site(rng: Random) -> str:
    return damage.of_text(rng, rng.choice(seeds.sites()), _CONFIG_WORDS)


def _read_site(content: bytes) -> Iterable[str]:
    path = place("site.yaml", content)
    return [str(observatory_file.load(path))]


# -- tables and alerts ----------------------------------------------------------------------------


def _table(rng: Random) -> bytes:
    if rng.random() < 0.2:
        return _own_table(rng).encode("utf-8", "surrogatepass")
    text = damage.of_text(rng, rng.choice(seeds.tables()), _KEYS)
    content = text.encode("utf-8", "surrogatepass")
    return damage.of_bytes(rng, content) if rng.random() < 0.1 else content


def _own_table(rng: Random) -> str:
    """Write a table of known columns with strange cells."""
    names = [rng.choice(_KEYS) for _ in range(rng.randrange(1, 9))]
    mark = rng.choice((",", ";", "\t", " ", "|"))
    cells = (*damage.NUMBERS, *damage.TEXTS, "61350.1", "18.2", "0.05", "ztfg", "g", "SN1", "150.1")
    rows = [[rng.choice(cells) for _ in names] for _ in range(rng.randrange(4))]
    return "\n".join(mark.join(row) for row in (names, *rows))


def _poll(name: str) -> Callable[[bytes], Iterable[str]]:
    def use(content: bytes) -> Iterable[str]:
        texts = list(_poll_all(name)([content]))
        try:
            read_light_curve(folder() / f"0{name}", candidate_id="x")
        except InputError as error:
            texts.append(str(error))
        return texts

    return use


def _poll_all(name: str) -> Callable[[Sequence[bytes]], Iterable[str]]:
    def use(contents: Sequence[bytes]) -> Iterable[str]:
        paths = tuple(str(place(f"{n}{name}", content)) for n, content in enumerate(contents))
        return check_report(Archive(paths=paths).poll(PollRequest(now=NOW, deadline=600.0)))

    return use


def _avro(rng: Random) -> bytes:
    if rng.random() < 0.5:
        return damage.of_bytes(rng, rng.choice(seeds.containers()), _AVRO_WORDS)
    return _own_avro(rng)


_AVRO_WORDS = (
    b'"type": "array", "items": ',
    b'"null"',
    b'"double"',
    b'"fixed", "size": -1',
    b'"fields": []',
    b'"long"',
    b'"enum", "symbols": []',
    b'"name": "candidate"',
    b"avro.codec",
    b"deflate",
    b"snappy",
    b"\xff" * 9 + b"\x01",
    b"\x01" * 4,
    b"Obj\x01",
)


def _own_avro(rng: Random) -> bytes:
    """Write alerts with values that are strange and yet of their type."""
    schema, some = rng.choice(seeds.parsed())
    strange = [_strange(rng, alert) for alert in some]
    buffer = io.BytesIO()
    try:
        fastavro.writer(buffer, schema, strange)
    except (ValueError, TypeError, OverflowError, AttributeError, KeyError, UnicodeEncodeError):
        return rng.choice(seeds.containers())  # it was of no type of the schema
    return buffer.getvalue()


def _strange(rng: Random, alert: Any) -> Any:
    changed = alert
    for _ in range(damage.several(rng)):
        changed = _with_one(rng, changed)
    return changed


def _with_one(rng: Random, value: Any) -> Any:
    """Change one value of a record for another of its type."""
    if isinstance(value, dict) and value:
        key = rng.choice(list(value))
        return {**value, key: _with_one(rng, value[key])}
    if isinstance(value, list) and value:
        i = rng.randrange(len(value))
        if rng.random() < 0.2:
            return value[:i] + value[i:] * 2
        return [*value[:i], _with_one(rng, value[i]), *value[i + 1 :]]
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return rng.choice((0, -1, 2**31 - 1, -(2**31), 2**62, value + 1))
    if isinstance(value, float):
        return rng.choice((float("nan"), float("inf"), -999.0, 0.0, 1e300, -1e-300, -value, 99.99))
    if isinstance(value, str):
        return rng.choice(damage.TEXTS)
    return None


def _parquet(rng: Random) -> bytes:
    if rng.random() < 0.6:
        content = rng.choice(seeds.parquets())
        if rng.random() < 0.5:  # the index, which is most of what is believed
            size = int.from_bytes(content[-8:-4], "little") + 8
            return content[:-size] + damage.of_bytes(rng, content[-size:-8]) + content[-8:]
        return damage.of_bytes(rng, content)
    return _own_parquet(rng)


_TYPES: tuple[tuple[pa.DataType, tuple[Any, ...]], ...] = (
    (pa.float64(), (61350.1, float("nan"), float("inf"), None, -999.0, 1e300)),
    (pa.float32(), (18.2, None, 1e30)),
    (pa.int64(), (0, 2**62, -1, None)),
    (pa.uint64(), (0, 2**64 - 1)),
    (pa.string(), ("ztfg", "SN1", "", None, "nan", "10:20:30", "x" * 300)),
    (pa.binary(), (b"SN1", b"\xff\xfe", None)),
    (pa.bool_(), (True, False, None)),
    (pa.null(), (None,)),
    (pa.timestamp("us"), (0, 10**15, None)),
    (pa.date32(), (0, 20000)),
    (pa.list_(pa.float64()), ([1.0], [], None, [None])),
    (pa.struct([("jd", pa.float64()), ("fid", pa.int32())]), ({"jd": 2461000.5, "fid": 1}, None)),
    (pa.dictionary(pa.int32(), pa.string()), ("ztfr", "a", None)),
    (pa.decimal128(20, 3), (None, 1)),
    (pa.map_(pa.string(), pa.float64()), ([("a", 1.0)], [])),
)


def _own_parquet(rng: Random) -> bytes:
    """Write a table of known columns of strange types."""
    n = rng.randrange(4)
    packets = (
        "objectId",
        "candidate",
        "candid",
        "prv_candidates",
        "diaSource",
        "diaObject",
        "cutoutScience",
    )
    columns = {}
    for _ in range(rng.randrange(1, 9)):
        kind, values = rng.choice(_TYPES)
        name = rng.choice(packets) if rng.random() < 0.2 else rng.choice(_KEYS)
        columns[name] = pa.array([rng.choice(values) for _ in range(n)], kind)
    return seeds.written(pa.table(columns))


def _targets(rng: Random) -> str:
    return damage.of_text(rng, rng.choice(seeds.listings()), _KEYS)


def _read_targets(content: bytes) -> Iterable[str]:
    found = read(place("targets.txt", content))
    said = [str(one) for one in found.refused]
    for kind in As:
        said += [
            *check_report(report(found.wanted, kind, NOW, base_score=1.0)),
            summary(found, kind),
        ]
    return said


DOORS = (
    Door("config", text_of(_config), _load),
    Door("ToO file", text_of(_too), _read_too, examples=150),
    Door("observatory", text_of(_site), _read_site),
    Door("CSV and other tables", _table, _poll("a.csv"), _poll_all("a.csv")),
    Door("Parquet", _parquet, _poll("a.parquet"), _poll_all("a.parquet")),
    Door("Avro file", _avro, _poll("a.avro"), _poll_all("a.avro")),
    Door("target list", text_of(_targets), _read_targets),
)
