"""Notices as VOEvent 2.0, in which SVOM and Swift still speak.

Where the identity stands is each mission's own affair: Swift's ``TrigID``, SVOM's ``Burst_Id`` in
the group ``Svom_Identifiers``; otherwise the end of the ``ivorn``.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET  # no DTD, and so no entities: see `read`

from aas2rto.sources.notices.notice import Kind, Notice, mjd, number, position, radius90, unreadable
from aas2rto.text.words import one_line

IDENTITIES = ("Burst_Id", "TrigID", "TriggerID", "GraceID")


def read(content: bytes, where: str) -> Notice:
    """Read a VOEvent; see `aas2rto.sources.notices.read.read`."""
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise unreadable("it declares entities, which no VOEvent needs")
    if content.count(b"<") > 100_000:
        raise unreadable("it has more elements than any notice")
    try:
        root = ET.fromstring(content)  # noqa: S314  no entities are left
    except (ET.ParseError, ValueError, LookupError, RecursionError) as error:
        raise unreadable(f"its XML is broken ({one_line(str(error), 60)})") from error
    if _tag(root) != "VOEvent":
        raise unreadable(f"it is {one_line(_tag(root), 40)}, not VOEvent")
    ivorn = root.get("ivorn", "")
    params = {
        one.get("name", ""): one.get("value", "") for one in root.iter() if _tag(one) == "Param"
    }
    event = next((params[key] for key in IDENTITIES if params.get(key)), "")
    event = event or ivorn.rpartition("#")[2]
    if not event:
        raise unreadable("it has no ivorn")
    c1, c2 = _text(root, "C1"), _text(root, "C2")
    ra, dec = position(c1, c2)
    doubts = [f"C1 {c1}, C2 {c2} is no place on the sky"] if ra is None and (c1 or c2) else []
    cited = {one.get("cite", "").lower() for one in root.iter() if _tag(one) == "EventIVORN"}
    is_retracted = "retraction" in cited or params.get("Retraction", "0") not in {"0", "", "false"}
    return Notice(
        _mission(ivorn, where),
        one_line(event.strip(), 80),
        kind=Kind.RETRACTION if is_retracted else Kind.UPDATE if cited else Kind.NEW,
        tense="current" if root.get("role", "observation") == "observation" else "test",
        told_at=mjd(_text(root, "Date")),
        time=mjd(_text(root, "ISOTime")),
        ra=ra,
        dec=dec,
        r90=None if ra is None else radius90(number(_text(root, "Error2Radius")), None),
        words=one_line(params.get("Instrument", ""), 40),
        facts={"instrument": one_line(params.get("Instrument", ""), 40)},
        doubts=tuple(one_line(one, 120) for one in doubts),
    )


def _tag(one: ET.Element) -> str:
    return str(one.tag).rpartition("}")[2]


def _text(root: ET.Element, tag: str) -> str | None:
    return next((one.text for one in root.iter() if _tag(one) == tag and one.text), None)


def _mission(ivorn: str, where: str) -> str:
    for begin, name in (("svom", "SVOM"), ("swift", "Swift"), ("fermi", "Fermi")):
        if begin in ivorn.lower() or begin in where.lower():
            return name
    found = re.match(r"ivo://([\w.-]+)", ivorn)
    return one_line(found[1], 40) if found else "VOEvent"
