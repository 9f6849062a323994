"""The search index as the database keeps it: tables, triggers and functions for both engines.

Not models: what holds the words differs between the engines, and triggers are the only ones that write it. An entry in
`message_search` (`chat_search` for titles) means that the words of that message are in the index; every message has one
but those that are still being written, so saving a growing answer costs the index nothing. Who writes many at once names their
ids in `search_later` first, so that no trigger gives these an entry, and gives it to them all together before the transaction
ends, which takes them out of `search_later` (see `chatcore.search.entering`): to anybody else that table is empty.

SQLite: FTS5 with the words as `chatcore.words` cuts them (functions `search_words`, `search_parts`, registered on every
connection), so its tokenizer only splits at spaces. The key of an entry is the second in which the message was made, or
the next free one: newest first is then the order of the index itself, also for imported history, and a stretch of time
is a range of keys. One second apart costs 8 % of the text more than keys without gaps, and finer ones up to 35 % (measured).

PostgreSQL: a `tsvector` beside the message, made of the same words, so neither its parser nor a dictionary has a say.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

import sqlalchemy as sa

from chatcore.migrations.stored import AS_NUMBERS, AS_TEXT, Stored
from chatcore.words import BETWEEN, INDEXED_CHARACTERS, MARKS, SINGLE, STICKING, TAG_CHARACTERS, WORD_CHARACTERS

TABLES = ("message_search", "chat_search", "search_build", "search_later", "used_model")
# The full-text tables of SQLite and those that FTS5 makes beside them.
SHADOWS = tuple(f"{name}_fts{end}" for name in ("message", "chat") for end in ("", "_data", "_idx", "_config"))
# Positions in a tsvector end there (https://www.postgresql.org/docs/current/textsearch-limitations.html).
LAST_POSITION = 16383
# The most positions of one word.
MOST_POSITIONS = 255
# What a newer message changes for its entry; role, chat and user never change.
INDEXED_COLUMNS = "content, status, created_at, provider, model_name, tool_calls"
# Where an entry goes if its own second is taken: behind the last one within so many seconds.
WINDOWS = tuple(4**power for power in range(1, 21))


def create(connection: sa.Connection, stored: Stored = AS_NUMBERS) -> None:
    """Makes the index, empty, with the triggers that keep it from now on; and marks what is there for `chatcore.search.build`.

    `stored` is how the schema it is made in keeps times and ids on SQLite.
    """
    sqlite = connection.dialect.name == "sqlite"
    for statement in sqlite_statements(stored) if sqlite else postgresql_statements(connection):
        # exec_driver_sql takes % and : as they are.
        connection.exec_driver_sql(statement)
    for statement in MARKS_TO_BUILD:
        connection.exec_driver_sql(statement)


def drop(connection: sa.Connection) -> None:
    """Takes the whole index away, with its triggers and functions."""
    sqlite = connection.dialect.name == "sqlite"
    for statement in SQLITE_DROPS if sqlite else POSTGRESQL_DROPS:
        connection.exec_driver_sql(statement)


# --- what both have ----------------------------------------------------------------------------------------------

# The providers and models a person's messages name ('' for one that is not named), so that no search for `model:` and no
# list of models reads all messages.
USED_MODEL = """CREATE TABLE used_model (
    user_id VARCHAR NOT NULL REFERENCES users (id) ON DELETE CASCADE, provider VARCHAR NOT NULL, model_name VARCHAR NOT NULL,
    PRIMARY KEY (user_id, provider, model_name))"""
NAMES = "{0}user_id, coalesce({0}provider, ''), coalesce({0}model_name, '')"
# What is left to be indexed: messages below this id (what = 'messages'), chats after this place ('chats'). No row: nothing is left.
SEARCH_BUILD = "CREATE TABLE search_build (what VARCHAR(20) NOT NULL PRIMARY KEY, place BIGINT NOT NULL, total BIGINT NOT NULL)"
# Messages of these ids, both ends included, get their entries later in this transaction.
SEARCH_LATER = "CREATE TABLE search_later (first BIGINT NOT NULL PRIMARY KEY, last BIGINT NOT NULL)"
IS_LATER = "EXISTS (SELECT 1 FROM search_later WHERE {0} BETWEEN first AND last)"
MARKS_TO_BUILD = (
    "INSERT INTO search_build (what, place, total) SELECT 'messages', max(id) + 1, max(id) FROM chatmessage HAVING max(id) IS NOT NULL",
    "INSERT INTO search_build (what, place, total) SELECT 'chats', 0, count(*) FROM chatsession HAVING count(*) > 0",
)

# --- SQLite ------------------------------------------------------------------------------------------------------

# Everything but spaces belongs to a word: the words were cut before.
TOKENIZER = "unicode61 remove_diacritics 0 categories ''L* M* N* P* S* C*''"
SQLITE_HEX = f"substr(hex({{0}}), 1, {TAG_CHARACTERS})"


def message_tags(stored: Stored) -> str:
    """The tags of the message m."""
    # hex(NULL) is an empty text, which would leave the bare letter as a tag.
    names = "".join(
        f" || CASE WHEN m.{column} <> '' THEN ' {sigil}' || {SQLITE_HEX.format(f'm.{column}')} ELSE '' END"
        for sigil, column in (("m", "model_name"), ("p", "provider"))
    )
    return (
        f"'u' || {SQLITE_HEX.format('m.user_id')} || ' c' || {stored.digits.format('m.session_id')} || ' r' || m.role{names}"
        " || CASE WHEN instr(m.content, '```') OR instr(m.content, '~~~') THEN ' hcode' ELSE '' END"
        " || CASE WHEN m.tool_calls IS NOT NULL THEN ' htool' ELSE '' END"
        " || CASE WHEN EXISTS (SELECT 1 FROM attachment a WHERE a.message_id = m.id) THEN ' hattachment' ELSE '' END"
    )


def free_key(table: str, second: str) -> str:
    """The key of a new entry: its second or, if that is taken, the one behind the last within 4 seconds, 16, 64 and so on, so
    that n entries of one second lie within 4 n seconds."""
    tries = [f"(SELECT {second} WHERE NOT EXISTS (SELECT 1 FROM {table} WHERE key = {second}))"]
    for window in WINDOWS:
        end = f"{second} + {window}"
        within = f"FROM {table} WHERE key >= {second} AND key < {end}"
        tries.append(f"(SELECT CASE WHEN max(key) + 1 < {end} THEN max(key) + 1 END {within})")
    return f"coalesce({', '.join(tries)})"


def add_message(row: str, stored: Stored = AS_NUMBERS) -> str:
    """Gives a message its entry, if it is not being written, has none, and is not to get one with others. A title's twin is `add_chat`."""
    return f"{enter_message(row, stored)} AND NOT {IS_LATER.format(f'{row}.id')}"


