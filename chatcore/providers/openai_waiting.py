"""What is tried again where an OpenAI-compatible server says that it is busy, or fails before its first text."""

from collections.abc import Sequence

from chatcore.parts import ErrorCode, Failed
from chatcore.providers.base_waiting import NO_TOOLS, Again, Retries
from chatcore.providers.openai_answer import EFFORT_FIELD, LIMIT_FIELD, NEW_LIMIT_FIELD, TOOLS_FIELD, USAGE_FIELD

# Who is told to wait longer decides that for himself.
LONGEST_WAIT_S = 10.0


class OpenAIRetries(Retries):
    """What is tried again before the first text: what any server is asked again, one that names a short time to wait once, and
    without a field that it does not know. `left_out` has what is not sent, or not to be sent again."""

    def __init__(self, delays_s: Sequence[float], left_out: frozenset[str]) -> None:
        super().__init__(delays_s)
        self._waited_before = False
        self.left_out = left_out

    def after(self, event: Failed) -> Again | None:
        """The next attempt; None where the failure stands."""
        if event.code is ErrorCode.UNSUPPORTED_FEATURE and TOOLS_FIELD not in self.left_out and "tool" in event.detail.lower():
            self.left_out |= {TOOLS_FIELD}
            return Again(0.0, NO_TOOLS)
        if event.code in (ErrorCode.BAD_REQUEST, ErrorCode.UNSUPPORTED_FEATURE):
            return self._without_field(event.detail)
        if (
            event.code is ErrorCode.RATE_LIMITED
            and not self._waited_before
            and (event.retry_after_s or LONGEST_WAIT_S + 1) <= LONGEST_WAIT_S
        ):
            self._waited_before = True
            return Again(event.retry_after_s or 0.0, f"Too many requests. Next try in {event.retry_after_s:g} s.")
        return super().after(event)

    def _without_field(self, detail: str) -> Again | None:
        """A try without the field that a refusal names. OpenAI's newer models want another name for the limit of tokens."""
        named = {USAGE_FIELD: USAGE_FIELD, EFFORT_FIELD: EFFORT_FIELD, NEW_LIMIT_FIELD: LIMIT_FIELD}
        fields = {field for words, field in named.items() if words in detail} - self.left_out
        if not fields:
            return None
        self.left_out |= fields
        return Again(0.0)
