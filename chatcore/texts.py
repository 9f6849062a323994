"""What text may be stored, and how a title and a snippet are cut from it. Pure: knows no database."""

import re
import unicodedata

from chatcore.errors import Invalid

MESSAGE_BYTES = 1_048_576
TITLE_CHARACTERS = 200
DEFAULT_TITLE = "New Conversation"
# Of a provider, a model, a file.
LONGEST_NAME = 200
SNIPPET_CHARACTERS = 140
# A snippet is cut from the start of a message: markdown noise is never so dense that 2,000 characters give less than 140.
SNIPPET_SOURCE_CHARACTERS = 2000

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
FENCE = re.compile(r"^[ \t]*(?:```|~~~).*$", re.MULTILINE)
RULE = re.compile(r"^[ \t]*[|:=*_-][ \t|:=*_-]*$", re.MULTILINE)
LINK = re.compile(r"!?\[([^\[\]\n]{0,200})\]\([^()\s]{0,500}\)")
BLOCK_MARK = re.compile(r"^[ \t]*(?:(?:#{1,6}|>|[-*+]|\d{1,9}[.)])[ \t]+)+", re.MULTILINE)
EMPHASIS = re.compile(r"`+|~~|(?<!\w)[*_]{1,3}(?=\S)|(?<=\S)[*_]{1,3}(?!\w)")
EMPHASIS_SIGNS = "`~*_"


def storable(text: str) -> str:
    """The text with NUL and lone surrogates, which a database cannot store, replaced by U+FFFD; the rest is untouched."""
    text = text.replace("\0", "\ufffd")
    try:
        text.encode()
    except UnicodeEncodeError:
        # Through UTF-16, so that two surrogates that form a pair become the character they mean.
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def clean_text(text: str) -> str:
    """The text as a message stores it. Raises Invalid if it is empty, only white space, or above 1 MB of UTF-8."""
    if not text.strip():
        raise Invalid("The message is empty.", "Write something and send it again.")
    text = storable(text)
    size_bytes = len(text.encode())
    if size_bytes > MESSAGE_BYTES:
        raise Invalid(
            f"The message has {size_bytes:,} bytes, the most is {MESSAGE_BYTES:,} (1 MB).", "Send it in parts, or leave something out."
        )
    return text


def clean_title(title: str) -> str:
    """The title on one line, at most 200 characters, cut at a word. Raises Invalid if nothing that can be seen is left."""
    title = " ".join(storable(CONTROL.sub(" ", title)).split())
    # Unassigned ones (Cn) count as seen: new emoji are that to an older Python.
    if all(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zs", "Zl", "Zp") for character in title):
        raise Invalid("The title is empty.", "Give the chat a name of at least one letter.")
    return cut(title, TITLE_CHARACTERS)


def snippet(text: str) -> str:
    """The first 140 characters of a message on one line, without markdown signs; empty if there is nothing to show."""
    head = FENCE.sub(" ", storable(text[:SNIPPET_SOURCE_CHARACTERS]))
    head = RULE.sub(" ", head)
    head = BLOCK_MARK.sub("", LINK.sub(r"\1", head) if "](" in head else head)
    # To look for signs where there are none takes longer than all the rest.
    head = EMPHASIS.sub("", head) if any(sign in head for sign in EMPHASIS_SIGNS) else head
    return cut(" ".join(CONTROL.sub(" ", head).split()), SNIPPET_CHARACTERS)


def cut(text: str, characters: int) -> str:
    """The text, or its start with an ellipsis, in at most so many characters; at a word if one ends in the last third."""
    if len(text) <= characters:
        return text
    head = text[: characters - 1]
    space = head.rfind(" ")
    if text[characters - 1] != " " and space >= characters * 2 // 3:
        head = head[:space]
    # A zero-width joiner at the end would bind the ellipsis to the emoji before it.
    return head.rstrip(" \u200d") + "…"


def harmless(text: str) -> str:
    """The text with control characters replaced one by one: a message must not steer a terminal."""
    return "".join("\ufffd" if unicodedata.category(letter) in ("Cc", "Cs") else letter for letter in text)
