"""Which action types exist, which do not yet, and which never will again."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from flows.actions.accepted import ACCEPTED
from flows.actions.base import ActionType
from flows.actions.calling import Answer, Hangup, Stop
from flows.actions.checking import (
    ConditionCallDigits,
    ConditionCallStatus,
    ConditionDatetime,
    ConditionVariable,
)
from flows.actions.connecting import Call, Connect
from flows.actions.external_media import ExternalMediaStart, ExternalMediaStop
from flows.actions.jumping import Branch, FetchFlow, Goto
from flows.actions.keypad import DigitsReceive, DigitsSend
from flows.actions.mail import EmailSend
from flows.actions.prompts import Beep, Play, Talk
from flows.actions.recording import RecordingStart, RecordingStop
from flows.actions.rooms import ConfbridgeJoin, ConferenceJoin, Mute
from flows.actions.steering import Block, Empty
from flows.actions.variable import VariableSet
from flows.actions.waiting import Echo, Sleep, StreamEcho
from flows.actions.web import Fetch, WebhookSend

_TYPES: tuple[type[ActionType], ...] = (
    Answer,
    Talk,
    Play,
    Beep,
    DigitsReceive,
    DigitsSend,
    Branch,
    ConditionVariable,
    ConditionDatetime,
    ConditionCallDigits,
    ConditionCallStatus,
    Goto,
    FetchFlow,
    VariableSet,
    Sleep,
    Echo,
    StreamEcho,
    Connect,
    Call,
    ConfbridgeJoin,
    ConferenceJoin,
    Mute,
    ExternalMediaStart,
    ExternalMediaStop,
    RecordingStart,
    RecordingStop,
    Fetch,
    WebhookSend,
    EmailSend,
    Block,
    Empty,
    Hangup,
    Stop,
    *ACCEPTED,
)

ACTION_TYPES: Final[Mapping[str, type[ActionType]]] = MappingProxyType({kind.type: kind for kind in _TYPES})

NOT_YET: Final = frozenset(("queue_join",))
"""Types of VoIPBIN that are known by name and refused until they exist."""

GONE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "agent_call": "use 'connect' with a destination of type agent",
        "chatbot_talk": "use 'ai_talk'",
        "hangup_relay": "use 'hangup' with 'reference_id'",
    }
)
"""Types that old documentation mentions, with what took their place."""
