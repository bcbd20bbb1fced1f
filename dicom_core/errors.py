"""Every error that a caller of the service can meet. Errors carry facts; `http.problems` alone gives them a status.

DicomServiceError
  x BadRequestError        the client got something wrong; the text names the parameter, field or attribute
      + InvalidIdentifier  a UID in the URL that is not one
      + InvalidPartition   a partition name that is not one, or an unknown partition
      + InvalidQuery       a search parameter that cannot be answered
      + InvalidMultipart   a multipart body whose framing is broken
      + UnsupportedVersion an API version that this service does not speak
  x UnauthenticatedError   no token, or a bad one
  x ForbiddenError         the caller lacks a data action
  x NotFoundError          nothing under these identifiers
  x MethodNotAllowedError  a known path with a method that it does not have
  x NotAcceptableError     no representation that the client accepts
  x RangeNotSatisfiable    a byte range that lies outside of the representation
  x UnsupportedMediaTypeError  a request body of a type that the route does not take
  x PayloadTooLargeError   a file over the size limit
  x ConflictError          the request collides with the present state
  x BackendError           storage is busy or gone; trying later may help
"""

from __future__ import annotations

__all__ = [
    "BackendError",
    "BadRequestError",
    "ConflictError",
    "DicomServiceError",
    "ForbiddenError",
    "InvalidIdentifier",
    "InvalidMultipart",
    "InvalidPartition",
    "InvalidQuery",
    "MethodNotAllowedError",
    "NotAcceptableError",
    "NotFoundError",
    "PayloadTooLargeError",
    "RangeNotSatisfiable",
    "UnauthenticatedError",
    "UnsupportedMediaTypeError",
    "UnsupportedVersion",
]


class DicomServiceError(Exception):
    """Base of all errors below; the text is fit for the client and free of patient data."""


class BadRequestError(DicomServiceError):
    """The request is wrong in a way that the text names."""


class InvalidIdentifier(BadRequestError):
    """A study, series or SOP instance UID of the URL is not a valid UID."""


class InvalidPartition(BadRequestError):
    """A partition name is malformed, or names no partition."""


class InvalidQuery(BadRequestError):
    """A search parameter is unknown, malformed or not searchable at this resource."""


class InvalidMultipart(BadRequestError):
    """A multipart body does not follow RFC 2046 framing."""


class UnsupportedVersion(BadRequestError):
    """The path names a well-formed API version that is not served."""


class UnauthenticatedError(DicomServiceError):
    """The request carries no token, or one that does not verify; `challenge` tells the client where to get one."""

    def __init__(self, text: str, challenge: str) -> None:
        super().__init__(text)
        self.challenge = challenge


class ForbiddenError(DicomServiceError):
    """The caller's roles lack the data action of the route."""


class NotFoundError(DicomServiceError):
    """Nothing is stored under the identifiers given."""


class MethodNotAllowedError(DicomServiceError):
    """The path exists, but not with this method."""

    def __init__(self, allowed: tuple[str, ...]) -> None:
        super().__init__("The method is not allowed here.")
        self.allowed = allowed


class NotAcceptableError(DicomServiceError):
    """No acceptable representation exists. An empty text means: answer without a body."""


class RangeNotSatisfiable(DicomServiceError):
    """The wanted byte range begins behind the end of a representation of `size` bytes."""

    def __init__(self, size: int) -> None:
        super().__init__("The range begins behind the end of what was asked for.")
        self.size = size


class UnsupportedMediaTypeError(DicomServiceError):
    """The request's Content-Type, or that of a part, is not taken here."""


class PayloadTooLargeError(DicomServiceError):
    """A DICOM file exceeds the configured size limit."""


class ConflictError(DicomServiceError):
    """The request collides with the present state."""


class BackendError(DicomServiceError):
    """Storage did not answer or refused for now; the request may be tried again."""
