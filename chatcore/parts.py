"""The values that travel between the database, the Runner, the providers and the screen. All are immutable."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Generic, Literal, TypeVar

Item = TypeVar("Item", covariant=True)


@dataclass(frozen=True, slots=True)
class Viewer:
    """The person on whose behalf a function reads or writes. Made by `chatcore.accounts`, nowhere else."""

    user_id: str
    name: str
    email: str | None = None
    is_owner: bool = False


class Role(StrEnum):
    """Who wrote a message. The specification allows no third."""

    USER = "user"
    ASSISTANT = "assistant"


class State(StrEnum):
    """Where an answer stands. Everything but RUNNING is final."""

    RUNNING = "running"
    COMPLETE = "complete"
    STOPPED = "stopped"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


class Vote(StrEnum):
    """What a person says of two answers to one prompt. SKIPPED: nothing, they only wanted to see the names."""

    LEFT = "left"
    RIGHT = "right"
    BOTH_GOOD = "both_good"
    BOTH_BAD = "both_bad"
    SKIPPED = "skipped"


class FinishReason(StrEnum):
    """Why a model stopped writing."""

    STOP = "stop"
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"
    CONTENT_FILTER = "content_filter"
    LOAD = "load"
    UNLOAD = "unload"


class ErrorCode(StrEnum):
    """What went wrong with a model server; the texts for people are made in `chatcore.providers.base`."""

    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    AUTH = "auth"
    FORBIDDEN = "forbidden"
    MODEL_NOT_FOUND = "model_not_found"
    NOT_FOUND = "not_found"
    UNSUPPORTED_FEATURE = "unsupported_feature"
    CONTEXT_LENGTH = "context_length"
    BAD_REQUEST = "bad_request"
    RATE_LIMITED = "rate_limited"
    QUOTA = "quota"
    BUSY = "busy"
    LOADING = "loading"
    UPSTREAM_UNREACHABLE = "upstream_unreachable"
    SERVER_ERROR = "server_error"
    BAD_RESPONSE = "bad_response"
    INCOMPLETE = "incomplete"
    CANCELLED = "cancelled"
    INTERNAL = "internal"


class Capability(StrEnum):
    """What a model can do, in Ollama's words."""

    COMPLETION = "completion"
    TOOLS = "tools"
    INSERT = "insert"
    VISION = "vision"
    EMBEDDING = "embedding"
    THINKING = "thinking"
    IMAGE = "image"
    AUDIO = "audio"


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A model asks for a tool. `id` is the server's, or our own where it sent none; `arguments` is a JSON object,
    None where the model wrote something else (then `raw` holds it and `error` says why)."""

    id: str
    name: str
    arguments: dict[str, object] | None
    raw: str = ""
    error: str | None = None


class Policy(StrEnum):
    """Whether a tool may run: by itself, after a person was asked, or not at all."""

    ALLOW = "allow"
    ASK = "ask"
    NEVER = "never"


class Decision(StrEnum):
    """Why a call ran or did not: the policy let it, a person said so (and for how long), or nobody answered in time."""

    POLICY = "policy"
    ONCE = "once"
    CHAT = "chat"
    ALWAYS = "always"
    DECLINED = "declined"
    NEVER = "never"
    TIMEOUT = "timeout"


class CallState(StrEnum):
    """Where a tool call stands. WAITING: a person is asked. Everything but WAITING and RUNNING is final."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    DECLINED = "declined"
    STOPPED = "stopped"


class CallError(StrEnum):
    """Why a tool call failed, or was refused by us; the first three never ran."""

    UNKNOWN_TOOL = "unknown_tool"
    BAD_ARGUMENTS = "bad_arguments"
    NOT_OFFERED = "not_offered"
    TIMEOUT = "timeout"
    TOOL_BROKE = "tool_broke"
    TOOL_FAILED = "tool_failed"
    LIMIT = "limit"


