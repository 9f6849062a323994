"""What this installation offers and how it is: models and health."""

import logging

from sqlalchemy import text
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from chatcore import __version__
from chatcore.api.calls import Call, Door, Reply, query
from chatcore.api.errors import json_response
from chatcore.api.values import model_json
from chatcore.errors import ChatcoreError

log = logging.getLogger("chatcore.api")


def list_models(call: Call) -> Reply:
    """What all providers offer; a model server that does not answer contributes none."""
    asked = query(call.query, {"fresh": bool})
    return Reply({"models": [model_json(model) for model in call.core.models(fresh=bool(asked.get("fresh")))]})


async def health(door: Door, _: Request) -> Response:
    """Whether this server works: 200 if the database answers, else 503. Says nothing that is not for everybody."""
    body = await run_in_threadpool(examine, door)
    return json_response(body, 200 if body["status"] == "ok" else 503)


def examine(door: Door) -> dict[str, object]:
    """The state of database and providers, without addresses and without error texts, which may name a host."""
    try:
        core = door.core()
        with core.db.read() as tx:
            tx.execute(text("SELECT 1"))
        providers = {name: "ok" if health.reachable else "unreachable" for name, health in core.health().items()}
    except ChatcoreError as error:
        log.warning("the health check failed: %s", error)
        return {"status": "failed", "version": __version__, "database": "unreachable", "providers": {}}
    except Exception:
        log.exception("the health check failed")
        return {"status": "failed", "version": __version__, "database": "unknown", "providers": {}}
    return {"status": "ok", "version": __version__, "database": "ok", "providers": providers}
