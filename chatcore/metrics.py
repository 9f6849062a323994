"""Figures of this process for Prometheus, under the OpenTelemetry GenAI names where these have one. docs/operations.md lists them.

Names and buckets: semantic-conventions-genai, docs/gen-ai/gen-ai-metrics.md (all "Development" yet), turned into Prometheus
names as OpenTelemetry's compatibility specification says: dots become underscores, the unit is added, `{token}` is none.
Nothing here says whose an answer is or what is in it.
"""

import threading
from collections.abc import Callable, Collection

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from chatcore.generation import Load
from chatcore.ledger import Entry
from chatcore.parts import ErrorCode, State

# Whoever may ask, may ask for any name; an installation has some dozens. Full of models that ended in every way, the page has 6 MB and
# takes 0.9 s, and its figures 30 MB of memory (measured); with 8 models 17 ms.
LARGEST_NUMBER_OF_MODELS = 200
OTHER = "other"
OPERATION = "chat"
# The convention's, which end at 81.92 s; the last three are ours, because a model without a graphics card needs minutes.
BUCKETS_S = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92, 163.84, 327.68, 655.36)
BUCKETS_TOKENS = tuple(4**power for power in range(14))
LABELS = ("gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model")


class Metrics:
    """The figures of one Runner. Every method may be called from any thread."""

    def __init__(self, providers: Collection[str], load: Callable[[], Load]) -> None:
        self._providers = frozenset(providers)
        self._guard = threading.Lock()
        self._models: set[tuple[str, str]] = set()
        # Not the library's own registry: that is one for the process, and every core has its figures.
        self._registry = CollectorRegistry()
        self._duration = Histogram(
            "gen_ai_client_operation_duration_seconds",
            "Time from asking the model server to the end of the answer, however it ended.",
            (*LABELS, "error_type"),
            buckets=BUCKETS_S,
            registry=self._registry,
        )
        self._first_chunk = Histogram(
            "gen_ai_client_operation_time_to_first_chunk_seconds",
            "Time from asking the model server to the first text or reasoning, where any came.",
            LABELS,
            buckets=BUCKETS_S,
            registry=self._registry,
        )
        self._tokens = Histogram(
            "gen_ai_client_token_usage",
            "Tokens of an answer and its prompt. usage_source says whether the server reported them or we estimated them.",
            (*LABELS, "gen_ai_token_type", "usage_source"),
            buckets=BUCKETS_TOKENS,
            registry=self._registry,
        )
        self._tools = Histogram(
            "gen_ai_execute_tool_duration_seconds",
            "Time a tool took, of calls that ran.",
            ("gen_ai_tool_name", "error_type"),
            buckets=BUCKETS_S,
            registry=self._registry,
        )
        self._ended = Counter(
            "chatcore_generations_total",
            "Attempts at an answer that ended, by state: complete, stopped, failed, interrupted.",
            (*LABELS, "state"),
            registry=self._registry,
        )
        active = Gauge("chatcore_generations_active", "Answers this process writes now.", registry=self._registry)
        active.set_function(lambda: load().active)
        waiting = Gauge(
            "chatcore_generations_waiting",
            "Those of the active ones that wait for their first chunk: the model server loads the model or serves others first.",
            registry=self._registry,
        )
        waiting.set_function(lambda: load().waiting)
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    def observe(self, entry: Entry) -> None:
        """Counts an attempt that ended."""
        labels = (OPERATION, *self._names(entry))
        self._ended.labels(*labels, entry.state.value).inc()
        self._duration.labels(*labels, error_type(entry)).observe(entry.duration_s)
        if entry.time_to_first_chunk_s is not None:
            self._first_chunk.labels(*labels).observe(entry.time_to_first_chunk_s)
        for call in entry.calls:
            self._tools.labels(call.tool, call.error_type or "").observe(call.duration_s)
        for kind, count in (("input", entry.input_tokens), ("output", entry.output_tokens)):
            if count is not None:
                self._tokens.labels(*labels, kind, entry.usage_source or "").observe(count)

    def page(self, accept: str) -> tuple[bytes, str]:
        """All figures as they are now and their content type: Prometheus' text format, or OpenMetrics for who accepts it."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type

    def _names(self, entry: Entry) -> tuple[str, str]:
        """Provider and model as labels. Names that somebody made up, and those of too many models, are "other"."""
        if entry.provider not in self._providers:
            return OTHER, OTHER
        names = (entry.provider, entry.model_name)
        with self._guard:
            known = names in self._models
            if not known and len(self._models) < LARGEST_NUMBER_OF_MODELS and entry.error_type != ErrorCode.MODEL_NOT_FOUND:
                self._models.add(names)
                known = True
        return names if known else (entry.provider, OTHER)


def error_type(entry: Entry) -> str:
    """The convention's error.type, empty where nothing went wrong. A stop is what the person wanted, so it is no error."""
    return State.INTERRUPTED.value if entry.state is State.INTERRUPTED else entry.error_type or ""
