"""Prompts and answers of the corpus: prose whose words follow Zipf's law, code in four languages, and three other scripts.

Making a million messages word by word takes too long in Python. So a long run of words is drawn, and a sentence is a cut
from it at any place and of any length: its words are as frequent as they should be, and hardly a sentence comes twice.
"""

import random
from array import array
from collections.abc import Sequence
from itertools import accumulate
from math import log

from benchmarks.vocabulary import SCRIPTS, make_vocabulary

WORDS_A_RUN = 400_000
# A new run after so many sentences: each of its words has then been used about 12 times.
SENTENCES_A_RUN = 400_000
SHORTEST_SENTENCE, LONGEST_SENTENCE = 4, 20
LENGTHS = LONGEST_SENTENCE - SHORTEST_SENTENCE + 1
PLACES = WORDS_A_RUN - LONGEST_SENTENCE
SENTENCES_A_PARAGRAPH = 4
LONGEST_ANSWER = 80
# What share of the messages of each role has a code block: together 10 % of all messages.
CODE_SHARE = {"user": 0.03, "assistant": 0.17}
BULLETS_SHARE = 0.15
# Variable names come from the words that are not too rare.
NAMES = 8_000
SPACES = {"chinese": "", "japanese": "", "korean": " "}
STOPS = {"chinese": "。", "japanese": "。", "korean": "."}

CODE = (
    """```python
import json
from pathlib import Path

def {a}_{b}(path: Path, *, {c}: int = {n}) -> dict[str, int]:
    rows = json.loads(path.read_text())
    return {{row["{c}_id"]: row["{b}"] for row in rows if row["{a}"] > {c}}}
```""",
    """```python
class {A}{B}:
    def __init__(self, {c}_size: int = {n}) -> None:
        self._{c}_size = {c}_size

    def get{B}(self) -> list[str]:
        return ["{a}"] * self._{c}_size
```""",
    """```sql
SELECT {a}_id, count(*) AS {b}_count
FROM {c}_events
WHERE created_at >= now() - interval '{n} days'
GROUP BY {a}_id ORDER BY {b}_count DESC LIMIT {n};
```""",
    """```bash
set -euo pipefail
for file in /var/lib/{a}/{b}-*.log; do
  gzip -9 "$file" && mv "$file.gz" /backup/{c}/
done
curl -fsS https://{a}.example.com/api/v{n}/{b} -o {c}.json
```""",
    """```json
{{
  "{a}": {{ "{b}Enabled": true, "max{C}Count": {n} }},
  "paths": ["/etc/{a}/{b}.conf", "C:\\\\{c}\\\\{a}.ini"]
}}
```""",
    """```cpp
#include <vector>
std::vector<int> {a}{B}(const std::vector<int>& {c}) {{
    return {{ {c}.begin(), {c}.begin() + {n} }};
}}
```""",
)
REMARKS = (
    "Write to {a}.{b}@example.com about it.",
    "See https://example.org/{a}/{b}?page={n} for the details.",
    "The file is /home/{a}/{b}/{c}.txt, line {n}.",
    "In C++ that is std::{a}, in C# it is {A}.{B}().",
    "Set {a}_{b}={n} and call {a}{B}() again.",
    'It says "{a} {b}: error {n}" and stops.',
)
REMARK_SHARE = 0.06


class Texts:
    """Prompts and answers from one random source; the same seed gives the same texts in the same order."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(f"texts/{seed}")
        self._words = make_vocabulary()
        self._weights = list(accumulate(1 / rank for rank in range(1, len(self._words) + 1)))
        self._scripts = {language: script_run(self._rng, words) for language, words in SCRIPTS.items()}
        self._renew()

    def _renew(self) -> None:
        """Draws the run of words that sentences are cut from."""
        run = self._rng.choices(self._words, cum_weights=self._weights, k=WORDS_A_RUN)
        self._starts = array("I", accumulate((len(word) + 1 for word in run), initial=0))
        self._run = " ".join(run) + " "
        self._left = SENTENCES_A_RUN

    def prompt(self, language: str) -> list[str]:
        """The sentences of what a person writes: one or a few."""
        return self._sentences(language, 1 + int(log(1 - self._rng.random()) / log(0.55)))

    def answer(self, language: str) -> list[str]:
        """The sentences of what a model writes: about 15, seldom 60."""
        return self._sentences(language, max(1, min(int(self._rng.lognormvariate(2.38, 0.75)), LONGEST_ANSWER)))

    def _sentences(self, language: str, number: int) -> list[str]:
        return [self.sentence() for _ in range(number)] if language == "english" else [self._other(language) for _ in range(number)]

    def sentence(self) -> str:
        """One sentence of English and made-up words."""
        self._left -= 1
        if self._left < 0:
            self._renew()
        # One draw gives the place and the length.
        place = self._rng.random() * PLACES
        if place < REMARK_SHARE * PLACES:
            return self._filled(REMARKS)
        first = int(place)
        length = SHORTEST_SENTENCE + int((place - first) * LENGTHS)
        cut = self._run[self._starts[first] : self._starts[first + length] - 1]
        return f"{cut[0].upper()}{cut[1:]}."

    def _other(self, language: str) -> str:
        words = self._scripts[language]
        first = int(self._rng.random() * (len(words) - LONGEST_SENTENCE))
        return SPACES[language].join(words[first : first + 5 + int(self._rng.random() * 13)]) + STOPS[language]

    def laid_out(self, role: str, language: str, sentences: Sequence[str]) -> str:
        """The sentences as a message: paragraphs, in answers sometimes a list, and sometimes a block of code."""
        gap = "" if language in ("chinese", "japanese") else " "
        starts = range(0, len(sentences), SENTENCES_A_PARAGRAPH)
        blocks = [gap.join(sentences[start : start + SENTENCES_A_PARAGRAPH]) for start in starts]
        chance = self._rng.random
        if role == "assistant" and len(sentences) > 5 and chance() < BULLETS_SHARE:
            blocks[1] = "\n".join(f"- {sentence}" for sentence in sentences[4:8])
        if chance() < CODE_SHARE[role]:
            blocks.append(self._filled(CODE))
        return "\n\n".join(blocks)

    def name(self) -> str:
        """A word for something: a variable, a tool's argument."""
        return self._words[int(self._rng.random() * NAMES)]

    def _filled(self, patterns: Sequence[str]) -> str:
        a, b, c = self.name(), self.name(), self.name()
        pattern = patterns[int(self._rng.random() * len(patterns))]
        number = 2 + int(self._rng.random() * 98)
        return pattern.format(a=a, b=b, c=c, A=a.capitalize(), B=b.capitalize(), C=c.capitalize(), n=number)


def script_run(rng: random.Random, words: Sequence[str]) -> list[str]:
    """A long run of the words of another script, frequent ones more often."""
    return rng.choices(words, cum_weights=list(accumulate(1 / rank for rank in range(3, len(words) + 3))), k=20_000)
