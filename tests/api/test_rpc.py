# SPDX-License-Identifier: BSD-3-Clause
"""JSON-RPC of a test session: its methods, and whose the socket is."""
import json
import os
import socket
import stat
import subprocess
import sys
import threading
import time

import pytest

import nvme as d
from nvproof import rpc


@pytest.fixture
def server(tmp_path):
    one = rpc.Server(str(tmp_path / "s"))
    yield one
    one.close()


class Client:
    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(20)
        self.sock.connect(str(path))

    def send(self, raw):
        self.sock.sendall(raw)
        return json.loads(self.sock.recv(1 << 20))

    def call(self, method, params=()):
        request = {"id": 1234567890, "jsonrpc": "2.0", "method": method, "params": list(params)}
        answer = self.send(json.dumps(request).encode())
        assert answer["id"] == 1234567890 and answer["jsonrpc"] == "2.0"
        return answer.get("result", answer.get("error"))


def own(rows, nvme0):
    return [row for row in rows if row["ctrlr"] == nvme0.addr]


def test_list_all_qpair(server, nvme0):
    """One entry a queue that exists; its number is one more than the queue's."""
    client = Client(server.path)
    assert [row["qid"] - 1 for row in own(client.call("list_all_qpair"), nvme0)] == [0]
    q1, q2 = d.Qpair(nvme0, 8), d.Qpair(nvme0, 8)
    rows = own(client.call("list_all_qpair"), nvme0)
    assert [row["qid"] - 1 for row in rows] == [0, 1, 2]
    assert rows[0]["model"] == nvme0.id_data(63, 24, str) and rows[1]["outstanding"] == 0
    q1.delete()
    assert [row["qid"] - 1 for row in own(client.call("list_all_qpair"), nvme0)] == [0, 2]
    q2.delete()


def test_get_cmdlog(server, nvme0, nvme0n1, qpair, buf):
    """Two texts a command, the newest first."""
    client = Client(server.path)
    nvme0n1.read(qpair, buf, 0x1234).waitdone()
    nvme0n1.write(qpair, buf, 0)
    row = own(client.call("list_all_qpair"), nvme0)[1]
    assert row["outstanding"] == 1
    texts = client.call("get_cmdlog", [row["qpair"]])
    assert len(texts) == 4
    assert "[cmd001: Write]" in texts[0] and "not completed" in texts[1]
    assert "[cmd002: Read]" in texts[2] and "0x00001234" in texts[2] and "[cpl: SUCCESS]" in texts[3]
    assert texts[2].count("0x") == 16 and texts[3].count("0x") == 4
    qpair.waitdone()


def test_get_iostat(server, nvme0, nvme0n1, qpair, buf):
    """Bytes and commands a second since the last call; the script's own iostat() does not notice."""
    client = Client(server.path)
    nvme0.iostat()
    client.call("get_iostat")
    for _ in range(100):
        nvme0n1.read(qpair, buf, 0, 8).waitdone()
    size, ios = client.call("get_iostat")
    assert ios > 0 and size >= ios * 4096 * 0.9
    assert nvme0.iostat()[1] > 0


def test_while_the_script_waits(server, nvme0):
    """It answers while the main thread is in a wait for the device."""
    answers = []

    def ask():
        time.sleep(0.3)
        answers.append(Client(server.path).call("list_all_qpair"))

    thread = threading.Thread(target=ask)
    thread.start()
    nvme0.timeout = 1000
    cq = d.IOCQ(nvme0, 1, 4, d.PRP())
    with pytest.raises(TimeoutError):
        cq.waitdone(1, timeout=2)
    assert answers and own(answers[0], nvme0)
    thread.join()
    cq.delete()


def test_errors(server):
    """As JSON-RPC 2.0 has them; the connection goes on where it can."""
    client = Client(server.path)
    assert client.call("frobnicate")["code"] == -32601
    assert client.call("get_cmdlog")["code"] == -32602
    assert client.call("get_cmdlog", [10**9])["code"] == -32602
    assert client.send(b"[1]")["error"]["code"] == -32600
    client.sock.sendall(b'{"jsonrpc": "2.0", "method": "get_iostat"}')  # a notification: no answer
    client.sock.sendall(b'{"jsonrpc": "2.0", "id": 5, "me')
    assert client.send(b'thod": "get_iostat"}')["id"] == 5
    assert Client(server.path).send(b"hello")["error"]["code"] == -32700


def test_mode_and_owner(server, tmp_path):
    """Only its user may connect; a second session goes without; nothing else lies there."""
    assert stat.S_IMODE(os.lstat(server.path).st_mode) == 0o600
    assert os.listdir(tmp_path) == ["s"]
    with pytest.raises(OSError, match="in use"):
        rpc.Server(server.path)
    server.close()
    assert os.listdir(tmp_path) == []


def test_stale_and_strange(tmp_path):
    """What a killed session left is replaced; a file that is no socket stays as it is."""
    path = tmp_path / "s"
    left = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    left.bind(str(path))
    left.close()
    again = rpc.Server(str(path))
    again.close()
    path.write_text("precious")
    with pytest.raises(OSError):
        rpc.Server(str(path))
    assert path.read_text() == "precious"
    path.unlink()
    path.symlink_to(tmp_path / "nowhere")
    with pytest.raises(OSError):
        rpc.Server(str(path))
    assert os.listdir(tmp_path) == ["s"]


def test_served_by_the_session(tmp_path):
    """A session with device tests serves it from its first test to its end; importing serves nothing."""
    path = tmp_path / "s"
    code = "import nvme, nvproof.pytest_plugin, threading; assert threading.active_count() == 1"
    subprocess.run([sys.executable, "-c", code], check=True)
    (tmp_path / "test_it.py").write_text(
        f"""
import json, socket
import nvme as d
def call(method):
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.connect({str(path)!r})
    sock.sendall(json.dumps(dict(id=1, jsonrpc="2.0", method=method, params=[])).encode())
    return json.loads(sock.recv(4096))["result"]
def test_before(): assert call("list_all_qpair") == []
def test_with(pciaddr):
    pcie = d.Pcie(pciaddr)
    nvme0 = d.Controller(pcie)
    assert len(call("list_all_qpair")) == 1
    n = d.Namespace(nvme0)
    with n.ioworker(io_size=8, time=1):
        assert len(call("list_all_qpair")) == 2
    n.close()
    pcie.close()
    assert call("list_all_qpair") == []
"""
    )
    words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", f"--rpc={path}", "--results=off"]
    p = subprocess.run([sys.executable, *words], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert p.returncode == 0, p.stdout
    assert not path.exists()
