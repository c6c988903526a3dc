"""Errors with causes outside the code: each message is one line that says what happened, where, and what to do."""


class InputError(ValueError):
    """The user's input is wrong; commands exit with status 2."""


class FetchError(RuntimeError):
    """Something could not be fetched or saved; commands exit with status 1."""
