"""Observing lists of Stellarium from 23.1 on, as JSON."""

from __future__ import annotations

import json
import uuid

import pandas as pd

from aas2rto.outlets.starlists.dialect import Dialect
from aas2rto.outlets.starlists.names import UNLIMITED
from aas2rto.outlets.starlists.targets import number, positions

SPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://doi.org/10.1051/0004-6361/202452099")
"""Lists have the identity of what is in them: another night's list overwrites no older one."""


def stellarium(table: pd.DataFrame) -> str:
    """Write one list, with positions as Stellarium itself writes them."""
    objects = [
        {
            "constellation": "",
            "dec": dec,
            "designation": row["label"],
            "fov": 0,
            "isVisibleMarker": True,
            "jd": 0,
            "landscapeID": "",
            "location": "",
            "magnitude": number(row["mag"], ".2f"),
            "nameI18n": row["label"],
            "objtype": "custom object",
            "ra": ra,
            "type": "CustomObject",
        }
        for row, (ra, dec) in zip(
            table.to_dict("records"),
            positions(table, 2, ra=("h", "m", "s"), dec=("°", "'", '"')),
            strict=True,
        )
    ]
    identity = "|".join(f"{one['designation']} {one['ra']} {one['dec']}" for one in objects)
    key = f"{{{uuid.uuid5(SPACE, identity)}}}"
    content = {
        "name": "aas2rto",
        "description": "targets in observing order",
        "creation date": "",
        "objects": objects,
        "sorting": "",
    }
    whole = {
        "defaultListOlud": key,
        "observingLists": {key: content},
        "shortName": "Observing list for Stellarium",
        "version": "2.0",
    }
    # ASCII: the sign of a degree is escaped, which JSON reads back.
    return json.dumps(whole, indent=1) + "\n"


STELLARIUM = Dialect(
    "stellarium",
    "Stellarium",
    ".sol",
    "Stellarium, src/gui/ObsListDialog.hpp",
    UNLIMITED,
    stellarium,
)
