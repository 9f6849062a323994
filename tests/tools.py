"""Tools and a model that uses them, whose every step a test decides."""

import asyncio
import threading
from collections.abc import Callable, Sequence

from chatcore.parts import ChatRequest
from chatcore.tools.base import Context, Json
from tests.scripted import Scripted


class Probe:
    """A tool whose work a test decides; it is a tool, not a mock."""

    source = "Test"
    schema: Json = {"type": "object", "properties": {"port": {"type": "string"}}, "required": ["port"]}

    def __init__(
        self, name: str = "tide_table", *, read_only: bool = True, work: Callable[[Json], str] | None = None, slow: bool = False
    ) -> None:
        self.name = name
        self.description = f"Probe {name}"
        self.read_only = read_only
        self.work = work or (lambda arguments: f"High water at {arguments['port']}: 14:05")
        self.slow = slow
        self.ran: list[Json] = []
        self.begun = threading.Semaphore(0)
        self.left = threading.Event()

    async def run(self, arguments: Json, context: Context) -> str:
        self.ran.append(arguments)
        self.begun.release()
        try:
            if self.slow:
                await asyncio.Event().wait()
            return self.work(arguments)
        finally:
            self.left.set()


class Talk(Scripted):
    """A model whose every turn is written down: the first request gets the first turn, and so on; the last is repeated."""

    def __init__(self, *turns: Sequence[object]) -> None:
        super().__init__()
        self.turns = turns

    async def chat(self, request: ChatRequest):  # type: ignore[no-untyped-def]  # the same as its parent's
        self.play = tuple(self.turns[min(len(self.requests), len(self.turns) - 1)])
        async for event in super().chat(request):
            yield event
