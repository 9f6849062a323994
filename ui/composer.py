"""Where a prompt is written and a model is chosen."""

import logging
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from chatcore import chat as verbs
from chatcore.comparisons import compare, toss
from chatcore.core import Core
from chatcore.documents import BadFile, Upload
from chatcore.errors import ChatcoreError
from chatcore.parameters import PLAIN
from chatcore.parts import Capability, ChatInfo, ModelInfo, Thread, Viewer
from chatcore.queue import send_or_queue
from ui import app, attachments, chat_settings, connect, gauge, rival, temporary, tool_calls, words
from ui.prompts import slash

log = logging.getLogger("chatcore.ui")

Choice = tuple[str, str]

TEXT, SENT, GUIDE_ONLY = "composer.text", "composer.sent", "composer.guide_only"
# That a model can use tools its switch says.
BADGES = {
    Capability.VISION: (":material/visibility:", "Vision"),
    Capability.THINKING: (":material/psychology:", "Thinking"),
    Capability.AUDIO: (":material/mic:", "Audio"),
}


def show_composer(core: Core, viewer: Viewer, thread: Thread | None, used: Choice | None = None, compared: Choice | None = None) -> Choice:
    """Draws the prompt field, the model picker and what else belongs to the next prompt at the foot of the page; answers the chosen
    (provider, model).

    `used` is who wrote the chat's last answer, where that is on screen: the chat goes on with it. `compared` is who wrote another one
    beside it.
    """
    chat = thread.chat if thread else None
    chat_id = chat.id if chat else None
    settings = chat_settings.current(core, viewer, chat_id)
    with st.bottom, st.container(key="composer", gap="xxsmall"):
        app.show_kept_error()
        above = st.container()
        request_key = uuid.uuid4().hex
        attachments.show_held(chat_id, send=lambda: deliver("", chat_id, request_key))
        st.chat_input(
            "Ask anything",
            key=TEXT,
            on_submit=_submitted,
            args=(chat_id, request_key),
            height="content",
            accept_file="multiple",
            max_upload_size=attachments.LARGEST_MB,
        )
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key="composer_row"):
            models = offered(core)
            lines = lines_of(core, models)
            choice = show_picker(core, viewer, chat, used, models, lines)
            model = info_of(core, choice)
            filling = gauge.measured(core, viewer, thread, settings, model)
            if filling is not None:
                gauge.show_gauge(filling)
            with st.container(horizontal=True, vertical_alignment="center", gap="small", key="composer_tools", width="content"):
                # What is never written cannot be voted on later.
                if chat is not None or temporary.opened() is None:
                    rival.show_switch(chat_id, choice, lines, compared)
                if rival_can_use_tools(core, chat_id):
                    tool_calls.show_tools(core, viewer, chat_id, model, reads_only=rival_of(chat_id) is not None)
                slash.show_menu(core, viewer, TEXT)
                chat_settings.show_button(core, viewer, chat, settings)
    if chat_id is not None:
        with above:
            gauge.show_way_on(filling, chat_id, choice)
    # One dialog at a time.
    if not slash.show_form(chat_id, deliver, TEXT):
        chat_settings.show_open(chat_id, model, picker_key(chat_id))
    return choice


# --- the model ---------------------------------------------------------------------------------------------------


def picker_key(chat_id: uuid.UUID | None) -> str:
    """Each chat has its own choice."""
    return f"composer.model.{chat_id or 'new'}"


def chosen(chat_id: uuid.UUID | None) -> Choice | None:
    """The (provider, model) picked for this chat in this browser session, None before the picker was drawn."""
    choice: Choice | None = st.session_state.get(picker_key(chat_id))
    return choice


def rival_of(chat_id: uuid.UUID | None) -> Choice | None:
    """Who the next prompt goes to as well; nobody in a temporary chat."""
    return None if chat_id is None and temporary.opened() is not None else rival.chosen(chat_id)


def info_of(core: Core, choice: Choice | None) -> ModelInfo | None:
    """What is known of a chosen model."""
    return next((model for model in core.models() if (model.provider, model.id) == choice), None)


def uses_tools(chat_id: uuid.UUID | None) -> bool:
    """Whether the next prompt of this chat may use tools."""
    return tool_calls.are_on(chat_id, info_of(app.core(), chosen(chat_id)))


def compares_with_tools(chat_id: uuid.UUID | None) -> bool:
    """Whether both models the next prompt of this chat goes to may use tools: only one of them would have an advantage."""
    return uses_tools(chat_id) and rival_can_use_tools(app.core(), chat_id)


