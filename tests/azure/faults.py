# SPDX-License-Identifier: MIT
"""What goes wrong on purpose: the faults that a test has set, each for one kind of request."""

import fnmatch

from .message import error

DROPS = ("before", "after", "reset", "middle")


class Fault:
    """In force for the next TIMES requests of KIND (a pattern, as "arm.*"; None: all of them),
    until UNTIL() is true, and only for those of which WHERE(call) is true. What it does:

    status, headers, body   answered instead; without a body, an error of that service. BODY: bytes,
                            or a function of the call
    echo                    the error repeats what the request carried: secret, assertion, bearer
    delay                   the answer is held for so many seconds, or until the fake stops
    drop                    "before": nothing is done, the connection ends; "reset": likewise, with
                            RST; "after": it is done, and the connection ends without an answer;
                            "middle": ends after half of the body
    change, remove          members of the true answer's document, set or taken out
    corrupt                 a function of the true Answer, which it changes
    chunked                 the answer comes in chunks of so many bytes

    used: how many requests met it."""

    def __init__(self, kind, times=1, until=None, where=None, *, status=None, headers=None,
                 body=None, echo=False, delay=0, drop=None, change=None, remove=(), corrupt=None,
                 chunked=None):
        if drop is not None and drop not in DROPS:
            raise ValueError(f"drop is one of {', '.join(DROPS)}")
        self.kind = kind
        self.times = times
        self.until = until
        self.where = where
        self.status = status
        self.headers = dict(headers or {})
        self.body = body
        self.echo = echo
        self.delay = delay
        self.drop = drop
        self.change = change
        self.remove = remove
        self.corrupt = corrupt
        self.chunked = chunked
        self.used = 0

    def spent(self):
        return self.times is not None and self.used >= self.times or bool(
            self.until and self.until())

    def matches(self, call):
        return fnmatch.fnmatchcase(call.kind, self.kind) and (
            self.where is None or bool(self.where(call)))

    def replaces(self):
        """Whether the service itself is not asked."""
        return self.drop in ("before", "reset") or self.status is not None or \
            self.body is not None or self.echo

    def replacement(self, call, now):
        status = self.status or (401 if self.echo else 200)
        if self.echo:
            answer = error(call, status, echoed(call), now)
        elif self.body is None:
            answer = error(call, status, "This went wrong on purpose.", now)
        else:
            answer = error(call, status, "", now)
            answer.body = self.body(call) if callable(self.body) else self.body
        answer.headers.update(self.headers)
        return answer

    def spoil(self, answer):
        """Changes the true ANSWER."""
        if self.change is not None or self.remove:
            document = {**answer.document, **(self.change or {})}
            for name in self.remove:
                document.pop(name, None)
            answer.document = document
        if self.corrupt:
            answer = self.corrupt(answer) or answer
        answer.headers.update(self.headers)
        return answer


def echoed(call):
    """All of CALL that nobody may log, in one sentence."""
    names = ("client_secret", "client_assertion")
    said = [call.form[n] for n in names if n in call.form]
    said += [call.headers[n] for n in ("Authorization", "X-IDENTITY-HEADER", "Secret")
             if n in call.headers]
    return "You sent " + " and ".join(said or ["nothing"]) + "."


class Faults:
    """Those that are set, in order: a request meets the first that matches it."""

    def __init__(self, lock):
        self._lock = lock
        self._faults = []

    def add(self, kind, *arguments, **options):
        fault = Fault(kind, *arguments, **options)
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self, kind=None):
        """All of them, those whose pattern is KIND, or one Fault."""
        with self._lock:
            self._faults = [f for f in self._faults
                            if kind is not None and kind not in (f.kind, f)]

    def take(self, call):
        with self._lock:
            self._faults = [f for f in self._faults if not f.spent()]
            for fault in self._faults:
                if fault.matches(call):
                    fault.used += 1
                    return fault
        return None
