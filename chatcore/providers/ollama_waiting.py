"""What is tried again where an Ollama server says that it is busy, or fails before its first text."""

from collections.abc import Sequence

from chatcore.parts import ErrorCode, Failed
from chatcore.providers.base_waiting import NO_TOOLS, Again, Retries


class OllamaRetries(Retries):
    """What is tried again before the first text: what any server is asked again, and a model that cannot think, or use tools,
    once without."""

    def __init__(self, delays_s: Sequence[float], think: bool | str | None, *, tools: bool = False) -> None:
        super().__init__(delays_s)
        self.think = think
        self.tools = tools

    def after(self, event: Failed) -> Again | None:
        """The next attempt; None where the failure stands."""
        if event.code is ErrorCode.UNSUPPORTED_FEATURE and self.think and "does not support thinking" in event.detail:
            self.think = None
            return Again(0.0)
        if event.code is ErrorCode.UNSUPPORTED_FEATURE and self.tools and "does not support tools" in event.detail:
            self.tools = False
            return Again(0.0, NO_TOOLS)
        return super().after(event)
