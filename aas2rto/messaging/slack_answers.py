"""Answers from Slack by Socket Mode: a connection from here to Slack, no open port."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aas2rto.guard import attempt
from aas2rto.messaging.answering import Desk, Incoming, entry_number, entry_of, not_ours
from aas2rto.messaging.http_errors import quiet_logger
from aas2rto.messaging.slack import Slack, escape
from aas2rto.store.outbox import Outbox

if TYPE_CHECKING:
    from slack_sdk.socket_mode.builtin import SocketModeClient
    from slack_sdk.socket_mode.client import BaseSocketModeClient
    from slack_sdk.socket_mode.request import SocketModeRequest

log = logging.getLogger(__name__)


class SlackListener:
    """Reads what people answer in one channel.

    Parameters
    ----------
    name : str
        Of the channel in the config.
    slack : Slack
    outbox : Outbox
    desk : Desk
    """

    def __init__(self, name: str, slack: Slack, outbox: Outbox, desk: Desk) -> None:
        self._name = name
        self._slack = slack
        self._outbox = outbox
        self._desk = desk
        self._client: SocketModeClient | None = None

    def start(self) -> None:
        """Connect, and listen from now on; a failure is logged, and costs the answers alone."""
        done = attempt("slack answers", self._connect)
        if done.failure is not None:
            log.error("channel %s does not hear answers: %s", self._name, done.failure.error)

    def _connect(self) -> None:
        from slack_sdk.socket_mode.builtin import SocketModeClient  # noqa: PLC0415  an extra

        if self._slack.app_token is None:
            return
        # One at a time: who writes "veto" and then "pin" means it in this order.
        self._client = SocketModeClient(
            app_token=self._slack.app_token.get_secret_value(),
            web_client=self._slack.new_client(),
            logger=quiet_logger("slack_sdk"),
            concurrency=1,
        )
        self._client.socket_mode_request_listeners.append(self._hear)
        self._client.connect()

    def close(self) -> None:
        """Stop listening."""
        if self._client is not None:
            attempt("slack answers", self._client.close)

    def _hear(self, client: BaseSocketModeClient, request: SocketModeRequest) -> None:
        from slack_sdk.socket_mode.response import SocketModeResponse  # noqa: PLC0415  an extra

        read = attempt("slack answers", lambda: self._read(request))
        if read.failure is not None:
            log.error("channel %s: an answer cannot be read: %s", self._name, read.failure.error)
        incoming, thread = read.value or (None, "")
        said = None
        if incoming is not None:
            allowed = incoming.author_id in self._slack.allowed
            done = attempt("answers", lambda: self._desk.take(incoming, allowed=allowed))
            if done.failure is not None:
                log.error("an answer was lost: %s", done.failure.error)
            said = done.value
        # Only now: what is not taken is told again.
        client.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id))
        if said:
            told = attempt("slack answers", lambda: self._say(client, thread, said))
            if told.failure is not None:
                log.warning("slack answers: who answered could not be told: %s", told.failure.error)

    def _read(self, request: SocketModeRequest) -> tuple[Incoming | None, str]:
        payload = request.payload
        if request.type == "interactive" and payload.get("type") == "block_actions":
            return self._read_button(payload)
        if request.type == "events_api":
            return self._read_text(payload)
        return None, ""

    def _read_button(self, payload: Mapping[str, Any]) -> tuple[Incoming | None, str]:
        action = (payload.get("actions") or [{}])[0]
        verb = str(action.get("action_id", "")).removeprefix("aas2rto ")
        entry = entry_number(action.get("value", ""))
        message = payload.get("container") or {}
        user = payload.get("user") or {}
        if not self._is_here(message.get("channel_id")):
            return None, ""
        if entry is None:
            not_ours(self._name, str(action.get("value", "")))
            return None, ""
        stamp = f"slack/{message.get('message_ts')}/{action.get('action_ts')}"
        author = str(user.get("name") or user.get("username") or user.get("id"))
        incoming = Incoming(stamp, self._name, str(user.get("id")), author, verb, entry)
        return incoming, str(message.get("message_ts", ""))

    def _read_text(self, payload: Mapping[str, Any]) -> tuple[Incoming | None, str]:
        event = payload.get("event") or {}
        is_text = event.get("type") in {"message", "app_mention"} and not event.get("subtype")
        is_own = is_text and not event.get("bot_id") and not _is_shared(event)
        if not is_own or not self._is_here(event.get("channel")):
            return None, ""
        thread = str(event.get("thread_ts") or "")
        entry = entry_of(self._outbox, self._name, "ts", thread) if thread else None
        words = str(event.get("text", "")).split()
        text = " ".join(words[1:] if words and words[0].startswith("<@") else words)
        user = str(event.get("user", ""))
        # A mention comes twice, as a message and as a mention: its time is one and the same.
        incoming = Incoming(f"slack/{event.get('ts')}", self._name, user, user, text, entry)
        return incoming, thread or str(event.get("ts", ""))

    def _is_here(self, channel: object) -> bool:
        return str(channel) == (self._outbox.channel(self._name).address or self._slack.channel)

    def _say(self, client: BaseSocketModeClient, thread: str, text: str) -> None:
        shown = escape(text)
        client.web_client.chat_postMessage(
            channel=self._slack.channel,
            thread_ts=thread,
            text=f"```{shown}```" if "\n" in text else shown,
            unfurl_links=False,
            link_names=False,
        )


def _is_shared(event: Mapping[str, Any]) -> bool:
    """Tell whether it hands on what somebody else wrote; whose words are whose is not said."""
    return any(one.get("is_share") for one in event.get("attachments") or ())


def listeners(messengers: Mapping[str, Any], outbox: Outbox, desk: Desk) -> Sequence[SlackListener]:
    """Return one listener per channel."""
    return [
        SlackListener(name, one, outbox, desk)
        for name, one in messengers.items()
        if isinstance(one, Slack) and one.listens
    ]
