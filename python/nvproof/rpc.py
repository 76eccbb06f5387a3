# SPDX-License-Identifier: BSD-3-Clause
"""JSON-RPC 2.0 on a UNIX socket: what an editor's side panel asks of a running test session.

    list_all_qpair          [{"ctrlr", "qid" (its number + 1), "outstanding" (100 at most), "qpair", "model"}, ...]
    get_iostat              [bytes/s, IOPS] since the last time it was asked
    get_cmdlog [qpair]      the last 128 commands of a queue, newest first: two texts each, command and completion

The pytest plugin serves it while a session with device tests runs (option --rpc).  The file has mode 0600.  Whoever has the path
keeps it: a second session goes without.  What a killed session left there is noticed and replaced.
"""
import json
import logging
import os
import shutil
import socket
import stat
import struct
import tempfile
import threading
import time
from typing import Any

from . import cmdlogs, controller

PATH = "/var/tmp/pynvme.sock"

_SHOWN_OUTSTANDING = 100
_SHOWN_COMMANDS = 128
_MAX_REQUEST = 1 << 20
_PARSE_ERROR, _INVALID_REQUEST, _NO_METHOD, _INVALID_PARAMS = -32700, -32600, -32601, -32602

log = logging.getLogger("nvproof")


class RpcError(Exception):
    """What a request gets for an answer: code and text of JSON-RPC 2.0."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


def _listen(path: str) -> socket.socket:
    """The socket, bound.  It appears at the path at once and with its mode: it is made in a folder of our own first."""
    folder = tempfile.mkdtemp(prefix=".nvproof-rpc-", dir=os.path.dirname(path))
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        made = os.path.join(folder, "s")
        sock.bind(made)
        os.chmod(made, 0o600)
        sock.listen(8)
        _make_room(path)
        os.link(made, path)
    except BaseException:
        sock.close()
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return sock


def _make_room(path: str) -> None:
    """Remove a socket that nobody listens to any more.  FileExistsError: it is in use, or no socket."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode) or found.st_uid != os.geteuid():
        raise FileExistsError(f"{path} is no socket of this user")
    probe = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    probe.settimeout(1)
    try:
        probe.connect(path)
    except ConnectionRefusedError:
        os.unlink(path)
        return
    except OSError as e:
        raise FileExistsError(f"{path}: {e}") from None
    finally:
        probe.close()
    raise FileExistsError(f"{path} is in use by another session")


