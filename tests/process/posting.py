"""One POST of records, as a client without any tools of ours makes it."""

import http.client
import json
import urllib.parse

LINES = "application/x-ndjson"


def path_of(stream, source=None):
    return f"/v1/streams/{stream}/records" + (f"?source={source}" if source else "")


def send(n, body, stream="readings", type=LINES, key=None, source=None, encoding=None, timeout=20, read_answer=True):
    """Status and answer of one POST to node n; (0, None) when the connection broke or nobody listens, or when the
    client goes without reading its answer."""
    at = n.address()
    if at is None:
        return 0, None
    to = urllib.parse.urlsplit(at["url"])
    connection = http.client.HTTPConnection(to.hostname, to.port, timeout=timeout)
    headers = {"Authorization": "Bearer " + at["token"], "Content-Type": type}
    if key:
        headers["Idempotency-Key"] = key
    if encoding:
        headers["Content-Encoding"] = encoding
    try:
        connection.request("POST", path_of(stream, source), body.encode() if isinstance(body, str) else body, headers)
        if not read_answer:
            return 0, None
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    except (OSError, http.client.HTTPException):
        return 0, None
    finally:
        connection.close()
