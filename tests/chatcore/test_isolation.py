"""What is yours is only yours: every function that takes a viewer, tried as somebody else.

The functions are found by looking, not by a list: one that is new and has no case here fails the first test.
"""

import asyncio
import dataclasses
import importlib
import inspect
import pkgutil
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, timedelta
from types import FunctionType, ModuleType

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from sqlmodel import Session, SQLModel

from chatcore import (
    accounts,
    analytics,
    approvals,
    attachments,
    branches,
    browse,
    changes,
    chat,
    chat_settings,
    comparisons,
    context,
    continued,
    exporting,
    feedback,
    generation,
    history,
    importing,
    installed,
    ledger,
    permissions,
    preferences,
    pulls,
    queue,
    queued,
    revisions,
    search,
    sharing,
    summary,
    temporary,
    thread,
    titles,
)
from chatcore.analytics import chats, lengths
from chatcore.analytics.numbers import Ints
from chatcore.browse import Browse
from chatcore.changes import Changes
from chatcore.chat import Draft
from chatcore.db import Database
from chatcore.documents import Prepared, Upload
from chatcore.errors import NotFound
from chatcore.exporting import reading
from chatcore.generation import Runner
from chatcore.importing import jobs, runs, writing
from chatcore.ledger import Ending
from chatcore.live import Snapshot
from chatcore.organise import folders, names, presets, prompts, tags, views
from chatcore.parameters import PLAIN, ChatSettings
from chatcore.parts import (
    CallRecord,
    CallState,
    ChatRequest,
    ModelInfo,
    Offset,
    Period,
    Policy,
    Role,
    Shelf,
    State,
    TextDelta,
    Usage,
    Viewer,
    Vote,
)
from chatcore.prices import Reference
from chatcore.reports import page, questions
from chatcore.rollup import gather, sums
from chatcore.rollup.pages import Table
from chatcore.rows import CHATS, GENERATIONS, MESSAGES
from chatcore.search import ask, inside
from chatcore.search.query import read_query
from chatcore.search.results import Order
from chatcore.thread import Before
from chatcore.toolcalls import dump_calls
from tests.factories import NOW, make_chat, make_exchange, make_pair, make_viewer, rate
from tests.scripted import Scripted

LATER = NOW + timedelta(minutes=1)
BRIEF = ChatSettings(system_prompt="Be brief.")
FILE = Prepared("tides.txt", "text/plain", b"high at noon", text="high at noon")
ANALYTICS = [importlib.import_module(f"chatcore.analytics.{found.name}") for found in pkgutil.iter_modules(analytics.__path__)]
ORGANISE = [folders, names, presets, prompts, tags, views]
SEARCH = [search, ask, inside]
REPORTS = [page, questions]
TREE = [branches, comparisons, feedback, revisions, summary, thread]
TRANSFER = [exporting, importing, jobs, reading, runs, writing]
MODULES = [
    accounts, approvals, attachments, browse, changes, chat, chat_settings, context, continued, gather, generation, history, installed,
    ledger, permissions, preferences, pulls, queue, queued, sharing, sums, temporary, titles,
    *TREE, *ANALYTICS, *ORGANISE, *REPORTS, *SEARCH, *TRANSFER,
]  # fmt: skip
HANDLES = ("db", "tx", "runner", "core", "self")


@dataclass(frozen=True)
class World:
    """Ada has some of everything; Bob has nothing."""

    db: Database
    runner: Runner
    ada: Viewer
    bob: Viewer
    chat_id: uuid.UUID
    asked_id: int
    answer_id: int
    running_id: int
    folder_id: int
    tag_id: int
    view_id: int
    cut_off_id: int
    preset_id: int = 0
    prompt_id: int = 0
    file_id: int = 0
    queued_id: int = 0
    comparison_id: int = 0
    link_id: int = 0


def fill(db: Database, ada: Viewer) -> tuple[uuid.UUID, int, int, int, int, int, int, int, int, int, int, int, int, int]:
    """Ada's chats: one with an answer, one that still answers, one archived, one in the trash; and how she keeps order."""
    full, busy, archived, trashed = (make_chat(db, ada, title=title) for title in ("tides", "busy", "archived", "trashed"))
    asked, answer = make_exchange(db, ada, full.id)
    _, running = make_exchange(db, ada, busy.id, state=State.RUNNING)
    _, cut_off = make_exchange(db, ada, make_chat(db, ada).id, state=State.STOPPED)
    rate(db, ada, answer.id)
    with db.write() as tx:
        tx.execute(sa.update(MESSAGES).where(MESSAGES.c.id == answer.id).values(tool_calls=CALLED))
        tx.execute(sa.update(GENERATIONS).where(GENERATIONS.c.message_id == answer.id).values(context_window=4096))
        attachments.add_in(tx, ada, asked.id, [FILE], now=NOW)
    (file,) = attachments.list_attachments(db, ada, [asked.id])[asked.id]
    permissions.set_policy(db, ada, "write_note", Policy.ALLOW)
    history.archive_chats(db, ada, [archived.id], archived=True)
    history.delete_chats(db, ada, [trashed.id], now=NOW)
    folder = folders.make_folder(db, ada, name="Work")
    folders.move_chats(db, ada, [full.id], folder_id=folder.id)
    tags.tag_chats(db, ada, [full.id], add=["tea"])
    view = views.save_view(db, ada, name="Tea", query="tag:tea", now=NOW)
    run_id = runs.begin_run(db, ada, format_name="x", file_name="x", fingerprint="x", now=NOW)
    runs.end_run(db, ada, run_id, state="complete", report=None, now=NOW)
    preset = presets.save_preset(db, ada, name="Brief", settings=BRIEF, now=NOW, is_default=True)
    prompt = prompts.save_prompt(db, ada, name="tides", text="Tell me of {{input}}.", now=NOW)
    preferences.write_preferences(db, ada, preferences.Preferences(titles=False))
    with db.write() as tx:
        waiting = queued.put_queued_in(
            tx, ada, full.id, text="And at night?", provider="ollama", model_name="m", now=NOW, files=[Upload("a.txt", b"a")]
        )
    ending = Ending(State.COMPLETE, Snapshot("", ""), NOW, 1.0, usage=Usage(input_tokens=90, output_tokens=5))
    titles.write_usage(db, titles.Wanted(full.id, ada, "tides", "guide", ChatRequest("guide", ())), ending)
    tag_id = tags.list_tags(db, ada)[0].id
    make_pair(db, ada, make_chat(db, ada).id, vote=Vote.LEFT)
    pair_id = make_pair(db, ada, make_chat(db, ada).id)
    link = sharing.make_link(db, ada, full.id, now=NOW)
    ids = (answer.id, running.id, folder.id, tag_id, view.id, cut_off.id, preset.id, prompt.id, file.id, waiting.id, pair_id, link.id)
    return full.id, asked.id, *ids