@dataclass(frozen=True, slots=True)
class CallRecord:
    """A tool call as its message keeps it. `round` counts the model's turns within the answer from 1, `position` is how much of
    the text stood before it, in characters. `result` is what the model was told, None while it is not known. `error_type` is known
    of calls that were made here."""

    id: str
    name: str
    arguments: dict[str, object] | None
    raw: str = ""
    error: str | None = None
    round: int = 1
    position: int = 0
    state: CallState = CallState.RUNNING
    decision: Decision | None = None
    result: str | None = None
    started_at: datetime | None = None
    duration_s: float | None = None
    error_type: CallError | None = None


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as a model is told of it. `schema` is the JSON Schema of its arguments."""

    name: str
    description: str
    schema: dict[str, object]


@dataclass(frozen=True, slots=True)
class Picture:
    """An image as a model server is sent it: PNG or JPEG."""

    media_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of the conversation as a model server sees it. `reasoning` is the model's own, between two rounds of tools."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_name: str | None = None
    tool_call_id: str | None = None
    images: tuple[Picture, ...] = ()
    reasoning: str = ""


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What a provider is asked: one model, the turns oldest first. `options` are the server's own (num_ctx, seed ...); `tools`
    are those the model may ask for."""

    model: str
    turns: tuple[Turn, ...]
    think: bool | str | None = None
    options: dict[str, object] = field(default_factory=dict)
    keep_alive: str | float | None = None
    tools: tuple[ToolSpec, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model a provider offers. `capabilities` and `context_length` (tokens) are None where the server does not say.

    `loaded_context` is the window really allocated in memory, in tokens; None for a model that is not loaded.
    """

    id: str
    provider: str
    capabilities: frozenset[str] | None = None
    context_length: int | None = None
    size_bytes: int | None = None
    parameter_size: str | None = None
    quantization: str | None = None
    cloud: bool = False
    loaded: bool = False
    loaded_context: int | None = None

    @property
    def can_chat(self) -> bool:
        """Whether the model answers prompts; unknown capabilities count as yes."""
        return self.capabilities is None or Capability.COMPLETION in self.capabilities


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a model server answers. `error` is a sentence for people, `host` the address that was tried."""

    reachable: bool
    host: str
    version: str | None = None
    latency_s: float | None = None
    error: str | None = None
    hint: str | None = None


# --- what a provider says while it answers -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Started:
    """The server accepted the request: its headers are here, no text yet."""


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """More of the model's reasoning."""

    text: str


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Progress:
    """A sentence for the person who waits: the model is loading, the request is queued."""

    text: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What the server counted. None = not reported, which is never the same as 0. Times in seconds.

    Names follow the OpenTelemetry GenAI conventions; `input_tokens` includes cached ones, `output_tokens` includes
    reasoning. `response_model` is the model the server says answered, `cost_usd` what the server says it takes for the answer.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    load_s: float | None = None
    prompt_s: float | None = None
    eval_s: float | None = None
    response_model: str | None = None
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """The answer is whole. `raw_reason` is the server's own word."""

    reason: FinishReason
    raw_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The answer ended in an error; text sent before stays valid. `detail` is technical, for the log only."""

    code: ErrorCode
    message: str
    hint: str = ""
    retryable: bool = False
    retry_after_s: float | None = None
    sign_in_url: str | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The server says the request was cancelled."""


Event = Started | ReasoningDelta | TextDelta | ToolCall | Progress | Usage | Finished | Failed | Cancelled


# --- what a follower of an answer sees ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Offset:
    """How much of an answer a follower already has, in characters (Unicode code points) of each part. `calls` marks the state
    of its tool calls that the follower knows, 0 for none: they are sent again whenever it is another one."""

    text: int = 0
    reasoning: int = 0
    calls: int = 0


@dataclass(frozen=True, slots=True)
class Update:
    """News of an answer: what was added since the follower's offset, where it stands now, and the offset to go on from.

    `state` is RUNNING until the last update, which has a final state; `progress` is a sentence while nothing is written
    yet; `error` and `hint` are set on a failed answer. `reasoning_s`: how long the model has reasoned, None where it has not or
    another process writes the answer. `calls` are all tool calls so far, None if nothing about them is new.
    """

    text: str
    reasoning: str
    state: State
    next: Offset
    progress: str | None = None
    error: str | None = None
    hint: str | None = None
    reasoning_s: float | None = None
    calls: tuple[CallRecord, ...] | None = None


# --- what the history shows --------------------------------------------------------------------------------------


class Shelf(StrEnum):
    """Where a chat lies: each chat is on exactly one."""

    ACTIVE = "active"
    ARCHIVED = "archived"
    TRASH = "trash"


@dataclass(frozen=True, slots=True)
class ChatInfo:
    """A chat as lists show it, without its messages. `running` says whether an answer is being written in it; `folder_id`
    is None for a chat in no folder."""

    id: uuid.UUID
    title: str
    provider: str
    model_name: str
    created_at: datetime
    updated_at: datetime
    pinned: bool = False
    archived: bool = False
    deleted_at: datetime | None = None
    message_count: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    current_message_id: int | None = None
    last_message_at: datetime | None = None
    last_snippet: str | None = None
    folder_id: int | None = None
    running: bool = False


@dataclass(frozen=True, slots=True)
class GenerationInfo:
    """How the newest attempt at an answer went. Times in seconds; None = not known."""

    id: int
    state: State
    provider: str
    model_name: str
    started_at: datetime
    finished_at: datetime | None = None
    duration_s: float | None = None
    time_to_first_chunk_s: float | None = None
    eval_s: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    usage_source: str | None = None
    finish_reason: str | None = None
    error_type: str | None = None
    error_message: str | None = None
    error_hint: str | None = None
    error_retryable: bool | None = None
    reasoning_s: float | None = None
    context_window: int | None = None
    context_tokens: int | None = None

    @property
    def output_tokens_per_s(self) -> float | None:
        """Writing speed: the server's own count over its own time, else over the time after the first chunk."""
        if not self.output_tokens:
            return None
        if self.eval_s:
            return self.output_tokens / self.eval_s
        if self.duration_s is None or self.time_to_first_chunk_s is None:
            return None
        writing_s = self.duration_s - self.time_to_first_chunk_s
        return (self.output_tokens - 1) / writing_s if writing_s > 0 and self.output_tokens > 1 else None


@dataclass(frozen=True, slots=True)
class AttachmentInfo:
    """A file on a message, without what it holds. `media_type` was found in the content; `characters` is how much text a model is
    told of a document, None for an image, and `is_cut` whether that is only its beginning."""

    id: int
    message_id: int
    name: str
    media_type: str
    size_bytes: int
    characters: int | None = None
    is_cut: bool = False

    @property
    def is_image(self) -> bool:
        """Whether it is looked at, not read."""
        return self.media_type.startswith("image/")


@dataclass(frozen=True, slots=True)
class MessageInfo:
    """A message as the thread shows it; `generation` is its newest attempt, None for what a person wrote."""

    id: int
    session_id: uuid.UUID
    parent_id: int | None
    role: Role
    status: State
    content: str
    created_at: datetime
    provider: str | None = None
    model_name: str | None = None
    reasoning: str | None = None
    tool_calls: str | None = None
    generation: GenerationInfo | None = None
    attachments: tuple[AttachmentInfo, ...] = ()


@dataclass(frozen=True, slots=True)
class Thread:
    """A window of a chat: its messages oldest first, along one branch, and whether that has more before and after them."""

    chat: ChatInfo
    messages: tuple[MessageInfo, ...]
    has_earlier: bool
    has_later: bool


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """One page of a list and the cursor of the next one; None at the end."""

    items: tuple[Item, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of time, start included, end excluded. Both aware."""

    start: datetime
    end: datetime