def rival_can_use_tools(core: Core, chat_id: uuid.UUID | None) -> bool:
    """Whether the second model of a comparison can use tools as far as anybody knows; nothing stands against it without one."""
    second = rival_of(chat_id)
    model = info_of(core, second) if second else None
    return second is None or (model is not None and tool_calls.may_use(model))


def show_picker(
    core: Core,
    viewer: Viewer,
    chat: ChatInfo | None,
    used: Choice | None,
    models: Mapping[Choice, ModelInfo],
    lines: Mapping[Choice, str],
) -> Choice:
    """Draws the models of all providers; a model that vanished stays chosen and says so."""
    default = used or (chat.provider, chat.model_name) if chat else verbs.first_model(core.db, viewer, list(models.values()))
    options = list(models) if default in models else [default, *models]
    key = picker_key(chat.id if chat else None)
    guide_only = all(model.provider == "guide" for model in models.values())
    # Nobody chose the guide who had nothing else to choose.
    came = chat is None and st.session_state.get(GUIDE_ONLY, False) and not guide_only
    st.session_state[GUIDE_ONLY] = guide_only
    if came or st.session_state.get(key) not in options:
        st.session_state[key] = default
    choice = st.selectbox(
        "Model",
        options,
        key=key,
        format_func=lambda option: words.picker_line(option, lines),
        label_visibility="collapsed",
        width=280,
    )
    model = models.get(choice)
    with st.container(key="model_facts", width="content"):
        st.markdown(facts(model) if model else gone(core, choice))
    connect.show_hint(core, on_start=chat is None)
    return choice


def offered(core: Core) -> dict[Choice, ModelInfo]:
    """The models of all providers that can chat, the guide last."""
    models = [model for model in core.models() if model.can_chat]
    models.sort(key=lambda model: model.provider == "guide")
    return {(model.provider, model.id): model for model in models}


def lines_of(core: Core, models: Mapping[Choice, ModelInfo]) -> dict[Choice, str]:
    """What a picker says of each model: its name, and what tells it from the others."""
    labels = server_labels(core, list(models.values()))
    return {choice: line_of(model, labels) for choice, model in models.items()}


def server_labels(core: Core, models: Sequence[ModelInfo]) -> dict[str, str]:
    """The name of each model server by its provider, where several offer models; with one nobody asks whose they are."""
    offering = dict.fromkeys(model.provider for model in models if model.provider != "guide")
    return {name: core.providers[name].label for name in offering} if len(offering) > 1 else {}


def line_of(model: ModelInfo, labels: Mapping[str, str]) -> str:
    """A line of the picker; `labels` are those of `server_labels`."""
    name = words.model_name(model.provider, model.id)
    if model.provider == "guide":
        return name
    parts = [model.parameter_size or "", labels.get(model.provider, ""), "cloud" if model.cloud else ""]
    return " · ".join([name, *(part for part in parts if part)])


def facts(model: ModelInfo) -> str:
    """What a model can do, as badges."""
    if model.provider == "guide":
        return ":small[:gray[Answers from the manual; not a language model]]"
    badges = []
    if model.cloud:
        badges.append(":blue-badge[:material/cloud: Cloud]")
    if model.context_length:
        badges.append(f":gray-badge[{words.context_size(model.context_length)} context]")
    badges += [f":gray-badge[{icon} {name}]" for capability, (icon, name) in BADGES.items() if capability in (model.capabilities or ())]
    return " ".join(badges)


def gone(core: Core, choice: Choice) -> str:
    """Why a model cannot be chosen any more."""
    health = core.health().get(choice[0])
    if health is None:
        reason = "its server is not set up here"
    else:
        reason = "no longer offered" if health.reachable else "its server is not reachable"
    return f":orange-badge[:material/link_off: {reason}]"


# --- sending -----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class LastSent:
    """What this browser session sent last: by which drawing of the field or editor, in which words, and to which chat.

    Streamlit ends a callback at any touch of its session state when the page has to run anew, as it does every second while a prompt
    waits, and calls it again. So what was sent is noted in this value at once, not by another assignment to the session state.
    """

    request_key: str = ""
    text: str = ""
    chat_id: uuid.UUID | None = None

    def has(self, request_key: str, text: str) -> bool:
        """Whether it was this."""
        return (self.request_key, self.text) == (request_key, text)

    def note(self, request_key: str, text: str, chat_id: uuid.UUID | None) -> None:
        """Keeps it in mind."""
        self.request_key, self.text, self.chat_id = request_key, text, chat_id


