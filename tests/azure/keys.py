# SPDX-License-Identifier: MIT
"""The two keys of an endpoint or service, and the operations that make new ones."""

import base64
import secrets

from .tokens import guid

RUNNING, DONE = "InProgress", "Succeeded"


def new_key():
    return base64.b64encode(secrets.token_bytes(24)).decode()


class Operation:
    """A regeneration under way. It is over once it was asked about POLLS times in vain, or, where
    SECONDS are given, at that time; then DONE() is called, unless OUTCOME is another than
    "Succeeded"."""

    def __init__(self, azure, done):
        self.id = guid()
        self._azure = azure
        self._done = done
        self._polls = azure.operation_polls
        self._end = azure.now() + azure.operation_seconds if azure.operation_seconds else None
        self._outcome = azure.operation_outcome
        self.created = azure.now()
        self.state = RUNNING
        self.settle()

    def settle(self):
        """Looks whether it is over."""
        over = self._azure.now() >= self._end if self._end else self._polls <= 0
        if self.state == RUNNING and over:
            self.state = self._outcome
            if self.state == DONE:
                self._done()
        return self.state

    def poll(self):
        """Its state, as told to one who asks."""
        state = self.settle()
        self._polls -= 1
        return state


class Keys:
    """primary and secondary are what is listed and accepted now; they may be set. While a
    regeneration is under way they are the old ones."""

    def __init__(self, azure, primary=None, secondary=None):
        self._azure = azure
        self._keys = {"primary": primary or new_key(), "secondary": secondary or new_key()}
        self._running = []

    def settle(self):
        for operation in list(self._running):
            if operation.settle() != RUNNING:
                self._running.remove(operation)

    def regenerate(self, which, value=None):
        """The Operation that makes WHICH ("primary" or "secondary") a new key, or VALUE."""
        operation = Operation(self._azure,
                              lambda: self._keys.__setitem__(which, value or new_key()))
        self._running.append(operation)
        return operation

    @property
    def primary(self):
        self.settle()
        return self._keys["primary"]

    @primary.setter
    def primary(self, value):
        self._keys["primary"] = value

    @property
    def secondary(self):
        self.settle()
        return self._keys["secondary"]

    @secondary.setter
    def secondary(self, value):
        self._keys["secondary"] = value

    def document(self):
        return {"primaryKey": self.primary, "secondaryKey": self.secondary}

    def current(self):
        return {self.primary, self.secondary}


def which_key(document):
    """("primary" or "secondary", the value asked for or None) of a regenerateKeys body; None if it
    is wrong. The swagger of v1 numbers the keys, its clients name them."""
    if not isinstance(document, dict):
        return None
    kind = {0: "primary", 1: "secondary", "0": "primary", "1": "secondary"}.get(
        document.get("keyType"), str(document.get("keyType")).lower())
    value = document.get("keyValue")
    if kind not in ("primary", "secondary") or value is not None and not isinstance(value, str):
        return None
    return kind, value
