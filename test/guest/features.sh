#!/bin/busybox sh
# Prints one line for each feature of the kernel: `NAME ok`, or `NAME` and why not. PID 1 of a guest.
busybox mkdir -p /proc /sys /dev /tmp /cg1 /cg2 /mnt
busybox mount -t proc proc /proc
busybox mount -t sysfs sysfs /sys
busybox mount -t devtmpfs dev /dev
busybox mount -t tmpfs tmpfs /tmp
busybox mkdir -p /dev/pts
export PATH=/bin TMPDIR=/tmp
busybox --install -s /tmp 2>/dev/null
PATH=/bin:/tmp

try() { # NAME COMMAND...
	name=$1
	shift
	if said=$("$@" 2>&1); then echo "$name ok"; else echo "$name $said" | head -n 1; fi
}
has() { grep -qw -- "$1" "$2"; }

for fs in hostfs overlay ext4 squashfs erofs 9p fuse virtiofs autofs tmpfs devtmpfs devpts mqueue binfmt_misc cgroup cgroup2 bpf; do
	try "fs-$fs" has "$fs" /proc/filesystems
done
try devpts mount -t devpts devpts /dev/pts
try mqueue mount -t mqueue mqueue /mnt
umount /mnt
try binfmt_misc mount -t binfmt_misc binfmt /proc/sys/fs/binfmt_misc
try bpffs mount -t bpf bpf /mnt
umount /mnt

# Version 1 first, each controller alone, then all of them in version 2.
mount -t tmpfs cg1 /cg1
for controller in cpu cpuacct memory blkio devices freezer pids net_cls net_prio rdma misc; do
	mkdir "/cg1/$controller"
	try "v1-$controller" mount -t cgroup -o "$controller" cgroup "/cg1/$controller"
	umount "/cg1/$controller"
done
mount -t cgroup2 cgroup2 /cg2
for controller in cpu io memory pids rdma misc; do
	try "v2-$controller" has "$controller" /cg2/cgroup.controllers
done
echo '+cpu +io +memory +pids' >/cg2/cgroup.subtree_control
mkdir /cg2/x
for file in cpu.max cpu.weight io.max io.latency memory.max memory.high memory.swap.max pids.max cgroup.freeze cgroup.kill \
	cpu.pressure memory.pressure io.pressure; do
	try "v2-$file" test -e "/cg2/x/$file"
done
for kind in cpu memory io; do try "psi-$kind" has some "/proc/pressure/$kind"; done

try config.gz sh -c 'zcat /proc/config.gz | grep -q CONFIG_UML=y'
try exitcode test -w /proc/exitcode
try mconsole test -w /proc/mconsole
try sysrq test -w /proc/sysrq-trigger
try kallsyms grep -q ' panic$' /proc/kallsyms
try smaps grep -q ^Pss: /proc/self/smaps
try vmstat grep -q ^pswpout /proc/vmstat
for device in null zero random urandom tty ptmx fuse autofs loop-control net/tun zram0 ubda ubdb ttyS1; do
	try "dev-$device" test -c "/dev/$device" -o -b "/dev/$device"
done
try partition test -b /dev/ubdb1
for driver in platform/drivers/virtio-uml virtio/drivers/virtio_blk virtio/drivers/virtio_net virtio/drivers/virtiofs; do
	try "${driver##*/}" test -e "/sys/bus/$driver"
done

try ext4 mount -t ext4 /dev/ubda /mnt
try ext4-write sh -c 'echo hello >/mnt/hello && cat /mnt/hello'
umount /mnt
for kind in squashfs erofs; do
	losetup -f "/image.$kind"
	try "$kind" mount -t "$kind" -o ro /dev/loop0 /mnt
	try "$kind-read" cmp /mnt/ip /bin/ip
	umount /mnt
	losetup -d /dev/loop0
done
for algorithm in lzo lzo-rle lz4 zstd; do try "zram-$algorithm" has "$algorithm" /sys/block/zram0/comp_algorithm; done
echo 16M >/sys/block/zram0/disksize
mkswap /dev/zram0 >/dev/null
try swap-on-zram swapon /dev/zram0
try swap has zram0 /proc/swaps

# With the path, as busybox has an ip of its own.
try loopback /bin/ip link set lo up
try vector /bin/ip link show vec0
try veth /bin/ip link add a0 type veth peer name b0
try bridge /bin/ip link add br0 type bridge
try bridge-port /bin/ip link set a0 master br0
try ipv6 /bin/ip -6 addr add fd00::1/64 dev b0
try tbf /bin/tc qdisc replace dev a0 root handle 1: tbf rate 10mbit burst 16kb latency 50ms
try fq_codel /bin/tc qdisc replace dev a0 parent 1:1 fq_codel
try netem /bin/tc qdisc replace dev b0 root netem delay 10ms loss 1%
try nftables nft -f /features.nft
try nftables-list nft list ruleset
/features
echo end
poweroff -f
