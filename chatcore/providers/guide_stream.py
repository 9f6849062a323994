"""Text without end for trying things out: deterministic markdown of an exact length, and a pace that does not drift."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from itertools import count

CHARACTERS_PER_TOKEN = 4
MAX_TOKENS = 200_000
MAX_TOKENS_PER_S = 10_000
# What is due within this time is sent now: each time the loop wakes up costs 0.1 to 0.2 ms of CPU, more than the token itself.
EARLY_S = 0.005
# Behind its schedule the stream still lets others run once in so many tokens.
BREATH_TOKENS = 64

TEXT = """
the stream goes on at the pace that was asked for and every word of it is known before it is sent so a test can say what must arrive
while a person can look at how headings lists tables and code appear one after the other on the page without a jump or a gap between them
"""
WORDS = TEXT.split()
LANGUAGES = ("python", "sql", "bash")
CODE = (
    "def wait(seconds: float) -> str:\n    # Step {n} of the stream.\n    return f'waited {{seconds}} s'\n\n\nprint(wait({n}))\n",
    "-- Step {n} of the stream.\nSELECT role, count(*) AS messages\nFROM chatmessage\nWHERE id > {n}\nGROUP BY role\nORDER BY role;\n",
    "for i in 1 2 3; do\n  echo \"step {n}, try $i\"\ndone\n",
)  # fmt: skip


def token_count(text: str) -> int:
    """How many tokens the guide counts: one for four characters, the last one may be shorter."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)


def tokens(text: str) -> Iterator[str]:
    """The text in the guide's tokens."""
    for start in range(0, len(text), CHARACTERS_PER_TOKEN):
        yield text[start : start + CHARACTERS_PER_TOKEN]


def sample_markdown(token_number: int) -> str:
    """Markdown of exactly so many tokens, the same at every call; code blocks and tables in it are always closed."""
    size = token_number * CHARACTERS_PER_TOKEN
    parts: list[str] = []
    length = 0
    for block in blocks():
        if length + len(block) > size:
            break
        parts.append(block)
        length += len(block)
    parts.append(filler(size - length))
    return "".join(parts)


def blocks() -> Iterator[str]:
    """Headings, paragraphs, lists, tables and code in turn, without end."""
    for number in count(1):
        yield f"## Part {number}\n\n"
        yield prose(number * 7, 42) + "\n\n"
        yield "".join(f"- **Point {point}**: {prose(number + point * 5, 8)}\n" for point in range(1, 5)) + "\n"
        yield prose(number * 11, 30) + "\n\n"
        code = number % len(CODE)
        yield f"```{LANGUAGES[code]}\n{CODE[code].format(n=number)}```\n\n"
        rows = "".join(f"| {number}.{row} | {number * row} | {prose(number * row, 4)} |\n" for row in range(1, 5))
        yield f"| step | value | remark |\n|---|---:|---|\n{rows}\n"
        yield "".join(f"{point}. {prose(number + point * 3, 7)}\n" for point in range(1, 4)) + "\n"
        yield f"> {prose(number * 13, 16)}\n\n"


def prose(first: int, words: int) -> str:
    """A sentence of so many words, starting somewhere in the word list."""
    chosen = [WORDS[(first + index) % len(WORDS)] for index in range(words)]
    return " ".join(chosen).capitalize() + "."


def filler(characters: int) -> str:
    """Prose of exactly so many characters."""
    text = prose(0, characters // 2 + 1)[: max(characters - 1, 0)]
    return (text + ".")[:characters]


async def paced(pieces: Iterable[str], per_s: float) -> AsyncIterator[str]:
    """The pieces, piece n at n / per_s seconds after the first or up to 5 ms earlier, so that lateness does not add up."""
    loop = asyncio.get_running_loop()
    start_s = loop.time()
    for number, piece in enumerate(pieces):
        early_s = start_s + number / per_s - loop.time()
        if early_s > EARLY_S:
            await asyncio.sleep(early_s)
        elif number % BREATH_TOKENS == 0:
            await asyncio.sleep(0)
        yield piece
