"""Which words a text has for the search: the one rule, in Python for SQLite's index and for queries, as SQL for PostgreSQL's.

Both engines find the same because neither uses a tokenizer of its own: the character classes below are written out, they
do not change with the Unicode version of Python or the locale of a server. `RULES` is their number: a change here needs a
new one and a migration that builds the index anew, since an entry can only be taken out with the words it was put in with.

- Case, accents and compatibility forms do not matter (NFKD, marks U+0300-036F dropped, small letters, NFC).
- A word is a run of letters and digits; everything else ends it: `foo_bar`, an e-mail address, a path are several words.
- Scripts without spaces (Chinese, Japanese, Korean, Thai, Khmer, Burmese) and emoji count as one word a character, so that
  any part of them is found as a phrase.
- Parts are found beside whole words, one by one: the `baz` of `fooBaz`, and names with signs such as `C++`, `C#`, `i++`.
"""

import re
import unicodedata

RULES = 1
# PostgreSQL takes at most 1 MB of words for a message; at 100,000 characters no text can have more than that.
INDEXED_CHARACTERS = 100_000
# PostgreSQL refuses words above 2,046 bytes, and nobody types what is longer than a SHA-512 sum.
WORD_CHARACTERS = 128
# The same for a name of a person or a model, in hexadecimal.
TAG_CHARACTERS = 1000

# Ranges of code points, written so that Python's and PostgreSQL's regular expressions read them alike.
SINGLE = (
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2600-\u27bf\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3038-\u303c"
    r"\u3041-\u3098\u309b-\u309f\u30a1-\u30fa\u30fc-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff"
    r"\U0001f000-\U0001faff\U00020000-\U0003ffff"
)
BETWEEN = (
    r"\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00a9\u00ab-\u00b1\u00b4\u00b6-\u00b8\u00bb\u00bf\u00d7\u00f7\u02c2-\u02c5"
    r"\u02d2-\u02df\u0375\u037e\u0387\u055a-\u055f\u0589-\u058f\u05be\u05c0\u05c3\u05c6\u05f3\u05f4\u0600-\u060f\u061b-\u061f"
    r"\u066a-\u066d\u06d4\u0964\u0965\u0df4\u10fb\u1360-\u1368\u1680\u180e\u2000-\u206f\u20a0-\u20cf\u2100-\u214f\u2190-\u25ff"
    r"\u27c0-\u2bff\u2e00-\u2e7f\u2fe0-\u3004\u3008-\u3020\u302a-\u3030\u3036\u3037\u303d-\u3040\u30a0\u30fb\ufd3e\ufd3f"
    r"\ufe00-\ufe19\ufe30-\ufe6f\ufeff\uff00-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65\ufff0-\uffff\U000e0000-\U000e0fff"
)
MARKS = r"\u0300-\u036f"
# Compatibility forms would make letters of them that stick to the word before: Foo™ is the word foo.
STICKING = "™℠"

# What ASCII becomes in one step: letters small, all but letters and digits a space.
_ASCII = bytes(ord(chr(code).lower()) if chr(code).isalnum() else 32 for code in range(128)) + bytes(128)
# The same with the letters as they are.
_RUNS = bytes(code if chr(code).isalnum() else 32 for code in range(128)) + bytes(128)
_WORD = re.compile(f"[{SINGLE}]|[^{SINGLE}{BETWEEN}]+")
_UNSTUCK = str.maketrans(STICKING, " " * len(STICKING))
_MARKS = re.compile(f"[{MARKS}]+")
_CAMEL = re.compile(r"([a-z0-9])([A-Z])")
# Starts with what is rare, which makes it six times faster to find that there is none.
_HAS_CAMEL = re.compile(r"[A-Z](?<=[a-z0-9][A-Z])")
# From the beginning of a run only, and without giving back of it: ten times as fast.
_SIGNED = re.compile(r"(?<![A-Za-z0-9])[A-Za-z0-9]++(?:\+\+|#)")


def words_of(text: str) -> list[str]:
    """The words of a text in their order, folded; of a very long text those of its first 100,000 characters, folded or not."""
    text = text[:INDEXED_CHARACTERS]
    found = text.encode().translate(_ASCII).decode().split() if text.isascii() else _WORD.findall(folded(text)[:INDEXED_CHARACTERS])
    return [word[:WORD_CHARACTERS] for word in found] if max(map(len, found), default=0) > WORD_CHARACTERS else found


def folded(text: str) -> str:
    """The text without the differences that a search overlooks: case, accents, compatibility forms."""
    text = _MARKS.sub("", unicodedata.normalize("NFKD", text.translate(_UNSTUCK))).lower()
    return unicodedata.normalize("NFC", text).replace("ς", "σ")


def parts_of_words(text: str, words: list[str] | None = None) -> list[str]:
    """What can be found beside the words themselves, in order of the alphabet: parts of camelCase that are no words of the
    text, and names with signs (`c++`, `c#`), which no word can be taken for. `words` are those of the text, if they are known."""
    text = text[:INDEXED_CHARACTERS]
    parts: set[str] = set()
    if "#" in text or "++" in text:
        parts.update(name.lower()[:WORD_CHARACTERS] for name in _SIGNED.findall(text))
    if _HAS_CAMEL.search(text):
        # Only runs with capitals give words that are none of the text; of a long one it counts where it was cut off.
        is_short = text.isascii() and len(text) <= INDEXED_CHARACTERS // 2
        cut = " ".join(run for run in text.encode().translate(_RUNS).decode().split() if not run.islower()) if is_short else text
        parts.update(set(words_of(_CAMEL.sub(r"\1 \2", cut))).difference(words_of(text) if words is None else words))
    return sorted(parts)


def signed_name(text: str) -> str | None:
    """The one word under which a name like `C++` or `C#` is found; None for any other text."""
    return text.lower()[:WORD_CHARACTERS] if _SIGNED.fullmatch(text) else None


def index_words(text: str | None) -> str:
    """SQL function `search_words` on SQLite: the words of a text, separated by spaces."""
    return " ".join(words_of(text)) if text else ""


def index_parts(text: str | None) -> str:
    """SQL function `search_parts` on SQLite: the parts of the words of a text, separated by spaces."""
    return " ".join(parts_of_words(text)) if text else ""
