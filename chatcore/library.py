"""Well-known models of Ollama's library, for who has none yet: the one place that names them with their sizes.

Sizes are those of the download, in units of 1,000, gathered in November 2026 from what quotes https://ollama.com/library: copies of
Ollama's README (gemma3, llama3.2) and published lists of others (qwen3, qwen3.5, gpt-oss, qwen3-coder); the library itself was not
read. It changes its tags now and then, so the page calls the sizes approximate; what a download really takes, it shows itself.
"""

from dataclasses import dataclass

AS_OF = "November 2026"
GB = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Listed:
    """A model one can get: its name, who made it, what it is good for, and how many bytes the download has."""

    name: str
    maker: str
    good_for: str
    size_bytes: int


# From small to large.
LIBRARY: tuple[Listed, ...] = (
    Listed("gemma3:1b", "Google", "Short answers on very small machines", int(0.815 * GB)),
    Listed("llama3.2:3b", "Meta", "Everyday questions, uses tools", int(2.0 * GB)),
    Listed("qwen3:4b", "Alibaba", "Thinks before it answers, uses tools", int(2.5 * GB)),
    Listed("gemma3:4b", "Google", "Everyday questions, sees images", int(3.3 * GB)),
    Listed("qwen3.5:4b", "Alibaba", "Thinks, uses tools, sees images", int(3.4 * GB)),
    Listed("qwen3:8b", "Alibaba", "Thinks before it answers, uses tools", int(5.2 * GB)),
    Listed("qwen3.5:9b", "Alibaba", "Thinks, uses tools, sees images", int(6.6 * GB)),
    Listed("gemma3:12b", "Google", "Careful writing, sees images", int(8.1 * GB)),
    Listed("gpt-oss:20b", "OpenAI", "Hard questions, thinks, uses tools", int(14 * GB)),
    Listed("qwen3-coder:30b", "Alibaba", "Code", int(19 * GB)),
    Listed("gpt-oss:120b", "OpenAI", "The hardest questions, on large machines", int(65 * GB)),
)


def closest(name: str) -> str | None:
    """The name of the library that one may have meant, None where none is near."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(name.lower(), [listed.name for listed in LIBRARY], n=1, cutoff=0.75)), None)
