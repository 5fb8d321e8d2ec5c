"""Stands in for Grafana in tests. It draws nothing.

What is real: it needs GF_SECURITY_ADMIN_PASSWORD, answers /api/health with JSON, keeps a file on its volume, and shows
behind the administrator's password (/api/datasources, /api/search) which provisioning files and dashboards it was given;
/api/datasources/proxy/1/ passes GET requests on to PROMETHEUS_URL, as the real one's proxy does.
"""
import base64
import hmac
import http.server
import json
import os
import pathlib
import re
import sys
import urllib.error
import urllib.request

PROVISIONING = pathlib.Path("/etc/grafana/provisioning")
DATA = pathlib.Path("/var/lib/grafana")
PROXY = "/api/datasources/proxy/1/"


def password():
    """From the environment, or from the file that GF_SECURITY_ADMIN_PASSWORD__FILE names."""
    named = os.environ.get("GF_SECURITY_ADMIN_PASSWORD__FILE")
    value = pathlib.Path(named).read_text().strip() if named else os.environ.get("GF_SECURITY_ADMIN_PASSWORD", "")
    if not value:
        sys.exit("GF_SECURITY_ADMIN_PASSWORD is not set")
    return value


def datasources():
    """Address of each data source: the first `url:` after each `- name:` of the provisioning files."""
    found = []
    for path in sorted(PROVISIONING.glob("datasources/*.y*ml")):
        for name, url in re.findall(r"- name: *(\S+).*?url: *(\S+)", path.read_text(), re.DOTALL):
            found.append({"name": name, "url": url})
    return found


def dashboards():
    """Titles of the dashboards in the folders that the provisioning names."""
    titles = []
    for path in sorted(PROVISIONING.glob("dashboards/*.y*ml")):
        for folder in re.findall(r"path: *(\S+)", path.read_text()):
            titles += [json.loads(one.read_text())["title"] for one in sorted(pathlib.Path(folder).glob("*.json"))]
    return titles


class Handler(http.server.BaseHTTPRequestHandler):
    """One request."""

    def do_GET(self):
        """The few addresses that are known."""
        if self.path == "/api/health":
            return self.answer(200, {"database": "ok", "version": "stand-in"})
        given = self.headers.get("Authorization", "").removeprefix("Basic ")
        wanted = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if not hmac.compare_digest(given, wanted):
            return self.answer(401, {"message": "Invalid username or password"})
        if self.path == "/api/datasources":
            return self.answer(200, datasources())
        if self.path == "/api/search":
            return self.answer(200, [{"title": title} for title in dashboards()])
        if self.path.startswith(PROXY) and datasources():
            return self.pass_on(datasources()[0]["url"].rstrip("/") + "/" + self.path.removeprefix(PROXY))
        return self.answer(404, {"message": "Not found"})

    def pass_on(self, url):
        """The answer of the data source."""
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return self.answer(answer.status, json.load(answer))
        except (urllib.error.URLError, ValueError) as error:
            return self.answer(502, {"message": str(error)})

    def answer(self, status, value):
        """JSON."""
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        """Health checks would fill the log."""


USER = os.environ.get("GF_SECURITY_ADMIN_USER", "admin")
PASSWORD = password()
(DATA / "grafana.db").touch()
http.server.ThreadingHTTPServer(("", 3000), Handler).serve_forever()
