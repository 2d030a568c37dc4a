"""Every word that a person is shown before they are known, in one place.

Who is not signed in yet has chosen no language, so these are in that of the house: `WORDS`. The
station's own words are in `clinician_ui/src/words.ts`, whose catalogues these are kept like:
another language is another `Words`, and one that is not whole does not come to be.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Words:
    """A catalogue. In braces stands what is put in: who, or how long."""

    tag: str
    """As HTML calls the language."""
    station: str
    sign_in: str
    asks_name: str
    asks_proof: str
    sign_in_with: str
    only_by_link: str
    or_by_link: str
    signed_in: str
    wrong: str
    too_many_tries: str
    seconds: str
    minutes: str
    busy: str
    full: str
    link_used: str
    provider_silent: str
    provider_refused: str
    in_no_group: str
    has_account: str
    began_elsewhere: str
    took_too_long: str


ENGLISH: Final = Words(
    tag="en",
    station="Central station",
    sign_in="Sign in",
    asks_name="Name",
    asks_proof="Password",
    sign_in_with="Sign in with {provider}",
    only_by_link="Not signed in. Run `rpm-service sign-in` and open its link.",
    or_by_link="Without an account: a one-time link, from whoever runs the server.",
    signed_in="Signed in.",
    wrong="Name or password is wrong.",
    too_many_tries="Too many tries. Wait {time}.",
    seconds="{number} s",
    minutes="{number} minutes",
    busy="Many people are signing in just now. Try again in a moment.",
    full="Too many people are signed in. Try again when one has left.",
    link_used="This link has been used or is too old. Run `rpm-service sign-in` for another.",
    provider_silent="{provider} does not answer. Try again in a moment.",
    provider_refused="{provider} did not sign you in. Begin again.",
    in_no_group="{provider} knows you, but none of your groups may sign in here.",
    has_account="{user} has a local account here: sign in with its password.",
    began_elsewhere="This sign-in began elsewhere. Begin it here.",
    took_too_long="This sign-in took too long. Begin again.",
)

WORDS: Final = ENGLISH