@pytest.fixture
def world(db: Database) -> World:
    ada, bob = make_viewer(db, "Ada"), make_viewer(db, "Bob")
    return World(db, Runner(db, {}), ada, bob, *fill(db, ada))


def in_write(world: World, call: Callable[..., object], *args: object, **named: object) -> object:
    with world.db.write() as tx:
        return call(tx, *args, **named)


def in_read(world: World, call: Callable[..., object], *args: object) -> object:
    with world.db.read() as tx:
        return call(tx, *args)


Case = Callable[[World, Viewer], object]
DRAFT = Draft("And at night?", "guide", "guide")
MODELS = [ModelInfo("llama3.2:3b", "ollama"), ModelInfo("zz", "ollama")]
TIDES = read_query("tides", now=NOW)
CALLED = dump_calls([CallRecord("call_1", "calculator", {}, state=CallState.FAILED, duration_s=0.1)])
EARLIER = Period(NOW - timedelta(days=21), NOW - timedelta(days=7))
FORTNIGHT = analytics.Filters(Period(NOW - timedelta(days=7), NOW + timedelta(days=7)))

# Functions that name a chat or a message: NotFound for Bob, and nothing of Ada's is touched; for Ada they work.
BY_ID: dict[str, Case] = {
    "history.get_chat": lambda w, v: history.get_chat(w.db, v, w.chat_id),
    "history.get_chat_in": lambda w, v: in_read(w, history.get_chat_in, v, w.chat_id),
    "history.rename_chat": lambda w, v: history.rename_chat(w.db, v, w.chat_id, title="Mine now"),
    "history.pin_chats": lambda w, v: history.pin_chats(w.db, v, [w.chat_id], pinned=True),
    "history.archive_chats": lambda w, v: history.archive_chats(w.db, v, [w.chat_id], archived=True),
    "history.delete_chats": lambda w, v: history.delete_chats(w.db, v, [w.chat_id], now=LATER),
    "history.restore_chats": lambda w, v: history.restore_chats(w.db, v, [w.chat_id]),
    "history.purge_chats": lambda w, v: history.purge_chats(w.db, v, [w.chat_id], forget_usage=True),
    "history.change_all": lambda w, v: history.change_all(w.db, v, [w.chat_id], {CHATS.c.pinned: True}),
    "history.change_all_in": lambda w, v: in_write(w, history.change_all_in, v, [w.chat_id], {CHATS.c.pinned: True}),
    "changes.change_chats": lambda w, v: changes.change_chats(w.db, v, [w.chat_id], Changes(), now=LATER),
    "changes.change_chats into a folder": lambda w, v: changes.change_chats(w.db, v, [], Changes(folder_id=w.folder_id), now=LATER),
    "thread.open_thread": lambda w, v: thread.open_thread(w.db, v, w.chat_id, place=Before(w.answer_id)),
    "thread.first_since": lambda w, v: thread.first_since(w.db, v, w.chat_id, moment=NOW),
    "thread.span": lambda w, v: thread.span(w.db, v, w.chat_id),
    "history.all_messages": lambda w, v: history.all_messages(w.db, v, w.chat_id),
    "history.get_message": lambda w, v: history.get_message(w.db, v, w.answer_id),
    "history.append": lambda w, v: history.append(w.db, v, w.chat_id, role="user", content="x", now=LATER),
    "history.append_in": lambda w, v: in_write(w, history.append_in, v, w.chat_id, role=Role.USER, content="x", now=LATER),
    "chat.get_ready": lambda w, v: chat.get_ready(w.runner, v, w.chat_id, DRAFT),
    "chat.send": lambda w, v: chat.send(w.runner, v, w.chat_id, DRAFT, now=LATER),
    "chat.retry": lambda w, v: chat.retry(w.runner, v, w.answer_id, now=LATER),
    "chat.stop": lambda w, v: chat.stop(w.runner, v, w.running_id, now=LATER),
    "revisions.edit_and_resend": lambda w, v: revisions.edit_and_resend(w.runner, v, w.asked_id, Draft("And?", "ollama", "m"), now=LATER),
    "revisions.continue_answer": lambda w, v: revisions.continue_answer(w.runner, v, w.cut_off_id, now=LATER),
    "branches.count_below": lambda w, v: branches.count_below(w.db, v, w.asked_id),
    "branches.switch_branch": lambda w, v: branches.switch_branch(w.db, v, w.answer_id),
    "branches.delete_message": lambda w, v: branches.delete_message(w.db, v, w.answer_id),
    "branches.fork": lambda w, v: branches.fork(w.db, v, w.answer_id, now=LATER),
    "branches.find": lambda w, v: in_read(w, branches.find, v, w.answer_id),
    "feedback.rate": lambda w, v: feedback.rate(w.db, v, w.answer_id, rating=-1, now=LATER),
    "chat.conversation": lambda w, v: chat.conversation(w.db, v, w.chat_id),
    "chat.claim": lambda w, v: in_write(w, chat.claim, v, w.chat_id),
    "chat.turn_in": lambda w, v: chat.turn_in(w.runner, v, w.chat_id).__enter__(),
    "ledger.read": lambda w, v: ledger.read(w.db, v, w.answer_id, Offset()),
    "ledger.request_stop": lambda w, v: ledger.request_stop(w.db, v, w.running_id, now=LATER),
    "organise.tags.tag_chats": lambda w, v: tags.tag_chats(w.db, v, [w.chat_id], add=["mine"], remove=["tea"]),
    "organise.tags.tag_chats_in": lambda w, v: in_write(w, tags.tag_chats_in, v, [w.chat_id], add=["mine"]),
    "organise.tags.rename_tag": lambda w, v: tags.rename_tag(w.db, v, w.tag_id, name="mine"),
    "organise.tags.delete_tag": lambda w, v: tags.delete_tag(w.db, v, w.tag_id),
    "organise.tags.check_tag": lambda w, v: in_read(w, tags.check_tag, v, w.tag_id),
    "organise.tags.hold_chats": lambda w, v: in_write(w, tags.hold_chats, v, [w.chat_id]),
    "organise.folders.make_folder": lambda w, v: folders.make_folder(w.db, v, name="Mine", parent_id=w.folder_id),
    "organise.folders.rename_folder": lambda w, v: folders.rename_folder(w.db, v, w.folder_id, name="Mine"),
    "organise.folders.move_folder": lambda w, v: folders.move_folder(w.db, v, w.folder_id, parent_id=None),
    "organise.folders.change_folder": lambda w, v: folders.change_folder(w.db, v, w.folder_id, name="Mine"),
    "organise.folders.delete_folder": lambda w, v: folders.delete_folder(w.db, v, w.folder_id),
    "organise.folders.move_chats": lambda w, v: folders.move_chats(w.db, v, [w.chat_id], folder_id=None),
    "organise.folders.move_chats_in": lambda w, v: in_write(w, folders.move_chats_in, v, [w.chat_id], folder_id=None),
    "organise.folders.move_chats into a folder": lambda w, v: folders.move_chats(w.db, v, [], folder_id=w.folder_id),
    "organise.views.rename_view": lambda w, v: views.rename_view(w.db, v, w.view_id, name="Mine"),
    "organise.views.change_view": lambda w, v: views.change_view(w.db, v, w.view_id, query="mine"),
    "organise.views.delete_view": lambda w, v: views.delete_view(w.db, v, w.view_id),
    "organise.views.order_views": lambda w, v: views.order_views(w.db, v, [w.view_id]),
    "analytics.chats.chats_meant": lambda w, v: in_read(w, chats.chats_meant, v, replace(FORTNIGHT, folder=w.folder_id)),
    "analytics.chats.keys_meant": lambda w, v: in_read(w, chats.keys_meant, v, replace(FORTNIGHT, tags=("tea",))),
    "analytics.chats.folder_paths": lambda w, v: chats.folder_paths(w.db, v, replace(FORTNIGHT, folder="work")),
    "analytics.chats.tags_meant": lambda w, v: in_read(w, chats.tags_meant, v, ("tea",)),
    "analytics.chats.folders_meant": lambda w, v: in_read(w, chats.folders_meant, v, w.folder_id),
    "analytics.models in a folder": lambda w, v: analytics.models(w.db, v, replace(FORTNIGHT, folder=w.folder_id)),
    "analytics.messages_behind with a tag": lambda w, v: analytics.messages_behind(w.db, v, replace(FORTNIGHT, tags=("tea",))),
    "analytics.calls_behind in a folder": lambda w, v: analytics.calls_behind(w.db, v, replace(FORTNIGHT, folder="work")),
    "analytics.fills_behind with a tag": lambda w, v: analytics.fills_behind(w.db, v, replace(FORTNIGHT, tags=("tea",))),
    "analytics.answers_behind in a folder": lambda w, v: analytics.answers_behind(w.db, v, replace(FORTNIGHT, folder="work")),
    "organise.presets.change_preset": lambda w, v: presets.change_preset(w.db, v, w.preset_id, name="Mine"),
    "organise.presets.delete_preset": lambda w, v: presets.delete_preset(w.db, v, w.preset_id),
    "organise.prompts.change_prompt": lambda w, v: prompts.change_prompt(w.db, v, w.prompt_id, text="mine"),
    "organise.prompts.delete_prompt": lambda w, v: prompts.delete_prompt(w.db, v, w.prompt_id),
    "chat_settings.read_settings": lambda w, v: chat_settings.read_settings(w.db, v, w.chat_id),
    "chat_settings.read_settings_in": lambda w, v: in_read(w, chat_settings.read_settings_in, v, w.chat_id),
    "chat_settings.write_settings": lambda w, v: chat_settings.write_settings(w.db, v, w.chat_id, BRIEF),
    "chat_settings.write_settings_in": lambda w, v: in_write(w, chat_settings.write_settings_in, v, w.chat_id, BRIEF),
    "attachments.read_attachment": lambda w, v: attachments.read_attachment(w.db, v, w.asked_id, w.file_id),
    "attachments.copy_attachments": lambda w, v: in_write(w, attachments.copy_attachments, v, w.asked_id, w.asked_id),
    "context.filling": lambda w, v: context.filling(w.db, v, w.chat_id, (), 4096),
    "context.characters": lambda w, v: context.characters(w.db, v, w.chat_id),
    "summary.continue_in_new_chat": lambda w, v: summary.continue_in_new_chat(
        w.runner, v, w.chat_id, provider="ollama", model_name="m", window=4096, now=LATER
    ),
    "permissions.set_policy in a chat": lambda w, v: permissions.set_policy(w.db, v, "x", Policy.ALLOW, chat_id=w.chat_id),
    "exporting.choose": lambda w, v: exporting.choose(w.db, v, chat_id=w.chat_id),
    "importing.runs.get_run": lambda w, v: runs.get_run(w.db, v, run_of(w)),
    "importing.runs.undo_import": lambda w, v: runs.undo_import(w.db, v, run_of(w), now=LATER),
    "comparisons.compare": lambda w, v: compared(w, v, w.chat_id),
    "comparisons.cast_vote": lambda w, v: comparisons.cast_vote(w.db, v, w.comparison_id, Vote.RIGHT, now=LATER),
    "comparisons.get_comparison": lambda w, v: comparisons.get_comparison(w.db, v, w.comparison_id),
    "comparisons.list_comparisons": lambda w, v: comparisons.list_comparisons(w.db, v, w.chat_id),
    "comparisons.find": lambda w, v: in_read(w, comparisons.find, v, w.comparison_id),
    "queued.list_queued": lambda w, v: queued.list_queued(w.db, v, w.chat_id),
    "queued.get_queued": lambda w, v: queued.get_queued(w.db, v, w.queued_id),
    "queued.get_queued_in": lambda w, v: in_read(w, queued.get_queued_in, v, w.queued_id),
    "queued.change_queued": lambda w, v: queued.change_queued(w.db, v, w.queued_id, text="mine"),
    "queued.remove_queued": lambda w, v: queued.remove_queued(w.db, v, w.queued_id),
    "queued.take_queued_in": lambda w, v: in_write(w, queued.take_queued_in, v, w.queued_id),
    "queue.send_or_queue": lambda w, v: queue.send_or_queue(w.runner, v, w.chat_id, DRAFT, now=LATER),
    "queue.queue_prompt": lambda w, v: queue.queue_prompt(w.db, v, w.chat_id, DRAFT, now=LATER),
    "queue.send_queued": lambda w, v: queue.send_queued(w.runner, v, w.queued_id, now=LATER),
    "queue.send_next": lambda w, v: queue.send_next(w.runner, v, w.chat_id, now=LATER),
    "chat.send of a prompt that waits": lambda w, v: chat.send(w.runner, v, None, replace(DRAFT, queued_id=w.queued_id), now=LATER),
    "sharing.make_link": lambda w, v: sharing.make_link(w.db, v, w.chat_id, now=LATER),
    "sharing.list_links of a chat": lambda w, v: sharing.list_links(w.db, v, chat_id=w.chat_id, now=LATER),
    "sharing.update_link": lambda w, v: sharing.update_link(w.db, v, w.link_id, now=LATER),
    "sharing.revoke_link": lambda w, v: sharing.revoke_link(w.db, v, w.link_id),
    "sharing.get_link_in": lambda w, v: in_read(w, sharing.get_link_in, v, w.link_id),
    "sharing.take_snapshot": lambda w, v: sharing.take_snapshot(w.db, v, w.chat_id, sharing.Extras(), now=LATER),
    "sharing.hold_chat": lambda w, v: in_write(w, sharing.hold_chat, v, w.chat_id),
    "titles.request_now": lambda w, v: titles.request_now(w.db, v, w.chat_id),
    "generation.Runner.follow": lambda w, v: asyncio.run(first_update(w.runner, v, w.answer_id)),
    "generation.Runner.follow_sync": lambda w, v: next(w.runner.follow_sync(v, w.answer_id)),
}
# Functions that list or count: Bob gets the same whether Ada has chats or not; Ada gets something else.
LISTS: dict[str, Case] = {
    "branches.siblings": lambda w, v: branches.siblings(w.db, v, range(1, 100)),
    "branches.siblings_in": lambda w, v: in_read(w, branches.siblings_in, v, range(1, 100)),
    "comparisons.pairs_on": lambda w, v: [one for chat in every_chat(w.db) for one in comparisons.pairs_on(w.db, v, chat, range(100))],
    "comparisons.unnamed": lambda w, v: [one for chat in every_chat(w.db) for one in comparisons.unnamed(w.db, v, chat)],
    "exporting.reading.comparisons_of": lambda w, v: in_read(w, reading.comparisons_of, v, every_chat(w.db)),
    "feedback.ratings": lambda w, v: feedback.ratings(w.db, v, range(1, 100)),
    "history.get_chats": lambda w, v: history.get_chats(w.db, v, every_chat(w.db)),
    "history.list_chats": lambda w, v: [history.list_chats(w.db, v, shelf=shelf) for shelf in Shelf],
    "preferences.read_preferences": lambda w, v: preferences.read_preferences(w.db, v),
    "preferences.read_preferences_in": lambda w, v: in_read(w, preferences.read_preferences_in, v),
    "browse.browse_chats": lambda w, v: [browse.browse_chats(w.db, v, Browse(shelf=shelf)) for shelf in Shelf],
    "browse.browse_chats in folders": lambda w, v: browse.browse_chats(w.db, v, Browse(folders=tuple(range(1, 100)))),
    "browse.browse_chats with a tag": lambda w, v: browse.browse_chats(w.db, v, Browse(tags=("tea",))),
    "browse.tags_named": lambda w, v: in_read(w, browse.tags_named, v, ["tea"]),
    "browse.folders_named": lambda w, v: in_read(w, browse.folders_named, v, range(1, 100)),
    "browse.places_of": lambda w, v: in_read(w, browse.places_of, v, Browse(folders=tuple(range(1, 100)), tags=("tea",))),
    "browse.count_chats": lambda w, v: browse.count_chats(w.db, v, Browse()),
    "browse.known_models": lambda w, v: browse.known_models(w.db, v),
    "organise.tags.list_tags": lambda w, v: tags.list_tags(w.db, v),
    "organise.tags.tags_in": lambda w, v: in_read(w, tags.tags_in, v),
    "organise.tags.known_tags": lambda w, v: in_read(w, tags.known_tags, v),
    "organise.tags.tags_of": lambda w, v: sorted(filter(None, tags.tags_of(w.db, v, every_chat(w.db)).values())),
    "organise.folders.list_folders": lambda w, v: folders.list_folders(w.db, v),
    "organise.folders.folders_in": lambda w, v: in_read(w, folders.folders_in, v),
    "organise.folders.tree_in": lambda w, v: in_read(w, folders.tree_in, v),
    "organise.folders.find_folders": lambda w, v: in_read(w, folders.find_folders, v, "work"),
    "organise.folders.folder_and_below": lambda w, v: in_read(w, folders.folder_and_below, v, range(1, 100)),
    "organise.views.list_views": lambda w, v: views.list_views(w.db, v),
    "organise.views.views_in": lambda w, v: in_read(w, views.views_in, v),
    "organise.presets.list_presets": lambda w, v: presets.list_presets(w.db, v),
    "organise.presets.presets_in": lambda w, v: in_read(w, presets.presets_in, v),
    "organise.presets.default_settings": lambda w, v: presets.default_settings(w.db, v),
    "organise.prompts.list_prompts": lambda w, v: prompts.list_prompts(w.db, v),
    "organise.prompts.prompts_in": lambda w, v: in_read(w, prompts.prompts_in, v),
    "organise.prompts.command_in": lambda w, v: prompts.command_in(w.db, v, "/tides the moon"),
    "search.search": lambda w, v: [search.search(w.db, v, "tides", order=order) for order in Order],
    "search.search by what Ada has named": lambda w, v: [
        search.search(w.db, v, text).hits for text in ("tag:tea", "folder:work", "chat:tides")
    ],
    "search.find_chats": lambda w, v: search.find_chats(w.db, v, "tides"),
    "search.count_hits": lambda w, v: search.count_hits(w.db, v, "tides"),
    "search.quick_switch": lambda w, v: search.quick_switch(w.db, v, "tid"),
    "search.quick_switch without words": lambda w, v: search.quick_switch(w.db, v, ""),
    "search.facets": lambda w, v: search.facets(w.db, v, "tides"),
    "search.matching_chats": lambda w, v: search.matching_chats(w.db, v, "tides"),
    "search.read_hits": lambda w, v: in_read(w, lambda tx: search.read_hits(w.db, tx, v, range(1, 100), TIDES)),
    "search.titles_in": lambda w, v: in_read(w, lambda tx: search.titles_in(w.db, tx, v, TIDES, limit=5)),
    "search.recent_chats": lambda w, v: in_read(w, lambda tx: search.recent_chats(tx, v, limit=5)),
    "search.tag_counts": lambda w, v: in_read(w, search.tag_counts, v, Counter(every_chat(w.db))),
    "search.inside.hits_in": lambda w, v: [hits_inside(w, v, chat_id) for chat_id in every_chat(w.db) if hits_inside(w, v, chat_id)],
    "reports.questions.ask": lambda w, v: [questions.ask(w.db, v, name, FORTNIGHT, now=LATER) for name in questions.QUESTIONS],
    "reports.page.html_report": lambda w, v: page.html_report(w.db, v, FORTNIGHT, now=LATER),
    "analytics.lengths.titles": lambda w, v: in_read(w, lambda tx: lengths.titles(tx, v, moments_of(tx, w.ada))),
    "attachments.list_attachments": lambda w, v: [*attachments.list_attachments(w.db, v, range(1, 1000)).values()],
    "queued.uploads_of": lambda w, v: [*filter(None, (queued.uploads_of(w.db, v, number) for number in range(1, 10)))],
    "permissions.policies_of": lambda w, v: permissions.policies_of(w.db, v, None),
    "exporting.choose everything": lambda w, v: exporting.choose(w.db, v),
    "exporting.choose a search": lambda w, v: exporting.choose(w.db, v, text="tides"),
    "exporting.titles_of": lambda w, v: list(exporting.titles_of(w.db, v, every_chat(w.db))),
    "exporting.export_bytes": lambda w, v: exporting.export_bytes(w.db, v, exporting.FORMS[0], everything(w.db)),
    "exporting.reading.all_chat_ids": lambda w, v: reading.all_chat_ids(w.db, v),
    "exporting.reading.count_messages": lambda w, v: reading.count_messages(w.db, v, every_chat(w.db)),
    "exporting.reading.read_chats": lambda w, v: list(reading.read_chats(w.db, v, every_chat(w.db))),
    "exporting.reading.read_branches": lambda w, v: list(reading.read_branches(w.db, v, every_chat(w.db))),
    "exporting.reading.branches_of": lambda w, v: [one for some in reading.branches_of(w.db, v, every_chat(w.db)) for one in some],
    "exporting.reading.messages_of": lambda w, v: in_read(w, lambda tx: reading.messages_of(tx, v, every_chat(w.db))),
    "exporting.reading.belongings_of": lambda w, v: in_read(w, reading.belongings_of, v, every_chat(w.db)),
    "sharing.list_links": lambda w, v: sharing.list_links(w.db, v, now=LATER),
    "importing.runs.list_imports": lambda w, v: runs.list_imports(w.db, v),
    "chat.first_model": lambda w, v: chat.first_model(w.db, v, list(reversed(MODELS))),
}
# Functions that make something new: what Bob makes is Bob's, and Ada has what she had.
MAKES: dict[str, Case] = {
    "history.create_chat": lambda w, v: history.create_chat(w.db, v, now=LATER),
    "history.create_chat_in": lambda w, v: in_write(w, history.create_chat_in, v, now=LATER),
    "organise.tags.make_tag": lambda w, v: in_write(w, tags.make_tag, v, "tea", {}),
    "organise.folders.make_folder at the top": lambda w, v: folders.make_folder(w.db, v, name="Work"),
    "organise.views.save_view": lambda w, v: views.save_view(w.db, v, name="Tea", query="tag:tea", now=LATER),
    "organise.presets.save_preset": lambda w, v: presets.save_preset(w.db, v, name="Brief", settings=PLAIN, now=LATER, is_default=True),
    "organise.prompts.save_prompt": lambda w, v: prompts.save_prompt(w.db, v, name="tides", text="Tides?", now=LATER),
    "attachments.keep_contents": lambda w, v: in_write(w, attachments.keep_contents, v, {FILE.sha256: FILE}),
    "permissions.set_policy": lambda w, v: permissions.set_policy(w.db, v, "write_note", Policy.NEVER),
    "importing.runs.begin_run": lambda w, v: runs.begin_run(w.db, v, format_name="x", file_name="x", fingerprint="x", now=LATER),
    "importing.writing.ensure_folder": lambda w, v: writing.ensure_folder(w.db, v, "Work/Plans"),
    "preferences.write_preferences": lambda w, v: preferences.write_preferences(w.db, v, preferences.Preferences()),
    "comparisons.compare in a new chat": lambda w, v: compared(w, v, None),
    "chat.send to a new chat": lambda w, v: chat.send(w.runner, v, None, DRAFT, now=LATER),
}
# Functions whose case is another test.
EVERYBODYS = "models are everybody's to see and the owner's to change: test_pulls and test_installed"
ELSEWHERE = {
    "installed.details": EVERYBODYS,
    "installed.delete": EVERYBODYS,
    "installed.unload": EVERYBODYS,
    "installed.Loads.start": EVERYBODYS,
    "installed.Loads.now": EVERYBODYS,
    "installed.Loads.put_away": EVERYBODYS,
    "pulls.Pulls.start": EVERYBODYS,
    "pulls.Pulls.cancel": EVERYBODYS,
    "pulls.Pulls.now": EVERYBODYS,
    "pulls.Pulls.put_away": EVERYBODYS,
    "importing.preview": "reads a file; tests/chatcore/importing",
    "importing.import_file": "writes what is in a file; tests/chatcore/importing",
    "importing.count_new": "part of preview",
    "importing.jobs.current": "of the viewer's own jobs; tests/chatcore/importing",
    "importing.jobs.put_away": "of the viewer's own jobs; tests/chatcore/importing",
    "importing.jobs.look": "the same as preview",
    "importing.jobs.start": "the same as import_file",
    "importing.jobs.start_file": "the same as import_file",
    "importing.runs.end_run": "of a run that the viewer began; changes nothing of another's",
    "importing.runs.chats_of": "part of undo_import, of a run that was found through the viewer",
    "importing.runs.remove_chat": "part of undo_import, of a run that was found through the viewer",
    "importing.runs.newest_of": "part of undo_import, of a run that was found through the viewer",
    "importing.runs.remove_added": "part of undo_import, of a run that was found through the viewer",
    "importing.writing.look_up": "of references under a name that holds the viewer's id",
    "exporting.export": "the same as export_bytes, into a file; tests/chatcore/exporting",
    "exporting.reading.file_bytes": "of a file that was found through the viewer; names the viewer itself",
    "queued.put_queued_in": "part of queue.queue_prompt, for a chat that it has locked; the database refuses another's",
    "queue.all_running_in": "the same as running_in",
    "comparisons.orders_for": "part of compare; reads a chat by chat.conversation",
    "importing.writing.compared_here": "part of write_portion, of a chat that was found through the viewer's references",
    "analytics.votes.votes_counted": "conditions, part of win_rates",
    "analytics.votes.answers_in": "a statement, part of messages_behind",
    "chat.send_ready": "part of send and send_or_queue",
    "queue.draft_of": "part of send_queued and send_next, which have found the prompt through the viewer",
    "ledger.request_decision": "tests/chatcore/test_rounds.py, part of approvals.decide",
    "approvals.tell_elsewhere": "tests/chatcore/test_rounds.py, part of approvals.decide",
    "chat.turns_from": "part of retry, edit_and_resend and continue_answer, of a prompt that was found through the viewer",
    "continued.end_before": "part of chat.turns_from; names the viewer's own messages",
    "queue.running_in": "below, since what runs nowhere is no error",
    "temporary.send_temporary": "tests/chatcore/test_temporary.py",
    "temporary.retry_temporary": "tests/chatcore/test_temporary.py",
    "temporary.begin": "part of send_temporary and retry_temporary",
    "temporary.keep_temporary": "tests/chatcore/test_temporary.py",
    "titles.suggest_title": "begins with request_now",
    "titles.Titles.pending": "tests/chatcore/test_titles.py",
    "temporary.write_message": "part of keep_temporary",
    "generation.Runner.writes": "below, since it only knows of answers that are being written",
    "generation.Runner.asks": "tests/chatcore/test_rounds.py, since it only knows of answers that are being written",
    "generation.Runner.decide": "tests/chatcore/test_rounds.py, since it only knows of answers that are being written",
    "approvals.decide": "tests/chatcore/test_rounds.py, since only a call of a running answer waits for a decision",
    "browse.is_rare": "of a tag that was found through the viewer, part of browse_chats",
    "analytics.messages.counted": "conditions, part of messages_behind",
    "analytics.quality.counted_answers": "conditions, part of feedback",
    "analytics.answers.counted": "conditions, part of answers_behind",
    "organise.names.take_turn": "names the viewer's own row and reads nothing of it",
    "analytics.details_behind.part_of": "part of calls_behind and fills_behind",
    "analytics.habits.wrote_the_day_before": "part of habits and streaks",
    "analytics.lengths.top_of": "part of top_chats, for rows that were read for the viewer; titles is tried with those of another",
    "search.ask.resolve": "what each function of search begins with; tests/chatcore/search/test_isolation.py tries every filter",
    "search.ask.in_chats": "part of resolve",
    "search.ask.tag_conditions": "part of resolve",
    "search.ask.folder_conditions": "part of resolve",
    "analytics.people.has_company": "only that there are others, and only to the owner; tests/pages/test_analytics_people_tab.py",
    "rollup.gather.everybodys_rows": "the owner's alone; tests/chatcore/test_analytics_people.py",
    "rollup.sums.everybodys_sums": "the owner's alone; tests/chatcore/test_sums.py",
    "rollup.sums.everybodys_details": "the owner's alone; tests/chatcore/test_analytics_tools.py",
    "rollup.sums.own_rows": "the owner's alone, and of nobody else; tests/chatcore/test_sums.py",
    "rollup.sums.gathered_sums": "part of everybodys_sums",
    "rollup.sums.made_sums": "part of everybodys_sums",
    "analytics.people.keep_sums": "the owner's alone; tests/chatcore/test_sums.py",
    "rollup.gather.everybodys_names": "the owner's alone; tests/chatcore/test_analytics_people.py",
    "attachments.add_in": "part of chat.send, for a message that it has just written; the database refuses another's",
    "branches.shown_instead": "part of delete_message, of a message that was found through the viewer",
    "branches.describe_end": "part of delete_message and fork, of a chat that was found through the viewer or just made",
    "chat.ordered": "a value, part of send and edit_and_resend; reads nothing",
    "ledger.begin_in": "part of chat.send, for a message that it has just written; the database refuses another's",
}
# Functions that touch the database and take no viewer, and why they may.
WITHOUT_VIEWER = {
    "comparisons.answers_of": "of a comparison that was found through the viewer",
    "comparisons.write_pair": "part of compare, whose orders name the viewer",
    "importing.runs.delete_messages": "of messages that were found through the viewer",
    "importing.writing.bring_up_to_date": "part of write_portion, whose target names the viewer",
    "importing.writing.end_of": "part of write_portion, whose target names the viewer",
    "importing.writing.insert": "part of write_portion, whose target names the viewer",
    "importing.writing.insert_alike": "part of write_portion, whose target names the viewer",
    "importing.writing.days_of": "part of write_portion, whose target names the viewer",
    "importing.writing.follows_import": "part of write_portion, whose target names the viewer",
    "importing.writing.place": "part of write_portion, whose target names the viewer",
    "importing.writing.references": "part of write_portion, whose target names the viewer",
    "importing.writing.remember_look": "part of write_portion, whose target names the viewer",
    "importing.writing.tag": "part of write_portion, whose target names the viewer",
    "accounts.local_owner": "makes the viewer",
    "accounts.signed_in": "makes the viewer",
    "accounts.find": "makes the viewer",
    "titles.find_wanted": "the Runner's job names the user",
    "titles.write_usage": "of a chat that find_wanted has found",
    "queued.queued": "of rows that were found through the viewer",
    "titles.write_title": "of a chat that find_wanted has found",
    "sharing.read_page": "for whoever has the link; tests/chatcore/test_sharing.py",
    "sharing.remove_ended": "for the upkeep: the end of a link comes for everybody alike",
    "history.count_answer_in": "the Runner's job names the user",
    "thread.window": "of a chat that was found through the viewer",
    "thread.path_to": "of a leaf that was found through the viewer's chat",
    "thread.path_in": "of a chat that was found through the viewer",
    "thread.descend": "of a message that was found through the viewer's chat",
    "thread.subtrees": "of messages that were found through the viewer's chat",
    "thread.shown_from": "of a leaf that was found through the viewer's chat",
    "rollup.gather.rows_made": "of the people that rows_of and everybodys_rows name",
    "rollup.sums.kept_sums": "part of everybodys_sums",
    "rollup.sums.changed_days": "part of everybodys_sums",
    "rollup.sums.keep_zone": "part of keep_sums",
    "rollup.sums.add_zone": "part of keep_sums",
    "rollup.gather.days_marked": "of the people that rows_made and details_of name",
    "rollup.gather.kept_pages": "names the user that rows_of asks for",
    "rollup.gather.dirty_days": "names the user that rows_of asks for",
    "analytics.behind.answers_named": "of attempts that were found through the viewer",
    "analytics.details_behind.calls_at": "of messages that were found through the viewer",
    "analytics.people.names_of": "of people in rows that were gathered for the viewer",
    "history.purge_expired": "for the upkeep: the time in the trash ends for everybody alike",
    "history.purge_portion": "part of purge_expired",
    "branches.stands_below": "of a message that was found through the viewer: what is below it is in the same chat",
    "history.leaf_of": "of a chat that was found through the viewer",
    "history.parent_of": "of a chat that was found through the viewer",
    "attachments.inserting": "a statement, part of keep_contents",
    "attachments.enclosed_in": "of messages that were found through the viewer",
    "chat.turns_to": "of a message that was found through the viewer",
    "search.engine": "says which engine a database has",
    "search.newest_ids": "of a question that was made for the viewer",
    "search.newest_page": "of a question that was made for the viewer",
    "search.read_texts": "of messages that were found through the viewer",
    "search.best_page": "of a question that was made for the viewer",
}


