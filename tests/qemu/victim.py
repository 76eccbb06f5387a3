# SPDX-License-Identifier: BSD-3-Clause
"""What gets killed: attach, check, then I/O of this process and of a worker until the end.  "once": end after the check."""
import sys
import time

import nvme as d


def main(addr, once):
    nvme0 = d.Controller(d.Pcie(addr))
    ns = d.Namespace(nvme0, 1)
    qpair = d.Qpair(nvme0, 16)
    out, back = d.Buffer(4096, pvalue=int(time.time()), ptype=32), d.Buffer(4096)
    ns.write(qpair, out, 8, 8).waitdone()
    ns.read(qpair, back, 8, 8).waitdone()
    assert back[:] == out[:]
    print("ready", flush=True)
    if once:
        return
    worker = ns.ioworker(io_size=8, read_percentage=50, qdepth=8, region_start=64, time=60).start()
    while worker.running:
        ns.write(qpair, out, 8, 8).waitdone()
        ns.read(qpair, back, 8, 8).waitdone()


if __name__ == "__main__":
    main(sys.argv[1], "once" in sys.argv)
