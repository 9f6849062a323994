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