def compared(world: World, viewer: Viewer, chat_id: uuid.UUID | None) -> object:
    return comparisons.compare(world.runner, viewer, chat_id, DRAFT, ("ollama", "m"), is_blind=True, swapped=False, now=LATER)


def run_of(world: World) -> int:
    """Ada's import."""
    return runs.list_imports(world.db, world.ada)[0].id


def everything(db: Database) -> exporting.Chosen:
    return exporting.Chosen(tuple(every_chat(db)), "all")


def every_chat(db: Database) -> list[uuid.UUID]:
    """The ids of everybody's chats."""
    with db.read() as tx:
        return list(tx.execute(sa.select(CHATS.c.id).order_by(CHATS.c.id)).scalars())


def moments_of(tx: Session, viewer: Viewer) -> Ints:
    """When the messages of a person were written."""
    return gather.rows_of(tx, viewer, FORTNIGHT.period).messages["at"]


def hits_inside(world: World, viewer: Viewer, chat_id: uuid.UUID) -> tuple[int, ...]:
    return inside.hits_in(world.db, viewer, chat_id, "tides", now=NOW, zone=UTC).message_ids


async def first_update(runner: Runner, viewer: Viewer, message_id: int) -> object:
    return await anext(runner.follow(viewer, message_id))


def functions(module: ModuleType) -> Iterator[tuple[str, FunctionType]]:
    """The public functions, and methods of public classes, that a module defines, with their names below chatcore."""
    room = module.__name__.removeprefix("chatcore.")
    for name, value in vars(module).items():
        if name.startswith("_") or getattr(value, "__module__", None) != module.__name__:
            continue
        if inspect.isfunction(value):
            yield f"{room}.{name}", value
        elif inspect.isclass(value):
            methods = ((part, found) for part, found in vars(value).items() if inspect.isfunction(found) and not part.startswith("_"))
            yield from ((f"{room}.{name}.{part}", found) for part, found in methods)


