"""The settings of a chat on the screen: a quiet button, and the dialog behind it."""

import uuid

import streamlit as st

from chatcore.chat_settings import read_settings, write_settings
from chatcore.core import Core
from chatcore.organise.presets import (
    LONGEST_PRESET,
    PresetInfo,
    change_preset,
    default_settings,
    delete_preset,
    list_presets,
    save_preset,
)
from chatcore.parameters import (
    BY_NAME,
    LONGEST_SYSTEM_PROMPT,
    MOST_STOPS,
    PARAMETERS,
    PLAIN,
    STOP,
    THINK_LEVELS,
    ChatSettings,
    Parameter,
    clean_settings,
    think_levels,
)
from chatcore.parts import ChatInfo, ModelInfo, Viewer
from ui import app, title_settings, words

# Which chat's settings are open, and those of the chat that is not there yet.
OPEN, NEW = "settings.open", "settings.new"
SYSTEM_PROMPT, THINK, PRESET, PRESET_NAME = "settings.system_prompt", "settings.think", "settings.preset", "settings.preset_name"
PRESET_DEFAULT, PRESET_MODEL = "settings.preset_default", "settings.preset_model"
LONGEST_MARK = 24

# What a field is called, what it does, and the step of its buttons.
EXPLAINED: dict[str, tuple[str, str, float]] = {
    "temperature": ("Temperature", "How freely the next word is chosen: 0 answers nearly the same each time, above 1 becomes wild.", 0.1),
    "top_p": ("Top P", "Only words that together have this share of the probability are chosen from. Lower is more focused.", 0.05),
    "top_k": ("Top K", "Only so many of the likeliest words are chosen from. Lower is more focused.", 1),
    "min_p": ("Min P", "Words that are less likely than this share of the likeliest one are left out.", 0.01),
    "repeat_penalty": ("Repeat penalty", "Above 1 the model avoids what it has just written.", 0.05),
    "seed": ("Seed", "The same number with the same prompt gives the same answer again, on the same machine.", 1),
    "num_ctx": ("Context window", "How many tokens the model sees at once: instructions, chat and answer. More needs more memory.", 1024),
    "num_predict": ("Longest answer", "The answer ends after so many tokens, wherever it is.", 64),
}
LEVELS = {"off": "Off", "on": "On", "low": "Low", "medium": "Medium", "high": "High"}


def current(core: Core, viewer: Viewer, chat_id: uuid.UUID | None) -> ChatSettings:
    """The settings of a chat; of one that is not there yet, those it will begin with."""
    if chat_id is not None:
        return read_settings(core.db, viewer, chat_id)
    chosen: ChatSettings | None = st.session_state.get(NEW)
    return default_settings(core.db, viewer) if chosen is None else chosen


def begun() -> None:
    """The new chat has its settings now; the next one begins with the default again."""
    st.session_state.pop(NEW, None)


def place(chat_id: uuid.UUID | None) -> str:
    """What an open dialog is known by."""
    return str(chat_id or "new")


# --- the button --------------------------------------------------------------------------------------------------


def show_button(core: Core, viewer: Viewer, chat: ChatInfo | None, settings: ChatSettings) -> None:
    """Opens the dialog; says the preset's name, or that something is set."""
    chat_id = chat.id if chat else None
    mark = "" if settings.is_plain else mark_of(list_presets(core.db, viewer), settings)
    with st.container(key="settings_marked" if mark else "settings_quiet", width="content"):
        st.button(
            words.plain(mark) or "Chat settings",
            icon=":material/tune:",
            key="settings.button",
            type="tertiary",
            help="Chat settings: instructions, presets, parameters",
            on_click=open_dialog,
            args=(chat_id, settings),
        )


def mark_of(presets: tuple[PresetInfo, ...], settings: ChatSettings) -> str:
    """The name of the preset that these settings are, else that they are somebody's own."""
    return next((words.shortened(preset.name, LONGEST_MARK) for preset in presets if preset.settings == settings), "Customised")


def open_dialog(chat_id: uuid.UUID | None, settings: ChatSettings) -> None:
    st.session_state[OPEN] = place(chat_id)
    st.session_state.pop(PRESET, None)
    fill(settings)


def dismissed() -> None:
    st.session_state.pop(OPEN, None)


def fill(settings: ChatSettings) -> None:
    """Puts settings into the fields of the dialog."""
    st.session_state[SYSTEM_PROMPT] = settings.system_prompt or ""
    st.session_state[THINK] = settings.think
    for name in BY_NAME:
        st.session_state[key_of(name)] = settings.options.get(name)
    st.session_state[key_of(STOP)] = list(stops(settings))


