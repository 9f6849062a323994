"""A small export of each format, with the traps of that format in it. All texts are our own."""

import base64
import json
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

AT = 1_760_000_000.25
USAGE = json.dumps({"input_tokens": 3, "output_tokens": 2})
PIXEL = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")


def node(node_id: str, parent: str | None, role: str | None, content: dict[str, object] | str = "", **more: object) -> dict[str, object]:
    """A node of ChatGPT's tree; `metadata` is missing unless it is given, as in newer exports."""
    if role is None:
        return {"id": node_id, "parent": parent, "message": None, "children": []}
    body = {"content_type": "text", "parts": [content]} if isinstance(content, str) else content
    message = {"id": node_id, "author": {"role": role, "name": more.pop("name", None)}, "content": body, "create_time": AT} | more
    return {"id": node_id, "parent": parent, "message": message}


def chatgpt_chat(chat_id: str, nodes: list[dict[str, object]], current: str | None, **more: object) -> dict[str, object]:
    return {
        "id": chat_id, "title": "Tides", "create_time": AT, "update_time": AT + 60, "mapping": {str(one["id"]): one for one in nodes},
        "current_node": current, "default_model_slug": "gpt-4o",
    } | more  # fmt: skip


def chatgpt_chats() -> list[dict[str, object]]:
    """An answer of several nodes, hidden context, a picture, a branch, a circle, a missing parent, and an entry that is no chat."""
    long = [
        node("root", None, None),
        node("sys", "root", "system", "You are ChatGPT."),
        node("ctx", "sys", "user", {"content_type": "user_editable_context", "user_profile": "me", "user_instructions": "brief"}),
        node("q1", "ctx", "user", "Why two tides? \ue200cite\ue202turn0search0\ue201"),
        node("think", "q1", "assistant", {"content_type": "thoughts", "thoughts": [{"summary": "Moon", "content": "The moon pulls."}]}),
        node("recap", "think", "assistant", {"content_type": "reasoning_recap", "content": "Thought for 2s"}),
        node("code", "recap", "assistant", {"content_type": "code", "language": "python", "text": "print(2)"}, recipient="python"),
        node("out", "code", "tool", {"content_type": "execution_output", "text": "2"}, name="python"),
        node("a1", "out", "assistant", "Because of **gravity**.", metadata={"model_slug": "gpt-5"}),
        node("q2", "a1", "user", {"content_type": "multimodal_text", "parts": [
            {"content_type": "image_asset_pointer", "asset_pointer": "file-service://file-abc123"},
            {"content_type": "image_asset_pointer", "asset_pointer": "sediment://file_missing"}, None, "And this?"]}),
        node("a2", "q2", "assistant", "A shell.", create_time=None),
        node("a2b", "q2", "assistant", "A stone."),
        node("hidden", "a2", "user", "not seen", metadata={"is_visually_hidden_from_conversation": True}),
        node("weightless", "hidden", "assistant", "not seen either", weight=0),
    ]  # fmt: skip
    circle = [node("x", "y", "user", "round"), node("y", "x", "assistant", "and round")]
    orphan = [node("o", "nowhere", "user", "Who am I?"), node("p", "o", "assistant", "An orphan.")]
    return [
        {"id": "odd", "title": "No mapping"},
        chatgpt_chat("c1", long, "a2", is_starred=True),
        chatgpt_chat("c2", circle, "gone", title=None),
        chatgpt_chat("c3", orphan, None, is_archived=True),
        chatgpt_chat("c4", [node("r", None, None)], "r", title="Empty"),
    ]


def chatgpt(folder: Path) -> Path:
    """A ZIP with shards, as since 2026."""
    path, chats = folder / "chatgpt.zip", chatgpt_chats()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("export/conversations-000.json", json.dumps(chats[:2]))
        archive.writestr("export/conversations-001.json", json.dumps(chats[2:]))
        archive.writestr("export/user.json", json.dumps({"id": "user-1"}))
        archive.writestr("export/file-abc123-shell.png", PIXEL)
        archive.writestr("__MACOSX/export/._conversations-000.json", b"\x00\x05")
    return path


