#!/bin/busybox sh
# SPDX-License-Identifier: BSD-3-Clause
# First process of the guest: the host's files below, memory on top, run the job, power off.
bb=/bin/busybox
$bb mount -t proc proc /proc
$bb mount -t sysfs sysfs /sys
$bb mount -t devtmpfs dev /dev
$bb echo "guest: up"
for m in /modules/*; do
	$bb insmod "$m" || $bb echo "init: $m cannot be loaded"
done
# The host's tree does not change while we look at it: pages may be cached.
p9=trans=virtio,version=9p2000.L,msize=524288,cache=loose
$bb mount -t 9p -o "ro,$p9" host /host || $bb echo "init: no host share"
$bb mount -t tmpfs tmpfs /upper
$bb mkdir /upper/up /upper/work
$bb mount -t overlay -o lowerdir=/host,upperdir=/upper/up,workdir=/upper/work overlay /root || $bb echo "init: no overlay"
for d in proc sys dev; do $bb mount --move /$d /root/$d; done
$bb mkdir -p /root/dev/shm /root/dev/pts
for d in run dev/shm; do $bb mount -t tmpfs tmpfs /root/$d; done
$bb mkdir /root/run/out
$bb mount -t 9p -o trans=virtio,version=9p2000.L,msize=524288 out /root/run/out || $bb echo "init: no out share"
$bb ip link set lo up
$bb chroot /root /bin/sh /run/out/job.sh </root/dev/null >/root/run/out/log 2>&1
$bb echo $? >/root/run/out/status
$bb sync
$bb poweroff -f