def parameters(function: FunctionType) -> tuple[str, ...]:
    return tuple(inspect.signature(function).parameters)


# Of everything that reaches the database (through its first parameter) on somebody's behalf.
SURFACE = {
    name: function
    for module in MODULES
    for name, function in functions(module)
    if "viewer" in parameters(function) and parameters(function)[0] in HANDLES
}


# What questions take beside the filters.
RATES = analytics.Rates(Reference("openai/made-up", "a list", 1.0, 1.0, 1.0), 100.0)
NAMED = {
    "filters": FORTNIGHT, "period": FORTNIGHT.period, "other": EARLIER, "now": LATER, "rates": RATES, "reference": RATES.reference,
    "watts": RATES.watts, "kind": "calls",
}  # fmt: skip


def analytics_case(function: FunctionType) -> Case:
    """Every question of the analytics is asked in the same way, so it needs no case of its own."""
    takes = parameters(function)
    named: dict[str, object] = {name: value for name, value in NAMED.items() if name in takes}

    def ask(world: World, viewer: Viewer) -> object:
        if takes[0] == "db":
            return function(world.db, viewer, **named)
        with world.db.read() as tx:
            return function(tx, viewer, **named)

    return ask


# What narrows or pages a list needs not be given.
NOT_ASKED = {
    "everybody", "role", "hour_of_week", "rating", "games", "state", "error_type", "priced", "step", "least", "most", "meant", "limit",
    "cursor", "kinds",
}  # fmt: skip
GIVEN = {"db", "tx", "viewer", *NAMED}
LISTS |= {
    name: analytics_case(function)
    for name, function in SURFACE.items()
    if name not in BY_ID.keys() | ELSEWHERE.keys()
    and name.startswith(("analytics.", "rollup."))
    and set(parameters(function)) <= GIVEN | NOT_ASKED
}