def filled() -> ChatSettings:
    """The settings that stand in the fields. Raises Invalid."""
    options = {name: st.session_state.get(key_of(name)) for name in (*BY_NAME, STOP)}
    return clean_settings(st.session_state.get(SYSTEM_PROMPT), st.session_state.get(THINK), options)


def key_of(name: str) -> str:
    return f"settings.{name}"


def stops(settings: ChatSettings) -> list[str]:
    """The texts at which the model stops."""
    found = settings.options.get(STOP)
    return found if isinstance(found, list) else []


# --- the dialog --------------------------------------------------------------------------------------------------


def show_open(chat_id: uuid.UUID | None, model: ModelInfo | None, picker: str) -> None:
    """Draws the dialog if it is open for this chat; it stays open through whatever the page does meanwhile. `picker` is the key of
    the model picker."""
    if st.session_state.get(OPEN) == place(chat_id):
        dialog(chat_id, model, picker)


@st.dialog("Chat settings", width="medium", on_dismiss=dismissed)
def dialog(chat_id: uuid.UUID | None, model: ModelInfo | None, picker: str) -> None:
    """Preset, system prompt, think level and parameters of one chat."""
    if OPEN not in st.session_state:
        st.rerun()
    with app.calm():
        presets = {preset.id: preset for preset in list_presets(app.core().db, app.viewer())}
        if presets:
            show_presets(presets)
        st.text_area(
            "System prompt",
            key=SYSTEM_PROMPT,
            max_chars=LONGEST_SYSTEM_PROMPT,
            height=130,
            placeholder="Who the model shall be and how it shall answer, for example: Answer briefly and name your sources.",
            help="Stands before the chat in every request.",
        )
        show_think(model)
        with st.expander("Parameters", icon=":material/tune:", key="settings.more"):
            show_parameters(model)
        with st.expander("Keep as a preset", icon=":material/bookmark_add:", key="settings.keep"):
            show_keeping(presets, model)
        with st.expander("Titles of new chats", icon=":material/title:", key="settings.titles"):
            title_settings.show(app.core(), app.viewer())
        app.show_kept_error()
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button("Save", type="primary", key="settings.save", on_click=save, args=(chat_id, presets, picker))
            st.button("Reset", icon=":material/restart_alt:", key="settings.reset", type="tertiary", on_click=reset,
                      help="Empties every field: the model's own settings hold")  # fmt: skip
            st.caption("From the next prompt on." if chat_id else "For the chat your next prompt begins.")


def show_presets(presets: dict[int, PresetInfo]) -> None:
    """The presets to choose from; one that is chosen fills the fields."""
    if st.session_state.get(PRESET) not in presets:
        st.session_state[PRESET] = None
    st.selectbox(
        "Preset",
        list(presets),
        index=None,
        key=PRESET,
        format_func=lambda preset_id: label_of(presets[preset_id]),
        placeholder="Choose one to fill in what follows",
        on_change=apply,
        args=(presets,),
    )


def label_of(preset: PresetInfo) -> str:
    """A preset in the list: its name, the model it is for, and whether new chats begin with it."""
    parts = [preset.name, words.model_name(preset.provider, preset.model_name) if preset.model_name else ""]
    return " · ".join([*(part for part in parts if part), *(["new chats"] if preset.is_default else [])])


def apply(presets: dict[int, PresetInfo]) -> None:
    """Fills the fields with the preset that was chosen; its name and place too, for who wants to change it."""
    preset = presets.get(st.session_state[PRESET])
    if preset is not None:
        fill(preset.settings)
        st.session_state[PRESET_NAME], st.session_state[PRESET_DEFAULT] = preset.name, preset.is_default


def show_think(model: ModelInfo | None) -> None:
    """How much the model thinks before it answers, where it does."""
    levels = think_levels(model)
    kept = st.session_state.get(THINK)
    if not levels:
        if kept:
            st.caption(f"Thinking: {LEVELS[kept]}, once a model that thinks is chosen. This one does not.")
            st.session_state[THINK] = kept
        return
    if kept not in (None, *levels):
        levels = tuple(level for level in THINK_LEVELS if level in levels or level == kept)
    st.segmented_control(
        "Thinking",
        levels,
        format_func=lambda level: LEVELS[level],
        key=THINK,
        help="How long the model reasons before it answers. With none chosen the model decides.",
    )