def enter_message(row: str, stored: Stored = AS_NUMBERS) -> str:
    """The same, now."""
    key = free_key("message_search", stored.second.format(f"{row}.created_at"))
    return (
        f"INSERT INTO message_search (key, message_id) SELECT {key}, {row}.id "
        f"WHERE {row}.status <> 'running' AND NOT EXISTS (SELECT 1 FROM message_search WHERE message_id = {row}.id)"
    )


def add_chat(row: str, stored: Stored = AS_NUMBERS) -> str:
    key = free_key("chat_search", stored.second.format(f"{row}.created_at"))
    return (
        f"INSERT INTO chat_search (key, session_id) SELECT {key}, {row}.id "
        f"WHERE NOT EXISTS (SELECT 1 FROM chat_search WHERE session_id = {row}.id)"
    )


def sqlite_statements(stored: Stored) -> Iterator[str]:
    """Tables first, then the views that say what is indexed, then the triggers."""
    yield USED_MODEL
    yield SEARCH_BUILD
    yield SEARCH_LATER
    yield "CREATE TABLE message_search (key INTEGER NOT NULL PRIMARY KEY, message_id INTEGER NOT NULL UNIQUE)"
    yield "CREATE TABLE chat_search (key INTEGER NOT NULL PRIMARY KEY, session_id CHAR(32) NOT NULL UNIQUE)"
    yield message_words(stored)
    yield (
        "CREATE VIEW chat_words AS SELECT s.key AS key, search_words(c.title) AS words, search_parts(c.title) AS parts, "
        f"'u' || {SQLITE_HEX.format('c.user_id')} AS tags FROM chat_search s JOIN chatsession c ON c.id = s.session_id"
    )
    for name, prefix in (("message", ""), ("chat", ", prefix='1 2 3'")):
        content = f"content='{name}_words', content_rowid='key', columnsize=0{prefix}"
        yield f"CREATE VIRTUAL TABLE {name}_fts USING fts5(words, parts, tags, {content}, tokenize='{TOKENIZER}')"
        yield put_words(name)
        yield (
            f"CREATE TRIGGER {name}_search_delete BEFORE DELETE ON {name}_search BEGIN "
            f"INSERT INTO {name}_fts ({name}_fts, rowid, words, parts, tags) "
            f"SELECT 'delete', key, words, parts, tags FROM {name}_words WHERE key = old.key; END"
        )
    yield from message_triggers(stored)
    yield from chat_triggers(stored)


