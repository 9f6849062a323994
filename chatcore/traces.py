"""A span for each attempt at an answer, sent to whoever collects OpenTelemetry traces. docs/operations.md lists what it says.

Names: semantic-conventions-genai, docs/gen-ai/gen-ai-spans.md (all "Development" yet); what these do not know begins with
`chatcore.`. Nothing here says whose an answer is or what is in it, so there is no gen_ai.conversation.id either.
"""

import logging
import threading
from collections import deque
from urllib.parse import urlsplit

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http import trace_exporter
from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Span, SpanKind, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from chatcore import __version__
from chatcore.columns import as_number
from chatcore.errors import Invalid
from chatcore.ledger import CallEntry, Entry
from chatcore.parts import ErrorCode, State

log = logging.getLogger(__name__)
exporter_log = logging.getLogger(trace_exporter.__name__)

OPERATION, EXECUTE_TOOL = "chat", "execute_tool"
# Somebody made these names up, and what makes charts of the names of spans would keep each for ever.
MADE_UP = (ErrorCode.MODEL_NOT_FOUND, ErrorCode.NOT_FOUND)
# These three are the defaults of OpenTelemetry's own batches.
DELAY_S = 5.0
LARGEST_BATCH = 512
LARGEST_QUEUE = 2048
# How long the end of the process waits for the last batch; a collector that is well takes some milliseconds.
CLOSE_S = 1.5


class Traces:
    """The spans of one Runner and their way out. Every method may be called from any thread."""

    def __init__(self, endpoint: str, *, delay_s: float = DELAY_S) -> None:
        """Raises Invalid where a variable of OpenTelemetry cannot be used."""
        try:
            name = OTELResourceDetector().detect().attributes.get(SERVICE_NAME, "chatcore")
            # Not the library's own provider: that is one for the process, and every core has its traces.
            provider = TracerProvider(resource=Resource.create({SERVICE_NAME: name}), shutdown_on_exit=False)
            exporter = trace_exporter.OTLPSpanExporter(endpoint=endpoint)
        except (ValueError, RuntimeError) as error:
            raise Invalid(
                f"A variable of OpenTelemetry cannot be used: {error}", "Correct it, or set OTEL_SDK_DISABLED=true for no traces."
            ) from error
        self._sender = Sender(exporter, endpoint, delay_s)
        provider.add_span_processor(self._sender)
        self._tracer = provider.get_tracer("chatcore", __version__)
        self._contexts = TraceContextTextMapPropagator()
        log.info("traces of answers go to %s", shown(endpoint))

    def observe(self, entry: Entry) -> None:
        """Makes the span of an attempt that ended, below the caller's span where the caller named it."""
        end_ns = as_number(entry.finished_at) * 1000
        caller = {"traceparent": entry.trace_parent} if entry.trace_parent else {}
        span = self._tracer.start_span(
            f"{OPERATION} {entry.model_name}" if entry.error_type not in MADE_UP else OPERATION,
            context=self._contexts.extract(caller, Context()),
            kind=SpanKind.CLIENT,
            attributes=attributes(entry),
            start_time=end_ns - round(entry.duration_s * 1e9),
        )
        for call in entry.calls:
            self._observe_call(call, span)
        if error_type(entry):
            # Without a description: a server's words may quote the prompt.
            span.set_status(StatusCode.ERROR)
        span.end(end_ns)

    def _observe_call(self, call: CallEntry, parent: Span) -> None:
        """The span of a tool call, below that of its answer."""
        start_ns = as_number(call.started_at) * 1000
        said = {"gen_ai.operation.name": EXECUTE_TOOL, "gen_ai.tool.name": call.tool, "gen_ai.tool.type": "function"}
        span = self._tracer.start_span(
            f"{EXECUTE_TOOL} {call.tool}",
            context=set_span_in_context(parent, Context()),
            attributes=said | ({"error.type": call.error_type} if call.error_type else {}),
            start_time=start_ns,
        )
        if call.error_type:
            span.set_status(StatusCode.ERROR)
        span.end(start_ns + round(call.duration_s * 1e9))

    @property
    def lost(self) -> int:
        """How many spans were lost since the collector last took all there were."""
        return self._sender.lost

    def close(self) -> None:
        """Sends what is left, for at most `CLOSE_S`. Calling it twice does nothing."""
        self._sender.close()


def attributes(entry: Entry) -> dict[str, AttributeValue]:
    """What a span says; what is not known is left out, which is never the same as 0."""
    said: dict[str, AttributeValue | None] = {
        "gen_ai.operation.name": OPERATION,
        "gen_ai.provider.name": entry.provider,
        "gen_ai.request.model": entry.model_name,
        "gen_ai.request.stream": True,
        "gen_ai.response.model": entry.response_model,
        "gen_ai.response.finish_reasons": (entry.finish_reason,) if entry.finish_reason else None,
        "gen_ai.response.time_to_first_chunk": entry.time_to_first_chunk_s,
        "gen_ai.usage.input_tokens": entry.input_tokens,
        "gen_ai.usage.output_tokens": entry.output_tokens,
        "gen_ai.usage.cache_read.input_tokens": entry.cached_tokens,
        "gen_ai.usage.reasoning.output_tokens": entry.reasoning_tokens,
        "error.type": error_type(entry),
        "chatcore.state": entry.state.value,
        "chatcore.usage_source": entry.usage_source,
    }
    return {name: value for name, value in said.items() if value is not None}


