"""Whether people must sign in. Asked by the pages and, through app.py, by the REST routes: one answer for both."""

import threading

from streamlit.auth_util import get_secrets_auth_section

_seen = threading.Event()


def configured() -> bool:
    """Whether [auth] stands in the secrets, or has stood there since the start.

    A secrets file that breaks while the server runs reads as an empty one, and must not open the door to everybody.
    """
    if get_secrets_auth_section():
        _seen.set()
    return _seen.is_set()
