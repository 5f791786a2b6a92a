"""What operators hear: starts, stops and failures, without a flood."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from aas2rto.config.case import Case, PartConfig
from aas2rto.config.redaction import Redactor
from aas2rto.messaging import wording
from aas2rto.messaging.message import Message
from aas2rto.store.outbox import Alarm, Outbox, Post, State
from aas2rto.text.words import counted, day_and_hour

REMINDERS = (1.0 / 24, 6.0 / 24, 1.0)
"""How long after it was last said that something is wrong it is said again [d]: the last of them
holds for ever."""

OVER_AFTER = 1.0 / 24
"""What was not seen for so long [d] is over."""

SLACK = 1.0 / 1440
"""A cycle that starts a moment early is on time [d]."""

RESTARTS_APART = 1.0 / 24
"""A start is told once in each such span of time [d], however often a program falls over."""


@dataclass(frozen=True)
class Alarms:
    """What a cycle tells the operators."""

    posts: tuple[Post, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    over: tuple[str, ...] = ()


def alarms_of(case: Case, outbox: Outbox, problems: Iterable[str], now: float) -> Alarms:
    """Compare what is wrong now with what was.

    Parameters
    ----------
    case : Case
    outbox : Outbox
    problems : iterable of str
        One line each: who, a colon, what.
    now : float
        [d, MJD UTC]

    Returns
    -------
    Alarms
        One message at most, with what is new, what goes on since long, and what is over.
    """
    hide = Redactor.of(case)
    wrong = _by_part([hide(line) for line in (*problems, *_of_channels(outbox))])
    old = outbox.alarms()
    new, lines = [], []
    for part, error in wrong.items():
        alarm = _updated(old.get(part), part, error, now)
        new.append(alarm)
        if alarm.told_at == now:
            lines.append((part, error))
    over = [
        part for part, alarm in old.items() if part not in wrong and now - alarm.last > OVER_AFTER
    ]
    lines += [(part, "is over") for part in over if old[part].told]
    if not lines:
        return Alarms((), tuple(new), tuple(over))
    return Alarms(_posts(case, outbox, _title(case, lines), lines, now), tuple(new), tuple(over))


def _title(case: Case, lines: Sequence[tuple[str, str]]) -> str:
    if len(lines) == 1:
        part, text = lines[0]
        return f"{case.project}: {part}: {text}"
    return f"{case.project}: {len(lines)} things to know"


def _by_part(lines: Iterable[str]) -> dict[str, str]:
    """Return the first error of each part: a hundred candidates with one fault are one alarm."""
    told: dict[str, list[str]] = {}
    for line in lines:
        part, _, error = line.partition(":")
        told.setdefault(part.partition(" (")[0].strip(), []).append(error.strip())
    return {
        part: errors[0] + (f" (and {len(errors) - 1} more)" if len(errors) > 1 else "")
        for part, errors in told.items()
    }


def _updated(old: Alarm | None, part: str, error: str, now: float) -> Alarm:
    if old is None:
        return Alarm(part, error, now, now, now, 1)
    wait = REMINDERS[min(max(old.told, 1), len(REMINDERS)) - 1]
    if old.told_at is None or now - old.told_at >= wait - SLACK:
        return Alarm(part, error, old.since, now, now, old.told + 1)
    return Alarm(part, error, old.since, now, old.told_at, old.told)


def _of_channels(outbox: Outbox) -> list[str]:
    """Say which channels have stopped, and where a message may not have arrived."""
    told = []
    for name, counts in outbox.counts().items():
        state = outbox.channel(name)
        if state.stopped:
            told.append(f"channel {name} stopped: {state.stopped}")
        unknown = counts.get(State.UNKNOWN, 0)
        if unknown:
            told.append(
                f"channel {name} unsure: of {counted(unknown, 'message')} it is not known whether "
                "anything arrived; see aas2rto messages"
            )
    return told


def _posts(
    case: Case, outbox: Outbox, title: str, lines: Sequence[tuple[str, str]], now: float
) -> tuple[Post, ...]:
    message = wording.to_operators(title, lines if len(lines) > 1 else (), now=now)
    return tuple(_post(part.name, message, now) for part in _operators(case, outbox))


def _post(channel: str, message: Message, now: float) -> Post:
    return Post(channel, f"{channel}/operators/{now!r}/{message.title}", message.as_json(), due=now)


def _operators(case: Case, outbox: Outbox) -> list[PartConfig]:
    return [
        part
        for part in case.messengers
        if part.policy.role == "operators" and not outbox.channel(part.name).stopped
    ]


def started(case: Case, version: str, now: float) -> Message:
    """Write that the program has started."""
    sites = ", ".join(site.name for site in case.observatories)
    lines = [
        ("Version", f"{version}, config {case.digest}"),
        ("Sources", ", ".join(part.name for part in case.sources) or "none"),
        ("Observatories", sites),
    ]
    return wording.to_operators(f"{case.project} has started", lines, now=now)


def stopped(case: Case, why: str, cycles: int, now: float) -> Message:
    """Write that the program has stopped."""
    title = f"{case.project} has stopped: {why}"
    return wording.to_operators(title, [("Cycles", str(cycles))], now=now)


def lost(case: Case, why: str, now: float) -> Message:
    """Write that a cycle was lost."""
    title = f"{case.project}: the cycle of {day_and_hour(now)} UT was lost: {why}"
    told = "the lists are those of the cycle before; the next cycle tries again; see log.jsonl"
    return wording.to_operators(title, [("What now", told)], now=now)


def refused(case: Case, why: str, now: float) -> Message:
    """Write that the config as it is now was not taken."""
    title = f"{case.project}: its config was refused, the loop goes on as before: {why}"
    told = "mend what aas2rto check CONFIG says, then send SIGHUP again"
    return wording.to_operators(title, [("What now", told)], now=now)


def announce(case: Case, outbox: Outbox, topic: str, message: Message, now: float) -> None:
    """Tell the operators something that no cycle caused, such as a start.

    Parameters
    ----------
    case : Case
    outbox : Outbox
    topic : str
        The same topic is not announced again before `RESTARTS_APART` is over.
    message : Message
    now : float
        [d, MJD UTC]
    """
    spell = int(now / RESTARTS_APART)
    outbox.post(
        [
            Post(part.name, f"{part.name}/{topic}/{spell}", message.as_json(), due=now)
            for part in _operators(case, outbox)
        ],
        now,
    )
