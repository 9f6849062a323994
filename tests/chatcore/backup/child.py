"""A process of its own that backs up or copies, and waits in the middle to be killed: started by test_killed.

python -m tests.chatcore.backup.child backup|copy FROM TO STAGE: prints "there" at the first word of STAGE, then waits for ever.
"""

import sys
import threading
from pathlib import Path

from sqlalchemy.engine import make_url

from chatcore.backup.copying import copy_database
from chatcore.backup.folder import Made
from chatcore.backup.making import make_backup
from tests.factories import NOW


def main(what: str, source: str, target: str, wanted: str) -> None:
    def heard(stage: str, done: int, total: int) -> None:
        if stage == wanted:
            print("there", flush=True)
            threading.Event().wait()

    if what == "copy":
        copy_database(make_url(source), make_url(target), now=NOW, on_progress=heard)
    else:
        make_backup(make_url(source), Path(target), Made.BY_HAND, now=NOW, on_progress=heard)


if __name__ == "__main__":
    main(*sys.argv[1:])
