"""The values of chatcore as JSON: names as in docs/rest.md, times in ISO 8601 with their zone, durations in seconds."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

from chatcore.chat import Sent
from chatcore.comparisons import Comparison
from chatcore.importing import Preview, RunInfo
from chatcore.importing.jobs import Job
from chatcore.organise.folders import FolderInfo
from chatcore.organise.presets import PresetInfo
from chatcore.organise.prompts import PromptInfo
from chatcore.organise.tags import TagInfo
from chatcore.organise.views import ViewInfo
from chatcore.parameters import ChatSettings
from chatcore.parts import AttachmentInfo, CallRecord, ChatInfo, GenerationInfo, MessageInfo, ModelInfo, Update
from chatcore.preferences import Preferences
from chatcore.queued import Queued
from chatcore.search.results import Facet, Facets, Hit, Switch
from chatcore.sharing import Link
from chatcore.toolcalls import call_json
from chatcore.tools.base import ServerState
from chatcore.tools.toolbox import ToolInfo

Json = dict[str, object]
# What is said of an answer that failed while nobody may know whose it is.
UNNAMED_ERROR, UNNAMED_HINT = "The answer failed.", "Why is told when the names are."


def moment(when: datetime | None) -> str | None:
    """A time as text, None where there is none."""
    return when.isoformat() if when else None


def chat_json(chat: ChatInfo, tags: Sequence[str]) -> Json:
    """A chat without its messages, with the names of its tags."""
    return {
        "id": str(chat.id),
        "title": chat.title,
        "provider": chat.provider,
        "model": chat.model_name,
        "created_at": moment(chat.created_at),
        "updated_at": moment(chat.updated_at),
        "pinned": chat.pinned,
        "archived": chat.archived,
        "deleted_at": moment(chat.deleted_at),
        "message_count": chat.message_count,
        "input_tokens": chat.input_tokens,
        "output_tokens": chat.output_tokens,
        "last_message_at": moment(chat.last_message_at),
        "snippet": chat.last_snippet,
        "running": chat.running,
        "folder_id": chat.folder_id,
        "tags": list(tags),
    }


def tag_json(tag: TagInfo) -> Json:
    """A tag and how many chats have it."""
    return {"id": tag.id, "name": tag.name, "chats": tag.chats}


def folder_json(folder: FolderInfo) -> Json:
    """A folder; `chats` counts those in folders below it too."""
    return {
        "id": folder.id,
        "parent_id": folder.parent_id,
        "name": folder.name,
        "path": folder.path,
        "depth": folder.depth,
        "chats": folder.chats,
        "own_chats": folder.own_chats,
    }


def view_json(view: ViewInfo) -> Json:
    """A saved search."""
    return {"id": view.id, "name": view.name, "query": view.query, "created_at": moment(view.created_at)}


def settings_json(settings: ChatSettings) -> Json:
    """The settings of a chat or a preset; null, and an option that is not there, mean that the model's own hold."""
    return {"system_prompt": settings.system_prompt, "think": settings.think, "options": dict(settings.options)}


def preset_json(preset: PresetInfo) -> Json:
    """Settings with a name."""
    return {
        "id": preset.id,
        "name": preset.name,
        "default": preset.is_default,
        "provider": preset.provider,
        "model": preset.model_name,
        **settings_json(preset.settings),
        "created_at": moment(preset.created_at),
    }


def prompt_json(prompt: PromptInfo) -> Json:
    """A prompt of the library; `variables` are those that have to be filled in."""
    return {
        "id": prompt.id,
        "name": prompt.name,
        "text": prompt.text,
        "variables": list(prompt.variables),
        "created_at": moment(prompt.created_at),
    }


def message_json(message: MessageInfo, *, named: bool = True) -> Json:
    """A message; `generation` is null for what a person wrote. While nobody may know who wrote an answer (not `named`), what its server
    says of itself is null too."""
    generation = generation_json(message.generation) if message.generation else None
    if generation and not named:
        generation = dict.fromkeys(generation) | {"id": generation["id"], "state": generation["state"]}
    return {
        "id": message.id,
        "chat_id": str(message.session_id),
        "parent_id": message.parent_id,
        "role": message.role,
        "state": message.status,
        "text": message.content,
        "reasoning": message.reasoning,
        "tool_calls": message.tool_calls,
        "provider": message.provider if named else None,
        "model": message.model_name if named else None,
        "names_hidden": not named,
        "created_at": moment(message.created_at),
        "attachments": [attachment_json(file) for file in message.attachments],
        "generation": generation,
    }


