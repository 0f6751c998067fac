"""Everything at once, at random, ended at random: it stops properly and no write is refused by the store.

PIPELINED_CHAOS_ROUNDS sets how often it is started and stopped (4).
"""
import http.client
import json
import os
import random
import signal
import threading
import time

from daemon import EXAMPLES, Daemon
from fakehub import Hub
from test_faults import FILES, QUICK
from things import TINY, Client, arch

ROUNDS = int(os.environ.get("PIPELINED_CHAOS_ROUNDS", "4"))
CLIENTS, MODELS = 10, 4


class Chaos(threading.Thread):
    def __init__(self, daemon, n, seed):
        super().__init__(daemon=True)
        self.server, self.url = daemon, daemon.urls[n % len(daemon.urls)]
        self.rng, self.done, self.wrong = random.Random(seed), False, []

    def ask(self, *args):
        status, _, body = self.client.ask(*args)
        if status == 500:
            self.wrong.append((args, body))
        return json.loads(body) if body and status == 200 else {}

    def key(self, kind):
        return {"Idempotency-Key": f"{kind}-{self.rng.randrange(50)}"} if self.rng.random() < 0.2 else {}

    def make(self):
        rng = self.rng
        headers = self.key("make")
        if rng.random() < 0.3:
            headers["Prefer"] = "respond-async"
        model = {"model_path": f"org/m{rng.randrange(MODELS)}", "weights": "remote"}
        body = {**(TINY if rng.random() < 0.5 else model), "max_length": 16 + rng.randrange(5)}
        if rng.random() < 0.5:
            body["lease"] = {"ttl_s": rng.choice([1, 60])}
        self.ask("POST", rng.choice(["/v1/pipelines", "/v1/pipelines", "/v1/factories"]), body, headers)

    def change_leases(self):
        for lease in self.ask("GET", "/v1/leases").get("items", [])[:3]:
            self.ask(self.rng.choice(["PUT", "DELETE"]), f"/v1/leases/{lease['id']}", {})

    def change_pipelines(self):
        for p in self.ask("GET", "/v1/pipelines").get("items", [])[:2]:
            self.ask("GET", f"/v1/pipelines/{p['id']}")
            self.ask("DELETE", f"/v1/pipelines/{p['id']}?force=true")

    def step(self):
        name, model = f"Chaos{self.rng.randrange(5)}", f"org/m{self.rng.randrange(MODELS)}"
        self.rng.choice([
            self.make, self.make, self.make, self.change_leases, self.change_pipelines,
            lambda: self.ask("POST", "/v1/architectures?allow_override=true", arch(name), self.key("a")),
            lambda: self.ask("DELETE", f"/v1/architectures/{name}"),
            lambda: self.ask("POST", "/v1/model/refresh", {"model": model}),
            lambda: self.ask("DELETE", f"/v1/model?model={model}"),
            lambda: self.ask("POST", "/v1/reset", {"architectures": "builtin", "pipelines": True,
                                                   "caches": self.rng.random() < 0.5}),
        ])()

    def run(self):
        while not self.done:
            self.client = Client(self.server, self.url)
            try:
                for _ in range(self.rng.randrange(1, 40)):
                    self.step()
            except (OSError, http.client.HTTPException):
                pass  # the daemon stops
            finally:
                self.client.close()


def test_chaos_ends_in_order(tmp_path):
    seed = random.randrange(1 << 32)
    print("seed", seed)
    rng = random.Random(seed)
    with Hub() as hub:
        for n in range(MODELS):
            hub.repo(f"org/m{n}", FILES)
        for _ in range(ROUNDS):
            hub.heal()
            if rng.random() < 0.5:
                hub.fault("/api/models/", rng.choice(["stall", "reset", "garbage"]), times=3, after=-1)
            daemon = Daemon(tmp_path, "--model-root", EXAMPLES, *QUICK, "--io-threads",
                            rng.choice([1, 2]), "--events-kept", 50, "--pipeline-memory", "1M",
                            "--drain-timeout", "1s", hub=hub,
                            listen=("127.0.0.1:0", f"unix:{tmp_path}/socket"))
            clients = [Chaos(daemon, n, rng.random()) for n in range(CLIENTS)]
            for c in clients:
                c.start()
            time.sleep(rng.uniform(0.3, 1.5))
            if rng.random() < 0.4:
                daemon.process.send_signal(signal.SIGHUP)
            daemon.process.send_signal(signal.SIGTERM)
            if rng.random() < 0.4:
                daemon.process.send_signal(signal.SIGINT)
            daemon.stop()
            for c in clients:
                c.done = True
            for c in clients:
                c.join()
                assert not c.wrong, c.wrong[:3]
            assert not [x for x in daemon.log if "commit failed" in x or "set aside" in x], daemon.log
