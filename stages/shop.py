"""Serve the embedded shop for a browser until Ctrl-C; its settings stand under catalogue.demo."""

import signal
from threading import Event

from bestseller.base.errors import BestsellerError
from bestseller.demo import DemoShop
from bestseller.params import Params
from stages import run

DEFAULT_PORT = "8000"


def main(params: Params, port: str | None) -> None:
    number = port or DEFAULT_PORT
    if not (number.isascii() and number.isdigit() and int(number) < 2**16):
        raise BestsellerError(f"--port: {number!r} is not allowed; give a number from 0 to 65535")
    # A shell that starts it in the background has it ignore the signal of Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    demo = params.catalogue.demo
    shop = DemoShop(demo.scale, demo.seed, demo.season, demo.image_size)
    try:
        with shop.serve(int(number)) as origin:
            print(f"{len(shop.products)} products at {origin}; Ctrl-C ends", flush=True)
            Event().wait()
    except OSError as error:
        raise BestsellerError(f"--port: {number}: {error.strerror}; give another") from error
    except KeyboardInterrupt:
        print()


if __name__ == "__main__":
    run(main, [("--port", f"port on 127.0.0.1, 0 for a free one (default: {DEFAULT_PORT})")])