def openwebui_chats() -> list[dict[str, object]]:
    """Answers side by side, usage of Ollama, reasoning in the text, a picture in the text, tools, an error, one that was cut off,
    and a chat of the older form."""
    details = (
        '<details type="reasoning" done="true" duration="12">\n<summary>Thought for 12 seconds</summary>\n&gt; The moon.\n</details>\n'
    )
    usage = {"prompt_eval_count": 12, "eval_count": 40, "eval_duration": 2_000_000_000, "load_duration": 500_000_000,
             "prompt_eval_duration": 100_000_000, "total_duration": 2_600_000_000}  # fmt: skip
    picture = "data:image/png;base64," + base64.b64encode(PIXEL).decode()
    output = [
        {"type": "reasoning", "content": [{"type": "output_text", "text": "Look it up."}]},
        {"type": "function_call", "call_id": "f1", "name": "search", "arguments": '{"q": "tides"}'},
        {"type": "function_call_output", "call_id": "f1", "output": [{"type": "input_text", "text": "two a day"}]},
        {"type": "message", "content": [{"type": "output_text", "text": "Two a day."}]},
    ]
    messages = {
        "u1": {"id": "u1", "parentId": None, "childrenIds": ["a", "b"], "role": "user", "content": f"Why? ![it]({picture})",
               "timestamp": 1_760_000_000, "models": ["qwen3:4b", "gpt-4o"]},
        "a": {"id": "a", "parentId": "u1", "role": "assistant", "content": details + "Because.", "model": "qwen3:4b", "modelIdx": 0,
              "timestamp": 1_760_000_001_000, "done": True, "usage": usage, "annotation": {"rating": 1}},
        "b": {"id": "b", "parentId": "u1", "role": "assistant", "content": "", "model": "gpt-4o", "modelIdx": 1, "done": True,
              "timestamp": 1_760_000_001, "output": output, "usage": {"prompt_tokens": 9, "completion_tokens": 4}},
        "u2": {"id": "u2", "parentId": "a", "role": "user", "content": [{"type": "text", "text": "And now?"},
               {"type": "image_url", "image_url": {"url": picture}}], "timestamp": 1_760_000_100},
        "c": {"id": "c", "parentId": "u2", "role": "assistant", "content": "It is", "model": "qwen3:4b", "done": False,
              "timestamp": 1_760_000_101},
        "u3": {"id": "u3", "parentId": "c", "role": "user", "content": "Go on", "timestamp": 1_760_000_110},
        "d": {"id": "d", "parentId": "u3", "role": "assistant", "content": "", "model": "qwen3:4b", "error": {"content": "out of memory"},
              "timestamp": 1_760_000_120},
    }  # fmt: skip
    chat = {"title": "Tides", "models": ["qwen3:4b"], "history": {"currentId": "not there", "messages": messages}, "messages": [],
            "params": {"system": "Be brief."}, "timestamp": 1_760_000_000_000}  # fmt: skip
    legacy = {"title": "Older", "timestamp": 1_760_000_000_000, "models": ["llama2"], "history": {"currentId": "n", "messages": {
        "m": {"id": "m", "parentId": None, "role": "user", "content": "Hi"},
        "n": {"id": "n", "parentId": "m", "role": "assistant", "content": "Hello", "model": "llama2"}}}}  # fmt: skip
    return [
        {"id": "w1", "user_id": "u", "title": "Tides", "chat": chat, "created_at": 1_760_000_000, "updated_at": 1_760_000_200,
         "archived": False, "pinned": True, "meta": {"tags": ["sea", "moon"]}},
        legacy,
        {"id": "w3", "title": "Empty", "chat": {"title": "Empty", "history": {"messages": {}}}},
    ]  # fmt: skip


def openwebui(folder: Path) -> Path:
    path = folder / "chats.json"
    path.write_text(json.dumps(openwebui_chats()))
    return path


