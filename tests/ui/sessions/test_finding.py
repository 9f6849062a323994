"""What the page says about a search beside its results."""

from streamlit.testing.v1 import AppTest


def said(script: AppTest) -> list[str]:
    script.run()
    assert not script.exception
    return [str(info.value).replace("\\", "") for info in script.info]


def nothing_to_say() -> None:
    from chatcore.search.results import Results
    from ui.sessions import finding

    finding.show_notices(Results(()))


def half_an_index() -> None:
    from chatcore.search.results import Results
    from ui.sessions import finding

    finding.show_notices(Results((), notices=("There is no *such* filter.",), indexed=0.4379))


def almost_an_index() -> None:
    from chatcore.search.results import Results
    from ui.sessions import finding

    finding.show_notices(Results((), indexed=0.9999))


def test_where_all_is_well_nothing_is_said() -> None:
    assert said(AppTest.from_function(nothing_to_say)) == []


def test_notices_and_the_progress_of_the_index_are_said_as_they_are() -> None:
    (text,) = said(AppTest.from_function(half_an_index))
    assert text == "There is no *such* filter.  \nThe messages are being indexed: 43% of them can be found so far."


def test_an_index_is_not_said_to_be_whole_before_it_is() -> None:
    assert "99%" in said(AppTest.from_function(almost_an_index))[0]
