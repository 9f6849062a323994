"""What holds for every format: it is known by what is in the file, and reading ends in chats and reasons, whatever is in it."""

import io
import json
import random
from contextlib import suppress
from pathlib import Path

import pytest

from chatcore import json_values
from chatcore.archive import Document, Opened
from chatcore.errors import Invalid
from chatcore.formats import FORMATS, detect, format_named, open_file, read
from chatcore.formats.base import Broken, Conversation, Read
from chatcore.json_values import values
from tests.chatcore.formats import samples
from tests.chatcore.formats.samples import SAMPLES

ROUNDS = 60
WRONG: tuple[object, ...] = (None, 0, -1.5, "text", [], {}, [[]], True, 10**30, "\x00\ud800")


def chats_and_reasons(path: Path) -> list[Read]:
    with open_file(path) as opened:
        return list(read(opened, detect(opened)))


def check(found: list[Read]) -> None:
    """What every result keeps, however odd the file."""
    for one in found:
        if isinstance(one, Broken):
            assert one.name
            assert one.reason
            continue
        assert one.messages
        seen: set[str] = set()
        for message in one.messages:
            assert message.parent is None or message.parent in seen, "parents come before their children"
            assert message.external_id not in seen
            seen.add(message.external_id)
        assert one.current in seen
        assert one.external_id


def test_every_format_has_a_sample() -> None:
    assert {name for name, _ in SAMPLES.values()} == {known.name for known in FORMATS}


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_sample_is_known_by_what_is_in_it(sample: str, tmp_path: Path) -> None:
    name, make = SAMPLES[sample]
    path = make(tmp_path)
    other = path.rename(tmp_path / "download")
    with open_file(other) as opened:
        assert detect(opened).name == name
    check(chats_and_reasons(other))
    assert any(isinstance(one, Conversation) for one in chats_and_reasons(other))


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_damaged_file_ends_in_reasons(sample: str, tmp_path: Path) -> None:
    """Bytes changed, taken out, put in, or cut off at a place."""
    original = SAMPLES[sample][1](tmp_path).read_bytes()
    rng = random.Random(sample)
    damaged = tmp_path / "damaged"
    for _ in range(ROUNDS):
        content = bytearray(original)
        for _ in range(rng.choice((1, 3, 30))):
            place = rng.randrange(len(content))
            kind = rng.randrange(4)
            if kind == 0:
                content[place] = rng.randrange(256)
            elif kind == 1:
                del content[place : place + rng.randrange(1, 20)]
            elif kind == 2:
                content[place:place] = rng.choice((b"[", b"{", b'"', b"null", b"\\", b"1e999", b"-1", b"\xff\xfe"))
            elif len(content) > 100:
                del content[max(place, 100) :]
        damaged.write_bytes(content)
        # A file that cannot be opened any more is refused as a whole.
        with suppress(Invalid):
            check(chats_and_reasons(damaged))


@pytest.mark.parametrize("sample", ["own", "chatgpt", "openwebui", "claude", "librechat", "openai rows", "sharegpt"])
def test_values_of_the_wrong_kind_end_in_reasons(sample: str, tmp_path: Path) -> None:
    """Every value of the JSON replaced by one of another kind, one at a time."""
    made = {
        "own": samples.own_chats,
        "chatgpt": samples.chatgpt_chats,
        "openwebui": samples.openwebui_chats,
        "claude": samples.claude_chats,
    }
    if sample in made:
        whole: object = made[sample]()
    else:
        whole = [value for value in values(io.BytesIO(SAMPLES[sample][1](tmp_path).read_bytes())) if isinstance(value, dict)]
    known = format_named(SAMPLES[sample][0])
    for number, (place, key) in enumerate(places(whole)):
        kept = place[key]
        for wrong in WRONG:
            place[key] = wrong
            check(list(known.read(opened_with(whole))))
        place[key] = kept
        if number > 250:
            break


def places(value: object) -> list[tuple[dict[object, object], object]]:
    """Every place in a value of JSON where another value could stand."""
    found: list[tuple[dict[object, object], object]] = []
    if isinstance(value, dict):
        for key, inner in value.items():
            found += [(value, key), *places(inner)]
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            found += [(value, index), *places(inner)]  # type: ignore[list-item]  # a list is indexed like a dict of numbers
    return found


def opened_with(value: object) -> Opened:
    content = json.dumps(value).encode()
    return Opened(Path("chats.json"), (Document("chats.json", lambda: io.BytesIO(content)),))


def test_a_file_of_nothing_but_a_chat_that_is_too_large_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_values, "CHUNK_BYTES", 64)
    monkeypatch.setattr(json_values, "LONGEST_VALUE", 0)
    path = tmp_path / "export.json"
    path.write_text(json.dumps([{"mapping": {}, "title": "moon" * 100}]))
    with open_file(path) as opened, pytest.raises(Invalid, match=r"export.json is in no format .*: it is larger than 0 MB\."):
        detect(opened)


def test_a_file_that_is_no_export_is_refused_with_what_is_known(tmp_path: Path) -> None:
    for content in (b"", b"hello", b"[]", b'{"a": 1}', b"\x00\x01\x02", b"PK\x03\x04broken", b"SQLite format 3\x00broken"):
        path = tmp_path / "file"
        path.write_bytes(content)
        with pytest.raises(Invalid) as error, open_file(path) as opened:
            detect(opened)
        assert error.value.hint
    with pytest.raises(Invalid):
        format_named("msn")
    with pytest.raises(Invalid), open_file(tmp_path / "nowhere"):
        pass