def plain(value: object) -> object:
    """A value as something that can be compared: frames cannot."""
    if isinstance(value, pd.DataFrame):
        return value.to_csv()
    if dataclasses.is_dataclass(value):
        return [plain(getattr(value, field.name)) for field in dataclasses.fields(value)]
    if isinstance(value, Table):
        return [value[name].tolist() for name in ("at", "chat", "models", "user")]
    if isinstance(value, np.ndarray):
        return value.tolist()
    return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def belongings(db: Database, viewer: Viewer) -> dict[str, list[str]]:
    """Every row of every table that names this person."""
    with db.read() as tx:
        return {
            table.name: sorted(str(row) for row in tx.execute(sa.select(table).where(table.c.user_id == viewer.user_id)))
            for table in SQLModel.metadata.tables.values()
            if "user_id" in table.c
        }


def test_every_function_that_takes_a_viewer_has_a_case() -> None:
    cases = BY_ID.keys() | LISTS.keys() | MAKES.keys() | ELSEWHERE.keys()
    assert not SURFACE.keys() - cases, "these need a case in this file: what does a second person get?"
    assert not {name for name in cases if " " not in name} - SURFACE.keys(), "these are no more: take their cases out"


def test_every_function_that_touches_the_database_takes_a_viewer() -> None:
    # The Runner's jobs name their user; the statements are those of functions that take the viewer.
    elsewhere = ("chatcore.ledger", "chatcore.generation", "chatcore.analytics.statements")
    watched = [module for module in MODULES if module.__name__ not in elsewhere]
    without = {
        name
        for module in watched
        for name, function in functions(module)
        if {"db", "tx"} & set(parameters(function)) and not {"viewer", "order"} & set(parameters(function))
    }
    assert without == WITHOUT_VIEWER.keys()