def message_words(stored: Stored) -> str:
    """The view that says what of a message is indexed."""
    return (
        "CREATE VIEW message_words AS SELECT s.key AS key, search_words(m.content) AS words, search_parts(m.content) AS parts, "
        f"{message_tags(stored)} AS tags FROM message_search s JOIN chatmessage m ON m.id = s.message_id"
    )


def put_words(name: str) -> str:
    """The trigger that puts the words of a new entry into the index. FTS5 writes what it has to the file before each further
    statement with triggers, one message at a time: of those in `search_later` the words of many are put in at once."""
    unless_later = f"WHEN NOT {IS_LATER.format('new.message_id')} " if name == "message" else ""
    return (
        f"CREATE TRIGGER {name}_search_insert AFTER INSERT ON {name}_search {unless_later}BEGIN "
        f"INSERT INTO {name}_fts (rowid, words, parts, tags) SELECT key, words, parts, tags FROM {name}_words WHERE key = new.key; END"
    )


def message_triggers(stored: Stored) -> Iterator[str]:
    """A change takes the entry out, with the words it was put in with, before the row changes, and puts it in again after."""
    forget = "DELETE FROM message_search WHERE message_id = {row}.id;"
    yield (
        "CREATE TRIGGER search_message_insert AFTER INSERT ON chatmessage WHEN new.status <> 'running' BEGIN "
        f"{add_message('new', stored)}; {note_model('new')}; END"
    )
    yield (
        f"CREATE TRIGGER search_message_change BEFORE UPDATE OF {INDEXED_COLUMNS} ON chatmessage WHEN old.status <> 'running' BEGIN "
        f"{forget.format(row='old')} END"
    )
    yield (
        f"CREATE TRIGGER search_message_changed AFTER UPDATE OF {INDEXED_COLUMNS} ON chatmessage WHEN new.status <> 'running' BEGIN "
        f"{add_message('new', stored)}; {note_model('new')}; END"
    )
    yield f"CREATE TRIGGER search_message_delete BEFORE DELETE ON chatmessage BEGIN {forget.format(row='old')} END"
    for event, row in (("INSERT", "new"), ("DELETE", "old")):
        yield (
            f"CREATE TRIGGER search_attachment_{event.lower()} BEFORE {event} ON attachment BEGIN "
            f"DELETE FROM message_search WHERE message_id = {row}.message_id; END"
        )
        yield (
            f"CREATE TRIGGER search_attachment_{event.lower()}_done AFTER {event} ON attachment BEGIN "
            f"{add_message_of(f'{row}.message_id', stored)}; END"
        )


