"""Runs schemathesis over the whole OpenAPI document of a real server, as somebody who may do everything.

    python api.py PATH-TO-TENANTRY-API [EXAMPLES-PER-OPERATION]

What there is to ask about is made by the program `everything`, which stands beside the server's: the same fixture as the other tests
have (tests/src/everything.rs). The server runs on the embedded default in a temporary folder or, under scripts/with-services.sh, on that
PostgreSQL and Redis. Three passes: everything that leaves the world standing, with the ids of things that exist and then with generated ones and those
that earlier answers gave; at last what ends it (deletion, suspension, sign-out). Exit code 1 means that an answer was a 500 or
contradicts the document.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

# Not the password of the document's examples: they would change it.
OWNER, PASSWORD = "root@platform.example", "a sentence that stands in no example"

# What takes the world away from everybody that is tested after it.
ENDING = [
    "organizations.delete",
    "organizations.members.transferOwnership",
    "organizations.members.transferOwnershipById",
    "platform.organizations.delete",
    "platform.organizations.reject",
    "platform.organizations.suspend",
    "auth.logout",
    "user.sessions.revoke",
]

# Left out, with reasons. positive_data_acceptance: whether a slug is free or an event name exists is no matter of a schema.
# missing_required_header: no operation requires one. ignored_auth asks again with no and with a wrong token.
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "allow_header_conformance",
    "ignored_auth",
    "use_after_free",
    "ensure_resource_availability",
]


class Server:
    """One tenantry-api, and what it wrote."""

    def __init__(self, program, folder):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.base, self.token = f"http://127.0.0.1:{port}", None
        settings = {
            "SERVER__LISTEN": f"127.0.0.1:{port}",
            "DATA__DIR": os.path.join(folder, "data"),
            "DATABASE__URL": os.environ.get("TENANTRY_TEST_POSTGRES", ""),
            "REDIS__URL": os.environ.get("TENANTRY_TEST_REDIS", ""),
            "KEYS__MASTER": "k1:" + "5a" * 32,
            "BOOTSTRAP__OWNER_EMAIL": OWNER,
            "BOOTSTRAP__OWNER_PASSWORD": PASSWORD,
            "EGRESS__ALLOW_NETWORKS": "127.0.0.0/8",
            "RATE_LIMITS__ENABLED": "false",
            "TOKENS__ACCESS_SECONDS": "3600",
        }
        environment = {f"TENANTRY__{key}": value for key, value in settings.items()} | {"PATH": os.environ["PATH"]}
        self.log = open(os.path.join(folder, "server.log"), "w+", encoding="utf-8")
        self.process = subprocess.Popen([program], env=environment, cwd=folder, stdout=self.log, stderr=self.log)

    def call(self, method, path, body=None):
        request = urllib.request.Request(self.base + path, method=method, data=json.dumps(body or {}).encode())
        if self.token:
            request.add_header("authorization", f"Bearer {self.token}")
        with urllib.request.urlopen(request, timeout=20) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def ready(self):
        for _ in range(600):
            try:
                return self.call("GET", "/health/ready")
            except (urllib.error.URLError, ConnectionError):
                if self.process.poll() is not None:
                    break
                time.sleep(0.1)
        raise SystemExit("the server did not start:\n" + self.written())

    def written(self):
        self.log.seek(0)
        return self.log.read()

    def stop(self):
        self.process.terminate()
        self.process.wait()


def build(server, maker, slug):
    """An organization with one of everything, by its owner, who is a platform owner too; answers what stands in paths."""
    made = subprocess.run([maker, server.base, OWNER, PASSWORD, slug], stdout=subprocess.PIPE, check=True)
    world = json.loads(made.stdout)
    server.token = world["token"]
    return world["ids"]


def fuzz(server, world, folder, examples, chosen):
    """One pass; answers whether it found nothing."""
    lines = [f'headers = {{ Authorization = "Bearer {server.token}" }}', "[parameters]"]
    lines += [f'"path.{name}" = "{value}"' for name, value in world.items()]
    config = os.path.join(folder, "schemathesis.toml")
    with open(config, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    command = [os.path.join(os.path.dirname(sys.executable), "schemathesis"), "--config-file", config, "run"]
    command += [f"{server.base}/openapi.json", "--checks", ",".join(CHECKS), "--max-examples", str(examples)]
    # A sequence of calls that always names the same things would soon look for what it has deleted.
    phases = "examples,coverage,fuzzing" if world else "examples,coverage,fuzzing,stateful"
    command += ["--phases", phases, "--seed", "1", "--continue-on-failure", "--warnings", "off", "--request-timeout", "60", *chosen]
    return subprocess.run(command, cwd=folder, check=False).returncode == 0


def stands(server, world):
    """Whether the caller may still do everything: without a token that works, everything is just 401."""
    try:
        return bool(server.call("GET", f"/api/organizations/{world['org_slug']}/audit-log"))
    except urllib.error.HTTPError as e:
        print(f"the pass lost its world: {e}")
        return False


def main():
    program, examples = os.path.abspath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 30
    maker = os.path.join(os.path.dirname(program), "everything")
    endings = [part for name in ENDING for part in ("{}-operation-id", name)]
    with tempfile.TemporaryDirectory() as folder:
        server = Server(program, folder)
        try:
            server.ready()
            world = build(server, maker, "acme")
            clean = True
            for ids in (world, {}):
                clean &= fuzz(server, ids, folder, examples, [part.format("--exclude") for part in endings])
                clean &= stands(server, world)
            clean &= fuzz(server, build(server, maker, "other"), folder, examples, [part.format("--include") for part in endings])
            defects = [line for line in server.written().splitlines() if "defect" in line or "panicked" in line]
        finally:
            server.stop()
    print("\n".join(defects[:20]))
    clean &= not defects
    database = "PostgreSQL" if os.environ.get("TENANTRY_TEST_POSTGRES") else "SQLite"
    print(f"schemathesis over the OpenAPI document on {database}: {'found nothing' if clean else 'FOUND SOMETHING (see above)'}")
    return int(not clean)


if __name__ == "__main__":
    sys.exit(main())
