"""Asks a character with Python's standard library, and continues the answer if the connection breaks."""

import http.client
import json
import os
import sys
import time
import urllib.error
import urllib.request
import uuid

api, token, character_id = (os.environ[name] for name in ("API", "JWT", "CHARACTER"))
key = str(uuid.uuid4())


def open_stream(turn_id, last_event_id):
    """Sends the question until its turn is known. Then it follows the turn after the last event."""
    headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
    if turn_id is not None:
        url = f"{api}/api/chat-conversations/turns/{turn_id}/stream"
        request = urllib.request.Request(url, headers={**headers, "Last-Event-ID": str(last_event_id)})
    else:
        data = {"data": {"character_id": character_id, "query": "Is it lonely out here?"}}
        request = urllib.request.Request(
            f"{api}/api/chat-conversations/create-message",
            data=json.dumps(data).encode(),
            headers={**headers, "Content-Type": "application/json", "Idempotency-Key": key},
        )
    # The server sends a comment every 15 seconds, so a longer silence is a lost connection.
    return urllib.request.urlopen(request, timeout=60)


def read_events(stream):
    """Yields the number and the fields of each complete event."""
    number, data = 0, None
    for line in stream:
        line = line.decode().rstrip("\n")
        if line.startswith("id: "):
            number = int(line[4:])
        elif line.startswith("data: "):
            data = line[6:]
        elif line == "" and data is not None:
            yield number, json.loads(data)
            data = None


def ask():
    turn_id, last_event_id, text, failures = None, 0, "", 0
    while failures < 5:
        try:
            with open_stream(turn_id, last_event_id) as stream:
                for number, event in read_events(stream):
                    turn_id, last_event_id, failures = event["turn_id"], number, 0
                    if event["event"] == "turn_started":
                        text = ""
                    elif event["event"] == "message":
                        text += event["answer"]
                    elif event["event"] == "message_replace":
                        text = event["answer"]
                    elif event["event"] == "message_end":
                        return text
                    elif event["event"] == "error":
                        sys.exit(f"{event['code']}: {event['message']}")
        except urllib.error.HTTPError as error:
            sys.exit(f"The server replied {error.code}: {error.read().decode()}")
        except (OSError, http.client.HTTPException):
            # The connection failed or was cut.
            pass
        failures += 1
        time.sleep(0.25 * 2**failures)
    sys.exit("The server cannot be reached.")


print(ask())
