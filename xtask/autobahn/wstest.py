"""The Autobahn suite without its command line, for `cargo xtask autobahn`. Python 2.7.

    wstest.py cases PATTERN...                     the cases that these patterns mean
    wstest.py server URL FOLDER MESSAGES CASE...   tests the server at this address
    wstest.py client URL FOLDER MESSAGES CASE...   serves clients at this address until it is ended
    wstest.py results FOLDER                       what a report says

For a `wss` address `client` reads WSTEST_CERTIFICATE and WSTEST_KEY. MESSAGES bounds the number of
messages in each case of 12.* and 13.*, where the suite has 1000.
"""

from __future__ import print_function

import fnmatch
import json
import os
import sys

# The suite takes the name of a server from its answers, or from here; clients say it in their path.
AGENT = "cppserver"


def main():
    command, arguments = sys.argv[1], sys.argv[2:]
    if command == "results":
        results(arguments[0])
    elif command == "cases":
        for case in known_cases():
            if any(fnmatch.fnmatchcase(case, pattern) for pattern in arguments):
                print(case)
    else:
        url, folder, messages = arguments[:3]
        run(command, url, folder, int(messages), arguments[3:])


def known_cases():
    from autobahntestsuite import case

    name = len(case.CaseBasename)
    return [each.__name__[name:].replace("_", ".") for each in case.Cases]


def run(command, url, folder, messages, cases):
    # The first import chooses the reactor.
    from autobahntestsuite import choosereactor  # noqa: F401
    from autobahntestsuite import fuzzing
    from autobahntestsuite.case import case12_x_x as compression
    from twisted.internet import reactor

    for case in compression.Case12_X_X + compression.Case13_X_X:
        case.COUNT = min(case.COUNT, messages)
    spec = {"outdir": folder, "cases": cases}
    if command == "server":
        spec["servers"] = [{"agent": AGENT, "url": url}]
        fuzzing.startClient(spec)
    else:
        # By itself it listens on all interfaces.
        listen = fuzzing.listenWS
        fuzzing.listenWS = lambda factory, context: listen(factory, context, 50, "127.0.0.1")
        spec["url"] = url
        spec["cert"] = os.environ.get("WSTEST_CERTIFICATE")
        spec["key"] = os.environ.get("WSTEST_KEY")
        fuzzing.startServer(spec, 0)
    reactor.run()


def results(folder):
    """A line for each case: number, behaviour, behaviour when closing, milliseconds, what was found."""
    with open(os.path.join(folder, "index.json")) as index:
        agents = json.load(index)
    for agent, cases in agents.items():
        for case, result in cases.items():
            with open(os.path.join(folder, result["reportfile"])) as report:
                details = json.load(report)
            found = [details["result"], details["resultClose"]]
            found = "; ".join(" ".join(each.split()) for each in found if each)
            fields = [case, result["behavior"], result["behaviorClose"], result["duration"], found]
            print("\t".join(unicode(field) for field in fields).encode("utf-8"))


main()
