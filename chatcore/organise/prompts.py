"""The prompt library: texts that are sent for `/name`, with {{variables}} that are filled in first."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, SQLModel

import chatcore.models  # noqa: F401  # fills the metadata
from chatcore.db import Database
from chatcore.errors import Invalid, NotFound
from chatcore.organise.names import take_turn
from chatcore.parts import Viewer
from chatcore.texts import clean_text

PROMPTS = SQLModel.metadata.tables["prompt"]

LONGEST_PROMPT_NAME = 40
# As long as a long article: the library is read whole.
LONGEST_PROMPT = 20_000
MOST_PROMPTS = 500
NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
VARIABLE = re.compile(r"\{\{[ \t]*([^\W\d][\w-]{0,39})[ \t]*\}\}")
COMMAND = re.compile(r"/(\S+)(?:\s+(.*))?", re.DOTALL)
# What the built-in guide understands by itself; a test holds them equal.
RESERVED = ("help", "stream", "think", "wait", "fail", "tool")
# What stands behind the name of a command.
INPUT = "input"
BUILT_IN = ("date", "time")


@dataclass(frozen=True, slots=True)
class PromptInfo:
    """A prompt of the library."""

    id: int
    name: str
    text: str
    created_at: datetime

    @property
    def variables(self) -> tuple[str, ...]:
        """What has to be filled in, in the order of the text; what fills itself is left out."""
        return variables(self.text)


@dataclass(frozen=True, slots=True)
class Command:
    """A prompt of the library as it was called: what stood behind its name, and the variables nobody has filled in yet."""

    prompt: PromptInfo
    rest: str
    missing: tuple[str, ...]


def list_prompts(db: Database, viewer: Viewer) -> tuple[PromptInfo, ...]:
    """Every prompt of the viewer, in alphabetical order."""
    with db.read() as tx:
        return tuple(sorted(prompts_in(tx, viewer).values(), key=lambda prompt: prompt.name))


def prompts_in(tx: Session, viewer: Viewer) -> dict[int, PromptInfo]:
    """The viewer's prompts inside a transaction, by id."""
    columns = (PROMPTS.c.id, PROMPTS.c.name, PROMPTS.c.text, PROMPTS.c.created_at)
    found = tx.execute(sa.select(*columns).where(PROMPTS.c.user_id == viewer.user_id).order_by(PROMPTS.c.id))
    return {row.id: PromptInfo(row.id, row.name, row.text, row.created_at) for row in found}


def save_prompt(db: Database, viewer: Viewer, *, name: str, text: str, now: datetime) -> PromptInfo:
    """Keeps a prompt under a name. Raises Invalid for an impossible or taken name and for an empty or too long text."""
    name, text = clean_prompt_name(name), clean_prompt_text(text)
    with db.write() as tx:
        take_turn(tx, viewer)
        prompts = prompts_in(tx, viewer)
        if len(prompts) >= MOST_PROMPTS:
            raise Invalid(f"There are {MOST_PROMPTS} prompts already.", "Delete some that you no longer need.")
        check_free(prompts, name)
        values = {"user_id": viewer.user_id, "name": name, "text": text, "created_at": now}
        prompt_id: int = tx.execute(sa.insert(PROMPTS).values(values).returning(PROMPTS.c.id)).scalar_one()
    return PromptInfo(prompt_id, name, text, now)


def change_prompt(db: Database, viewer: Viewer, prompt_id: int, *, name: str | None = None, text: str | None = None) -> PromptInfo:
    """Another name, another text, or both at once; None leaves it as it is. Raises Invalid, NotFound; then nothing is changed."""
    name = name if name is None else clean_prompt_name(name)
    text = text if text is None else clean_prompt_text(text)
    with db.write() as tx:
        take_turn(tx, viewer)
        prompts = prompts_in(tx, viewer)
        prompt = of(prompts, prompt_id)
        if name is not None:
            check_free(prompts, name, but=prompt_id)
        changed = sa.update(PROMPTS).where(PROMPTS.c.user_id == viewer.user_id, PROMPTS.c.id == prompt_id)
        tx.execute(changed.values(name=name or prompt.name, text=text or prompt.text))
        return prompts_in(tx, viewer)[prompt_id]


