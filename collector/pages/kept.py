"""The pages of the teams that were asked for, within bounds of memory."""

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from .team_pages import TeamPages

if TYPE_CHECKING:
    from ..access.keys import ApiKey
    from ..server.context import ServerContext

TEAMS_MAX: Final = 1_000
RESULTS_MAX: Final = 2_000_000
"""Results in the answers that one process keeps; those of the team that was asked for last are always kept."""


class KeptPages:
    """Pages by team; the answers of those that were used least recently are forgotten first.

    Args:
        context: of the server.
    """

    def __init__(self, context: "ServerContext") -> None:
        self._context = context
        self._kept: OrderedDict[int, TeamPages] = OrderedDict()

    def of_key(self, key: "ApiKey") -> TeamPages:
        """Return the pages of the team of a key."""
        pages = self._kept.get(key.team)
        if pages is None:
            pages = self._kept[key.team] = TeamPages(self._context, key.team, key.team_name)
        self._kept.move_to_end(key.team)
        self._make_room()
        return pages

    def _make_room(self) -> None:
        """Forget what is too much; open pages of a team are kept up to date all the same."""
        results = sum(pages.survey.results for pages in self._kept.values())
        for pages in list(self._kept.values())[:-1]:
            if results <= RESULTS_MAX:
                break
            results -= pages.survey.results
            pages.survey.forget()
        while len(self._kept) > TEAMS_MAX:
            self._kept.popitem(last=False)
