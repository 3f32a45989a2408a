# SPDX-License-Identifier: MIT
"""python3 -m azure CERTIFICATE KEY [DESCRIPTION]: the fake, until SIGTERM or SIGINT. DESCRIPTION: a
JSON file, "-" for standard input; see control.py. Its URLs are the first line of its output."""

import json
import signal
import sys
from typing import NamedTuple

from .control import describe
from .fake import Azure


class Pair(NamedTuple):
    chain: str
    key: str


def main(arguments):
    if len(arguments) not in (2, 3):
        print(__doc__, file=sys.stderr)
        return 2
    description = {}
    if len(arguments) == 3:
        with (sys.stdin if arguments[2] == "-" else open(arguments[2], encoding="utf-8")) as file:
            description = json.load(file)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    with Azure(Pair(*arguments[:2]), port=description.get("port", 0),
               identity_port=description.get("identity_port", 0),
               cloud=description.get("cloud", "public")) as azure:
        describe(azure, description)
        print(json.dumps(azure.commands.urls()), flush=True)
        signal.sigwait({signal.SIGTERM, signal.SIGINT})
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