def delete_prompt(db: Database, viewer: Viewer, prompt_id: int) -> None:
    """Forgets a prompt; what was sent with it stays. Raises NotFound."""
    with db.write() as tx:
        take_turn(tx, viewer)
        of(prompts_in(tx, viewer), prompt_id)
        tx.execute(sa.delete(PROMPTS).where(PROMPTS.c.user_id == viewer.user_id, PROMPTS.c.id == prompt_id))


def check_free(prompts: dict[int, PromptInfo], name: str, but: int | None = None) -> None:
    """Raises Invalid if another prompt than `but` has that name."""
    if any(prompt.name == name and prompt.id != but for prompt in prompts.values()):
        raise Invalid(f"There is a prompt /{name} already.", "Choose another name, or change that one.")


def of(prompts: dict[int, PromptInfo], prompt_id: int) -> PromptInfo:
    """The prompt of that id. Raises NotFound."""
    if prompt_id not in prompts:
        raise NotFound("This prompt is not there.", "It may have been deleted. Look at your prompts.")
    return prompts[prompt_id]


def clean_prompt_name(name: str) -> str:
    """The name as it is stored, in small letters and without the / that people write before it. Raises Invalid."""
    name = name.strip().removeprefix("/").lower()
    hint = f"Take small letters, digits, - and _, at most {LONGEST_PROMPT_NAME}, such as summarize."
    if not name:
        raise Invalid("The name of the prompt is empty.", hint)
    if len(name) > LONGEST_PROMPT_NAME or not NAME.fullmatch(name):
        raise Invalid(f"/{name[:LONGEST_PROMPT_NAME]} cannot be the name of a prompt.", hint)
    if name in RESERVED:
        raise Invalid(f"/{name} is a command of the built-in guide.", "Choose another name.")
    return name


def clean_prompt_text(text: str) -> str:
    """The text as it is stored. Raises Invalid if it is empty or too long."""
    text = clean_text(text)
    if len(text) > LONGEST_PROMPT:
        raise Invalid(f"The prompt has {len(text):,} characters, the most is {LONGEST_PROMPT:,}.", "Shorten it.")
    return text


# --- use ---------------------------------------------------------------------------------------------------------


def command_in(db: Database, viewer: Viewer, text: str) -> Command | None:
    """The prompt that a text calls with `/name rest`; None for anything else, which is sent as it is.

    The rest fills {{input}}; a prompt with one variable of another name gets it there.
    """
    called = COMMAND.fullmatch(text.strip())
    if called is None:
        return None
    name, rest = called.group(1).lower(), (called.group(2) or "").strip()
    prompt = next((prompt for prompt in list_prompts(db, viewer) if prompt.name == name), None)
    if prompt is None:
        return None
    filled = given(prompt, rest)
    return Command(prompt, rest, tuple(wanted for wanted in prompt.variables if wanted not in filled))


def given(prompt: PromptInfo, rest: str) -> dict[str, str]:
    """The variables that what stands behind the name fills in."""
    wanted = prompt.variables
    if not rest or not wanted:
        return {}
    if INPUT in wanted:
        return {INPUT: rest}
    return {wanted[0]: rest} if len(wanted) == 1 else {}


def filled_in(command: Command, values: Mapping[str, str], *, now: datetime) -> str:
    """What is sent for a command: its text with everything in its place. `now` is in the reader's zone.

    What stands behind the name and has no place in the text comes after it.
    """
    taken = given(command.prompt, command.rest)
    text = expand(command.prompt.text, {**taken, **values}, now=now)
    return f"{text}\n\n{command.rest}" if command.rest and not taken else text


def expand(text: str, values: Mapping[str, str], *, now: datetime) -> str:
    """The text with each {{variable}} replaced; one without a value stays as it is. What is put in is not looked through again."""
    known = {"date": f"{now:%Y-%m-%d}", "time": f"{now:%H:%M}", **values}
    return VARIABLE.sub(lambda found: known.get(found.group(1).lower(), found.group(0)), text)


def variables(text: str) -> tuple[str, ...]:
    """The names of the {{variables}} of a text, in small letters, each once, without those that fill themselves."""
    found = (name.lower() for name in VARIABLE.findall(text))
    return tuple(name for name in dict.fromkeys(found) if name not in BUILT_IN)
