"""What goes wrong outside the code: each message is one line that says what, where and what to do."""


class InputError(ValueError):
    """The user's input is wrong; commands answer it with exit status 2."""


class FetchError(RuntimeError):
    """Something could not be brought or kept here; commands answer it with exit status 1."""