def attachment_json(file: AttachmentInfo) -> Json:
    """A file on a message; `characters` is how much text a model is told of it, null for an image."""
    return {
        "id": file.id,
        "name": file.name,
        "media_type": file.media_type,
        "size_bytes": file.size_bytes,
        "characters": file.characters,
        "cut": file.is_cut,
        "url": f"/api/v1/messages/{file.message_id}/attachments/{file.id}",
    }


def generation_json(generation: GenerationInfo) -> Json:
    """How the newest attempt at an answer went; null is unknown, which is never the same as 0."""
    error = {"code": generation.error_type, "message": generation.error_message, "hint": generation.error_hint,
             "retryable": generation.error_retryable}  # fmt: skip
    return {
        "id": generation.id,
        "state": generation.state,
        "provider": generation.provider,
        "model": generation.model_name,
        "started_at": moment(generation.started_at),
        "finished_at": moment(generation.finished_at),
        "duration_s": generation.duration_s,
        "time_to_first_chunk_s": generation.time_to_first_chunk_s,
        "output_tokens_per_s": generation.output_tokens_per_s,
        "input_tokens": generation.input_tokens,
        "output_tokens": generation.output_tokens,
        "usage_source": generation.usage_source,
        "finish_reason": generation.finish_reason,
        "reasoning_s": generation.reasoning_s,
        "context_window": generation.context_window,
        "context_tokens": generation.context_tokens,
        "error": error if generation.error_type else None,
    }


def model_json(model: ModelInfo) -> Json:
    """A model a provider offers; sizes in bytes, context in tokens."""
    return {
        "id": model.id,
        "provider": model.provider,
        "can_chat": model.can_chat,
        "capabilities": None if model.capabilities is None else sorted(model.capabilities),
        "context_length": model.context_length,
        "size_bytes": model.size_bytes,
        "parameter_size": model.parameter_size,
        "quantization": model.quantization,
        "cloud": model.cloud,
        "loaded": model.loaded,
        "loaded_context": model.loaded_context,
    }


def sent_json(sent: Sent) -> Json:
    """Where a prompt and its answer now are; follow the answer at /api/v1/messages/{answer_id}/events."""
    return {"chat_id": str(sent.chat_id), "user_message_id": sent.user_message_id, "answer_id": sent.answer_id}


def comparison_json(comparison: Comparison) -> Json:
    """Two answers that are compared; while the vote is out in a blind one, nothing says which model wrote which."""

    def side(answer_id: int | None, model: tuple[str, str]) -> Json:
        named = {"provider": None, "model": None} if comparison.hides_names else {"provider": model[0], "model": model[1]}
        return {"answer_id": answer_id, **named}

    return {
        "id": comparison.id,
        "chat_id": str(comparison.chat_id) if comparison.chat_id else None,
        "blind": comparison.is_blind,
        "vote": comparison.vote,
        "left": side(comparison.left_id, comparison.left),
        "right": side(comparison.right_id, comparison.right),
        "created_at": moment(comparison.created_at),
        "decided_at": moment(comparison.decided_at),
    }


def queued_json(queued: Queued) -> Json:
    """A prompt that waits."""
    return {
        "id": queued.id,
        "chat_id": str(queued.chat_id),
        "text": queued.text,
        "provider": queued.provider,
        "model": queued.model_name,
        "created_at": moment(queued.created_at),
        "files": [{"name": file.name, "size_bytes": file.size_bytes} for file in queued.files],
    }


def link_json(link: Link) -> Json:
    """A share link; `url` is where everybody who has it reads the snapshot."""
    return {
        "id": link.id,
        "chat_id": str(link.chat_id),
        "url": f"/share/{link.token}",
        "title": link.title,
        **asdict(link.extras),
        "created_at": moment(link.created_at),
        "taken_at": moment(link.taken_at),
        "expires_at": moment(link.expires_at),
        "message_count": link.messages,
        "size_bytes": link.size_bytes,
        "in_trash": link.in_trash,
    }


