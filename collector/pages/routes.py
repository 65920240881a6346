"""All paths of the pages. They are no part of the API, and its description does not name them."""

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.routing import Route

from ...dashboard.routes import answer_asset, page_answers
from .boundary import PageBoundary
from .entering import login_answer, logout_answer
from .kept import KeptPages
from .looking import LookingTeam, look_as

if TYPE_CHECKING:
    from ..server.context import ServerContext


def page_routes(context: "ServerContext") -> list[Route]:
    """Return the routes of the pages of all teams."""
    kept = KeptPages(context)

    async def subject_of(request: Request) -> LookingTeam:
        return await look_as(request, context, kept)

    pages = {path: PageBoundary(answer) for path, answer in page_answers(subject_of).items()}
    others = {
        "/login": PageBoundary(login_answer(context), ("GET", "HEAD", "POST")),
        "/logout": PageBoundary(logout_answer(context), ("POST",)),
        "/assets/{name}": PageBoundary(answer_asset),
    }
    return [Route(path, answer) for path, answer in (pages | others).items()]
