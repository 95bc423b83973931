"""A real HTTP server on this machine whose answers go wrong in a named way."""

from __future__ import annotations

import http.server
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

CONTENT = bytes(range(256)) * 4000  # 1,024,000 bytes
PAGE = b"<html><body>Please sign in</body></html>"


class _Handler(http.server.BaseHTTPRequestHandler):
    """The first part of the path names the fault; `/good` has none."""

    server: FaultServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        fault = self.path.strip("/").partition("?")[0]
        self.server.asked.append((fault, self.headers.get("Range")))
        with suppress(BrokenPipeError, ConnectionResetError):
            getattr(self, fault.replace("-", "_"), self.serve)(fault)
        self.close_connection = True

    # --- what is said before the bytes ---

    def begin(self) -> int:
        """Honour a Range header; the first byte to send."""
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(asked[1]) if asked else 0
        body = self.server.body
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        return start

    def serve(self, fault: str) -> None:
        """Everything, or what is named by the fault: a wrong byte, a cut, a slow line."""
        start = self.begin()
        body = self.server.body[start:]
        if fault == "wrong-byte":
            body = body[:-10] + bytes([body[-10] ^ 1]) + body[-9:]
        elif fault == "wrong-first-half":
            body = bytes(len(body) // 2)
        elif fault.startswith("cut-after-"):
            body = body[: int(fault.removeprefix("cut-after-"))]
        rate = int(fault.removeprefix("rate-")) if fault.startswith("rate-") else 0
        step = rate // 20 or len(body)
        for k in range(0, len(body), max(step, 1)):
            self.wfile.write(body[k : k + step])
            time.sleep(0.05 if rate else 0)

    # --- faults of the answer itself ---

    def plain(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content_Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def no_range(self, _: str) -> None:
        self.plain(self.server.body)

    def no_range_cut(self, _: str) -> None:
        self.plain(self.server.body[:400_000], Content_Length=str(len(self.server.body)))

    def other_range(self, _: str) -> None:
        self.plain(
            self.server.body[7:], 206, Content_Range=f"bytes 7-{len(self.server.body) - 1}/{len(self.server.body)}"
        )

    def no_416(self, _: str) -> None:
        if self.headers.get("Range"):
            self.plain(b"", 416)
        else:
            self.plain(self.server.body)

    def html(self, _: str) -> None:
        self.plain(PAGE, Content_Type="text/html; charset=utf-8")

    def html_unnamed(self, _: str) -> None:
        self.plain(PAGE)

    def missing(self, _: str) -> None:
        self.plain(PAGE, 404, Content_Type="text/html")

    def broken(self, _: str) -> None:
        self.plain(b"", 500)

    def forbidden(self, _: str) -> None:
        self.plain(b"", 403)

    def loop(self, _: str) -> None:
        self.plain(b"", 302, Location="/loop")

    def to_good(self, _: str) -> None:
        self.plain(b"", 302, Location="/good")

    def to_file(self, _: str) -> None:
        self.plain(b"", 302, Location="file:///etc/hostname")

    def long_claim(self, _: str) -> None:
        self.plain(self.server.body, Content_Length=str(len(self.server.body) + 100))

    def short_claim(self, _: str) -> None:
        self.plain(self.server.body, Content_Length=str(len(self.server.body) - 100))

    def too_long(self, _: str) -> None:
        self.plain(self.server.body + b"more")

    def unsaid_length(self, _: str) -> None:
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(self.server.body)

    def unsaid_and_endless(self, _: str) -> None:
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        while True:
            self.wfile.write(bytes(1 << 20))

    def chunked(self, _: str) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        body = self.server.body
        self.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))

    def zipped(self, _: str) -> None:
        self.plain(self.server.body, Content_Encoding="gzip")

    def stall(self, _: str) -> None:
        self.begin()
        self.server.over.wait(60)

    def stall_midway(self, _: str) -> None:
        start = self.begin()
        self.wfile.write(self.server.body[start : start + 300_000])
        self.server.over.wait(60)

    def silent(self, _: str) -> None:
        self.server.over.wait(60)

    def hang_up(self, _: str) -> None:
        self.connection.close()

    def nonsense(self, _: str) -> None:
        self.wfile.write(b"220 this is a mail server\r\n")

    def log_message(self, *_: object) -> None:
        pass


class FaultServer(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, body: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.body, self.over = body, threading.Event()
        self.asked: list[tuple[str, str | None]] = []

    def url(self, fault: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{fault}"

    def handle_error(self, *_: object) -> None:
        pass  # a client that hangs up is what these tests are about


@contextmanager
def serving(body: bytes = CONTENT) -> Iterator[FaultServer]:
    server = FaultServer(body)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        server.server_close()