def openwebui_database(folder: Path) -> Path:
    """webui.db, with one chat whose messages stand in chat_message only."""
    path = folder / "webui.db"
    first = openwebui_chats()[0]
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("CREATE TABLE chat (id TEXT, user_id TEXT, title TEXT, chat JSON, created_at INT, updated_at INT, share_id TEXT, "
                   "archived INT, pinned INT, meta JSON, folder_id TEXT)")  # fmt: skip
        db.execute("CREATE TABLE chat_message (id TEXT, chat_id TEXT, user_id TEXT, role TEXT, parent_id TEXT, content JSON, output JSON, "
                   "model_id TEXT, done INT, error JSON, usage JSON, created_at INT, updated_at INT)")  # fmt: skip
        for chat_id, chat in (("w1", first["chat"]), ("w2", {"title": "New", "history": {"messages": {}, "currentId": "n"}})):
            db.execute("INSERT INTO chat VALUES (?, 'u', 'Tides', ?, 1760000000, 1760000200, NULL, 0, 1, ?, NULL)",
                       (chat_id, json.dumps(chat), json.dumps({"tags": ["sea"]})))  # fmt: skip
        db.execute("INSERT INTO chat VALUES ('w3', 'u', 'Bad', '{', 1760000000, 1760000200, NULL, 0, 0, '{}', NULL)")
        rows = [("w2-m", "w2", "u", "user", None, json.dumps("Hi"), None, None, 1, None, None, 1760000000, 1760000000),
                ("w2-n", "w2", "u", "assistant", "m", "Hello", None, "qwen3:4b", 1, None, USAGE,
                 1760000001, 1760000001)]  # fmt: skip
        db.executemany("INSERT INTO chat_message VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    return path


def claude_chats() -> list[dict[str, object]]:
    """Blocks beside a text that repeats them, a paste without a text, a tool and its result, an abandoned branch, an empty chat."""
    at = "2026-01-02T03:04:05.678901Z"
    root = "00000000-0000-4000-8000-000000000000"
    messages: list[dict[str, object]] = [
        {"uuid": "m1", "sender": "human", "text": "", "content": [], "created_at": at, "parent_message_uuid": root,
         "attachments": [{"file_name": "", "file_size": 3, "extracted_content": "a long paste"}],
         "files": [{"file_name": "tide.png"}], "files_v2": [{"file_name": "tide.png"}]},
        {"uuid": "m2", "sender": "assistant", "text": "This block is not supported", "created_at": at,
         "parent_message_uuid": "m1", "content": [
            {"type": "thinking", "thinking": "Tides, then."},
            {"type": "tool_use", "id": "t1", "name": "artifacts", "input": {"type": "application/vnd.ant.code"},
             "start_timestamp": "2026-01-02T03:04:05Z", "stop_timestamp": "2026-01-02T03:04:07Z"}]},
        {"uuid": "m3", "sender": "human", "text": "", "created_at": at, "parent_message_uuid": "m2", "content": [
            {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "OK"}]}]},
        {"uuid": "m4", "sender": "assistant", "text": "Two.", "created_at": at, "parent_message_uuid": "m3",
         "content": [{"type": "text", "text": "Two."}, {"type": "token_budget"}]},
        {"uuid": "m5", "sender": "human", "text": "abandoned", "created_at": at, "parent_message_uuid": root, "content": []},
    ]  # fmt: skip
    flat = [
        {"uuid": "f1", "sender": "human", "text": "Hi", "created_at": at},
        {"uuid": "f2", "sender": "assistant", "text": "Hello", "created_at": at},
    ]
    head: dict[str, object] = {"created_at": at, "updated_at": at, "account": {"uuid": "acc"}}
    return [
        head | {"uuid": "k1", "name": "Tides", "chat_messages": messages, "current_leaf_message_uuid": "m4"},
        head | {"uuid": "k2", "name": "", "chat_messages": flat},
        head | {"uuid": "k3", "name": "Nothing", "chat_messages": []},
    ]


def claude(folder: Path) -> Path:
    path = folder / "claude.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("conversations.json", json.dumps(claude_chats()))
        archive.writestr("users.json", "[]")
        archive.writestr("projects.json", "[]")
    return path


