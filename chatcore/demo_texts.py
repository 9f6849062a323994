"""Made-up prompts and answers for sample data: readable, with code, lists, tables and other scripts, the same for a seed."""

import random
from itertools import accumulate

# The share of chats in each language. Chinese, Japanese and Korean are written without or with few spaces, which search
# and layout have to stand.
LANGUAGES = (("english", 0.86), ("chinese", 0.06), ("japanese", 0.05), ("korean", 0.03))


def listed(text: str, separator: str | None = None) -> list[str]:
    """The words, or the parts, of a text."""
    return [part.strip() for part in text.split(separator)]


THINGS = listed(
    "index | cache | query | table | file | server | test | request | queue | log | worker | key | row | function | model | page | "
    "buffer | batch | schema | user | record | stream | thread | lock | timer | parser | config | result | error | list | string | "
    "token | cursor | session | column | backup | network | disk | memory | process | script | module | version | branch | commit | "
    "container | cluster | node | replica | partition | checksum | header | payload | response | timeout | retry | limit | loop | "
    "counter | event | handler | callback | socket | port | certificate | password | role | policy | metric | trace | alert | graph | "
    "tree | heap | hash | vector | matrix | sample | average | median | outlier | import | export | migration | trigger | view",
    "|",
)
QUALITIES = listed("slow fast small large shared local empty full old new simple safe stale hot cold single second missing sorted")
SENTENCES = (
    "The {q} {t} waits until the {t2} is written.",
    "Start with a {q} {t} and measure before you change the {t2}.",
    "A {t} without a {t2} is easy to lose.",
    "If the {t} is {q}, read the {t2} once and keep it.",
    "Most of the time goes into the {t}, not into the {t2}.",
    "Put the {t} beside the {t2}, so that both are found together.",
    "You can replace the {t} later without touching the {t2}.",
    "First check the {t}; then look at the {t2}.",
    "It helps to name the {t} after what it holds.",
    "Every {t} needs an owner, and every {t2} a limit.",
    "With a {q} {t} the {t2} stays small even after years.",
    "Do not trust the {t} of another program: check it at the door.",
    "When the {t} fails, the {t2} must say so in plain words.",
    "Two {q} steps are better than one clever {t}.",
    "That is why the {t} comes before the {t2}.",
    "Keep the old {t} until the new {t2} has run for a week.",
    "There are three ways, and the {q} one is usually right.",
    "In short: fewer copies of the {t}, and one {t2} that everybody reads.",
)
SYLLABLES = listed("ka lo mi ter ran vel sor dan pra bel nor tis gal fen mar dol quin ras tem bri vo lan per sil con")
VERBS = listed("sort parse cache index test deploy migrate measure debug rename split merge validate compress monitor schedule")
NOUNS = listed(
    "a list of dates | a CSV file | user sessions | a slow query | log files | a REST client | background jobs | time zones | "
    "a recursive function | database backups | feature flags | an event stream | unit tests | a config file | a binary tree | "
    "image thumbnails | rate limits | a Dockerfile",
    "|",
)
PLACES = listed(
    "in Python | in SQL | in Rust | in Bash | in TypeScript | on a Raspberry Pi | with PostgreSQL | with SQLite | "
    "without any library | step by step",
    "|",
)
PROMPTS = (
    "How do I {verb} {noun} {place}?",
    "What is the best way to {verb} {noun} {place}?",
    "Explain how to {verb} {noun} to a beginner.",
    "Write a short example that shows how to {verb} {noun} {place}.",
    "Why does it take so long to {verb} {noun} {place}?",
    "Compare two ways to {verb} {noun}.",
    "I tried to {verb} {noun} and got an error. What should I check first?",
    "Plan a small project in which we {verb} {noun} {place}.",
)
FOLLOW_UPS = (
    "Can you show that with an example?",
    "What happens if the input is empty?",
    "Make it shorter, please.",
    "And how would I test this?",
    "Which of the two would you choose, and why?",
    "Thanks! One more question: how do we {verb} {noun}?",
    "That does not work for large files. What now?",
    "Please add error handling.",
)
CODE = (
    """```python
def {name}(rows: list[int]) -> int:
    total = 0
    for row in rows:
        if row > {number}:
            total += row
    return total


print({name}([1, {number}, 3]))
```""",
    """```sql
SELECT {name}, count(*) AS n
FROM events
WHERE created_at >= now() - interval '{number} days'
GROUP BY {name}
ORDER BY n DESC;
```""",
    """```bash
set -euo pipefail
for file in *.{name}; do
  gzip -{number} "$file"
done
```""",
    """```rust
fn {name}(values: &[u32]) -> Option<u32> {{
    values.iter().copied().filter(|v| *v < {number}).max()
}}
```""",
    """```json
{{
  "{name}": {{ "retries": {number}, "enabled": true }}
}}
```""",
)
TABLE = """| option | speed | memory |
|---|---:|---:|
| {a} | {x} ms | {y} MB |
| {b} | {y} ms | {x} MB |"""
# Prompts and sentences of answers.
OTHER = {
    "chinese": (
        ("如何在数据库中建立索引？", "请解释一下这个函数的作用。", "怎样提高查询速度？", "帮我写一个简单的例子。"),
        (
            "首先需要检查输入数据是否完整。",
            "索引可以加快查询，但是会占用更多空间。",
            "下面是一个简单的例子。",
            "请注意内存的使用情况。",
            "如果结果为空，函数会返回默认值。",
            "建议先写测试，再修改代码。",
        ),
    ),
    "japanese": (
        ("この関数の使い方を教えてください。", "エラーの原因は何ですか？", "短い例を書いてください。"),
        (
            "まず入力データを確認します。",
            "次に、インデックスを作成してください。",
            "この方法は簡単で安全です。",
            "メモリの使用量に注意しましょう。",
            "結果が空の場合は、既定値を返します。",
        ),
    ),
    "korean": (
        ("이 오류는 무슨 뜻인가요?", "파일을 빠르게 읽는 방법을 알려 주세요.", "간단한 예제를 보여 주세요."),
        (
            "먼저 입력 데이터를 확인하세요.",
            "인덱스를 만들면 검색이 빨라집니다.",
            "다음은 간단한 예제입니다.",
            "결과가 비어 있으면 기본값을 돌려줍니다.",
        ),
    ),
}
# Sentences are made once and chosen often: making each from single words would take most of the time.
STOCK = 6000
RARE_WORDS = 4000
# Words follow Zipf's law with this exponent; steeper than in real text, so that made-up words stay rare enough to read on.
STEEPNESS = 1.3


