"""The servers that speak OpenAI's interface, as the environment names them."""

import pytest

from chatcore.endpoints import Endpoint, is_private
from chatcore.errors import Invalid
from chatcore.providers import open_providers
from chatcore.settings import Settings

SECRET = "sk-very-secret"


def read(**env: str) -> tuple[Endpoint, ...]:
    return Settings.from_env(env).endpoints


def test_without_a_word_there_are_none() -> None:
    assert read() == read(CHATCORE_OPENAI_ENDPOINTS=" ,\n", OPENAI_API_KEY=" ") == Settings(database_url="").endpoints == ()


def test_the_usual_key_alone_means_openai_itself() -> None:
    (endpoint,) = read(OPENAI_API_KEY=SECRET)
    assert (endpoint.name, endpoint.label, endpoint.url, endpoint.key) == ("openai", "OpenAI", "https://api.openai.com/v1", SECRET)
    assert not endpoint.is_local


@pytest.mark.parametrize("url", ["http://localhost:8000", "https://openrouter.ai/api/v1"])
def test_the_usual_pair_at_another_address_is_not_called_openai(url: str) -> None:
    (endpoint,) = read(OPENAI_API_KEY=SECRET, OPENAI_BASE_URL=url)
    assert (endpoint.name, endpoint.key, endpoint.key_variable) == ("openai-compatible", SECRET, "OPENAI_API_KEY")


def test_a_list_has_a_key_for_each_name() -> None:
    found = read(
        CHATCORE_OPENAI_ENDPOINTS="lab=http://192.168.1.20:8000\n lm-studio = http://localhost:1234/v1/ , openrouter=https://openrouter.ai/api/v1",
        CHATCORE_OPENAI_KEY_OPENROUTER=SECRET,
        CHATCORE_OPENAI_KEY_LM_STUDIO="b",
    )
    assert [(endpoint.name, endpoint.url, endpoint.key) for endpoint in found] == [
        ("lab", "http://192.168.1.20:8000/v1", None),
        ("lm-studio", "http://localhost:1234/v1", "b"),
        ("openrouter", "https://openrouter.ai/api/v1", SECRET),
    ]
    assert [endpoint.label for endpoint in found] == ["lab", "LM Studio", "OpenRouter"]
    assert [endpoint.is_local for endpoint in found] == [True, True, False]


def test_the_list_comes_before_the_pair_and_may_use_its_key() -> None:
    (endpoint,) = read(CHATCORE_OPENAI_ENDPOINTS="openai=https://api.openai.com/v1", OPENAI_API_KEY=SECRET)
    assert (endpoint.name, endpoint.key) == ("openai", SECRET)


def test_the_key_of_openai_is_not_given_to_others() -> None:
    lab, openai = sorted(read(CHATCORE_OPENAI_ENDPOINTS="lab=https://llm.example.org/v1", OPENAI_API_KEY=SECRET), key=lambda e: e.name)
    assert (lab.key, openai.key) == (None, SECRET)


@pytest.mark.parametrize(
    "url", ["http://h:1/v1", "http://h:1", "http://H:1/", "http://h:1/v1/", "http://h:1/v1/chat/completions", "http://h:1/v1/models"]
)
def test_an_address_is_read_as_it_is_meant(url: str) -> None:
    assert read(CHATCORE_OPENAI_ENDPOINTS=f"lab={url}")[0].url == "http://h:1/v1"


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ("http://h:1/v1", "an entry without a name"),
        ("http://h:1/v1?a=b", "an entry without a name"),
        ("lab", "an entry without a name"),
        ("Lab=http://h", "a name that cannot be used: 'Lab'"),
        ("-lab=http://h", "cannot be used"),
        ("la b=http://h", "cannot be used"),
        ("=http://h", "cannot be used"),
        (f"{'x' * 41}=http://h", "cannot be used"),
        ("guide=http://h", "'guide', which is built in"),
        ("ollama=http://h", "'ollama', which is built in"),
        ("lab=http://a,lab=http://b", "names 'lab' twice"),
        ("lab=", "is not an address"),
        ("lab=h:8000", "is not an address"),
        ("lab=ftp://h", "is not an address"),
        ("lab=http://", "is not an address"),
        ("lab=http://h:99999", "is not an address"),
        ("lab=http://[::1", "is not an address"),
        ("lab=http://h h/v1", "is not an address"),
        ("lab=http://h/v 1", "a space in it"),
        ("lab=https://me:sk-very-secret@h/v1", "a user name or a password"),
        ("lab=https://h/v1?key=sk-very-secret", "a ? or a #"),
        ("openai=http://localhost:8000/v1", "names a server on this network 'openai'"),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_sentence(raw: str, says: str) -> None:
    with pytest.raises(Invalid) as refused:
        read(CHATCORE_OPENAI_ENDPOINTS=raw)
    assert says in refused.value.message
    assert refused.value.hint
    assert SECRET not in refused.value.message + refused.value.hint


@pytest.mark.parametrize("key", [f"{SECRET} {SECRET}", f"{SECRET}\n2", f"{SECRET}ü"])
def test_what_is_no_key_is_refused_and_not_repeated(key: str) -> None:
    for variable in ("OPENAI_API_KEY", "CHATCORE_OPENAI_KEY_LAB"):
        with pytest.raises(Invalid, match=variable) as refused:
            read(**{"CHATCORE_OPENAI_ENDPOINTS": "lab=http://h", variable: key})
        assert SECRET not in refused.value.message + refused.value.hint


def test_a_key_without_its_endpoint_is_told() -> None:
    with pytest.raises(Invalid, match="CHATCORE_OPENAI_KEY_LAP") as refused:
        read(CHATCORE_OPENAI_ENDPOINTS="lab=http://h", CHATCORE_OPENAI_KEY_LAP=SECRET)
    assert SECRET not in refused.value.message + refused.value.hint


def test_keys_are_not_shown_with_the_settings() -> None:
    settings = Settings.from_env({"OPENAI_API_KEY": SECRET, "OLLAMA_API_KEY": SECRET})
    assert SECRET not in repr(settings) + str(settings.endpoints)


@pytest.mark.parametrize(
    ("host", "private"),
    [
        ("127.0.0.1", True), ("::1", True), ("10.1.2.3", True), ("192.168.0.9", True), ("172.20.0.1", True), ("100.64.1.1", True),
        ("169.254.1.1", True), ("fd00::1", True), ("localhost", True), ("gpu", True), ("gpu.local", True), ("host.docker.internal", True),
        ("8.8.8.8", False), ("2606:4700::1", False), ("api.openai.com", False), ("llm.example.org", False), ("172.32.0.1", False),
    ],
)  # fmt: skip
def test_a_host_is_on_this_network_or_not(host: str, private: bool) -> None:
    assert is_private(host) is private


def test_each_endpoint_is_a_provider_of_its_name() -> None:
    settings = Settings.from_env({"CHATCORE_OPENAI_ENDPOINTS": "b=http://h:1,a=http://h:2"})
    assert list(open_providers(settings)) == ["guide", "ollama", "b", "a"]


def test_the_client_is_not_loaded_before_it_is_used() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from chatcore.settings import Settings; from chatcore.providers import open_providers\n"
        "open_providers(Settings.from_env({'CHATCORE_OPENAI_ENDPOINTS': 'lab=http://h'}))\n"
        "print('openai' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
