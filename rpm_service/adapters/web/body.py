"""What requests of the page bring."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from rpm_service.application.acts import KEY_MAX

Key = Annotated[str, Field(min_length=1, max_length=KEY_MAX)]


class Strict(BaseModel):
    """Nothing but what is known, and numbers that are numbers."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


class Body(Strict):
    """The body of an act: what the act knows, and a key that makes it happen once."""

    idempotency_key: Key
