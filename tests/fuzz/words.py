"""Doors of words: answers to messages, buttons, expressions, and what stands on a command line."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable
from functools import partial
from random import Random
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
from astropy.time import Time
from pydantic import SecretStr

from aas2rto.cli.arguments import parse_position, parse_time
from aas2rto.factors import expression
from aas2rto.guard import attempt
from aas2rto.messaging import answering
from aas2rto.messaging.slack import Slack
from aas2rto.messaging.slack_answers import SlackListener
from aas2rto.messaging.telegram import Telegram, readable
from aas2rto.messaging.telegram_answers import TelegramListener
from aas2rto.tables import marks
from tests.fuzz import damage
from tests.fuzz.damage import SECRET
from tests.fuzz.door import Door
from tests.fuzz.files import folder, text_of
from tests.messaging.desk import SITES, World

NOW_TIME = Time(61120.0, format="mjd")
NOW_TIME.isot  # noqa: B018  computed once

# -- feedback words -------------------------------------------------------------------------------

_ANSWERS = (
    *answering.VERBS,
    *(kind.value for kind in marks.Kind),
    "3d",
    "12 h",
    "new-data",
    "0.5 mag",
    "now",
    "2026-03-25T12:00",
    "61125.5",
    "1774000000",
    "ZTF26a",
    "la_palma_not",
    "/veto@bot",
    "@everyone",
    "inf d",
    "nan mag",
    "1e10d",
    "-1 d",
    "99999999999 d",
    "0 mag",
    "1e400 mag",
    "3 days",
    "until",
    "--until",
)


def _words(rng: Random) -> str:
    pool = (*_ANSWERS, *damage.TEXTS, *damage.NUMBERS)
    words = [rng.choice(_ANSWERS), *(rng.choice(pool) for _ in range(rng.randrange(5)))]
    text = rng.choice((" ", "  ", "\n", "\u00a0")).join(words)
    return damage.of_text(rng, text, _ANSWERS) if rng.random() < 0.4 else text


def _speak(content: bytes) -> Iterable[str]:
    text = content.decode("utf-8", "surrogatepass")
    command = answering.parse(
        text, NOW_TIME, is_candidate=lambda word: word == "ZTF26a", observatories=SITES
    )
    if command is None or command.verb == answering.WHY:
        return []
    found = marks.rows(
        "ZTF26a",
        marks.Kind(command.verb),
        NOW_TIME,
        ends=command.ends,
        observatories=[command.observatory] if command.observatory else [],
        comment=command.comment,
    )
    blank = {"until": np.nan, "until_mag": np.nan}
    row = {name: blank.get(name) if value is None else value for name, value in found[0].items()}
    json.dumps(found, allow_nan=False)  # what no store takes
    return [marks.sentence(row)]


# -- buttons and replies --------------------------------------------------------------------------


class Counter:
    """A store with a message, and listeners to answers about it."""

    def __init__(self) -> None:
        where = folder() / "desk"
        where.mkdir(exist_ok=True)
        self.world = World(where)
        token = SecretStr(f"123:{SECRET}")
        self.telegram = TelegramListener(
            {"telegram": Telegram(chat=-100, token=token, allowed=[7])},
            self.world.store.outbox,
            self.world.desk,
        )
        slack = Slack(
            channel="C0123456789",
            token=SecretStr(SECRET),
            app_token=SecretStr(SECRET),
            allowed=["U1"],
        )
        self.slack = SlackListener("slack", slack, self.world.store.outbox, self.world.desk)
        self.entry = self.world.send("telegram", message=1000)
        self.ts = self.world.send("slack", ts="1700000000.000100")


@functools.cache
def counter() -> Counter:
    return Counter()


_CHAT = {"id": -100, "type": "supergroup", "title": "t"}
_USER = {"id": 7, "is_bot": False, "first_name": "Anna"}
_UPDATES: tuple[dict[str, Any], ...] = (
    {
        "update_id": 5,
        "callback_query": {
            "id": "q",
            "from": _USER,
            "chat_instance": "c",
            "data": "veto|1",
            "message": {"message_id": 1000, "date": 1774000000, "chat": _CHAT, "text": "x"},
        },
    },
    {
        "update_id": 6,
        "message": {
            "message_id": 1001,
            "date": 1774000000,
            "chat": _CHAT,
            "from": _USER,
            "text": "snooze 3d",
            "reply_to_message": {
                "message_id": 1000,
                "date": 1774000000,
                "chat": _CHAT,
                "text": "x",
            },
        },
    },
)
_DATA = (
    "veto|1",
    "pin|²",
    "why|1",
    "snooze 3d|1",
    "veto|",
    "|",
    "veto|99999999999999999999",
    "observed|1",
)
_ENVELOPES: tuple[tuple[str, dict[str, Any]], ...] = (
    (
        "interactive",
        {
            "type": "block_actions",
            "user": {"id": "U1", "username": "anna"},
            "container": {"channel_id": "C0123456789", "message_ts": "1700000000.000100"},
            "actions": [{"action_id": "aas2rto veto", "value": "2", "action_ts": "1"}],
        },
    ),
    (
        "events_api",
        {
            "event": {
                "type": "message",
                "channel": "C0123456789",
                "user": "U1",
                "text": "<@B> veto a star",
                "ts": "1700000001.0",
                "thread_ts": "1700000000.000100",
            }
        },
    ),
)


def _update(rng: Random) -> bytes:
    update = rng.choice(_UPDATES)
    if rng.random() < 0.3 and "callback_query" in update:
        data = damage.of_text(rng, rng.choice(_DATA), _DATA)
        update = {**update, "callback_query": {**update["callback_query"], "data": data}}
    else:
        update = damage.of_value(rng, update)
    return damage.json_of({"update_id": 1, "result": [update]})


def _press(content: bytes) -> Iterable[str]:
    from telegram import Update

    try:
        payload = json.loads(content)
    except ValueError:
        return []
    if not isinstance(payload, dict):
        return []
    found = readable(payload)
    texts = []
    for one in found.get("result") or []:
        update = Update.de_json(one, None)
        assert isinstance(update.update_id, int)
        # As the listener does: an answer that cannot be taken costs itself.
        reply = attempt("answer", partial(counter().telegram._take, update)).value
        texts.append(str(reply.said) if reply else "")
    return texts


def _envelope(rng: Random) -> bytes:
    kind, payload = rng.choice(_ENVELOPES)
    return damage.json_of([kind, damage.of_value(rng, payload)])


def _hear(content: bytes) -> Iterable[str]:
    try:
        kind, payload = json.loads(content)
    except (ValueError, TypeError):
        return []
    if not isinstance(payload, dict):
        return []  # the library makes no other
    told: list[str] = []
    client = SimpleNamespace(
        send_socket_mode_response=lambda answer: told.append("acknowledged"),
        web_client=SimpleNamespace(chat_postMessage=lambda **said: told.append(str(said["text"]))),
    )
    request = SimpleNamespace(type=kind, payload=payload, envelope_id="e")
    counter().slack._hear(client, request)  # type: ignore[arg-type]
    assert "acknowledged" in told, "Slack would send it again, and end the connection"
    return told


# -- expressions ----------------------------------------------------------------------------------

_NAMES = (
    "last_mag",
    "mag_ztfg",
    "mag_ztfr",
    "redshift",
    "name",
    "n_detections",
    "fink_x",
    "unknown",
)
_FUNCTIONS = (*sorted(expression.FUNCTIONS), "eval", "__import__", "open", "lambda")
_ATOMS = (
    *_NAMES,
    "1",
    "0",
    "-1",
    "1e308",
    "1e-308",
    "nan",
    "inf",
    "10**10**10",
    "'a'",
    "True",
    "None",
    "1j",
    "0x7f",
    "9" * 400,
    "...",
    "b'a'",
    "f'{1}'",
    "[]",
    "{}",
    "()",
    "__class__",
)
_SIGNS = (
    "+",
    "-",
    "*",
    "/",
    "//",
    "%",
    "**",
    "<",
    "<=",
    "==",
    "!=",
    ">",
    ">=",
    "and",
    "or",
    "&",
    "|",
    "@",
    "<<",
    "in",
)


def _expression(rng: Random) -> str:
    text = _term(rng, 0)
    return (
        damage.of_text(rng, text, (*_ATOMS, *_FUNCTIONS, *_SIGNS)) if rng.random() < 0.3 else text
    )


def _term(rng: Random, depth: int) -> str:
    what = rng.random()
    if depth > 5 or what < 0.3:
        return rng.choice(_ATOMS) if rng.random() < 0.6 else rng.choice(_NAMES)
    if what < 0.65:
        return f"({_term(rng, depth + 1)} {rng.choice(_SIGNS)} {_term(rng, depth + 1)})"
    if what < 0.9:
        arguments = ", ".join(_term(rng, depth + 1) for _ in range(rng.randrange(4)))
        return f"{rng.choice(_FUNCTIONS)}({arguments})"
    one = _term(rng, depth + 1)
    return rng.choice(
        (f"-{one}", f"not {one}", f"{one} if {one} else {one}", f"{one}[0]", f"{one}.real")
    )


@functools.cache
def _candidates() -> pd.DataFrame:
    n = 4
    return pd.DataFrame(
        {
            "candidate_id": ["a", "b", "c", "d"],
            "last_mag": [18.0, np.nan, 0.0, np.inf],
            "mag_ztfg": [18.0, 17.0, np.nan, -5.0],
            "mag_ztfr": [18.1, np.nan, np.nan, 1e300],
            "redshift": [0.1, 0.0, -1.0, np.nan],
            "name": ["SN", "", None, "x"],
            "n_detections": np.arange(n),
            "fink_x": pd.Series([1, None, "3", "a"], dtype=object),
        }
    )


def _compute(content: bytes) -> Iterable[str]:
    formula = content.decode("utf-8", "surrogatepass")
    said = expression.check(SimpleNamespace(formula=formula), models={}, sources={})  # type: ignore[arg-type]
    texts = list(said)
    expression.parse(formula)
    if said:
        return texts
    # Columns of brokers may hold anything: a factor that fails is found out who by who.
    done = attempt(
        "expression", lambda: expression.expression(_candidates(), NOW_TIME, formula=formula)
    )
    texts.append(str(done.failure))
    if done.value is not None:
        texts += [
            str(reason) for reason in np.atleast_1d(np.asarray(done.value.reason, dtype=object))
        ]
    return texts


# -- command line ---------------------------------------------------------------------------------

_TIMES = (
    "2026-03-22T20:00",
    "61121.83",
    "2026-03-22",
    "2026-03-22T20:00+02:00",
    "now",
    "tomorrow",
    "2026-W12",
    "2461121.5",
    "J2000",
    "24:00",
    "2026-03-22 20:00:00.123Z",
)
_PLACES = (
    "155.127",
    "10:20:30.5",
    "10h20m30.5s",
    "-05:15:20",
    "-5d15m20s",
    "+89.999",
    "360",
    "24:00:00",
    "90:00:01",
)


def _argument(rng: Random) -> str:
    words = [damage.of_text(rng, rng.choice(pool), pool) for pool in (_TIMES, _PLACES, _PLACES)]
    words.append(rng.choice(_ANSWERS) if rng.random() < 0.5 else rng.choice(damage.NUMBERS))
    return "\x1e".join(words)


def _argue(content: bytes) -> Iterable[str]:
    when, ra, dec, until = [
        *content.decode("utf-8", "surrogatepass").split("\x1e"),
        "",
        "",
        "",
        "",
    ][:4]
    calls: tuple[Callable[[], Any], ...] = (
        lambda: parse_time(when),
        lambda: parse_position(ra, dec),
        lambda: marks.ending([until], NOW_TIME),
        lambda: marks.ending([when], NOW_TIME),
    )
    return [str(_said(call)) for call in calls]


def _said(call: Any) -> Any:
    from aas2rto.errors import Aas2rtoError

    try:
        return call()
    except Aas2rtoError as error:
        return error


DOORS = (
    Door("feedback words", text_of(_words), _speak, examples=100),
    Door("button on Telegram", _update, _press),
    Door("envelope of Slack", _envelope, _hear),
    Door("expression", text_of(_expression), _compute, examples=100),
    Door("command line", text_of(_argument), _argue, examples=80),
)
