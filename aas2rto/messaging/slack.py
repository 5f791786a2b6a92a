"""Slack: the text first, its figures in its thread."""

from __future__ import annotations

import re
from collections.abc import Callable
from http.client import HTTPException
from typing import TYPE_CHECKING, Annotated, Any
from urllib.error import URLError

from pydantic import Field, SecretStr

from aas2rto.errors import MessageError
from aas2rto.messaging import Delivery, Figures, Letter, Result, messenger
from aas2rto.messaging.http_errors import TOO_MANY, by_status, quiet_logger, seconds
from aas2rto.messaging.message import Message, written
from aas2rto.text.words import one_line
from aas2rto.units import Second

if TYPE_CHECKING:
    from slack_sdk import WebClient
    from slack_sdk.errors import SlackApiError
    from slack_sdk.web import SlackResponse

ChannelId = Annotated[str, Field(pattern=r"^[CGDZ][A-Z0-9]{2,}$")]

LONGEST_BLOCK = 3000
"""Of a block's text, api.slack.com/reference/block-kit/blocks."""

STOPPING = frozenset(
    {
        "account_inactive",
        "cannot_reply_to_message",
        "channel_is_limited_access",
        "channel_not_found",
        "enterprise_is_restricted",
        "invalid_auth",
        "is_archived",
        "is_inactive",
        "missing_scope",
        "no_permission",
        "not_allowed_token_type",
        "not_authed",
        "not_in_channel",
        "org_login_required",
        "restricted_action",
        "team_access_not_granted",
        "team_not_found",
        "token_expired",
        "token_revoked",
    }
)
"""Errors after which no message will get through, api.slack.com/methods/chat.postMessage."""

PASSING = frozenset(
    {
        "fatal_error",
        "internal_error",
        "rate_limited",
        "ratelimited",
        "request_timeout",
        "service_unavailable",
    }
)

_CODE = re.compile(r"[a-z0-9_]+")

EVENT = "aas2rto_message"
"""Name of the metadata that a message carries, by which it can be found again."""

BUTTONS = ("observed", "failed", "clouded", "veto", "snooze 3d", "pin", "why")


