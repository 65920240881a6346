"""Homes that ask a collector as if its log were local."""

import json

from collector_homes import Home
from collector_lines import session_lines


class Reader(Home):
    """A home that mirrors a collector in the profile `team`."""

    def __init__(self, folder, team, *options):
        super().__init__(folder)
        self.team = team
        self.mirror = folder / "team.jsonl"
        self.here("profile", "create", "team", "--type", "remote", "--url", team.url, *options)

    def ask(self, *words, key="", check=True):
        """Ask the mirror, and return the result of the command."""
        return self.here(*words, "--profile", "team", check=check, INSIGHT_API_KEY=key or self.team.key)

    def names(self, **more):
        """Names of all sessions, in order of name."""
        return sorted(each["session_id"] for each in json.loads(self.ask("session", "list", "--json", **more).stdout))


def remote(home, team, *words, check=True, key=""):
    """Ask with --remote."""
    return home.here(*words, "--remote", team.url, check=check, INSIGHT_API_KEY=key or team.key)


def push(team, *numbers, **more):
    """Push sessions, and return their lines."""
    lines = b"".join(line for number in numbers for line in session_lines(number, **more))
    team.push(lines)
    return lines