class Server:
    """Serves `path` from a thread until close().  OSError: the path is taken, or cannot be made."""

    def __init__(self, path: str = PATH) -> None:
        self.path = path
        self._pid = os.getpid()
        self._sock = _listen(path)
        self._inode = os.lstat(path).st_ino
        self._last = time.monotonic(), 0, 0
        self._clients: set[socket.socket] = set()
        threading.Thread(target=self._accept, name="nvproof rpc", daemon=True).start()

    def close(self) -> None:
        """Serve no more, and take the file away if it is still ours."""
        if self._pid != os.getpid():  # a forked child's copy
            return
        try:
            if os.lstat(self.path).st_ino == self._inode:
                os.unlink(self.path)
        except OSError:
            pass
        for sock in (self._sock, *self._clients):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self._sock.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._sock.accept()
            except OSError:
                return
            self._clients.add(client)
            threading.Thread(target=self._serve, args=(client,), name="nvproof rpc", daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        """Requests follow each other without a separator."""
        decoder, data = json.JSONDecoder(), ""
        try:
            while len(data) < _MAX_REQUEST and (part := client.recv(65536)):
                data = (data + part.decode("utf-8", "replace")).lstrip()
                while data:
                    try:
                        request, end = decoder.raw_decode(data)
                    except ValueError:
                        if data[0] not in "{[":
                            client.sendall(_answer(None, error=(_PARSE_ERROR, "this is not JSON")))
                            return
                        break  # the rest of it is to come
                    data = data[end:].lstrip()
                    if (answer := self._handle(request)) is not None:
                        client.sendall(answer)
        except OSError:
            pass
        finally:
            self._clients.discard(client)
            client.close()

    def _handle(self, request: Any) -> bytes | None:
        if not isinstance(request, dict) or not isinstance(request.get("method"), str):
            return _answer(None, error=(_INVALID_REQUEST, "a request is an object with a method"))
        methods = {
            "list_all_qpair": self._list_all_qpair,
            "get_iostat": self._get_iostat,
            "get_cmdlog": self._get_cmdlog,
        }
        number = request.get("id")
        try:
            if request["method"] not in methods:
                raise RpcError(_NO_METHOD, f"no method {request['method']}: {', '.join(methods)}")
            result = methods[request["method"]](request.get("params") or [])
        except RpcError as e:
            return None if number is None else _answer(number, error=(e.code, str(e)))
        return None if number is None else _answer(number, result=result)

    # --- methods; another thread is in the middle of a test: only memory is read, nothing is sent ---

    def _list_all_qpair(self, params: Any) -> list[dict[str, Any]]:
        models = {}
        for nvme in list(controller.live):
            if not nvme.closed:
                models[nvme.addr] = nvme.totals()[2].decode("ascii", "replace").strip("\0 ")
        view = _own_logs()
        queues = [q for q in view.queues() if q.alive] if view else []
        out = []
        for queue in sorted(queues, key=lambda q: (q.ctrlr, q.qid)):
            waiting = sum(c.outstanding for c in view.read([queue])) if view else 0
            out.append(
                {
                    "ctrlr": queue.addr,
                    "qid": queue.qid + 1,
                    "outstanding": min(waiting, _SHOWN_OUTSTANDING),
                    "qpair": queue.number + 1,
                    "model": models.get(queue.addr, ""),
                }
            )
        return out

    def _get_iostat(self, params: Any) -> list[int]:
        ios = size = 0
        for nvme in list(controller.live):
            if not nvme.closed:
                n, b, _ = nvme.totals()
                ios, size = ios + n, size + b
        now, (then, last_ios, last_size) = time.monotonic(), self._last
        self._last = now, ios, size
        seconds = max(now - then, 1e-6)
        return [int(max(0, size - last_size) / seconds), int(max(0, ios - last_ios) / seconds)]

    def _get_cmdlog(self, params: Any) -> list[str]:
        if not isinstance(params, list) or len(params) != 1 or not isinstance(params[0], int):
            raise RpcError(_INVALID_PARAMS, "get_cmdlog has one parameter: the qpair of list_all_qpair")
        view = _own_logs()
        queues = [q for q in view.queues() if q.number + 1 == params[0]] if view else []
        if not view or not queues:
            raise RpcError(_INVALID_PARAMS, f"there is no qpair {params[0]}")
        out = []
        for n, command in enumerate(view.read(queues, _SHOWN_COMMANDS), 1):
            out += [_command_text(n, command), _completion_text(command)]
        return out


def _own_logs() -> cmdlogs.ProcessLog | None:
    try:
        return cmdlogs.ProcessLog(os.getpid())
    except OSError:
        return None  # no device was opened yet


def _answer(number: Any, result: Any = None, error: tuple[int, str] | None = None) -> bytes:
    body: dict[str, Any] = {"jsonrpc": "2.0", "id": number}
    if error:
        body["error"] = {"code": error[0], "message": error[1]}
    else:
        body["result"] = result
    return json.dumps(body).encode() + b"\n"


def _time_text(ns: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(ns // 10**9)) + f".{ns // 1000 % 10**6:06d}"


def _dword_lines(data: bytes) -> str:
    dwords = [f"0x{dword:08x}" for (dword,) in struct.iter_unpack("<I", data)]
    return "\n".join(", ".join(dwords[i : i + 4]) for i in range(0, len(dwords), 4))


def _command_text(n: int, command: cmdlogs.Command) -> str:
    name = command.decoded()["command"]
    return f"{_time_text(command.submit_ns)} [cmd{n:03d}: {name}]\n{_dword_lines(command.sqe)}"


def _completion_text(command: cmdlogs.Command) -> str:
    if command.outstanding:
        return "not completed\n...\n"
    status = command.decoded()["status_text"]
    return f"{_time_text(command.complete_ns)}: [cpl: {status}]\n{_dword_lines(command.cqe)}\n"
