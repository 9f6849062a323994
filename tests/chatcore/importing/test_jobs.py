"""An import in the background: one for each person, to be watched and stopped by them alone."""

import json
from pathlib import Path

import pytest

from chatcore.db import Database
from chatcore.errors import Conflict, Invalid
from chatcore.history import list_chats
from chatcore.importing import Options, jobs, list_imports
from tests.chatcore.formats import samples
from tests.chatcore.importing.test_importing import line
from tests.factories import NOW, make_viewer


def test_a_job_imports_and_is_only_its_owners(db: Database, tmp_path: Path) -> None:
    ada, bob = make_viewer(db, "Ada"), make_viewer(db, "Bob")
    content = samples.claude(tmp_path).read_bytes()
    told = jobs.look(db, ada, content, file_name="claude.zip")
    job = jobs.start(db, ada, content, told, file_name="claude.zip", options=Options(), now=NOW)
    assert job.ended.wait(60)
    assert job.report is not None
    assert (job.report.file_name, job.share) == ("claude.zip", 1.0)
    assert (jobs.current(db, ada), jobs.current(db, bob)) == (job, None)
    jobs.put_away(db, bob)
    assert jobs.current(db, ada) is job
    jobs.put_away(db, ada)
    assert jobs.current(db, ada) is None


def test_a_job_can_be_stopped_and_the_file_goes_on_later(db: Database) -> None:
    ada = make_viewer(db, "Ada")
    content = json.dumps([line(f"c{number}", [f"text {number} {place}" for place in range(90)]) for number in range(30)]).encode()
    told = jobs.look(db, ada, content, file_name="long.json")
    job = jobs.start(db, ada, content, told, file_name="long.json", options=Options(), now=NOW)
    with pytest.raises(Conflict):
        jobs.start(db, ada, content, told, file_name="long.json", options=Options(), now=NOW)
    job.stop()
    assert job.ended.wait(60)
    assert (job.stopped, job.report) == (True, None)
    assert [run.state for run in list_imports(db, ada)] == ["stopped"]
    again = jobs.start(db, ada, content, told, file_name="long.json", options=Options(), now=NOW)
    assert again.ended.wait(120)
    assert again.report is not None
    assert len(list_chats(db, ada, limit=100).items) == 30
    assert len(list_imports(db, ada)) == 1
    jobs.put_away(db, ada)


@pytest.mark.parametrize("name", ["moon.json", "x/../moon.json", "月" * 200 + ".json"])
def test_what_is_wrong_with_a_file_is_said_of_its_own_name(
    db: Database, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = make_viewer(db, "Ada")
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    with pytest.raises(Invalid, match=r"^(moon|月+…)\.json is in no format that is known here"):
        jobs.look(db, ada, b'{"moon": 1}', file_name=name)
    assert list(place.iterdir()) == []