@pytest.mark.parametrize("name", BY_ID)
def test_what_is_somebody_elses_is_not_found_and_stays_as_it_is(world: World, name: str) -> None:
    before = belongings(world.db, world.ada)
    with pytest.raises(NotFound):
        BY_ID[name](world, world.bob)
    assert belongings(world.db, world.ada) == before
    assert not any(belongings(world.db, world.bob).values())
    BY_ID[name](world, world.ada)


@pytest.fixture(scope="module")
def lists(lasting_db: Database) -> tuple[World, dict[str, object]]:
    """What each list says to Bob as long as there is nothing; now Ada has some of everything."""
    ada, bob = make_viewer(lasting_db, "Ada"), make_viewer(lasting_db, "Bob")
    world = World(lasting_db, Runner(lasting_db, {}), ada, bob, uuid.uuid4(), 0, 0, 0, 0, 0, 0, 0)
    before = {name: plain(case(world, bob)) for name, case in LISTS.items()}
    fill(lasting_db, ada)
    return world, before


@pytest.mark.parametrize("name", LISTS)
def test_a_list_holds_nothing_of_somebody_elses(lists: tuple[World, dict[str, object]], name: str) -> None:
    world, before = lists
    assert plain(LISTS[name](world, world.bob)) == before[name]
    assert plain(LISTS[name](world, world.ada)) != before[name]


