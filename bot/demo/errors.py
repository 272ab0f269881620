"""What the demo's server refuses, as a status and a sentence."""


class RequestError(Exception):
    """A request that is answered with `status` and `detail` instead of what it asked for."""

    def __init__(self, status: int, detail: str) -> None:
        self.status = status
        self.detail = detail
        super().__init__(detail)
