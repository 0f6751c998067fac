"""A Hugging Face Hub of our own, for tests: real sockets, no internet, stdlib only.

    with Hub() as hub:
        repo = hub.repo("org/name", {"config.json": b"{}", "model.safetensors": weights})
        repo.commit({"README.md": b"second commit"})
        hub.token("hf_alice", reads={"org/secret"})
        hub.fault(r"/resolve/", "status", status=503, times=2)
        ... HF_ENDPOINT=hub.url ...
        assert not [r for r in hub.log if r.origin == "cdn" and "authorization" in r.headers]

It answers as the public Hub does: small files by a relative 307, large ones by a
302 to a second origin (the CDN, which refuses credentials as a signed URL's server does),
X-Error-Code on every refusal, RateLimit headers on every answer. Ports are the
kernel's choice. Every request is in `hub.log`, in order of arrival.
"""
import hashlib
import json
import re
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, unquote

LFS_SUFFIXES = (".safetensors", ".gguf", ".bin", ".onnx", ".pt", ".model", ".msgpack", ".h5")
LFS_ABOVE = 1 << 20
KEYWORDS = {"revision", "tree", "paths-info", "refs", "auth-check", "resolve", "raw"}


def git_oid(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def safetensors(tensors, metadata=None, fill=0):
    """Bytes of a safetensors file: {name: (dtype, shape)}; the data is `fill` throughout."""
    bits = {"F64": 64, "I64": 64, "F32": 32, "I32": 32, "F16": 16, "BF16": 16, "U8": 8, "I8": 8,
            "BOOL": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F4": 4}
    header, at = {}, 0
    if metadata:
        header["__metadata__"] = metadata
    for name, (dtype, shape) in tensors.items():
        n = 1
        for d in shape:
            n *= d
        size = n * bits[dtype] // 8
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + bytes([fill]) * at


def safetensors_parameters(data):
    """Elements per dtype, or None when the bytes are no safetensors file."""
    try:
        (n,) = struct.unpack_from("<Q", data)
        header = json.loads(data[8:8 + n])
        counts = {}
        for name, t in header.items():
            if name == "__metadata__":
                continue
            elements = 1
            for d in t["shape"]:
                elements *= d
            counts[t["dtype"]] = counts.get(t["dtype"], 0) + elements
        return counts
    except (struct.error, ValueError, KeyError, TypeError, AttributeError):
        return None


@dataclass
class Request:
    """One line of the log."""
    origin: str          # "hub" or "cdn"
    method: str
    target: str          # raw path and query, as sent
    headers: dict        # names in lower case
    status: int = 0      # of the answer; 0 while under way or when the connection was cut
    body: bytes = b""

    @property
    def path(self):
        return self.target.split("?")[0]


class File:
    def __init__(self, path, data):
        self.path, self.data = path, data
        self.is_lfs = path.endswith(LFS_SUFFIXES) or len(data) > LFS_ABOVE
        self.sha256 = sha256(data)
        pointer = (f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256}\n"
                   f"size {len(data)}\n").encode()
        self.pointer = pointer
        self.blob_id = git_oid(pointer if self.is_lfs else data)
        self.etag = self.sha256 if self.is_lfs else self.blob_id


class Repo:
    """Commits are whole trees; refs point at them."""

    def __init__(self, hub, name, private, gated, disabled):
        self.hub, self.name = hub, name
        self.private, self.gated, self.disabled = private, gated, disabled
        self.commits = {}      # sha -> {path: File}
        self.refs = {}         # refs/heads/main -> sha
        self.info = {}         # members that replace those of ModelInfo; None removes one

    def commit(self, files, branch="main", replace=False):
        """Adds (or, with None as bytes, removes) files on a branch; returns the commit."""
        ref = f"refs/heads/{branch}"
        parent = self.refs.get(ref)
        tree = {} if replace or not parent else dict(self.commits[parent])
        for path, data in files.items():
            if data is None:
                tree.pop(path, None)
            else:
                if isinstance(data, str):
                    data = data.encode()
                elif not isinstance(data, bytes):
                    data = json.dumps(data).encode()
                tree[path] = File(path, data)
        seed = "\n".join([self.name, str(parent), str(len(self.commits))] +
                         [f"{p} {f.blob_id}" for p, f in sorted(tree.items())])
        sha = hashlib.sha1(seed.encode()).hexdigest()
        self.commits[sha] = tree
        self.refs[ref] = sha
        return sha

    def branch(self, name, sha):
        self.refs[f"refs/heads/{name}"] = sha

    def tag(self, name, sha):
        self.refs[f"refs/tags/{name}"] = sha

    def pr(self, number, sha):
        self.refs[f"refs/pr/{number}"] = sha

    @property
    def head(self):
        return self.refs.get("refs/heads/main")

    def find(self, rev):
        if rev == "HEAD":
            return self.head
        for ref in (rev, f"refs/heads/{rev}", f"refs/tags/{rev}"):
            if ref in self.refs:
                return self.refs[ref]
        if re.fullmatch(r"[0-9a-f]{7,40}", rev):
            hits = [sha for sha in self.commits if sha.startswith(rev)]
            if len(hits) == 1:
                return hits[0]
        return None


@dataclass
class Fault:
    pattern: re.Pattern
    kind: str
    times: int           # -1: for ever
    origin: str
    args: dict


class Hold:
    """Requests of a pattern wait here; the test sees them arrive and lets them go."""

    def __init__(self, pattern):
        self.pattern = re.compile(pattern)
        self.arrived = 0
        self.changed = threading.Condition()
        self.open = threading.Event()

    def wait_for(self, n, timeout=10):
        with self.changed:
            ok = self.changed.wait_for(lambda: self.arrived >= n, timeout)
        assert ok, f"only {self.arrived} of {n} requests for {self.pattern.pattern} came"

    def release(self):
        self.open.set()


@dataclass
class User:
    token: str
    reads: set = field(default_factory=set)      # private repositories
    accepted: set = field(default_factory=set)   # gated repositories


class Cut(Exception):
    """The connection ends here without an answer."""


class Hub:
    def __init__(self):
        self.repos, self.renames, self.users = {}, {}, {}
        self.log, self.faults, self.holds = [], [], []
        self.page_size = 1000
        self.quotas = {"api": 100000, "resolvers": 100000, "pages": 100000}
        self.window_s = 300
        self.used = {}
        self.small_redirects = True   # False: small files answer 200 at once, as older Hubs did
        self.lock = threading.RLock()
        self.closing = threading.Event()
        self.hub_server = self._listen("hub")
        self.cdn_server = self._listen("cdn")

    def _listen(self, origin):
        hub = self

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

            def handle_error(self, request, client_address):
                pass  # clients of a test may leave whenever they like

        class OriginHandler(Handler):
            pass

        OriginHandler.hub, OriginHandler.origin = hub, origin
        server = Server(("127.0.0.1", 0), OriginHandler)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02},
                         daemon=True).start()
        return server

    @property
    def url(self):
        return "http://127.0.0.1:%d" % self.hub_server.server_address[1]

    @property
    def cdn_url(self):
        return "http://127.0.0.1:%d" % self.cdn_server.server_address[1]

    def close(self):
        self.closing.set()
        for hold in self.holds:
            hold.release()
        for server in (self.hub_server, self.cdn_server):
            server.shutdown()
            server.server_close()

    __enter__ = lambda self: self

    def __exit__(self, *exc):
        self.close()

    # ---- what a test sets up

    def repo(self, name, files=None, *, private=False, gated=False, disabled=False):
        """A repository with one commit; gated is False, "auto" or "manual"."""
        if gated is True:
            gated = "manual"
        repo = self.repos[name] = Repo(self, name, private, gated, disabled)
        repo.commit(files or {})
        return repo

    def rename(self, old, new):
        self.repos[new] = self.repos.pop(old)
        self.repos[new].name = new
        self.renames[old] = new

    def token(self, token, reads=(), accepted=()):
        self.users[token] = User(token, set(reads), set(accepted))
        return token

    def limit(self, bucket, quota, window_s=300):
        """From now on: quota requests of a bucket (api, resolvers, pages) per window."""
        with self.lock:
            self.quotas[bucket], self.window_s = quota, window_s
            self.used.clear()

    def fault(self, pattern, kind, times=1, origin="hub", **args):
        """The next `times` requests whose target matches (re.search; -1: all) go wrong:

        status (status=503, headers={}, body=b""), redirect (location=, status=302), reset,
        stall (after=N bytes of body; -1: before the headers), truncate (after=N),
        corrupt (same size, other bytes), slow (chunk=N, delay_s=), garbage (200, no JSON),
        replace (body=), headers (headers={}: added to the proper answer; None removes one)
        """
        fault = Fault(re.compile(pattern), kind, times, origin, args)
        with self.lock:
            self.faults.append(fault)
        return fault

    def heal(self):
        with self.lock:
            self.faults.clear()

    def hold(self, pattern):
        hold = Hold(pattern)
        self.holds.append(hold)
        return hold

    # ---- what a test looks at

    def requests(self, pattern="", origin=None, method=None):
        with self.lock:
            return [r for r in self.log if re.search(pattern, r.target) and
                    origin in (None, r.origin) and method in (None, r.method)]

    def forget(self):
        with self.lock:
            self.log.clear()

    # ---- of the handler

    def take_fault(self, origin, target):
        with self.lock:
            for fault in self.faults:
                if fault.times and fault.origin == origin and fault.pattern.search(target):
                    fault.times -= fault.times > 0
                    return fault
        return None

    def charge(self, bucket, token):
        """Remaining requests and seconds to the reset; -1 when there was none left."""
        with self.lock:
            now = time.monotonic()
            start, used = self.used.get((bucket, token), (now, 0))
            if now - start >= self.window_s:
                start, used = now, 0
            self.used[bucket, token] = (start, used + 1)
            left = max(0, int(start + self.window_s - now + 0.999))
            return self.quotas[bucket] - used - 1, left


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "fakehub"
    hub = origin = None

    def log_message(self, *args):
        pass

    def do_GET(self):
        self.serve()

    do_HEAD = do_POST = do_PUT = do_DELETE = do_GET

    def serve(self):
        hub = self.hub
        size = int(self.headers.get("Content-Length") or 0)
        self.entry = Request(self.origin, self.command, self.path,
                             {k.lower(): v for k, v in self.headers.items()},
                             body=self.rfile.read(size) if size else b"")
        with hub.lock:
            hub.log.append(self.entry)
        for hold in hub.holds:
            if hold.pattern.search(self.path) and not hold.open.is_set():
                with hold.changed:
                    hold.arrived += 1
                    hold.changed.notify_all()
                hold.open.wait()
        self.limits = []
        self.fault = hub.take_fault(self.origin, self.path)
        try:
            if not self.fault_before():
                self.route_cdn() if self.origin == "cdn" else self.route()
        except (Cut, OSError):
            self.close_connection = True

    # ---- faults

    def fault_before(self):
        f = self.fault
        if not f:
            return False
        a = f.args
        if f.kind == "status":
            body = a.get("body", b'{"error":"fault"}')
            self.answer(a.get("status", 503), body, a.get("headers", {}))
            return True
        if f.kind == "redirect":
            self.answer(a.get("status", 302), b"", {"Location": a["location"], **a.get("headers", {})})
            return True
        if f.kind == "garbage":
            self.answer(200, b"<html>this is not JSON", {"Content-Type": "text/html"})
            return True
        if f.kind == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            raise Cut
        if f.kind == "stall" and a.get("after", 0) < 0:
            self.hub.closing.wait()
            raise Cut
        return False

    def write_body(self, body):
        f = self.fault
        if not f or f.kind not in ("stall", "truncate", "slow"):
            self.wfile.write(body)
            return
        after = f.args.get("after", len(body) // 2)
        if f.kind == "slow":
            for at in range(0, len(body), f.args.get("chunk", 1024)):
                self.wfile.write(body[at:at + f.args.get("chunk", 1024)])
                self.wfile.flush()
                if self.hub.closing.wait(f.args.get("delay_s", 0.05)):
                    raise Cut
            return
        self.wfile.write(body[:after])
        self.wfile.flush()
        if f.kind == "stall":
            self.hub.closing.wait()
        raise Cut

    # ---- answers

    def answer(self, status, body=b"", headers=None):
        headers = dict(headers or {})
        f = self.fault
        if f and status < 300:
            if f.kind == "corrupt":
                body = bytes(b ^ 0x20 for b in body)
            elif f.kind == "replace":
                body = f.args["body"]
        if f and f.kind == "headers":
            headers.update(f.args["headers"])
        self.entry.status = status
        self.send_response(status)
        headers.setdefault("Content-Type", "application/json; charset=utf-8")
        headers.setdefault("Content-Length", str(len(body)))
        headers.setdefault("X-Request-Id", "Root=1-fake-%d" % len(self.hub.log))
        for name, value in list(headers.items()) + self.limits:
            if value is not None:
                self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD" and body:
            self.write_body(body)

    def refuse(self, status, code, message, **headers):
        extra = {k.replace("_", "-"): v for k, v in headers.items()}
        if code:
            extra["X-Error-Code"] = code
        extra["X-Error-Message"] = message
        self.answer(status, json.dumps({"error": message}).encode(), extra)

    def answer_json(self, value, headers=None):
        self.answer(200, json.dumps(value).encode(), headers)

    def answer_file(self, data, headers):
        """With a single range, as both origins do."""
        headers = {"Accept-Ranges": "bytes", "Content-Type": "application/octet-stream", **headers}
        m = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        if not m or not (m[1] or m[2]):
            return self.answer(200, data, headers)
        if m[1]:
            first, last = int(m[1]), min(int(m[2] or len(data) - 1), len(data) - 1)
        else:
            first, last = max(0, len(data) - int(m[2])), len(data) - 1
        if first >= len(data) or first > last:
            return self.answer(416, b"", {"Content-Range": f"bytes */{len(data)}"})
        headers["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
        return self.answer(206, data[first:last + 1], headers)

    # ---- the CDN

    def route_cdn(self):
        if self.headers.get("Authorization"):
            return self.answer(400, b"<Error>only one auth mechanism allowed</Error>")
        path, _, query = self.path.partition("?")
        m = re.fullmatch(r"/repos/(.+)/([0-9a-f]{64})", unquote(path))
        repo = m and self.hub.repos.get(m[1])
        if not repo or "Signature=" not in query:
            return self.answer(403, b"<Error>AccessDenied</Error>")
        for tree in repo.commits.values():
            for f in tree.values():
                if f.sha256 == m[2]:
                    md5 = hashlib.md5(f.data).hexdigest()  # the CDN's own; not the sha256
                    return self.answer_file(f.data, {"ETag": f'"{md5}"'})
        return self.answer(404, b"<Error>NoSuchKey</Error>")

    # ---- the Hub

    def route(self):
        path, _, query = self.path.partition("?")
        segments = [unquote(s) for s in path.split("/")[1:]]
        self.query = parse_qs(query, keep_blank_values=True)
        auth = self.headers.get("Authorization", "")
        token = auth[7:] if auth.startswith("Bearer ") else None
        bucket = "api"
        if segments[:2] == ["api", "resolve-cache"] or {"resolve", "raw"} & set(segments[1:3]):
            bucket = "resolvers"
        left, t = self.hub.charge(bucket, token)
        self.limits = [("RateLimit", f'"{bucket}";r={max(left, 0)};t={t}'),
                       ("RateLimit-Policy", f'"fixed window";"{bucket}";q={self.hub.quotas[bucket]}'
                                            f";w={self.hub.window_s}")]
        if left < 0:
            return self.refuse(429, None, "We had to rate limit you.")
        self.user = self.hub.users.get(token) if token else None
        if token and not self.user:
            return self.refuse(401, None, "Invalid credentials in Authorization header")

        if segments[:2] == ["api", "whoami-v2"]:
            if not self.user:
                return self.refuse(401, None, "Invalid username or password.")
            return self.answer_json({"type": "user", "name": "fake", "orgs": [], "auth": {
                "type": "access_token", "accessToken": {"displayName": "t", "role": "read"}}})
        if segments == ["api", "models"]:
            search = self.query.get("search", [""])[0].lower()
            return self.answer_json([{"_id": n, "id": n, "modelId": n, "private": False}
                                     for n, r in sorted(self.hub.repos.items())
                                     if search in n.lower() and not r.private])
        if segments[:2] == ["api", "models"]:
            return self.route_repo("api", segments[2:], path)
        if segments[:3] == ["api", "resolve-cache", "models"]:
            return self.route_cached(segments[3:])
        return self.route_repo("file", segments, path)

    def route_repo(self, where, segments, path):
        at = next((i for i in (1, 2) if i < len(segments) and segments[i] in KEYWORDS),
                  len(segments))
        name, verb, rest = "/".join(segments[:at]), segments[at:at + 1], segments[at + 1:]
        verb = verb[0] if verb else "info"
        if name in self.hub.renames:
            new = self.hub.renames[name]
            target = self.path.replace("/" + quote(name) , "/" + quote(new), 1)
            return self.answer(307, b"", {"Location": target})
        repo = self.hub.repos.get(name)
        if not repo or (repo.private and not (self.user and name in self.user.reads)):
            if not self.user:
                return self.refuse(401, "RepoNotFound", "Repository Not Found" if where == "file" else
                                   "Invalid username or password.")
            return self.refuse(404, "RepoNotFound", "Repository not found")
        if repo.disabled:
            return self.refuse(403, None, "Access to this resource is disabled.")
        if where == "file":
            if verb not in ("resolve", "raw") or len(rest) < 2:
                return self.refuse(404, None, "Not Found")
            return self.route_resolve(repo, verb, rest[0], "/".join(rest[1:]))
        handler = getattr(self, "api_" + verb.replace("-", "_"), None)
        if not handler:
            return self.refuse(404, None, "Not Found")
        return handler(repo, rest)

    def commit_of(self, repo, rev):
        sha = repo.find(rev)
        if not sha:
            self.refuse(404, "RevisionNotFound", f"Invalid rev id: {rev}")
        return sha

    def is_on(self, name):
        return self.query.get(name, ["false"])[0].lower() in ("true", "1")

    def api_info(self, repo, rest):
        sha = repo.head
        return self.answer_info(repo, sha)

    def api_revision(self, repo, rest):
        sha = self.commit_of(repo, "/".join(rest))
        if sha:
            self.answer_info(repo, sha)

    def answer_info(self, repo, sha):
        tree = repo.commits[sha]
        siblings = []
        for path in sorted(tree):
            f = tree[path]
            one = {"rfilename": path}
            if self.is_on("blobs"):
                one |= {"size": len(f.data), "blobId": f.blob_id}
                if f.is_lfs:
                    one["lfs"] = {"sha256": f.sha256, "size": len(f.data),
                                  "pointerSize": len(f.pointer)}
            siblings.append(one)
        info = {"_id": git_oid(repo.name.encode())[:24], "id": repo.name, "modelId": repo.name,
                "author": repo.name.split("/")[0], "sha": sha, "private": repo.private,
                "gated": repo.gated, "disabled": repo.disabled, "tags": [], "downloads": 0,
                "likes": 0, "lastModified": "2026-01-02T03:04:05.000Z",
                "createdAt": "2026-01-01T00:00:00.000Z", "siblings": siblings, "spaces": []}
        counts = {}
        for path, f in tree.items():
            if path.endswith(".safetensors"):
                for dtype, n in (safetensors_parameters(f.data) or {}).items():
                    counts[dtype] = counts.get(dtype, 0) + n
        if counts:
            info["safetensors"] = {"parameters": counts, "total": sum(counts.values())}
        try:
            config = json.loads(tree["config.json"].data)
            info["config"] = {k: config[k] for k in ("architectures", "model_type") if k in config}
        except (KeyError, ValueError, TypeError):
            pass
        for key, value in repo.info.items():
            if value is None:
                info.pop(key, None)
            else:
                info[key] = value
        wanted = self.query.get("expand", []) + self.query.get("expand[]", [])
        if wanted:
            info = {k: v for k, v in info.items() if k in wanted or k in ("_id", "id")}
        self.answer_json(info)

    @staticmethod
    def tree_file(f, expand, sha):
        one = {"type": "file", "oid": f.blob_id, "size": len(f.data), "path": f.path}
        if f.is_lfs:
            one["lfs"] = {"oid": f.sha256, "size": len(f.data), "pointerSize": len(f.pointer)}
            one["xetHash"] = sha256(b"xet" + f.data)
        if expand:
            one["lastCommit"] = {"id": sha, "title": "a commit", "date": "2026-01-02T03:04:05.000Z"}
            one["securityFileStatus"] = {"status": "safe", "avScan": None, "pickleImportScan": None}
        return one

    def api_tree(self, repo, rest):
        sha = self.commit_of(repo, rest[0] if rest else "main")
        if not sha:
            return
        prefix = "/".join(rest[1:]).strip("/")
        tree, recursive, expand = repo.commits[sha], self.is_on("recursive"), self.is_on("expand")
        inside = {p: f for p, f in tree.items() if not prefix or p.startswith(prefix + "/")}
        if prefix and not inside:
            return self.refuse(404, "EntryNotFound", f"{prefix} does not exist on {rest[0]}")
        entries, seen = [], set()
        for path in sorted(inside):
            below = path[len(prefix) + 1:] if prefix else path
            parts = below.split("/")
            for depth in range(1, len(parts)):
                folder = "/".join(filter(None, [prefix] + parts[:depth]))
                if folder not in seen and (recursive or depth == 1):
                    seen.add(folder)
                    entries.append({"type": "directory", "oid": git_oid(folder.encode()), "size": 0,
                                    "path": folder})
            if recursive or len(parts) == 1:
                entries.append(self.tree_file(inside[path], expand, sha))
        at = int(self.query.get("cursor", ["0"])[0])
        size = min(int(self.query.get("limit", [self.hub.page_size])[0]), self.hub.page_size)
        headers = {}
        if at + size < len(entries):
            flags = "".join(f"&{k}=true" for k in ("recursive", "expand") if self.is_on(k))
            headers["Link"] = (f"<{self.hub.url}{self.path.split('?')[0]}?cursor={at + size}{flags}"
                               f"&limit={size}>; rel=\"next\"")
        self.answer_json(entries[at:at + size], headers)

    def api_paths_info(self, repo, rest):
        sha = self.commit_of(repo, rest[0] if rest else "main")
        if not sha:
            return
        if "json" in self.headers.get("Content-Type", ""):
            body = json.loads(self.entry.body)
            paths, expand = body["paths"], body.get("expand", False)
        else:
            form = parse_qs(self.entry.body.decode())
            paths, expand = form.get("paths", []), form.get("expand", ["false"])[0].lower() == "true"
        tree = repo.commits[sha]
        self.answer_json([self.tree_file(tree[p], expand, sha) for p in paths if p in tree])

    def api_refs(self, repo, rest):
        def listed(prefix):
            return [{"name": ref[len(prefix):], "ref": ref, "targetCommit": sha}
                    for ref, sha in repo.refs.items() if ref.startswith(prefix)]
        self.answer_json({"tags": listed("refs/tags/"), "branches": listed("refs/heads/"),
                          "converts": []})

    def api_auth_check(self, repo, rest):
        if self.may_read(repo):
            self.answer(200)

    def may_read(self, repo):
        if not repo.gated or (self.user and repo.name in self.user.accepted):
            return True
        status = 403 if self.user else 401
        self.refuse(status, "GatedRepo", f"Access to model {repo.name} is restricted. "
                    "You must have access to it and be authenticated to access it.")
        return False

    def route_resolve(self, repo, verb, rev, path):
        if not self.may_read(repo):
            return
        sha = self.commit_of(repo, rev)
        if not sha:
            return
        f = repo.commits[sha].get(path)
        if not f:
            return self.refuse(404, "EntryNotFound", "Entry not found", X_Repo_Commit=sha)
        headers = {"X-Repo-Commit": sha, "Accept-Ranges": "bytes"}
        if verb == "raw":
            data = f.pointer if f.is_lfs else f.data
            return self.answer_file(data, {"X-Repo-Commit": sha, "ETag": f'"{git_oid(data)}"'})
        headers |= {"X-Linked-Size": str(len(f.data)), "X-Linked-ETag": f'"{f.etag}"'}
        if f.is_lfs:
            headers["X-Xet-Hash"] = sha256(b"xet" + f.data)
            headers["Location"] = (f"{self.hub.cdn_url}/repos/{quote(repo.name)}/{f.sha256}"
                                   "?Expires=4102444800&Signature=fake")
            return self.answer(302, b"Found", {"Content-Type": "text/plain", **headers})
        if self.hub.small_redirects:
            headers["Location"] = (f"/api/resolve-cache/models/{quote(repo.name)}/{sha}/"
                                   f"{quote(path, safe='')}?etag=%22{f.etag}%22")
            return self.answer(307, b"Temporary Redirect", {"Content-Type": "text/plain", **headers})
        return self.answer_file(f.data, {**headers, "ETag": f'"{f.etag}"'})

    def route_cached(self, segments):
        name, sha, path = "/".join(segments[:-2]), segments[-2], segments[-1]
        repo = self.hub.repos.get(name)
        if not repo or sha not in repo.commits or path not in repo.commits[sha]:
            return self.refuse(404, "EntryNotFound", "Entry not found")
        if (repo.private and not (self.user and name in self.user.reads)):
            return self.refuse(401, "RepoNotFound", "Repository not found")
        if not self.may_read(repo):
            return
        f = repo.commits[sha][path]
        self.answer_file(f.data, {"X-Repo-Commit": sha, "ETag": f'"{f.etag}"'})


if __name__ == "__main__":
    # For trying things by hand: serves the folders named, one repository each (org/name=path).
    import pathlib
    import sys

    with Hub() as served:
        for spec in sys.argv[1:]:
            repo_id, _, folder = spec.partition("=")
            base = pathlib.Path(folder)
            served.repo(repo_id, {str(p.relative_to(base)): p.read_bytes()
                                  for p in base.rglob("*") if p.is_file()})
        print(f"HF_ENDPOINT={served.url}", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            pass
