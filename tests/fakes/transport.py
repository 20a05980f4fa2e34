"""A transport that answers from a script."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque

from engine.model.delivery import Exchange, Outcome, Request, Response, Timing


class FakeTransport:
    """Implements `engine.delivery.transport.Transport`. Answers 200 at once unless a URL has a script.

    An exception in a script is raised, as only a bug in a real transport would.
    """

    def __init__(self) -> None:
        self.requests: list[Request] = []
        """In the order in which they were sent."""
        self.cancelled = 0
        """How many sends were cancelled before they were answered."""
        self.closed = False
        self._scripts: defaultdict[str, deque[int | Outcome | Response | Exception]] = defaultdict(deque)
        self._held: dict[str, asyncio.Event] = {}
        self._sent = asyncio.Event()

    def script(self, url: str, *answers: int | Outcome | Response | Exception) -> None:
        """Answer the next requests to `url` with these, in order: statuses, outcomes without an answer, responses."""
        self._scripts[url].extend(answers)

    def hold(self, url: str) -> None:
        """Answer no request to `url` until `release`."""
        self._held[url] = asyncio.Event()

    def release(self, url: str) -> None:
        """Answer those that were held, and hold no more."""
        self._held.pop(url).set()

    async def arrived(self, count: int) -> None:
        """Return once `count` requests have been sent in all."""
        while len(self.requests) < count:
            self._sent.clear()
            await self._sent.wait()

    async def send(self, request: Request) -> Exchange:
        self.requests.append(request)
        self._sent.set()
        script = self._scripts[request.url]
        answer = script.popleft() if script else 200
        held = self._held.get(request.url)
        if held is not None:
            try:
                await held.wait()
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
        if isinstance(answer, Exception):
            raise answer
        return exchange(answer, request=request)

    async def close(self) -> None:
        self.closed = True


REQUEST = Request(method="POST", url="http://receiver.test/hook", headers=(), body=None, timeout_ms=15_000)


def exchange(answer: int | Outcome | Response, *, request: Request = REQUEST, total_ms: float = 12.0) -> Exchange:
    """What a real transport would give for a status, a response, or an outcome without an answer."""
    timing = Timing(total_ms=total_ms)
    if isinstance(answer, Outcome):
        return Exchange(request=request, outcome=answer, error=f"It ended as {answer.value}.", timing=timing)
    response = answer if isinstance(answer, Response) else response_of(answer)
    outcome = Outcome.SUCCEEDED if 200 <= response.status <= 299 else Outcome.BAD_STATUS
    return Exchange(request=request, outcome=outcome, response=response, timing=timing)


def response_of(status: int, *, headers: tuple[tuple[str, str], ...] = (), body: bytes = b"") -> Response:
    """A response that came whole."""
    return Response(status=status, headers=headers, body=body, truncated=False)
