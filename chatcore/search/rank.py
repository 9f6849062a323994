"""How well a message answers a search, told from its text alone, so that both databases sort alike. Pure: knows no database.

BM25 (Robertson and Zaragoza 2009, "The Probabilistic Relevance Framework", section 3) over the hits that are compared: how
often the words stand in the message, each further time counting less, set against its length. What an index would add,
how rare a word is among all messages, cannot matter where every hit has every word. Words that stand together as they
were typed count once more.
"""

from collections.abc import Sequence

from chatcore.search.query import Term

# The usual values: how soon further times count less, and how much the length matters.
SATURATION, LENGTH_WEIGHT = 1.2, 0.75
# What it is worth that the words stand side by side in the order they were typed.
TOGETHER = 1.0


def sorted_by_match(texts: Sequence[tuple[int, str]], terms: Sequence[Term]) -> list[int]:
    """The ids of messages, given with their texts, those that match best first; of equal ones the order given stays."""
    mean = sum(len(text) for _, text in texts) / max(len(texts), 1) or 1.0
    phrases = [" ".join(term.words) for term in terms]
    whole = " ".join(phrases) if len(phrases) > 1 else None

    def worth(text: str) -> float:
        low = text.lower()
        dampened = SATURATION * (1 - LENGTH_WEIGHT + LENGTH_WEIGHT * len(text) / mean)
        # In other letters than were typed, or with other signs between, a word is counted once: it is there.
        found = 0.0
        for phrase in phrases:
            number = low.count(phrase) or 1
            found += number * (SATURATION + 1) / (number + dampened)
        return found + (TOGETHER if whole and whole in low else 0.0)

    return [message_id for message_id, text in sorted(texts, key=lambda pair: -worth(pair[1]))]
