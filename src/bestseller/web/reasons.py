"""Why something could not be had, in words that do not change from run to run."""

from collections.abc import Iterator

from OpenSSL import SSL
from scrapy.exceptions import DownloadCancelledError, IgnoreRequest
from scrapy.http import Response
from scrapy.spidermiddlewares.httperror import HttpError
from twisted.internet.ssl import VerificationError
from twisted.python.failure import Failure

from bestseller.catalogue.diagnosis import STILL_WAITING
from bestseller.web.handler import MAX_HEADERS_KB, HeadersTooLarge
from bestseller.web.throttle import WAITED

UNTRUSTED = "refused: no trusted TLS connection"
TOO_LARGE = "larger than catalogue.crawl.max_body_mb"


def reason_of(failure: Failure) -> str:
    """Return why a request failed."""
    error = failure.value
    assert error is not None
    if isinstance(error, HttpError):
        return answered(error.response)
    if isinstance(error, DownloadCancelledError) or "DOWNLOAD_MAXSIZE" in str(error):
        return TOO_LARGE
    if isinstance(error, IgnoreRequest):
        return str(error) or "refused"
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, HeadersTooLarge):
            return f"more than {MAX_HEADERS_KB} kB of headers"
        if isinstance(cause, SSL.Error | VerificationError):
            return f"{UNTRUSTED} ({_told(cause)})"
    return f"no answer ({', '.join(type(cause).__name__ for cause in causes)})"


def answered(response: Response) -> str:
    """Return the status that a request was refused with, and whether that was waited for."""
    waited = response.request.meta.get(WAITED) if response.request else None
    return f"HTTP {response.status}{f', {STILL_WAITING}' if waited else ''}"


def unreadable(error: Exception) -> str:
    """Return why a document is not what it should be."""
    if "exceeded the specified maximum" in str(error):
        return TOO_LARGE
    return f"cannot be read ({type(error).__name__})"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what Twisted and Scrapy have wrapped into it."""
    yield error
    inner = [getattr(reason, "value", reason) for reason in getattr(error, "reasons", None) or ()]
    for cause in [*inner, error.__cause__]:
        if cause is not None:
            yield from _causes(cause)


def _told(error: BaseException) -> str:
    """Return what OpenSSL says of a failed connection, or the check of the certificate's names."""
    if isinstance(error, VerificationError):
        return "the certificate is another host's"
    return str(error.args[0][-1][-1]) if error.args and error.args[0] else type(error).__name__
