"""The files that come with a prompt, as JSON can carry them."""

import base64
import binascii
from collections.abc import Mapping

from chatcore.api.calls import fields, list_of, text_of
from chatcore.documents import MOST_FILES, Upload
from chatcore.errors import Invalid

FILE_FIELDS: dict[str, type] = {"name": str, "content": str}


def files_of(sent: Mapping[str, object]) -> tuple[Upload, ...]:
    """The files in the field 'attachments': a list of objects with a name and the content in base64. Raises Invalid."""
    rows = list_of(sent, "attachments")
    if len(rows) > MOST_FILES:
        raise Invalid(f"The field 'attachments' has {len(rows)} files, the most is {MOST_FILES}.", "Send them with several prompts.")
    uploads = []
    for row in rows:
        found = fields(row, FILE_FIELDS) if isinstance(row, dict) else {}
        name, content = text_of(found, "name"), text_of(found, "content")
        if name is None or content is None:
            raise Invalid(
                "The field 'attachments' holds something else than files.", 'Send a list such as [{"name": "a.txt", "content": "aGk="}].'
            )
        try:
            uploads.append(Upload(name, base64.b64decode(content, validate=True)))
        except (ValueError, binascii.Error) as error:
            raise Invalid(f"The content of {name[:60]!r} is not base64.", "Encode the bytes of the file with standard base64.") from error
    return tuple(uploads)
