"""Whether a record or the store is at fault when something was not sent."""

# What MLflow answers where a request itself is wrong and would be again
# (mlflow/protos/databricks.proto, ErrorCode).
REFUSALS = {
    "BAD_REQUEST",
    "INVALID_PARAMETER_VALUE",
    "MALFORMED_REQUEST",
    "PARAM_CONFLICT",
}


def is_of_the_record(error: Exception) -> bool:
    """Tell whether sending the same record again can only fail again.

    A refusal is the record's, and so is a value that a program cannot take; everything else, such
    as a connection that breaks, may pass.
    """
    code = getattr(error, "error_code", None)
    if code is not None:
        return code in REFUSALS
    if isinstance(error, OSError):
        return isinstance(error, FileNotFoundError | IsADirectoryError | NotADirectoryError)
    return isinstance(error, TypeError | ValueError | LookupError | AttributeError)
