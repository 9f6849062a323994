"""What is tried again where an Ollama server says that it is busy, or fails before its first text."""

from collections.abc import Sequence

from chatcore.parts import ErrorCode, Failed
from chatcore.providers.base_waiting import NO_TOOLS, Again


class Retries:
    """What is tried again before the first text: a busy or loading server three times, a failed one once, and a model that
    cannot think, or use tools, once without."""

    def __init__(self, delays_s: Sequence[float], think: bool | str | None, *, tools: bool = False) -> None:
        self._delays_s = list(delays_s)
        self._failed_before = False
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
        if event.code in (ErrorCode.BUSY, ErrorCode.LOADING) and self._delays_s:
            delay_s = self._delays_s.pop(0)
            return Again(delay_s, f"{event.message} Next try in {delay_s:g} s.")
        if event.code in (ErrorCode.SERVER_ERROR, ErrorCode.UPSTREAM_UNREACHABLE) and not self._failed_before:
            self._failed_before = True
            return Again(0.0)
        return None
