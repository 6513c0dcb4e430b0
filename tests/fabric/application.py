"""The smallest application of a fabric: what it is asked to write it writes to the database, and answers when it is committed.

It has the options of `rackless serve` that a node gives it, and the ways that HAProxy asks for. One connection a thread, opened
anew when it broke; a database that is away is a 503.
"""

from __future__ import annotations

import argparse
import http.server
import json
import os
import signal
import ssl
import sys
import threading
import time

import psycopg

HELD = threading.local()
DRAINING = threading.Event()
URL = os.environ.get("RACKLESS_DATABASE", "")
NODE = os.environ.get("RACKLESS_FABRIC_NODE", "")


def connection() -> psycopg.Connection:
    found = getattr(HELD, "connection", None)
    if found is None or found.closed:
        found = HELD.connection = psycopg.connect(URL, autocommit=True)
        found.execute("create table if not exists said (n bigint primary key, node text)")
    return found


def said(sql: str, *parameters: object) -> list[tuple]:
    try:
        done = connection().execute(sql, parameters)
        return done.fetchall() if done.description else []
    except psycopg.Error:
        old, HELD.connection = getattr(HELD, "connection", None), None
        if old is not None:
            old.close()
        raise


class Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def do_GET(self) -> None:
        if self.path == "/health/live":
            return self.answer(200, {})
        if self.path == "/health/ready":
            if DRAINING.is_set():
                return self.answer(503, {"why": "draining"})
            return self.from_database("select not pg_is_in_recovery()")
        if self.path == "/all":
            return self.from_database("select n, node from said order by n")
        return self.answer(200, {"node": NODE})

    def do_POST(self) -> None:
        """/said/N: keep N. A second time is a conflict: who retried an unsafe request is seen."""
        self.rfile.read(int(self.headers.get("content-length", 0)))
        try:
            said("insert into said values (%s, %s)", int(self.path.rpartition("/")[2]), NODE)
        except psycopg.errors.UniqueViolation:
            return self.answer(409, {})
        except psycopg.Error as error:
            return self.answer(503, {"why": str(error)})
        return self.answer(201, {"node": NODE})

    def from_database(self, sql: str) -> None:
        try:
            self.answer(200, {"found": said(sql), "node": NODE})
        except psycopg.Error as error:
            self.answer(503, {"why": str(error)})

    def answer(self, status: int, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        return


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def get_request(self) -> tuple[ssl.SSLSocket, object]:
        plain, address = self.socket.accept()
        plain.settimeout(60)
        return self.tls.wrap_socket(plain, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, request: object, client_address: object) -> None:
        return


def main() -> None:
    options = argparse.ArgumentParser()
    for name in ("tcp", "certificate", "key", "clients"):
        options.add_argument(f"--{name}", required=True)
    asked = options.parse_args()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(asked.certificate, asked.key)
    tls.load_verify_locations(asked.clients)
    tls.verify_mode = ssl.CERT_REQUIRED
    host, _, port = asked.tcp.rpartition(":")
    server = Server((host, int(port)), Answers)
    server.tls = tls

    def drain(*_: object) -> None:
        DRAINING.set()
        threading.Timer(3.0, lambda: os._exit(0)).start()

    signal.signal(signal.SIGTERM, drain)
    print("listening", time.time(), file=sys.stderr, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
