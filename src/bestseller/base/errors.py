"""The one exception whose message is written for the user."""


class BestsellerError(Exception):
    """A problem that the user can fix. Its message is one line.

    The message names the file or the key, the value found, and what is allowed or how to fix it,
    for example ``params.yaml: train.dcgan.lr: -1 is not greater than 0``. Stage scripts print the
    message without a traceback and exit with status 1.
    """
