"""What a checker says when a promise is broken."""


class Broken(Exception):
    """An invariant does not hold; `invariant` is its name in docs/testing.md."""

    def __init__(self, invariant: str, what: str) -> None:
        super().__init__(f"{invariant}: {what}")
        self.invariant = invariant
