"""Backups and the way from one database to another: whole databases, everybody's rows, so only the owner's business.

A `Source` is one state of a database or an archive, read as lines that are the same on both engines (`lines`); `loading` makes
a database of it, all or nothing. `making`, `restoring` and `copying` are what people ask for, `folder` knows the files,
`service` is what pages and routes call, with the viewer.

This file is all that a start without a plan to restore loads: the drivers behind the others cost it time and memory.
"""

# The file in the folder of backups that says what the next start restores.
WANTED = "restore-at-start.json"
