"""Telling somebody how a retraining ended, by a command of theirs."""

import os
import signal
import subprocess

from bestseller.retraining.outcome import Summary


def notify(command: str, summary: Summary, timeout_s: float) -> str:
    """Run a shell command that gets the summary as JSON on its standard input.

    Args:
        command: as one would type it.
        summary: what to tell.
        timeout_s: seconds until the command and what it started are killed.

    Returns:
        Why nobody may have been told, empty where the command ended well.
    """
    with subprocess.Popen(
        command, shell=True, stdin=subprocess.PIPE, start_new_session=True, text=True
    ) as process:
        try:
            process.communicate(summary.model_dump_json(indent=2) + "\n", timeout=timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return f"retrain.notify: no end within {timeout_s:g} s; it was killed"
    return "" if process.returncode == 0 else f"retrain.notify: status {process.returncode}"
