"""What may keep a server from starting, said so that a person can act on it."""


class PortTaken(Exception):
    """Something else listens where this server should."""

    def __init__(self, listen: str) -> None:
        super().__init__(f"{listen} is taken: stop what listens there, or choose another port")
        self.listen = listen