def add_message_of(message_id: str, stored: Stored) -> str:
    """Gives the message of this id its entry, if the message is there."""
    return of_row(add_message("m", stored), message_id)


def of_row(statement: str, message_id: str) -> str:
    """A statement about the row m as one about the message of this id."""
    return statement.replace(" WHERE m.status", f" FROM chatmessage m WHERE m.id = {message_id} AND m.status", 1)


def chat_triggers(stored: Stored) -> Iterator[str]:
    """The same for titles."""
    yield f"CREATE TRIGGER search_chat_insert AFTER INSERT ON chatsession BEGIN {add_chat('new', stored)}; END"
    yield (
        "CREATE TRIGGER search_chat_change BEFORE UPDATE OF title ON chatsession WHEN new.title <> old.title BEGIN "
        "DELETE FROM chat_search WHERE session_id = old.id; END"
    )
    yield (
        "CREATE TRIGGER search_chat_changed AFTER UPDATE OF title ON chatsession WHEN new.title <> old.title BEGIN "
        f"{add_chat('new', stored)}; END"
    )
    yield "CREATE TRIGGER search_chat_delete BEFORE DELETE ON chatsession BEGIN DELETE FROM chat_search WHERE session_id = old.id; END"


def note_model(row: str) -> str:
    """Remembers the model that a message names."""
    return (
        f"INSERT OR IGNORE INTO used_model (user_id, provider, model_name) SELECT {NAMES.format(f'{row}.')} "
        f"WHERE {row}.provider IS NOT NULL OR {row}.model_name IS NOT NULL"
    )


SQLITE_DROPS = (
    *(f"DROP TRIGGER IF EXISTS search_message_{event}" for event in ("insert", "change", "changed", "delete")),
    *(f"DROP TRIGGER IF EXISTS search_attachment_{event}" for event in ("insert", "insert_done", "delete", "delete_done")),
    *(f"DROP TRIGGER IF EXISTS search_chat_{event}" for event in ("insert", "change", "changed", "delete")),
    *(f"DROP TABLE IF EXISTS {name}_fts" for name in ("message", "chat")),
    *(f"DROP VIEW IF EXISTS {name}_words" for name in ("message", "chat")),
    *(f"DROP TABLE IF EXISTS {name}" for name in TABLES),
)

# --- PostgreSQL --------------------------------------------------------------------------------------------------

# Where small letters of all scripts come from, the first that the server has: the builtin provider (17 and newer), ICU, the system.
COLLATIONS = ("pg_c_utf8", "und-x-icu", "C.utf8", "en_US.utf8")

# How long the list of what is still to be sorted into an index may get before whoever writes next sorts it in. Every search reads
# it, 7 ms at 4 MB (measured); that of messages `chatcore.search.waiting` keeps short.
WAITING_KB = {"message": 4096, "chat": 512}

UNSTUCK = "translate(body, '{sticking}', '{spaces}')"
FOLDED = (
    f"left(normalize(regexp_replace(lower(normalize({UNSTUCK}, NFKD) COLLATE \"{{collation}}\"), '[{{marks}}]+', '', 'g'), NFC), "
    '{characters}) COLLATE "C"'
)
SEARCH_WORDS = """CREATE FUNCTION search_words(content text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT array_agg(left(word, {word_characters})) FROM (SELECT left(content, {characters}) AS body) AS cut,
    string_to_table(btrim(CASE WHEN octet_length(body) = length(body)
      THEN regexp_replace(lower(body COLLATE "C"), '[^a-z0-9]+', ' ', 'g')
      ELSE regexp_replace(regexp_replace(replace({folded}, 'ς', 'σ'), '([{single}])', ' \\1 ', 'g'), '[{between}]+', ' ', 'g')
    END), ' ') AS word WHERE word <> '' $$"""