def librechat_chat() -> dict[str, object]:
    """A tree of nested children, names of senders that say nothing of the role, parts, an error, an unfinished answer."""
    at = "2026-01-02T03:04:05.000Z"
    part = {"type": "tool_call", "tool_call": {"id": "c1", "name": "search", "args": '{"q": 1}', "output": "found"}}
    answer = {"messageId": "b", "parentMessageId": "a", "sender": "GPT-4", "isCreatedByUser": False, "text": "", "createdAt": at,
              "model": "gpt-4o", "content": [{"type": "think", "think": "Hm."}, {"type": "text", "text": {"value": "Two."}}, part],
              "feedback": {"rating": "thumbsDown"}, "children": []}  # fmt: skip
    failed = {"messageId": "c", "parentMessageId": "a", "sender": "GPT-4", "isCreatedByUser": False, "text": "quota", "error": True,
              "createdAt": "2026-01-01T00:00:00Z", "unfinished": True, "children": []}  # fmt: skip
    first = {"messageId": "a", "parentMessageId": "00000000-0000-0000-0000-000000000000", "sender": "Ada", "isCreatedByUser": True,
             "text": "Why?", "createdAt": at, "children": [answer, failed]}  # fmt: skip
    return {"conversationId": "l1", "endpoint": "openAI", "title": "Tides", "exportAt": "10:00:00 GMT", "branches": True, "recursive": True,
            "options": {"model": "gpt-4", "promptPrefix": "Be brief."}, "messagesTree": [first]}  # fmt: skip


def librechat(folder: Path) -> Path:
    path = folder / "librechat.json"
    path.write_text(json.dumps(librechat_chat(), indent=2))
    return path


def ollama_app(folder: Path) -> Path:
    path = folder / "db.sqlite"
    with closing(sqlite3.connect(path)) as db, db:
        db.executescript("""
            CREATE TABLE chats (id TEXT PRIMARY KEY, title TEXT, created_at TIMESTAMP, browser_state TEXT);
            CREATE TABLE messages (id INTEGER PRIMARY KEY, chat_id TEXT, role TEXT, content TEXT, thinking TEXT, stream INT,
              model_name TEXT, created_at TIMESTAMP, updated_at TIMESTAMP,
              thinking_time_start TIMESTAMP, thinking_time_end TIMESTAMP, tool_result TEXT);
            CREATE TABLE tool_calls (id INTEGER PRIMARY KEY, message_id INT, type TEXT, function_name TEXT, function_arguments TEXT,
              function_result TEXT);
            CREATE TABLE attachments (id INTEGER PRIMARY KEY, message_id INT, filename TEXT, data BLOB);
            INSERT INTO chats VALUES ('o1', 'Tides', '2026-01-02 03:04:05', NULL), ('o2', 'Nothing', '2026-01-02 03:04:05', NULL);
            INSERT INTO messages VALUES
              (1, 'o1', 'user', 'Why?', '', 0, NULL, '2026-01-02 03:04:05', '2026-01-02 03:04:05', NULL, NULL, NULL),
              (2, 'o1', 'assistant', '', 'Hm.', 0, 'qwen3:4b', '2026-01-02 03:04:06', '2026-01-02 03:04:06', NULL, NULL, NULL),
              (3, 'o1', 'tool', 'two', '', 0, NULL, '2026-01-02 03:04:07', '2026-01-02 03:04:07', NULL, NULL, NULL),
              (4, 'o1', 'assistant', 'Two a day.', '', 0, 'qwen3:4b', '2026-01-02 03:04:08', '2026-01-02 03:04:08', NULL, NULL, NULL);
            INSERT INTO tool_calls VALUES (1, 2, 'function', 'search', '{"q": "tides"}', NULL);
            INSERT INTO attachments VALUES (1, 1, 'note.txt', x'6869');
        """)
    return path