class Texts:
    """Prompts and answers from one random source."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._names = sorted({self._name_of(rng) for _ in range(RARE_WORDS)})
        words = THINGS + [f"`{name}`" for name in self._names]
        weights = list(accumulate(1 / (rank + 2.7) ** STEEPNESS for rank in range(len(words))))
        self._sentences = [self._sentence(words, weights) for _ in range(STOCK)]

    def language(self) -> str:
        """The language of a chat."""
        return self._rng.choices([name for name, _ in LANGUAGES], [share for _, share in LANGUAGES])[0]

    def prompt(self, language: str, *, first: bool) -> str:
        """What a person writes."""
        if language in OTHER:
            return self._rng.choice(OTHER[language][0])
        template = self._rng.choice(PROMPTS if first else FOLLOW_UPS)
        return template.format(verb=self._rng.choice(VERBS), noun=self._rng.choice(NOUNS), place=self._rng.choice(PLACES))

    def answer(self, language: str) -> str:
        """What a model writes: 1 to 7 paragraphs, lists, code blocks and tables."""
        rng = self._rng
        parts = [self._paragraph(language)]
        for _ in range(rng.choices((0, 1, 2, 3, 6), (30, 30, 22, 14, 4))[0]):
            kind = rng.random()
            if kind < 0.30:
                parts.append(rng.choice(CODE).format(name=self._name(), number=rng.randint(2, 9)))
            elif kind < 0.48:
                parts.append("\n".join(f"- {self._one(language)}" for _ in range(rng.randint(2, 5))))
            elif kind < 0.54:
                parts.append(TABLE.format(a=self._name(), b=self._name(), x=rng.randint(2, 90), y=rng.randint(5, 400)))
            elif kind < 0.62:
                parts.append(f"## {self._name().capitalize()}\n\n{self._paragraph(language)}")
            else:
                parts.append(self._paragraph(language))
        return "\n\n".join(parts)

    def reasoning(self) -> str:
        """What a thinking model says to itself."""
        return "Let me think about what is asked. " + " ".join(self._rng.choices(self._sentences, k=self._rng.randint(2, 6)))

    def _paragraph(self, language: str) -> str:
        if language in OTHER:
            return "".join(self._rng.choices(OTHER[language][1], k=self._rng.randint(2, 5)))
        return " ".join(self._rng.choices(self._sentences, k=self._rng.randint(2, 5)))

    def _one(self, language: str) -> str:
        return self._rng.choice(OTHER[language][1] if language in OTHER else self._sentences)

    def _name(self) -> str:
        return self._rng.choice(self._names)

    def _name_of(self, rng: random.Random) -> str:
        return "".join(rng.choices(SYLLABLES, k=rng.randint(2, 4)))

    def _sentence(self, words: list[str], weights: list[float]) -> str:
        first, second = self._rng.choices(words, cum_weights=weights, k=2)
        return self._rng.choice(SENTENCES).format(t=first, t2=second, q=self._rng.choice(QUALITIES))
