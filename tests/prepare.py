"""Before the tests: is there a Chromium? If not, Playwright's own is fetched. Run by `make test`."""

import subprocess
import sys

from tests.browser.chromium import find_chromium


def main() -> int:
    """0 if the browser tests can run."""
    if find_chromium() is not None:
        return 0
    print("No Chromium on this machine: fetching Playwright's own for the browser tests.")
    done = subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)
    if done.returncode:
        print("It could not be fetched. Install chromium or google-chrome and run the tests again.", file=sys.stderr)
    return done.returncode


if __name__ == "__main__":
    raise SystemExit(main())
