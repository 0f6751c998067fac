"""What tests send, and what they ask of a daemon as a whole."""
import json
import threading

from daemon import EXAMPLES

TINY = {"model_path": str(EXAMPLES / "tiny-llama"), "max_length": 128}


def arch(name, task="text_generation", **members):
    return {"name": name, "task": task, "pipeline_model": "Model", "tokenizer": "TextTokenizer",
            "default_encoding": "bfloat16", "supported_encodings": {"bfloat16": ["paged"]},
            "default_weights_format": "safetensors", **members}


def slug(answer):
    """The problem's code; the answer must be a proper problem document."""
    assert answer.headers["content-type"] == "application/problem+json", answer
    problem = answer.json()
    assert problem["status"] == answer.status and problem["detail"], answer
    return problem["code"]


def items(daemon, path):
    """Every page of a list."""
    found, token = [], ""
    while True:
        query = {"limit": 1000, **({"page_token": token} if token else {})}
        answer = daemon.get(path, query)
        assert answer.status == 200, answer
        page = answer.json()
        found += page["items"]
        token = page["next_page_token"]
        if not token:
            return found


def events(daemon, since=0):
    """All events after `since`: (revision, kind, document) in order."""
    found = []
    while True:
        answer = daemon.get("/v1/events", {"since": since}, headers={"Accept": "application/json"})
        assert answer.status == 200, answer
        page = answer.json()
        if not page["items"]:
            return found
        found += page["items"]
        since = page["items"][-1]["revision"]


def is_contiguous(found):
    revisions = [e["revision"] for e in found]
    return revisions == list(range(revisions[0], revisions[0] + len(revisions))) if found else True


def is_ready(daemon):
    return daemon.get("/readyz").status == 200


def at_once(n, work):
    """Calls work(0) … work(n - 1) in threads that begin together; their results in order."""
    results, errors = [None] * n, []
    barrier = threading.Barrier(n)

    def run(i):
        try:
            barrier.wait()
            results[i] = work(i)
        except Exception as e:  # shown by the test's own thread
            errors.append(e)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if errors:
        raise errors[0]
    return results


class Client:
    """One keep-alive connection."""

    def __init__(self, daemon, url=None):
        self.connection = daemon.connection(url)

    def ask(self, method, target, body=None, headers=None):
        headers = {"Content-Type": "application/json", **(headers or {})}
        self.connection.request(method, target, None if body is None else json.dumps(body), headers)
        answer = self.connection.getresponse()
        data = answer.read()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, data

    def close(self):
        self.connection.close()
