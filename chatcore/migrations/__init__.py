"""How a database comes to the newest schema: numbered steps in versions/, run by `run.upgrade`.

A new step: copy the newest file of versions/, number it on, say why in its docstring, never import the models (they
change, a step must not), keep the rows, and set HEAD in `run.py`. It runs on SQLite and on PostgreSQL; the
tests compare the result with the models on both.
"""