SEARCH_PARTS = """CREATE FUNCTION search_parts(content text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN body ~ '[a-z0-9][A-Z]|[a-zA-Z0-9](\\+\\+|#)' THEN ARRAY(
      SELECT left(lower(name[1]), {word_characters}) FROM regexp_matches(body, '[A-Za-z0-9]+(?:\\+\\+|#)', 'g') AS name
      UNION (SELECT unnest(search_words(regexp_replace(body, '([a-z0-9])([A-Z])', '\\1 \\2', 'g')))
      EXCEPT SELECT unnest(search_words(body)))) ELSE '{{}}'::text[] END
    FROM (SELECT left(content, {characters}) COLLATE "C" AS body) AS cut $$"""
# Words have no sign that would need a quote. A part has no position and a sigil: it is found by itself, never in a phrase.
# ":long" says that not all places are kept: phrases in such a message are looked for in its text.
SEARCH_VECTOR = """CREATE FUNCTION search_vector(content text, tags text[]) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce((SELECT string_agg(word || ':' || least(place, {last}), ' ')::tsvector
        FROM unnest(found) WITH ORDINALITY AS words(word, place)), ''::tsvector)
      || array_to_tsvector(ARRAY(SELECT ':w' || part FROM unnest(search_parts(content)) AS part)) || array_to_tsvector(tags)
      || CASE WHEN cardinality(found) > {places} AND (cardinality(found) > {last}
          OR EXISTS (SELECT 1 FROM unnest(found) AS word GROUP BY word HAVING count(*) > {places}))
        THEN array_to_tsvector(ARRAY[':long']) ELSE ''::tsvector END
    FROM (SELECT search_words(content) AS found) AS cut $$"""
# Each two words that follow each other as a number, of 262,144. A phrase of two frequent words is in few of the messages that
# have both, and reading all of these takes 70 ms; of 17,000 such messages a quarter of the numbers named 28 by mistake
# (measured). They are in the index only.
# hashtext is what a hash index of text is made of: what it answers does not change under the index. A number may come twice:
# the index keeps one of it, and to leave the other out here took a quarter of the function's time (measured).
SEARCH_PAIRS = """CREATE OR REPLACE FUNCTION search_pairs(words tsvector) RETURNS int[] LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 1000 AS $$
    SELECT array_agg(hashtext(word || ' ' || following) & 262143) FROM (
      SELECT word, lead(word) OVER (ORDER BY place) AS following
      FROM (SELECT lexeme AS word, unnest(positions) AS place FROM unnest(words)) AS placed
    ) AS pairs WHERE following IS NOT NULL $$"""
SEARCH_HAS = """CREATE FUNCTION search_has(content text, phrase text, open boolean) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT
      position(' ' || phrase || CASE WHEN open THEN '' ELSE ' ' END IN ' ' || array_to_string(search_words(content), ' ') || ' ') > 0 $$"""
