"""Endpoints of questions: each answers with the JSON of a command of `insight`."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from ..feed.cursors import format_cursor
from ..feed.waiting import wait_for_cursor
from ..views.commands import refusal_of
from ..views.questions import QUESTIONS, SWITCH_PATTERN, QuestionPath, arguments_of
from .context import Context, Reader, ServerContext

router = APIRouter(prefix="/api/v1")
_AFTER: Final = "after"
_MULTIPLE: Final = ("variant",)
_OF_THE_PAST: Final = "--as-of="


def answer_question(context: ServerContext, team: int, arguments: list[str], after: str = "") -> Response:
    """Return the answer of a command about the log of a team.

    Args:
        context: of the server.
        team: of the key.
        arguments: of the command.
        after: cursor of events that the answer has to know, as a push has returned it.

    Raises:
        ProblemError: the command has no answer.
    """
    context.counters.add(questions=1)
    epoch = wait_for_cursor(context.engine, team, after)
    view = context.views.of_team(team)
    named = arguments.index("--") if "--" in arguments else len(arguments)
    options, words = [*arguments[:named], "--json"], arguments[named:]
    if any(option.startswith(_OF_THE_PAST) for option in options):
        # The log as it was is made of its first events, which the tables do not tell from those that came later.
        cursor = view.refresh()
        result = context.answers.run(view.home, [*options, f"--log={view.log}", *words])
    else:
        result = context.answers.run(view.home, [*options, *words], team)
        cursor = format_cursor(epoch, result.position)
    refusal = refusal_of(result)
    if refusal is not None:
        raise refusal
    return Response(result.out, headers={"Insight-Position": cursor}, media_type="application/json")


def _endpoint(question: QuestionPath) -> Callable[..., Awaitable[Response]]:
    async def ask(request: Request, context: Context, key: Reader) -> Response:
        asked = [item for item in request.query_params.multi_items() if item[0] != _AFTER]
        arguments = arguments_of(question, [*request.path_params.items(), *asked])
        after = request.query_params.get(_AFTER, "")
        return await run_in_threadpool(answer_question, context, key.team, arguments, after)

    return ask


def _parameters(question: QuestionPath) -> list[dict[str, Any]]:
    """Return the description of the parameters of a question."""
    in_path = f"{{{question.argument}}}" in question.path
    found: list[dict[str, Any]] = [
        {"name": question.argument, "in": "path" if in_path else "query", "required": question.required or in_path}
    ] if question.argument else []  # fmt: skip
    found += [{"name": name, "in": "query", "required": False} for name in (*question.options, *question.flags)]
    waits = "Cursor of a push: the answer knows its events, for which it waits up to 5 s."
    found.append({"name": _AFTER, "in": "query", "required": False, "description": waits})
    text = {"type": "string"}
    kinds: dict[str, Any] = {name: {"type": "array", "items": text} for name in _MULTIPLE}
    kinds |= {name: {"type": "string", "pattern": SWITCH_PATTERN} for name in question.flags}
    return [item | {"schema": kinds.get(item["name"], text)} for item in found]


for _question in QUESTIONS:
    _command = " ".join(word for word in _question.command)
    router.add_api_route(
        _question.path,
        _endpoint(_question),
        methods=["GET"],
        response_model=None,
        name=_question.path,
        summary=_question.summary,
        description=f"{_question.summary} The answer is that of `insight {_command} --json`.",
        openapi_extra={"parameters": _parameters(_question)},
        responses={200: {"content": {"application/json": {}}}},
    )
