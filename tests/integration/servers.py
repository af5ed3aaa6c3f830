"""Servers in processes of their own, and a client that sends just what it is told."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from base64 import b64encode
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email.message import Message
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import joat

PATIENCE = 60  # seconds, for a machine that does much else
PROVIDER = "https://example.com"
SALT = "0123456789abcdef0123456789abcdef"
OLDER_SALT = SALT[::-1]
# What the recipes and their index call a server's port.
PORTS = ("8000", "8001", "8002", "9000", "6379")
TOKEN = re.compile(r"\beyJ[\w-]*\.[\w-]*\.[\w-]*")

# What a client may send as its Host.
HOSTS = {
    "no address in brackets": "[:::::]",
    "a bracket": "[",
    "no port": "localhost:x",
    "a path": "localhost/x",
    "nothing": "",
}


@dataclass
class Server:
    """A shell script that runs servers, and the port of each instead of its own."""

    script: str
    process: subprocess.Popen[bytes]
    ports: dict[str, str]
    log: Path

    def url(self, port=8000):
        """Return the URL of the server that the script has listen at `port`."""
        return f"http://127.0.0.1:{self.ports[str(port)]}"

    @property
    def output(self):
        return self.log.read_text(encoding="utf-8", errors="replace")

    def wait(self):
        """Return as soon as every server takes connections."""
        # Other lines and the modules may name the ports of servers elsewhere.
        lines = "".join(re.findall(r"^.* &$", self.script, re.MULTILINE))
        ports = [port for port in self.ports.values() if port in lines]
        assert ports, f"no server has a port: {self.script}"
        deadline = time.monotonic() + PATIENCE
        for port in ports:
            while not _takes_connections(port):
                assert self.process.poll() is None, f"a server ended: {self}"
                assert time.monotonic() < deadline, f"{port} does not answer: {self}"
                time.sleep(0.05)

    def stop(self):
        """End all processes; fail if one had ended.

        Fail, too, if one printed a traceback, a warning, a token or a secret.
        """
        ended = self.process.poll() is not None
        try:
            self._signal(signal.SIGTERM)
            self.process.wait(PATIENCE)
        finally:
            self._signal(signal.SIGKILL)
            self.process.wait()
        assert not ended, f"a server ended by itself: {self}"
        for told in ("Traceback (most recent call last)", "Warning:"):
            assert told not in self.output, str(self)
        # A server may log the URLs that it is asked for: that is why no token
        # belongs there.
        output = re.sub(r"access_token=[\w.-]+", "", self.output)
        assert not TOKEN.search(output), "a token is in the log"
        for secret in (SALT, OLDER_SALT, "app's secret"):
            assert secret not in output, "a salt or a client's secret is in the log"

    def _signal(self, number):
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def __str__(self):
        return f"{self.script}\n{self.output}"


def shell(script):
    """Return the command that runs a script as one types it, up to its first error."""
    return ["bash", "-c", f"set -e -o pipefail\n{script}"]


def environment(**variables):
    """Return the environment of a recipe: that of the tests, and the salts."""
    return {
        **os.environ,
        # The scripts of this environment's packages, and its python.
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.defpath]),
        "PYTHONUNBUFFERED": "1",
        "JOAT_SALT": f"{SALT}\n{OLDER_SALT}\n",
        **variables,
    }


def replace_ports(text, ports):
    """Replace the ports that a text names."""
    return re.sub(
        rf"\b({'|'.join(PORTS)})\b",
        lambda found: ports.setdefault(found[0], free_port()),
        text,
    )


@contextmanager
def servers(logs):
    """Yield the function that the fixture `serve` is; stop what it started at the end.

    Logs go to the directory, in which servers also run if they are given no other.
    """

    def start(script, directory=logs, **variables):
        ports = {}
        script = replace_ports(script, ports)
        for path in directory.glob("*.py"):
            text = path.read_text(encoding="utf-8")
            path.write_text(replace_ports(text, ports), encoding="utf-8")
        log = logs / f"servers-{time.monotonic_ns()}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                # The shell ends with the first server that does, and after a
                # signal, which all get, with the last one.
                shell(f"trap wait TERM\n{script}\nwait -n"),
                cwd=directory,
                env=environment(**variables),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        server = Server(script, process, ports, log)
        stack.callback(server.stop)
        server.wait()
        return server

    with ExitStack() as stack:
        yield start


@dataclass
class Answer:
    status: int
    headers: Message
    text: str

    @property
    def json(self):
        assert self.headers.get_content_type() == "application/json", self
        return json.loads(self.text)


def ask(url, method="GET", headers=(), body="", token=None):
    """Return the answer to a request with exactly these headers, in this order.

    Unlike the usual clients this one sends white space behind a value, and two
    headers of one name. A token is put into an Authorization header.
    """
    if token is not None:
        headers = [("Authorization", f"Bearer {token}"), *headers]
    target = urlsplit(url)
    connection = HTTPConnection(target.netloc, timeout=PATIENCE)
    try:
        connection.putrequest(
            method,
            target._replace(scheme="", netloc="").geturl(),
            skip_host="Host" in dict(headers),
        )
        for name, value in headers:
            connection.putheader(name, value)
        if method == "POST":
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body.encode())
        response = connection.getresponse()
        text = response.read().decode()
        return Answer(response.status, response.headers, text)
    finally:
        connection.close()


def basic(login):
    """Return the Authorization header of a login, which is `name:secret`."""
    return "Basic " + b64encode(login.encode("latin-1")).decode()


def issue_token(**claims):
    """Return a token that lets an app see zoe's profile, or as the claims say."""
    usual = {"client_id": "app", "user_id": "user:zoe", "scope": ["profile", "read"]}
    return joat.TokenGenerator(PROVIDER).issue_token(**{**usual, **claims})


def good_and_bad_tokens(**usual):
    """Return tokens by what they are, with more claims that all of them have."""
    issue = partial(issue_token, **usual)
    good, bob = issue(), issue(user_id="user:bob")
    header, _, signature = bob.split(".")
    two_hours_ago = datetime.now(timezone.utc) - timedelta(hours=2)
    return {
        "good": good,
        "of_older_salt": issue(salt=OLDER_SALT),
        "of_client": issue(user_id="client:app"),
        "of_bob": bob,
        "expired": issue(issued_at=two_hours_ago),
        "tampered": ".".join([header, good.split(".")[1], signature]),
        "wrong_salt": issue(salt="another" + SALT),
        "foreign": issue(provider="https://example.org"),
        "refresh": issue(provider=f"{PROVIDER}/refresh"),
        "little_scope": issue(scope=["read"]),
        "no_scope": issue(scope=[]),
    }


def _takes_connections(port):
    with socket.socket() as sock:
        sock.settimeout(1)
        return sock.connect_ex(("127.0.0.1", int(port))) == 0


def free_port():
    """Return a loopback port on which nothing listens, to each caller another one.

    After a connection that this end closes first, the system remembers the port for a
    minute (TIME_WAIT): only a server that asks for just this port gets it.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        with socket.create_connection(address):
            listener.accept()[0].close()
    return str(address[1])
