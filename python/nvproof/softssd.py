# SPDX-License-Identifier: BSD-3-Clause
"""A private software SSD: the program nvproof-ssd, started and ended by this process."""
import itertools
import json
import os
import select
import shutil
import socket
import subprocess
import tempfile
from types import TracebackType
from typing import Any, Sequence

from . import programs

_READY_S = 10.0  # how long nvproof-ssd may take to start
_STOP_S = 5.0  # and to stop
_ANSWER_S = 10.0  # and to answer on its control socket


class ControlError(RuntimeError):
    """The control socket cannot be used, or refused a request."""


def control(path: str, method: str, **params: Any) -> Any:
    """One JSON-RPC 2.0 request on a control socket.  ControlError: nobody there, no answer, or refused."""
    request = {"jsonrpc": "2.0", "id": next(_ids), "method": method, "params": params}
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
            s.settimeout(_ANSWER_S)
            s.connect(path)
            s.sendall(json.dumps(request).encode() + b"\n")
            answer = json.loads(_line(s))
    except (OSError, ValueError) as e:
        raise ControlError(f"{path}: {method}: {e}") from None
    if "error" in answer:
        raise ControlError(f"{path}: {method}: {answer['error'].get('message', answer['error'])}")
    return answer.get("result")


_ids = itertools.count(1)


def _line(s: socket.socket) -> bytes:
    data = b""
    while not data.endswith(b"\n"):
        part = s.recv(65536)
        if not part:
            break
        data += part
    return data


class SoftwareSSD:
    """A software SSD in a process of its own; `with` ends it.

    size: of each namespace, as text; lba: 512 or 4096; None: what the profile says, 1G and 512 without one.  ns: how many.
    ctrlrs: controllers of the one subsystem.
    profile: what drive it is ("ram", "null", "slow", ..., or a file); image: the data is in this file, made when it is missing.
    args: more options of nvproof-ssd.
    RuntimeError: it does not start, and why.
    """

    def __init__(
        self,
        size: str | None = None,
        ns: int | str = 1,
        ctrlrs: int = 1,
        profile: str | None = None,
        image: str | os.PathLike[str] | None = None,
        lba: int | None = None,
        args: Sequence[str] = (),
    ) -> None:
        self._dir = tempfile.mkdtemp(prefix="nvproof-")
        self._lifeline = -1
        self._process: subprocess.Popen[bytes] | None = None
        sockets = [os.path.join(self._dir, f"{i}.sock") for i in range(ctrlrs)]
        self.addrs = [f"vfu:{s}" for s in sockets]
        self.control_path = sockets[0] + ".ctl"
        command = [
            programs.find("nvproof-ssd"),
            "--quiet",
            "--run-dir",
            self._dir,
            "--ns",
            str(ns),
        ]
        if size or not profile:
            command += ["--size", str(size or "1G")]
        if lba or not profile:
            command += ["--lba", str(lba or 512)]
        for path in sockets:
            command += ["--socket", path]
        if profile:
            command += ["--profile", profile]
        if image:
            command += ["--image", os.fspath(image), "--create"]
        try:
            self._start([*command, *args])
        except BaseException:
            self.close()
            raise

    def _start(self, command: list[str]) -> None:
        ready, ready_child = os.pipe()
        lifeline_child, self._lifeline = os.pipe()
        try:
            command += ["--ready-fd", str(ready_child), "--lifeline-fd", str(lifeline_child)]
            # A group of its own: an interrupt at the terminal is for the script, which then closes the device in order.
            # No session of its own: Linux (autogroup) gives each session the same share of a core, and a device that has a
            # core to share with workers got two thirds of it instead of what they leave when they give way.
            self._process = subprocess.Popen(
                command,
                pass_fds=(ready_child, lifeline_child),
                stdin=subprocess.DEVNULL,
                process_group=0,
            )
        finally:
            os.close(ready_child)
            os.close(lifeline_child)
        try:
            said = self._wait_ready(ready)
        finally:
            os.close(ready)
        if not said.startswith("ready"):
            raise RuntimeError(f"nvproof-ssd: {said.removeprefix('error: ').strip() or 'it ended at once'}")

    @staticmethod
    def _wait_ready(fd: int) -> str:
        data = b""
        while not data.endswith(b"\n"):
            if not select.select([fd], [], [], _READY_S)[0]:
                return f"error: not ready after {_READY_S:.0f} s"
            part = os.read(fd, 4096)
            if not part:
                break
            data += part
        return data.decode(errors="replace")

    @property
    def pid(self) -> int:
        """Of the process."""
        assert self._process is not None
        return self._process.pid

    def control(self, method: str, **params: Any) -> Any:
        """A request on the control socket: power_off, power_on, stats, temperature, info."""
        return control(self.control_path, method, **params)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def close(self) -> None:
        """End it and remove its directory.  Again is fine."""
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1
        if self._process is not None:
            try:
                self._process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                self.kill()
        shutil.rmtree(self._dir, ignore_errors=True)

    def __enter__(self) -> "SoftwareSSD":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, e: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_process", None) is not None:
            self.close()
