"""What can be set from outside."""

import pytest

from chatcore.errors import Invalid
from chatcore.settings import Settings


@pytest.mark.parametrize(("raw", "days"), [("", 30), (" ", 30), ("0", 0), ("7", 7), (" 99999 ", 99_999)])
def test_the_days_of_the_trash(raw: str, days: int) -> None:
    assert Settings.from_env({"CHATCORE_TRASH_DAYS": raw}).trash_days == days


def test_the_trash_is_kept_for_30_days_unless_said_otherwise() -> None:
    assert Settings.from_env({}).trash_days == Settings(database_url="").trash_days == 30


@pytest.mark.parametrize("raw", ["-1", "1.5", "soon", "٣", "100000", "1e3"])
def test_what_is_no_number_of_days_is_refused(raw: str) -> None:
    with pytest.raises(Invalid) as refused:
        Settings.from_env({"CHATCORE_TRASH_DAYS": raw})
    assert "CHATCORE_TRASH_DAYS" in refused.value.message
    assert refused.value.hint


@pytest.mark.parametrize("raw", ["0", "-1", "soon"])
def test_what_is_no_number_of_seconds_is_refused(raw: str) -> None:
    with pytest.raises(Invalid, match="CHATCORE_FIRST_BYTE_TIMEOUT_S"):
        Settings.from_env({"CHATCORE_FIRST_BYTE_TIMEOUT_S": raw})


@pytest.mark.parametrize(
    ("raw", "on"), [("", False), ("0", False), ("off", False), ("False", False), ("1", True), (" Yes ", True), ("TRUE", True)]
)
def test_metrics_are_switched_on_by_a_word(raw: str, on: bool) -> None:
    assert Settings.from_env({"CHATCORE_METRICS": raw}).metrics is on


def test_without_a_word_metrics_are_off_and_have_no_token() -> None:
    settings = Settings.from_env({"CHATCORE_METRICS_TOKEN": "  "})
    assert (settings.metrics, settings.metrics_token) == (Settings(database_url="").metrics, None) == (False, None)


def test_a_token_is_not_shown_with_the_settings() -> None:
    settings = Settings.from_env({"CHATCORE_METRICS_TOKEN": " secret "})
    assert settings.metrics_token == "secret"
    assert "secret" not in repr(settings)


def test_what_is_neither_on_nor_off_is_refused() -> None:
    with pytest.raises(Invalid, match="CHATCORE_METRICS") as refused:
        Settings.from_env({"CHATCORE_METRICS": "prometheus"})
    assert refused.value.hint


@pytest.mark.parametrize(("raw", "watts"), [("", None), ("  ", None), ("150", 150.0), (" 87.5 ", 87.5)])
def test_the_watts_set_by_hand(raw: str, watts: float | None) -> None:
    assert Settings.from_env({"CHATCORE_WATTS": raw}).watts == watts


@pytest.mark.parametrize("raw", ["0", "-5", "inf", "nan", "150 W", "many"])
def test_what_is_no_number_of_watts_is_refused(raw: str) -> None:
    with pytest.raises(Invalid, match="CHATCORE_WATTS") as refused:
        Settings.from_env({"CHATCORE_WATTS": raw})
    assert refused.value.hint


def test_there_is_no_reference_model_unless_one_is_named() -> None:
    assert Settings.from_env({}).reference_model is Settings.from_env({"CHATCORE_REFERENCE_MODEL": " "}).reference_model is None
    assert Settings.from_env({"CHATCORE_REFERENCE_MODEL": " openai/gpt-5-mini "}).reference_model == "openai/gpt-5-mini"


COLLECTOR = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}


@pytest.mark.parametrize(
    ("env", "endpoint"),
    [
        ({}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": " "}, None),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_TRACES_EXPORTER": "zipkin", "OTEL_SDK_DISABLED": "perhaps"}, None),
        (COLLECTOR, "http://collector:4318/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "https://collector/otlp/"}, "https://collector/otlp/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://[::1]:4318/here"}, "http://[::1]:4318/here"),
        (COLLECTOR | {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://other/"}, "http://other/"),
        (COLLECTOR | {"OTEL_SDK_DISABLED": "True", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, None),
        (COLLECTOR | {"OTEL_SDK_DISABLED": "false"}, "http://collector:4318/v1/traces"),
        (COLLECTOR | {"OTEL_TRACES_EXPORTER": "none"}, None),
        (COLLECTOR | {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, "http://collector:4318/v1/traces"),
        (
            COLLECTOR | {"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
            "http://collector:4318/v1/traces",
        ),
    ],
)
def test_where_traces_go(env: dict[str, str], endpoint: str | None) -> None:
    assert Settings.from_env(env).traces_endpoint == endpoint


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
        ("OTEL_TRACES_EXPORTER", "otlp,console"),
        ("OTEL_SDK_DISABLED", "perhaps"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://collector:99999"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://[::1"),
    ],
)
def test_traces_that_cannot_be_sent_so_are_refused_by_the_name_of_the_variable(name: str, value: str) -> None:
    with pytest.raises(Invalid) as refused:
        Settings.from_env(COLLECTOR | {name: value})
    assert name in refused.value.message
    assert refused.value.hint


def test_the_address_for_traces_is_not_shown_with_the_settings() -> None:
    assert "secret" not in repr(Settings.from_env({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://me:secret@collector"}))


def test_sharing_is_off_unless_somebody_switches_it_on() -> None:
    assert not Settings.from_env({}).sharing
    assert Settings.from_env({"CHATCORE_SHARING": "on"}).sharing
    with pytest.raises(Invalid, match="CHATCORE_SHARING"):
        Settings.from_env({"CHATCORE_SHARING": "everybody"})