def llm_logs(folder: Path) -> Path:
    """Both generations in one file; response r1 was carried over as a turn, a message is shared by two threads."""
    path = folder / "logs.db"
    with closing(sqlite3.connect(path)) as db, db:
        db.executescript("""
            CREATE TABLE conversations (id TEXT PRIMARY KEY, name TEXT, model TEXT);
            CREATE TABLE responses (id TEXT PRIMARY KEY, model TEXT, prompt TEXT, system TEXT, prompt_json TEXT, options_json TEXT,
              response TEXT, response_json TEXT, conversation_id TEXT, duration_ms INT, datetime_utc TEXT,
              input_tokens INT, output_tokens INT);
            CREATE TABLE tool_calls (id INTEGER PRIMARY KEY, response_id TEXT, tool_id INT, name TEXT, arguments TEXT, tool_call_id TEXT);
            CREATE TABLE tool_results (id INTEGER PRIMARY KEY, response_id TEXT, tool_id INT, name TEXT, output TEXT, tool_call_id TEXT);
            CREATE TABLE fragments (id INTEGER PRIMARY KEY, hash TEXT, content TEXT, datetime_utc TEXT, source TEXT);
            CREATE TABLE prompt_fragments (response_id TEXT, fragment_id INT, "order" INT);
            CREATE TABLE threads (id TEXT PRIMARY KEY, name TEXT, tip_message_hash TEXT, forked_from TEXT, datetime_utc TEXT);
            CREATE TABLE turns (id TEXT PRIMARY KEY, thread_id TEXT, parent_message_hash TEXT, tip_message_hash TEXT, model TEXT,
              resolved_model TEXT, options_json TEXT, schema_id TEXT, input_tokens INT, output_tokens INT, token_details TEXT,
              duration_ms INT, datetime_utc TEXT, response_json TEXT);
            CREATE TABLE messages (hash TEXT PRIMARY KEY, parent_hash TEXT, role TEXT, provider_metadata TEXT);
            CREATE TABLE parts (id INTEGER PRIMARY KEY, message_hash TEXT, position INT, type TEXT, tool_name TEXT,
              text TEXT, payload TEXT);
            INSERT INTO conversations VALUES ('v1', 'Older', 'gpt-4o');
            INSERT INTO fragments VALUES (1, 'h', 'a fragment', NULL, NULL);
            INSERT INTO responses VALUES
              ('r1', 'gpt-4o', 'carried over', NULL, NULL, NULL, 'yes', NULL, 'v1', 1500, '2026-01-01T00:00:00', 5, 6),
              ('r2', 'gpt-4o', 'Why?', 'Be brief.', NULL, NULL, '', NULL, 'v1', 1500, '2026-01-01T00:01:00+00:00', 7, 8),
              ('r3', 'gpt-4o', '', NULL, NULL, NULL, 'Two.', NULL, 'v1', 500, '2026-01-01T00:02:00+00:00', NULL, NULL),
              ('r4', 'gpt-4o', 'one-off', NULL, NULL, NULL, 'done', NULL, NULL, 100, '2026-01-01T00:03:00+00:00', 1, 1);
            INSERT INTO tool_calls VALUES (1, 'r2', 1, 'count', '{"n": 2}', 'k1');
            INSERT INTO tool_results VALUES (1, 'r3', 1, 'count', 'two', 'k1');
            INSERT INTO prompt_fragments VALUES ('r2', 1, 0);
            INSERT INTO threads VALUES ('t1', 'Newer', 'b2:3', NULL, NULL), ('t2', 'Fork', 'b2:4', 't1', NULL);
            INSERT INTO turns VALUES
              ('r1', 't1', NULL, 'b2:2', 'gpt-5', 'gpt-5-2026', NULL, NULL, 5, 6, NULL, 1500, '2026-02-01T00:00:00', NULL),
              ('s2', 't1', 'b2:2', 'b2:3', 'gpt-5', NULL, NULL, NULL, NULL, NULL, NULL, NULL, '2026-02-01T00:01:00', NULL),
              ('s3', 't2', NULL, 'b2:4', 'gpt-5', NULL, NULL, NULL, 3, 3, NULL, 100, '2026-02-01T00:02:00', NULL);
            INSERT INTO messages VALUES ('b2:1', NULL, 'user', NULL), ('b2:2', 'b2:1', 'assistant', NULL), ('b2:3', 'b2:2', 'user', NULL),
              ('b2:4', 'b2:1', 'assistant', NULL);
            INSERT INTO parts VALUES (1, 'b2:1', 0, 'text', NULL, NULL, '{"text_ref": [{"fragment": 1}, {"literal": " and more"}]}'),
              (2, 'b2:2', 0, 'reasoning', NULL, 'Hm.', NULL), (3, 'b2:2', 1, 'text', NULL, 'Yes.', NULL),
              (4, 'b2:3', 0, 'text', NULL, 'And?', NULL), (5, 'b2:4', 0, 'text', NULL, 'No.', NULL);
        """)
    return path