def last_sent() -> LastSent:
    """What was sent last; ask before sending, and note it there."""
    noted: LastSent = st.session_state.setdefault(SENT, LastSent())
    return noted


def _submitted(chat_id: uuid.UUID | None, request_key: str) -> None:
    value = st.session_state.get(TEXT)
    if value is None:
        return
    files = [Upload(file.name, file.getvalue()) for file in value.files]
    held = attachments.held(chat_id)
    # When this is called again, they are held already.
    attachments.hold(chat_id, [*held, *(file for file in files if file not in held)])
    if value.text.strip() or files:
        submit(value.text, chat_id, request_key)


def submit(text: str, chat_id: uuid.UUID | None, request_key: str) -> None:
    """Sends a prompt, or what `/name` stands for; where blanks are left, they are asked for first and the text stays in the field."""
    try:
        prompt = slash.expanded(app.core(), app.viewer(), text, chat_id, request_key)
    except ChatcoreError as error:
        keep(text, error)
        return
    if prompt is None:
        st.session_state[TEXT] = text
    else:
        deliver(prompt, chat_id, request_key)


def deliver(text: str, chat_id: uuid.UUID | None, request_key: str) -> None:
    """Sends a prompt with the files held for it and shows its chat. What fails is said on the page, and the text stands in the field
    again, its files over it; a file that cannot be attached is left out.

    `request_key` belongs to one drawing of the field: the second click of a double click carries the same and sends nothing, and so
    does a call that Streamlit repeats because the page had to run anew in the middle of the first.
    """
    core, viewer = app.core(), app.viewer()
    try:
        provider, model_name = chosen(chat_id) or verbs.first_model(core.db, viewer, core.models())
        settings = PLAIN if chat_id else chat_settings.current(core, viewer, None)
        unsaved = temporary.opened() if chat_id is None else None
        opened_id, second, sent = chat_id, rival_of(chat_id), last_sent()
        use_tools = tool_calls.are_on(chat_id, info_of(core, (provider, model_name))) and rival_can_use_tools(core, chat_id)
        files = attachments.held(chat_id)
        # Two prompts in a moment come from one drawing of the field.
        key = uuid.uuid4().hex if sent.request_key == request_key else request_key
        draft = verbs.Draft(text, provider, model_name, key, settings=settings, files=files, use_tools=use_tools)
        if sent.has(request_key, text):
            opened_id = sent.chat_id
        elif second is not None:
            is_blind = rival.is_blind(chat_id)
            sides = {"is_blind": is_blind, "swapped": is_blind and toss()}
            opened_id = compare(core.runner, viewer, chat_id, draft, second, **sides, now=app.now()).chat_id
        elif unsaved is not None:
            temporary.send(core, viewer, unsaved, draft, settings)
        elif chat_id is not None:
            send_or_queue(core.runner, viewer, chat_id, draft, now=app.now())
        else:
            opened_id = verbs.send(core.runner, viewer, None, draft, now=app.now()).chat_id
        sent.note(request_key, text, opened_id)
    except ChatcoreError as error:
        if isinstance(error, BadFile):
            attachments.hold(chat_id, [file for file in attachments.held(chat_id) if file is not error.upload])
        keep(text, error)
    except Exception:
        log.exception("sending failed")
        keep(
            text, ChatcoreError("The message could not be sent.", "Your text is in the field below. Try again; the server's log says why.")
        )
    else:
        attachments.hold(chat_id, ())
        if opened_id is None:
            return  # a temporary chat stays where it is
        if chat_id is None:
            chat_settings.begun()
            tool_calls.carry(None, opened_id)
            if second is not None:
                # What the chat ends with must not say which of the two is chosen here.
                st.session_state[picker_key(opened_id)] = (provider, model_name)
                rival.carry(opened_id)
        app.show_chat(opened_id)


def keep(text: str, error: ChatcoreError) -> None:
    """Puts the text back into the field and the error on the page."""
    app.keep_error(error)
    st.session_state[TEXT] = text


def show_suggestions(chat_id: uuid.UUID | None, suggestions: Sequence[tuple[str, str]]) -> None:
    """Prompts to begin with, one click each: what the button says, and what it sends."""
    request_key = uuid.uuid4().hex
    with st.container(horizontal=True, horizontal_alignment="center", gap="small", key="suggestions"):
        for number, (label, text) in enumerate(suggestions):
            st.button(label, key=f"composer.suggestion.{number}", on_click=submit, args=(text, chat_id, request_key))
