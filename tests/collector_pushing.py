"""A client that pushes lines until all of them are acknowledged, whatever happens to its requests."""

import http.client
import json
import random
import threading
import time


class StubbornClient(threading.Thread):
    """Pushes logs in pieces of any size, each until it is acknowledged.

    Args:
        url: of the collector or of a proxy.
        key: text of a key.
        lines: to push.
        seed: of the dice that cut them.
    """

    def __init__(self, url, key, lines, seed=1):
        super().__init__()
        self.host, self.key, self.lines, self.dice = url.removeprefix("http://"), key, lines, random.Random(seed)
        self.accepted = self.known = self.repeats = 0
        self.conflicts, self.findings = [], []

    def run(self):
        """Push everything."""
        done = 0
        while done < len(self.lines):
            count = self.dice.choice((1, 5, 40, 400))
            self.push(b"".join(self.lines[done : done + count]))
            done += count

    def push(self, body):
        """Push one piece."""
        while True:
            answer = self.post(body)
            if answer is not None:
                break
            self.repeats += 1
            time.sleep(0.02)
        self.accepted += answer["accepted"]
        self.known += answer["known"]
        self.conflicts += answer["conflicts"]
        self.findings += answer["findings"]

    def post(self, body):
        """Send one request; None if there is no whole answer, or one that asks for patience."""
        connection = http.client.HTTPConnection(self.host, timeout=30)
        try:
            connection.request("POST", "/api/v1/events", body, {"Authorization": f"Bearer {self.key}"})
            answer = connection.getresponse()
            data = answer.read()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()
        # Half of a body that was cut off is an error of the request; it is sent again, too.
        return json.loads(data) if answer.status == 200 else None