def preferences_json(preferences: Preferences) -> Json:
    """What a person chose for all chats; without a title model it is the one that answered."""
    provider, model = preferences.title_model or (None, None)
    return {"titles": preferences.titles, "title_provider": provider, "title_model": model}


def live_call_json(call: CallRecord) -> Json:
    """A tool call as the page draws it, its arguments as text."""
    arguments = call.raw if call.arguments is None else json.dumps(call.arguments, ensure_ascii=False, indent=2)
    return {
        "id": call.id,
        "name": call.name,
        "state": call.state,
        "decision": call.decision,
        "arguments": arguments,
        "result": call.result,
        "duration_s": call.duration_s,
    }


def tool_json(tool: ToolInfo, policy: str) -> Json:
    """A tool and what it may do for the caller."""
    return {"name": tool.name, "description": tool.description, "source": tool.source, "read_only": tool.read_only, "policy": policy}


def tool_server_json(state: ServerState) -> Json:
    """A server of tools."""
    return {"name": state.name, "connected": state.connected, "tools": state.tools, "error": state.error}


def update_json(update: Update, *, named: bool = True) -> Json:
    """News of an answer; its tool calls only where they changed. Without what a server says of itself unless `named`."""
    calls = {} if update.calls is None else {"calls": [call_json(call) for call in update.calls]}
    return calls | {
        "text": update.text,
        "reasoning": update.reasoning,
        "state": update.state,
        "progress": update.progress if named else None,
        "error": update.error if named or not update.error else UNNAMED_ERROR,
        "hint": update.hint if named or not update.hint else UNNAMED_HINT,
        "reasoning_s": update.reasoning_s,
        "next": {"text": update.next.text, "reasoning": update.next.reasoning},
    }


def hit_json(hit: Hit) -> Json:
    """A message that matches; `marks` are [start, end] in characters of the snippet (Unicode code points)."""
    return {
        "message_id": hit.message_id,
        "chat_id": str(hit.chat_id),
        "chat_title": hit.chat_title,
        "role": hit.role,
        "created_at": moment(hit.created_at),
        "provider": hit.provider,
        "model": hit.model_name,
        "snippet": hit.snippet,
        "marks": hit.marks,
        "pinned": hit.pinned,
        "archived": hit.archived,
        "in_trash": hit.in_trash,
    }


def switch_json(found: Switch, tags: Mapping[uuid.UUID, tuple[str, ...]]) -> Json:
    """Chats, each with its tags and the places in its title that match, and messages."""
    return {
        "chats": [chat_json(hit.chat, tags[hit.chat.id]) | {"marks": hit.marks} for hit in found.chats],
        "hits": [hit_json(hit) for hit in found.hits],
        "indexed": found.indexed,
    }


def facets_json(found: Facets) -> Json:
    """How the hits spread; `filters` are the [name, value] pairs that narrow the search to the value."""

    def values(facets: tuple[Facet, ...]) -> list[Json]:
        return [{"label": facet.label, "filters": facet.filters, "count": facet.count} for facet in facets]

    return {
        "of": found.of,
        "complete": found.complete,
        "models": values(found.models),
        "months": values(found.months),
        "roles": values(found.roles),
        "tags": values(found.tags),
    }


# --- imports -----------------------------------------------------------------------------------------------------


def import_json(run: RunInfo) -> Json:
    """An import as the list has it."""
    return asdict(run) | {"started_at": moment(run.started_at), "finished_at": moment(run.finished_at)}


def preview_json(told: Preview) -> Json:
    """What is in a file."""
    return asdict(told) | {"first_at": moment(told.first_at), "last_at": moment(told.last_at)}


def job_json(job: Job) -> Json:
    """An import that is going on or has just ended, and how far it is."""
    pace = job.pace
    state = "complete" if job.report else "stopped" if job.stopped else "failed" if job.error or job.broke else "running"
    error = {"kind": job.error.kind, "message": job.error.message, "hint": job.error.hint} if job.error else None
    return {
        "file_name": job.file_name,
        "state": state,
        "messages": pace.done if pace else 0,
        "messages_per_s": round(pace.messages_per_s, 1) if pace else None,
        "error": error,
        "report": job.report.as_json() if job.report else None,
    }