@messenger("slack")
class Slack:
    """Slack, through a bot of yours: text, figures in its thread, buttons to answer.

    Parameters
    ----------
    channel : str
        Its ID, such as C0123456789, not its name: names are not found. The bot must be a member.
    token : SecretStr
        Of the bot, ``xoxb-...``; scopes chat:write, files:write, and channels:history (or
        groups:history) to find out whether a message arrived after a connection broke.
    app_token : SecretStr or None
        ``xapp-...`` with connections:write: opens the way back, for answers (Socket Mode).
    allowed : list of str
        IDs of the members whose answers count, such as U0123456789.
    timeout : float
        Of one request [s].
    base_url : str
        Of Slack's API.
    """

    seconds_apart = 1.0
    figures = Figures.APART

    def __init__(
        self,
        *,
        channel: ChannelId,
        token: SecretStr,
        app_token: SecretStr | None = None,
        allowed: list[str] | None = None,
        timeout: Second = 30.0,
        base_url: str = "https://slack.com/api/",
    ) -> None:
        self.channel = channel
        self.allowed = frozenset(allowed or ())
        self.app_token = app_token
        self._token = token
        self._timeout = timeout
        self._base_url = base_url
        self._client: WebClient | None = None

    @property
    def listens(self) -> bool:
        """Whether answers can come back."""
        return self.app_token is not None and bool(self.allowed)

    @property
    def client(self) -> WebClient:
        """Slack's own client; made when it is first needed."""
        if self._client is None:
            self._client = self.new_client()
        return self._client

    def new_client(self) -> WebClient:
        """Return a client of Slack's API.

        Its own retry handler repeats what may have arrived; waiting and repeating is up to the
        outbox, which survives a kill.
        """
        try:
            from slack_sdk import WebClient  # noqa: PLC0415  an extra: not everybody has it
        except ImportError as error:
            raise MessageError(
                "slack: slack-sdk is not installed; pip install 'aas2rto[messages]'"
            ) from error
        return WebClient(
            self._token.get_secret_value(),
            base_url=self._base_url,
            timeout=max(int(self._timeout), 1),
            retry_handlers=[],
            logger=quiet_logger("slack_sdk"),
        )

    def prepare(self) -> None:
        """Make Slack's client, which is slow to import."""
        _ = self.client

    def send(self, letter: Letter) -> Delivery:
        """Post a text, or upload its figures to its thread."""
        return _asked(self._upload if letter.follows is not None else self._post, letter)

    def _post(self, letter: Letter) -> Delivery:
        answer = self.client.chat_postMessage(
            channel=letter.address or self.channel,
            text=fallback(letter.message),
            blocks=blocks(letter),
            unfurl_links=False,
            unfurl_media=False,
            link_names=False,
            metadata={"event_type": EVENT, "event_payload": {"key": letter.key}},
        )
        return Delivery(Result.SENT, receipt={"channel": answer["channel"], "ts": answer["ts"]})

    def _upload(self, letter: Letter) -> Delivery:
        from slack_sdk.http_retry.builtin_handlers import (  # noqa: PLC0415  an extra
            RateLimitErrorRetryHandler,
        )

        thread = (letter.follows or {}).get("ts")
        upload = _Upload(self.client)
        # Until the last of its calls nothing is shown: the first ones may well be repeated.
        upload.client.retry_handlers.append(RateLimitErrorRetryHandler(max_retry_count=1))
        try:
            answer = upload.client.files_upload_v2(
                channel=letter.address or self.channel,
                thread_ts=thread,
                file_uploads=[
                    {
                        "content": one.png,
                        "filename": f"{one.name}.png",
                        "title": one.title,
                        "alt_txt": one.title,
                    }
                    for one in letter.pictures
                ],
            )
        except _failures() as error:
            judged = judge(error)
            if judged.result is Result.STOPPED or upload.completing:
                return judged
            return Delivery(Result.LATER, f"upload: {judged.why}", wait=judged.wait)
        finally:
            upload.end()
        files = [str(one.get("id", "")) for one in answer.get("files") or []]
        return Delivery(Result.SENT, receipt={"files": files, "ts": thread})

    def confirm(self, letter: Letter) -> Delivery | None:
        """Look for the message in the channel's history; None without the scope to read it."""
        if letter.follows is not None:
            return None
        found = _asked(self._find, letter)
        return found if found.result in {Result.SENT, Result.LATER} else None

    def _find(self, letter: Letter) -> Delivery:
        channel = letter.address or self.channel
        history = self.client.conversations_history(
            channel=channel, limit=50, include_all_metadata=True
        )
        for one in history["messages"]:
            metadata = one.get("metadata") or {}
            if metadata.get("event_type") == EVENT and (
                str(metadata.get("event_payload", {}).get("key")) == letter.key
            ):
                return Delivery(Result.SENT, receipt={"channel": channel, "ts": one["ts"]})
        return Delivery(Result.LATER, "it did not arrive", wait=0.0)

    def close(self) -> None:
        """Nothing is kept open."""


class _Upload:
    """Watches an upload: only its last call shows anything to anybody."""

    def __init__(self, client: WebClient) -> None:
        self.client = client
        self.completing = False
        self._complete = client.files_completeUploadExternal
        client.files_completeUploadExternal = self._last_call  # type: ignore[method-assign]

    def _last_call(self, **arguments: Any) -> SlackResponse:
        self.client.retry_handlers.clear()
        self.completing = True
        return self._complete(**arguments)

    def end(self) -> None:
        """Leave the client as it was."""
        self.client.retry_handlers.clear()
        del self.client.files_completeUploadExternal


