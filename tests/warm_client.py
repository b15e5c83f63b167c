"""What `warm.programs` puts in the place of a program: asks the server, or becomes the program."""

import json
import os
import signal
import socket
import sys
from typing import NoReturn

FOLDER, NAME = os.path.split(os.path.abspath(sys.argv[0]))


def asked_for() -> list[str]:
    """Return the module and the arguments of what the server can make; else nothing."""
    if NAME == "dvc":
        return ["dvc", *sys.argv[1:]]
    given = sys.argv[2:] if sys.argv[1:2] == ["-P"] else sys.argv[1:]
    known = len(given) > 1 and given[0] == "-m" and (given[1] == "dvc" or given[1][:7] == "stages.")
    return given[1:] if known else []


def cold() -> NoReturn:
    program = f"{FOLDER}/cold-{NAME}"
    os.execv(os.readlink(program), [os.readlink(program), *sys.argv[1:]])


def main() -> None:
    command = asked_for()
    if not command:
        cold()
    request = {"command": command, "folder": os.getcwd(), "environment": dict(os.environ)}
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(f"{FOLDER}/socket")
        data = json.dumps(request).encode() + b"\n"
        sent = socket.send_fds(server, [data], [0, 1, 2])
        if rest := data[sent:]:  # an empty one fails where the server has answered already
            server.sendall(rest)
        with server.makefile() as answers:
            pid = answers.readline().strip()
            if pid == "cold":
                cold()
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, lambda number, _: os.kill(int(pid), number))
            status = int(answers.readline())
    if status < 0:
        if -status != signal.SIGKILL:
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    sys.exit(status)


main()