def error_type(entry: Entry) -> str | None:
    """The convention's error.type, None where nothing went wrong. A stop is what the person wanted, so it is no error."""
    return State.INTERRUPTED.value if entry.state is State.INTERRUPTED else entry.error_type


def shown(endpoint: str) -> str:
    """An address as the log may have it: without user, password and query."""
    parts = urlsplit(endpoint)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def without_secrets(text: str, endpoint: str) -> str:
    """What somebody says of an address, without the password and the query it may have."""
    parts = urlsplit(endpoint)
    for secret in (parts.password, parts.query):
        text = text.replace(secret, "...") if secret else text
    return text


class Sender(SpanProcessor):
    """Sends ended spans in batches, on a thread that nobody waits for.

    Not the library's BatchSpanProcessor: it holds up the end of the process while a collector hangs, up to 30 s, logs every batch
    it loses, and does not count them.
    """

    def __init__(self, exporter: SpanExporter, endpoint: str, delay_s: float) -> None:
        self._exporter = exporter
        self._endpoint = endpoint
        self._where = shown(endpoint)
        self._delay_s = delay_s
        self._news = threading.Condition()
        self._waiting: deque[ReadableSpan] = deque()
        self._sending = 0
        self.lost = 0
        self._in_trouble = False
        self._closing = False
        self._given_up = False
        self._thread = threading.Thread(target=self._send, name="chatcore-traces", daemon=True)
        self._thread.start()

    def on_end(self, span: ReadableSpan) -> None:
        """Takes a span that ended; one too many is lost, so that a collector that hangs does not fill the memory."""
        if not (span.context and span.context.trace_flags.sampled):
            return
        with self._news:
            if self._closing:
                return
            full = len(self._waiting) >= LARGEST_QUEUE
            if full:
                self.lost += 1
            else:
                self._waiting.append(span)
                if len(self._waiting) >= LARGEST_BATCH:
                    self._news.notify()
        if full:
            self._trouble("they come faster than it takes them")

    def close(self) -> None:
        """Sends what waits, for at most `CLOSE_S`."""
        with self._news:
            if self._closing:
                return
            self._closing = True
            self._news.notify()
        self._thread.join(CLOSE_S)
        with self._news:
            self._given_up = self._thread.is_alive()
            left = len(self._waiting) + self._sending
        # Where it waits for its next try, the thread ends now.
        self._exporter.shutdown()
        if left:
            log.warning("traces that could not be sent to %s before the end: %d", self._where, left)

    def _send(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: self._closing or len(self._waiting) >= LARGEST_BATCH, self._delay_s)
                batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), LARGEST_BATCH))]
                self._sending = len(batch)
                if not batch and self._closing:
                    return
            if batch:
                self._export(batch)

    def _export(self, batch: list[ReadableSpan]) -> None:
        """Sends a batch. The exporter itself tries again for a while (OTEL_EXPORTER_OTLP_TIMEOUT, 10 s); then the batch is lost."""
        said = Said()
        exporter_log.addFilter(said)
        try:
            sent = self._exporter.export(batch) is SpanExportResult.SUCCESS
        except Exception as error:  # noqa: BLE001  # the edge: whatever a batch does, the next one is sent
            sent, said.first = False, repr(error)
        finally:
            exporter_log.removeFilter(said)
        with self._news:
            self._sending = 0
            self.lost += 0 if sent else len(batch)
            lost = self.lost
            # Not before all are sent: a collector that is only slow would be named with every batch.
            recovered = sent and self._in_trouble and not self._waiting
            if recovered:
                self._in_trouble, self.lost = False, 0
        if recovered:
            log.info("traces reach %s again; %d were lost", self._where, lost)
        if not sent:
            self._trouble(said.first)

    def _trouble(self, reason: str) -> None:
        """Says that traces are lost, once until they are not."""
        with self._news:
            known = self._in_trouble or self._given_up
            self._in_trouble = True
        if not known:
            reason = without_secrets(reason, self._endpoint)
            log.warning("traces do not reach %s and are lost until they do; answers go on. %s", self._where, reason)


class Said(logging.Filter):
    """Keeps what this thread logs out of the log, and the first of it in mind."""

    def __init__(self) -> None:
        super().__init__()
        self.first = ""
        self._thread = threading.get_ident()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record may be logged: not if this thread made it."""
        if record.thread != self._thread:
            return True
        self.first = self.first or record.getMessage()
        return False
