"""Reads what /metrics says, as Prometheus would."""

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample


def samples(text: str) -> list[Sample]:
    """Every line of the text format."""
    return [sample for family in text_string_to_metric_families(text) for sample in family.samples]


def total(text: str, name: str, **labels: str) -> float:
    """The sum of all lines of this name that have these labels, 0 if there are none."""
    return sum(sample.value for sample in samples(text) if sample.name == name and labels.items() <= sample.labels.items())
