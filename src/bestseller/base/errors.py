"""The one exception that a person is meant to read."""


class BestsellerError(Exception):
    """A problem that the operator can mend, told in one line.

    The message names the file or the key, the value found, and the mend, for example
    ``params.yaml: train.dcgan.lr: -1 is not greater than 0``. Stage scripts print it
    without a traceback and exit with status 1.
    """