def _failures() -> tuple[type[Exception], ...]:
    """Return what a call may raise; an answer that is torn is a ValueError."""
    from slack_sdk.errors import SlackClientError  # noqa: PLC0415  an extra

    return (SlackClientError, OSError, HTTPException, ValueError)


def _asked(call: Callable[[Letter], Delivery], letter: Letter) -> Delivery:
    """Run a call, and say what its failure means."""
    try:
        return call(letter)
    except _failures() as error:
        return judge(error)


def judge(error: Exception) -> Delivery:
    """Say what a failure of Slack's client means for the message."""
    from slack_sdk.errors import SlackApiError, SlackClientError  # noqa: PLC0415  an extra

    if isinstance(error, SlackApiError):
        return _judge_answer(error)
    if isinstance(error, SlackClientError):
        return Delivery(Result.REFUSED, f"slack: {one_line(str(error), 200)}")
    if isinstance(error, URLError):
        # urllib says so of what went wrong until the request was out: Slack has not got it.
        return Delivery(Result.LATER, f"slack cannot be reached: {error.reason}")
    # The request was out, and the answer did not come in, or not whole.
    return Delivery(Result.UNKNOWN, f"slack did not answer: {type(error).__name__}")


def _judge_answer(error: SlackApiError) -> Delivery:
    response = error.response
    code, status = str(response.get("error", "")), int(response.status_code)
    headers = {str(key).lower(): value for key, value in response.headers.items()}
    wait = seconds(headers.get("retry-after"))
    if not _CODE.fullmatch(code):
        why = f"slack answered HTTP {status} with a page, not an answer"
        return by_status(status, why, wait=wait) if status >= 400 else Delivery(Result.UNKNOWN, why)
    needed = f" (needed: {response.get('needed')})" if code == "missing_scope" else ""
    why = f"slack says {code}{needed}"
    if code in STOPPING:
        return Delivery(Result.STOPPED, why)
    if code in PASSING or status == TOO_MANY:
        return Delivery(Result.LATER, why, wait=wait)
    return by_status(status, why, wait=wait) if status >= 400 else Delivery(Result.REFUSED, why)


# -- markup --------------------------------------------------------------------------------------

_LOOKALIKES = str.maketrans({"`": "ˋ", "*": "∗", "~": "∼"})
"""Slack's markup has no escape: a sign that would start some becomes one that looks like it."""

_EDGE = re.compile(r"(?<!\w)_|_(?!\w)")


def escape(text: str) -> str:
    """Return a text in which Slack finds no markup, mention or link."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = _EDGE.sub("ˍ", text.translate(_LOOKALIKES))
    return text.replace("@", "＠")  # a mention of nobody


def fallback(message: Message) -> str:
    """Return what a notification shows."""
    return escape(message.title)


def blocks(letter: Letter) -> list[dict[str, Any]]:
    """Return the message as blocks: the title, the lines, links, and buttons."""
    message = letter.message
    lines = [
        written(escape(label), escape(text), bold="*{}*  ".format) for label, text in message.lines
    ]
    lines += [" · ".join(f"<{address}|{escape(name)}>" for name, address in message.links)]
    told: list[dict[str, Any]] = [_section(f"*{escape(message.title)}*")]
    told += [_section(part) for part in _parts([line for line in lines if line])]
    if letter.buttons and message.candidate_id:
        told.append({"type": "actions", "elements": [_button(one, letter) for one in BUTTONS]})
    return told


def _parts(lines: list[str]) -> list[str]:
    """Put lines together into as few blocks as they fit in."""
    parts: list[str] = []
    for line in lines:
        if parts and len(parts[-1]) + len(line) < LONGEST_BLOCK:
            parts[-1] += f"\n{line}"
        else:
            parts.append(line[:LONGEST_BLOCK])
    return parts


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def _button(answer: str, letter: Letter) -> dict[str, Any]:
    return {
        "type": "button",
        "text": {"type": "plain_text", "text": answer},
        "action_id": f"aas2rto {answer}",
        "value": letter.key,
    }