def openai_rows(folder: Path) -> Path:
    """A system prompt, parts, a call and its result, a line that is broken, one that comes twice."""
    called = {"role": "assistant", "content": None, "tool_calls": [
        {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}]}  # fmt: skip
    rows: list[dict[str, object]] = [
        {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": [{"type": "text", "text": "Add"}]}, called,
                      {"role": "tool", "tool_call_id": "c1", "content": "2"}, {"role": "assistant", "content": "Two.", "weight": 1}]},
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]},
        {"messages": []},
    ]  # fmt: skip
    lines = [json.dumps(row) for row in rows]
    path = folder / "train.jsonl"
    path.write_text("\n".join([lines[0], '{"messages": [{"role": "user", "content": }]}', *lines[1:], lines[1]]) + "\n")
    return path


def sharegpt(folder: Path) -> Path:
    """Two answers in a row, a call and what was observed, an array with something that is no chat."""
    talk = [{"from": "system", "value": "Be brief."}, {"from": "human", "value": "Add"},
            {"from": "function_call", "value": '{"name": "add", "arguments": {"a": 1}}'}, {"from": "observation", "value": "2"},
            {"from": "gpt", "value": "Two."}, {"from": "gpt", "value": "Really."}]  # fmt: skip
    path = folder / "sharegpt.json"
    path.write_text(json.dumps([{"id": "s1", "conversations": talk}, 17, {"conversations": [{"from": "human", "value": "Hi"}]}]))
    return path


def own_chats() -> list[dict[str, object]]:
    """A chat with everything, one whose messages are out of order and lead in a circle, one of a newer version."""
    at = "2026-01-02T03:04:05+00:00"
    attempt = {"provider": "ollama", "model_name": "qwen3:4b", "state": "failed", "started_at": at, "finished_at": at, "duration_s": 1.5,
               "input_tokens": 3, "output_tokens": 4, "usage_source": "reported", "error_type": "server_error",
               "error_message": "No."}  # fmt: skip
    file = {"name": "a.png", "media_type": "image/png", "content_base64": base64.b64encode(PIXEL).decode()}
    messages = [
        {"id": "1", "parent": None, "role": "user", "status": "complete", "created_at": at, "content": "Why?", "files": [file]},
        {"id": "2", "parent": "1", "role": "assistant", "status": "failed", "created_at": at, "content": "", "provider": "ollama",
         "model": "qwen3:4b", "attempts": [attempt, attempt | {"state": "running"}], "rating": -1, "note": "wrong"},
        {"id": "3", "parent": "1", "role": "assistant", "status": "running", "created_at": at, "content": "Be", "tool_calls": "not JSON"},
    ]  # fmt: skip
    circle = [{"id": "a", "parent": "b", "role": "user", "content": "round"},
              {"id": "b", "parent": "a", "role": "assistant", "content": "x"},
              {"id": "c", "parent": "a", "role": "system", "content": "no"}]  # fmt: skip
    head: dict[str, object] = {"chatcore": 1, "created_at": at, "updated_at": at, "provider": "ollama", "model": "qwen3:4b"}
    return [
        head | {"id": "own-1", "title": "Tides", "messages": messages, "current_message": "2", "tags": ["sea"], "folder": "Work/Plans"},
        head | {"id": "own-2", "title": "Circle", "messages": circle},
        head | {"id": "own-3", "title": "Newer", "messages": messages, "chatcore": 2},
    ]


def own(folder: Path) -> Path:
    path = folder / "chatcore.json"
    path.write_text(json.dumps(own_chats()))
    return path


Sample = Callable[[Path], Path]
SAMPLES: dict[str, tuple[str, Sample]] = {
    "own": ("chatcore", own),
    "chatgpt": ("chatgpt", chatgpt),
    "openwebui": ("openwebui", openwebui),
    "openwebui database": ("openwebui", openwebui_database),
    "claude": ("claude", claude),
    "librechat": ("librechat", librechat),
    "llm": ("llm", llm_logs),
    "ollama app": ("ollama-app", ollama_app),
    "openai rows": ("openai-jsonl", openai_rows),
    "sharegpt": ("sharegpt", sharegpt),
}
