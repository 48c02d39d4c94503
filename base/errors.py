"""The exceptions of trialbridge: for misuse and broken files only. Doubts about data are findings."""

from __future__ import annotations

from trialbridge.base.finding import Where


class TrialbridgeError(Exception):
    """Base of all errors raised on purpose: says what, where, and how to mend it."""

    def __init__(self, message: str, where: Where | None = None, fix: str = "") -> None:
        self.message = message
        self.where = where or Where()
        self.fix = fix
        place = str(self.where)
        super().__init__(f"{place + ': ' if place else ''}{message}{' Fix: ' + fix if fix else ''}")


class UnreadableInputError(TrialbridgeError):
    """A file that is not what it claims to be: broken, truncated, of no known kind."""


class DoesNotFitError(TrialbridgeError):
    """A value that the target format cannot hold (XPT: 200 bytes, names of 8, labels of 40). Never cut."""


class NotInvertibleError(TrialbridgeError):
    """A code table, path or line that cannot be read in both directions."""


class UnknownNameError(TrialbridgeError):
    """A domain, variable, format or command argument that does not exist."""


class ServerError(TrialbridgeError):
    """A server that does not answer, or answers with an error.

    `status` is its answer's (None: none came); `uncertain` says that what was asked for may have been done all the
    same.
    """

    def __init__(
        self,
        message: str,
        where: Where | None = None,
        fix: str = "",
        *,
        status: int | None = None,
        uncertain: bool = False,
    ) -> None:
        super().__init__(message, where, fix)
        self.status = status
        self.uncertain = uncertain
