"""The application: all endpoints, and what they share."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from ..pages.routes import page_routes
from .admin_api import router as admin_router
from .answers import PROBLEM_TYPE, register_handlers
from .conflicts_api import router as conflicts_router
from .context import ServerContext
from .events_api import router as events_router
from .health_api import router as health_router
from .models import ProblemModel
from .questions_api import router as questions_router
from .sessions_api import router as sessions_router

_ERRORS: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "A refusal, as RFC 9457 describes it.",
        "content": {PROBLEM_TYPE: {"schema": ProblemModel.model_json_schema()}},
    }
}


def make_app(context: ServerContext) -> FastAPI:
    """Return the application.

    Args:
        context: database, keys and limits.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        context.start()
        yield
        context.close()

    # Without the pages that show the description: they load scripts from elsewhere.
    app = FastAPI(
        title="pytest-insight collector",
        version="1",
        lifespan=lifespan,
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
    )
    app.state.context = context
    register_handlers(app)
    app.include_router(health_router)
    for router in (admin_router, events_router, conflicts_router, sessions_router, questions_router):
        app.include_router(router, responses=_ERRORS)
    if context.has_pages:
        app.router.routes.extend(page_routes(context))
    return app