HEX = f"left(encode(convert_to({{0}}, 'UTF8'), 'hex'), {TAG_CHARACTERS})"
POSTGRESQL_TAGS = (
    f"array_remove(ARRAY[':u' || {HEX.format('m.user_id')}, ':t' || to_char(m.created_at AT TIME ZONE 'UTC', 'YYYYMM'), ':r' || m.role, "
    f"':m' || {HEX.format('m.model_name')}, ':p' || {HEX.format('m.provider')}, "
    "CASE WHEN strpos(m.content, '```') > 0 OR strpos(m.content, '~~~') > 0 THEN ':hcode' END, "
    "CASE WHEN m.tool_calls IS NOT NULL THEN ':htool' END, "
    "CASE WHEN EXISTS (SELECT 1 FROM attachment a WHERE a.message_id = m.id) THEN ':hattachment' END], NULL)"
)
ENTER_MESSAGE = (
    "INSERT INTO message_search (message_id, user_id, session_id, created_at, words) "
    f"SELECT m.id, m.user_id, m.session_id, m.created_at, search_vector(m.content, {POSTGRESQL_TAGS}) FROM chatmessage m "
    "WHERE {which} AND m.status <> 'running' "
)
ENTER_CHAT = (
    "INSERT INTO chat_search (session_id, user_id, created_at, words) "
    "SELECT c.id, c.user_id, c.created_at, search_vector(c.title, ARRAY[':u' || "
    + HEX.format("c.user_id")
    + "]) FROM chatsession c WHERE {which} "
)
ANEW = "ON CONFLICT ({key}) DO UPDATE SET created_at = excluded.created_at, words = excluded.words"
NOTE_MODEL = "INSERT INTO used_model (user_id, provider, model_name) {which} ON CONFLICT DO NOTHING"

POSTGRESQL_FUNCTIONS = (
    f"""CREATE OR REPLACE FUNCTION search_message() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF new.status = 'running' THEN
      DELETE FROM message_search WHERE message_id = new.id;
    ELSE
      IF NOT {IS_LATER.format("new.id")} THEN
        {ENTER_MESSAGE.format(which="m.id = new.id")} {ANEW.format(key="message_id")};
      END IF;
      IF new.provider IS NOT NULL OR new.model_name IS NOT NULL THEN
        {NOTE_MODEL.format(which=f"VALUES ({NAMES.format('new.')})")};
      END IF;
    END IF;
    RETURN NULL; END $$""",
    f"""CREATE OR REPLACE FUNCTION search_attachment() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    {ENTER_MESSAGE.format(which=f"m.id = coalesce(new.message_id, old.message_id) AND NOT {IS_LATER.format('m.id')}")}
    {ANEW.format(key="message_id")};
    RETURN NULL; END $$""",
)
POSTGRESQL_TRIGGERS = (
    *POSTGRESQL_FUNCTIONS,
    "CREATE TRIGGER search_message_insert AFTER INSERT ON chatmessage FOR EACH ROW WHEN (new.status <> 'running') "
    "EXECUTE FUNCTION search_message()",
    f"CREATE TRIGGER search_message_changed AFTER UPDATE OF {INDEXED_COLUMNS} ON chatmessage FOR EACH ROW "
    "WHEN (new.status <> 'running' OR old.status <> 'running') EXECUTE FUNCTION search_message()",
    "CREATE TRIGGER search_attachment AFTER INSERT OR DELETE ON attachment FOR EACH ROW EXECUTE FUNCTION search_attachment()",
    f"""CREATE FUNCTION search_chat() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    {ENTER_CHAT.format(which="c.id = new.id")} {ANEW.format(key="session_id")};
    RETURN NULL; END $$""",
    "CREATE TRIGGER search_chat_insert AFTER INSERT ON chatsession FOR EACH ROW EXECUTE FUNCTION search_chat()",
    "CREATE TRIGGER search_chat_changed AFTER UPDATE OF title ON chatsession FOR EACH ROW "
    "WHEN (new.title <> old.title) EXECUTE FUNCTION search_chat()",
)


