"""The systems of tests/systems on the engine at hand, for the benchmarks: copied, brought up by composelet or by docker compose
2.26, given another version, and removed with all that they made. Names begin with `ct-bench-`.
"""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIMIT_S = 600


def say(text):
    print(text, file=sys.stderr, flush=True)


def run(*command, **more):
    return subprocess.run(command, check=True, capture_output=True, text=True, **more).stdout


def eventually(what, look):
    end = time.monotonic() + LIMIT_S
    while not look():
        if time.monotonic() > end:
            sys.exit(f"{what}: not within {LIMIT_S} s")
        time.sleep(0.1)


class System:
    """One system in a directory of its own, with free ports."""

    def __init__(self, name, work, binary):
        self.name, self.work, self.binary = name, work, binary
        self.project = f"ct-bench-{os.getpid()}-{name}"
        self.directory = work / "desired-state" / self.project
        self.directory.parent.mkdir(parents=True)
        shutil.copytree(ROOT / "tests/systems" / name, self.directory, symlinks=True)
        (self.directory / ".env").unlink(missing_ok=True)
        run(str(self.directory / "make-env"), *(["scaled"] if name == "montero" else []))
        self.settle()
        services = json.loads(self.compose("config", "--format", "json", "--no-consistency"))["services"]
        # Of a service of no replicas, such as one that only a schedule runs, nothing comes up.
        self.services = [name for name, service in services.items() if service.get("scale") != 0]
        self.version(0)
        self.compose("build")
        self.controller = None

    def settle(self):
        env = self.directory / ".env"
        sockets, lines = [], []
        for line in env.read_text().splitlines():
            key, mark, _ = line.partition("=")
            if mark and key.endswith("_HOST_PORT"):
                sockets.append(socket.create_server(("127.0.0.1", 0)))
                line = f"{key}={sockets[-1].getsockname()[1]}"
            elif key in ("COMPOSE_PROJECT_NAME", "CONTAINER_PREFIX"):
                line = f"{key}={self.project}"
            elif key.endswith("_IMAGE"):
                line = f"{key}={self.project}-{key.lower()}:1"
            elif key == "NETWORK_SUBNET":
                line = f"{key}=10.{100 + os.getpid() % 100}.77.0/24"
            lines.append(line)
        env.write_text("\n".join(lines) + "\n")
        [one.close() for one in sockets]

    def version(self, number, services=None, more=""):
        """Gives every service, or these, another environment, in one more file that is replaced at once."""
        env = self.directory / ".env"
        text = env.read_text()
        if "compose.bench.yml" not in text:
            text = re.sub(r"^(COMPOSE_FILE=.+)$", r"\1:compose.bench.yml", text, flags=re.M)
            env.write_text(text)
        services = "".join(
            f"  {name}: {{ environment: {{ BENCH: '{number}' }}{more} }}\n" for name in services or self.services)
        new = self.directory / ".new"
        new.write_text(f"services:\n{services}")
        new.rename(self.directory / "compose.bench.yml")

    def compose(self, *arguments, check=True):
        ended = subprocess.run(["docker", "compose", *arguments], cwd=self.directory, capture_output=True, text=True)
        if check and ended.returncode:
            sys.exit(f"docker compose {arguments}: {ended.stderr}")
        return ended.stdout if check else ended.returncode == 0

    def containers(self):
        ids = run("docker", "ps", "-aq", "--filter", f"label=com.docker.compose.project={self.project}").split()
        # One that went away in between is left out.
        found = subprocess.run(["docker", "inspect", *ids], capture_output=True, text=True) if ids else None
        return json.loads(found.stdout) if found else []

    def is_at(self, number, services=None):
        """Whether every service, or these, run in this version, or ended well, and are healthy; and nothing else is there."""
        wanted, seen = set(services or self.services), set()
        for one in self.containers():
            state, config = one["State"], one["Config"]
            if config["Labels"]["com.docker.compose.service"] not in wanted:
                continue
            well = state["Running"] and state.get("Health", {}).get("Status", "healthy") == "healthy"
            done = not state["Running"] and state["Status"] == "exited" and state["ExitCode"] == 0
            if f"BENCH={number}" not in config["Env"] or not (well or done):
                return False
            seen.add(config["Labels"]["com.docker.compose.service"])
        return seen == wanted

    def start(self):
        log = open(self.work / "log", "a")
        self.controller = subprocess.Popen(
            [self.binary, "run", "--desired-state", str(self.directory.parent), "--state-dir", str(self.work / "state"),
             "--installation", self.project], stdout=log, stderr=log)

    def stop(self):
        if self.controller:
            self.controller.send_signal(signal.SIGTERM)
            self.controller.wait()
            self.controller = None

    def cli(self, *arguments):
        """A command of composelet; whether it ended well, and what it said."""
        where = ["--desired-state", str(self.directory.parent), "--state-dir", str(self.work / "state"), "--installation", self.project]
        ended = subprocess.run([self.binary, *arguments, *where], capture_output=True, text=True)
        return ended.returncode == 0, ended.stdout + ended.stderr

    def clean(self):
        self.stop()
        for one in run("docker", "ps", "-aq", "--filter", f"name=^{self.project}").split():
            subprocess.run(["docker", "rm", "-fv", one], capture_output=True)
        self.compose("--profile", "*", "down", "-v", "-t", "0", "--remove-orphans", check=False)

    def forget(self):
        self.clean()
        for image in run("docker", "images", "--format", "{{.Repository}}:{{.Tag}}", "--filter", f"reference={self.project}*").split():
            subprocess.run(["docker", "image", "rm", image], capture_output=True)
        for lock in pathlib.Path("/run/composelet").glob("*.lock"):
            if f"installation {self.project}\n" in lock.read_text():
                lock.unlink()


def binary():
    """The composelet that is measured: BINARY, or the release."""
    run(str(ROOT / "scripts/oracle"))
    os.environ["DOCKER_CONFIG"] = str(ROOT / "target/oracle")
    if "BINARY" in os.environ:
        return os.environ["BINARY"]
    subprocess.run(["cargo", "build", "--release", "--locked"], cwd=ROOT, check=True, stdout=sys.stderr)
    return str(pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release/composelet")