@pytest.mark.parametrize("name", MAKES)
def test_what_somebody_makes_is_theirs(world: World, name: str) -> None:
    before = belongings(world.db, world.ada)
    MAKES[name](world, world.bob)
    assert belongings(world.db, world.ada) == before
    assert any(belongings(world.db, world.bob).values())


def test_one_chat_of_somebody_else_spoils_a_bulk(world: World) -> None:
    own = make_chat(world.db, world.bob)
    before = belongings(world.db, world.ada)
    with pytest.raises(NotFound):
        history.purge_chats(world.db, world.bob, [own.id, world.chat_id])
    assert history.get_chat(world.db, world.bob, own.id) == own
    assert belongings(world.db, world.ada) == before


def test_what_runs_in_a_chat_of_somebody_else_is_not_said(world: World) -> None:
    with world.db.read() as tx:
        busy = tx.execute(sa.select(MESSAGES.c.session_id).where(MESSAGES.c.id == world.running_id)).scalar_one()
    assert queue.running_in(world.db, world.ada, busy) == world.running_id
    assert queue.running_in(world.db, world.bob, busy) is None


def test_an_answer_in_memory_is_only_its_owners(db: Database) -> None:
    ada, bob = make_viewer(db, "Ada"), make_viewer(db, "Bob")
    provider = Scripted(TextDelta("Because"))
    runner = Runner(db, {"scripted": provider})
    runner.open()
    try:
        sent = chat.send(runner, ada, None, Draft("Why?", "scripted", "m"), now=NOW)
        assert runner.writes(ada, sent.answer_id)
        looks: list[Callable[[], object]] = [
            lambda: runner.writes(bob, sent.answer_id),
            lambda: next(runner.follow_sync(bob, sent.answer_id)),
            lambda: asyncio.run(first_update(runner, bob, sent.answer_id)),
            lambda: chat.stop(runner, bob, sent.answer_id, now=NOW),
        ]
        for look in looks:
            with pytest.raises(NotFound):
                look()
        assert runner.writes(ada, sent.answer_id)
    finally:
        runner.close()