def postgresql_statements(connection: sa.Connection) -> Iterator[str]:
    """Tables, functions, triggers. An entry goes with its message by its key; the rest a trigger sees to."""
    limits = {"characters": INDEXED_CHARACTERS, "word_characters": WORD_CHARACTERS, "last": LAST_POSITION, "places": MOST_POSITIONS}
    fill = limits | {"single": SINGLE, "between": BETWEEN}
    yield USED_MODEL
    yield SEARCH_BUILD
    yield SEARCH_LATER
    yield SEARCH_PAIRS
    for name, key, of_chat in (("message", "message_id bigint", "session_id uuid NOT NULL, "), ("chat", "session_id uuid", "")):
        yield (
            f"CREATE TABLE {name}_search ({key} PRIMARY KEY REFERENCES chat{'session' if name == 'chat' else 'message'} (id) "
            f"ON DELETE CASCADE, user_id varchar NOT NULL, {of_chat}created_at timestamptz NOT NULL, words tsvector NOT NULL)"
        )
        pairs = ", search_pairs(words)" if name == "message" else ""
        yield (
            f"CREATE INDEX ix_{name}_search_words ON {name}_search USING gin (words{pairs}) "
            f"WITH (gin_pending_list_limit = {WAITING_KB[name]})"
        )
        yield f"CREATE INDEX ix_{name}_search_newest ON {name}_search (user_id, created_at, {key.split()[0]})"
    yield "CREATE INDEX ix_message_search_chat ON message_search (session_id)"
    forms = {"collation": collation(connection), "marks": MARKS, "sticking": STICKING, "spaces": " " * len(STICKING)}
    yield SEARCH_WORDS.format(folded=FOLDED.format(**forms, **limits), **fill)
    yield SEARCH_PARTS.format(**fill)
    yield SEARCH_VECTOR.format(**fill)
    yield SEARCH_HAS
    yield from POSTGRESQL_TRIGGERS


def collation(connection: sa.Connection) -> str:
    """The collation that knows the small letters of all scripts, the database's own where the server has none of ours."""
    known = set(connection.execute(sa.text("SELECT collname FROM pg_collation WHERE collencoding IN (-1, 6)")).scalars())
    return next((name for name in COLLATIONS if name in known), "default")


POSTGRESQL_DROPS = (
    "DROP TRIGGER IF EXISTS search_message_insert ON chatmessage",
    "DROP TRIGGER IF EXISTS search_message_changed ON chatmessage",
    "DROP TRIGGER IF EXISTS search_attachment ON attachment",
    "DROP TRIGGER IF EXISTS search_chat_insert ON chatsession",
    "DROP TRIGGER IF EXISTS search_chat_changed ON chatsession",
    *(f"DROP FUNCTION IF EXISTS {name}" for name in ("search_message", "search_attachment", "search_chat")),
    *(f"DROP FUNCTION IF EXISTS {name}" for name in ("search_has", "search_vector", "search_parts", "search_words")),
    *(f"DROP TABLE IF EXISTS {name}" for name in TABLES),
    "DROP FUNCTION IF EXISTS search_pairs",
)

# --- for indexes that are there already ----------------------------------------------------------------------------


def allow_later(connection: sa.Connection) -> None:
    """Brings an index made before 0018 to where it knows of messages that get their entries later."""
    statements = [SEARCH_LATER, *POSTGRESQL_FUNCTIONS]
    if connection.dialect.name == "sqlite":
        triggers = [put_words("message"), *message_triggers(AS_TEXT)]
        names = [trigger.split()[2] for trigger in triggers]
        statements = [SEARCH_LATER, *(f"DROP TRIGGER IF EXISTS {name}" for name in names), *triggers]
    for statement in statements:
        connection.exec_driver_sql(statement)


def sort_in_elsewhere(connection: sa.Connection) -> None:
    """Brings an index of PostgreSQL made before 0021 to where `chatcore.search.waiting` sorts in what waits, and pairs are made faster."""
    connection.exec_driver_sql(SEARCH_PAIRS)
    connection.exec_driver_sql(f"ALTER INDEX ix_message_search_words SET (gin_pending_list_limit = {WAITING_KB['message']})")


# --- many at once, for chatcore.search.build and chatcore.search.bulk --------------------------------------------


def bindable(statement: str) -> str:
    """A statement for SQLAlchemy's text(), to which the colons of tags would be parameters."""
    return statement.replace("':", "'\\:")


