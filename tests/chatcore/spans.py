"""Reads what traces say, as a collector would: OTLP over HTTP, taken by a replay server."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.replay import ReplayServer, Reply

PATH = "/v1/traces"
TAKEN = Reply(content_type="application/x-protobuf", framing="length")
Value = str | bool | int | float | list[str]


@dataclass(frozen=True)
class Seen:
    """A span and what it says, with the attributes of the process it came from."""

    span: Span
    says: dict[str, Value]
    resource: dict[str, Value]
    scope: str


def endpoint(server: ReplayServer) -> str:
    """The address for traces."""
    return server.url + PATH


@contextmanager
def collecting() -> Iterator[ReplayServer]:
    """A collector that takes everything."""
    with ReplayServer() as server:
        server.on(PATH, TAKEN)
        yield server


def spans(server: ReplayServer) -> list[Seen]:
    """Every span that came, in order, also those of batches that were refused."""
    return [seen for asked in server.asked(PATH) for seen in read(asked.body)]


def read(body: bytes) -> Iterator[Seen]:
    """The spans of one batch."""
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield Seen(span, values(span.attributes), values(resource.resource.attributes), scope.scope.name)


def values(attributes: Iterable[KeyValue]) -> dict[str, Value]:
    """Attributes as a dictionary."""
    return {each.key: value_of(each.value) for each in attributes}


def value_of(value: AnyValue) -> Value:
    """A value as Python has it."""
    match value.WhichOneof("value"):
        case "array_value":
            return [each.string_value for each in value.array_value.values]
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case "int_value":
            return value.int_value
        case "double_value":
            return value.double_value
        case other:
            raise AssertionError(f"nothing here says {other}")
