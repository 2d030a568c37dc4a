"""What every act of the page brings."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from rpm_service.application.acts import KEY_MAX

Key = Annotated[str, Field(min_length=1, max_length=KEY_MAX)]


class Body(BaseModel):
    """The body of an act: nothing but what the act knows, and a key that makes it happen once."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    idempotency_key: Key
