"""Makes surveys: python nanomsg_survey_server.py [ADDRESS].

Each line of input is a question to all clients that are there; their answers are printed until the
deadline of a second. '!' restarts the server and an empty line stops it.
"""

from __future__ import annotations

import sys

from cppserver.nano import SurveyorSocket


def main() -> None:
    address = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:6670"
    with SurveyorSocket(survey_deadline=1.0) as server:
        endpoint = server.listen(address)
        print(f"Nanomsg survey server address: {address}")
        print("Press Enter to stop the server or '!' to restart it...", flush=True)
        for line in sys.stdin:
            text = line.rstrip("\n")
            if not text:
                break
            if text == "!":
                endpoint.close()
                endpoint = server.listen(address)
                print("Server restarted", flush=True)
                continue
            answers = server.survey(text.encode())
            print(f"Survey started! Question: {text}", flush=True)
            for answer in answers:
                print(f"Answer: {answer.decode('utf-8', 'replace')}", flush=True)
            print("Survey finished!", flush=True)


if __name__ == "__main__":
    main()
