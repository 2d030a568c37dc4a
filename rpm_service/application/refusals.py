"""What may keep a server from starting or from going on, said so that a person can act on it."""


class CannotStart(Exception):
    """Something outside the server is in its way; the message says what to do."""


class CannotGoOn(Exception):
    """The disk can be trusted no more, or did not take the last of it; the message says what to do.

    Nothing more may be written or acknowledged: the server ends, and its process with it.
    """


class NotBuilt(CannotStart):
    """There is no page to serve."""


class PortTaken(CannotStart):
    """Something else listens where this server should."""

    def __init__(self, listen: str) -> None:
        super().__init__(f"{listen} is taken: stop what listens there, or choose another port")
        self.listen = listen