NOTE_MODELS = (
    f"INSERT INTO used_model (user_id, provider, model_name) SELECT DISTINCT {NAMES.format('')} FROM chatmessage "
    "WHERE {which} AND (provider IS NOT NULL OR model_name IS NOT NULL) ON CONFLICT DO NOTHING"
)
NOTE_MODELS_OF_RANGE = NOTE_MODELS.format(which="id >= :first AND id < :below")
# SQLite: messages that have none yet, in the order of their entries; the entry of one, without its words, which are then put in together.
SECONDS_WITHOUT_ENTRY = (
    f"SELECT {AS_NUMBERS.second.format('m.created_at')}, m.id FROM chatmessage m WHERE m.id IN (SELECT value FROM json_each(?)) "
    "AND m.status <> 'running' AND NOT EXISTS (SELECT 1 FROM message_search WHERE message_id = m.id) ORDER BY m.created_at, m.id"
)
ENTER_MESSAGE_BY_ID = of_row(enter_message("m"), "?")
ENTRIES_OF = (
    f"SELECT s.key, m.content, {message_tags(AS_NUMBERS)} AS tags FROM message_search s JOIN chatmessage m ON m.id = s.message_id "
    "WHERE s.message_id IN (SELECT value FROM json_each(?)) ORDER BY s.key"
)
# The same for messages of these ids that were just written.
TAGS_BETWEEN = (
    f"SELECT s.key, s.message_id, {message_tags(AS_NUMBERS)} AS tags FROM message_search s JOIN chatmessage m ON m.id = s.message_id "
    "WHERE s.message_id BETWEEN ? AND ? ORDER BY s.key"
)
PUT_WORDS = "INSERT INTO message_fts (rowid, words, parts, tags) VALUES (?, ?, ?, ?)"
# PostgreSQL: the same, with words that were cut here, which takes the server ten times as long.
TEXTS_OF = (
    f"SELECT m.id, m.content, {bindable(POSTGRESQL_TAGS)} AS tags FROM chatmessage m WHERE m.id = ANY(:ids) AND m.status <> 'running'"
)
ENTER_MESSAGES = (
    "INSERT INTO message_search (message_id, user_id, session_id, created_at, words) "
    "SELECT m.id, m.user_id, m.session_id, m.created_at, CAST(cut.words AS tsvector) "
    "FROM unnest(CAST(:ids AS bigint[]), CAST(:words AS text[])) AS cut (id, words) "
    "JOIN chatmessage m ON m.id = cut.id ON CONFLICT DO NOTHING"
)
# The same, for messages that were just written: their tags are put to the words there.
ENTER_CUT = (
    "INSERT INTO message_search (message_id, user_id, session_id, created_at, words) "
    f"SELECT m.id, m.user_id, m.session_id, m.created_at, CAST(cut.words AS tsvector) || array_to_tsvector({bindable(POSTGRESQL_TAGS)}) "
    "FROM unnest(CAST(:ids AS bigint[]), CAST(:words AS text[])) AS cut (id, words) JOIN chatmessage m ON m.id = cut.id "
    "WHERE m.status <> 'running'"
)


def vector_text(words: Sequence[str], parts: Sequence[str], tags: Sequence[str]) -> str:
    """What `search_vector` makes of a message, as text."""
    lexemes = [f"{word}:{min(place, LAST_POSITION)}" for place, word in enumerate(words, 1)]
    lexemes += [f"':w{part}'" for part in parts] + [f"'{tag}'" for tag in tags]
    is_long = len(words) > LAST_POSITION or (len(words) > MOST_POSITIONS and Counter(words).most_common(1)[0][1] > MOST_POSITIONS)
    return " ".join([*lexemes, "':long'"] if is_long else lexemes)


ENTER_CHAT_BY_ID = {
    "sqlite": add_chat("c").replace(" WHERE NOT", " FROM chatsession c WHERE c.id = :id AND NOT"),
    "postgresql": bindable(ENTER_CHAT).format(which="c.id = :id") + "ON CONFLICT DO NOTHING",
}