def show_parameters(model: ModelInfo | None) -> None:
    """A field for each parameter; an empty one leaves it to the model."""
    st.caption("An empty field leaves it to the model.")
    # Row by row, so that a narrow window stacks them in their order.
    for pair in (PARAMETERS[start : start + 2] for start in range(0, len(PARAMETERS), 2)):
        for column, parameter in zip(st.columns(2), pair, strict=False):
            with column:
                show_parameter(parameter)
    st.multiselect(
        "Stop at",
        stops(clean_settings(options={STOP: st.session_state.get(key_of(STOP)) or []})),
        key=key_of(STOP),
        accept_new_options=True,
        max_selections=MOST_STOPS,
        placeholder="Write a text and press Enter",
        help="The answer ends before any of these texts.",
    )
    loaded = f" It is loaded with {words.context_size(model.loaded_context)} now." if model and model.loaded_context else ""
    st.caption(
        f":material/memory: A changed context window has the model loaded anew, which takes a moment.{loaded} "
        "Use the same one in all chats with a model, or it is loaded again at each change between them."
    )


def show_parameter(parameter: Parameter) -> None:
    """The field of one parameter."""
    label, explanation, step = EXPLAINED[parameter.name]
    # Streamlit wants all numbers of a field to be of one kind.
    kind = int if parameter.whole else float
    key = key_of(parameter.name)
    value = st.session_state.get(key)
    st.session_state[key] = None if value is None else kind(value)
    st.number_input(
        f"{label}, tokens" if parameter.name in ("num_ctx", "num_predict") else label,
        min_value=kind(parameter.least),
        max_value=kind(parameter.most),
        step=kind(step),
        value=None,
        key=key,
        placeholder="Model’s own",
        help=explanation,
    )


def show_keeping(presets: dict[int, PresetInfo], model: ModelInfo | None) -> None:
    """Keeps what stands in the fields under a name, or changes the preset that is chosen."""
    preset = presets.get(st.session_state.get(PRESET) or 0)
    st.text_input("Name", key=PRESET_NAME, max_chars=LONGEST_PRESET, placeholder="Brief answers")
    st.checkbox("New chats begin with it", key=PRESET_DEFAULT)
    if model is not None and preset is None:
        st.checkbox(f"For {words.plain(words.model_name(model.provider, model.id))}", key=PRESET_MODEL, help="Chooses this model too")
    with st.container(horizontal=True):
        st.button("Save as a new preset", key="settings.preset_save", icon=":material/add:", on_click=keep, args=(model,))
        if preset is not None:
            st.button("Change this preset", key="settings.preset_change", icon=":material/edit:", on_click=change, args=(preset.id,))
            st.button(
                "Delete it", key="settings.preset_delete", icon=":material/delete:", type="tertiary", on_click=delete, args=(preset.id,)
            )
    st.caption("Chats that use a preset keep their settings when it changes.")


# --- what the buttons do -----------------------------------------------------------------------------------------


def save(chat_id: uuid.UUID | None, presets: dict[int, PresetInfo], picker: str) -> None:
    """Writes the settings of the chat; with a preset that is for a model, that model is chosen too."""
    with app.calm_callback():
        settings = filled()
        preset = presets.get(st.session_state.get(PRESET) or 0)
        if preset is not None and preset.model_name is not None:
            st.session_state[picker] = (preset.provider, preset.model_name)
        if chat_id is None:
            st.session_state[NEW] = settings
        else:
            write_settings(app.core().db, app.viewer(), chat_id, settings)
        dismissed()


def reset() -> None:
    st.session_state[PRESET] = None
    fill(PLAIN)


def keep(model: ModelInfo | None) -> None:
    with app.calm_callback():
        name, is_default = str(st.session_state.get(PRESET_NAME) or ""), bool(st.session_state.get(PRESET_DEFAULT))
        bound = (model.provider, model.id) if model is not None and st.session_state.get(PRESET_MODEL) else None
        made = save_preset(app.core().db, app.viewer(), name=name, settings=filled(), now=app.now(), model=bound, is_default=is_default)
        st.session_state[PRESET] = made.id


def change(preset_id: int) -> None:
    with app.calm_callback():
        name, is_default = str(st.session_state.get(PRESET_NAME) or ""), bool(st.session_state.get(PRESET_DEFAULT))
        change_preset(app.core().db, app.viewer(), preset_id, name=name, settings=filled(), is_default=is_default)


def delete(preset_id: int) -> None:
    with app.calm_callback():
        delete_preset(app.core().db, app.viewer(), preset_id)
        st.session_state[PRESET] = None
        st.session_state[PRESET_NAME], st.session_state[PRESET_DEFAULT] = "", False
