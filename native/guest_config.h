/*
 * The guest's configuration: /config in the root the kernel begins with, read by init.
 *
 * A run of NUL-terminated strings: GUEST_HEADER, key=value records, "end". Those with a + may come as
 * often as wanted and count in their order.
 *
 *   hostname=NAME
 *   module=FILE +       loaded first, in this order
 *   root=hostfs:DIR     of the root the kernel begins with (a hostfs of the sandbox), or
 *   root=block:DEVICE   as /dev/ubda: ext4, squashfs or erofs, found by trying
 *   write=overlay       changes stay in the guest's memory (an overlay, its upper layer a tmpfs);
 *                       write=through: the root itself is written
 *   nosuid=yes          no set-id bit of the root counts: who owns its files on the host is not known in
 *                       the guest, where all but the caller are nobody
 *   mount=hostfs:DIR    a folder or file of the root the kernel begins with,
 *   at=PATH             where it comes to in the guest (made where it is missing),
 *   mode=ro|rw          three records each, in this order +
 *   swap=DEVICE         made a swap area (a block device of zeros) and switched on
 *   pids=N              tasks that commands, or the root's init, may have (init_pids.h)
 *   link=vec1           the network: renamed eth0, and up, with
 *   address=IP/LENGTH + gateway=IP +  of both families
 *   hosts=TEXT resolv=TEXT            the guest's /etc/hosts and /etc/resolv.conf, laid over what the
 *                       root has (the file is made if it can be)
 *   seed=HEX            of the guest's random numbers: at most GUEST_SEED_MAX bytes, all of them secret
 *   init=FILE           the root's own init takes over as process 1; init.c's part goes on beside it
 *   shell=FILE          on /dev/tty1, once somebody presses Enter there, again after each end
 *
 * Then init moves into the root, with proc, sysfs, devtmpfs, devpts, /dev/shm and cgroup2 mounted
 * (for init=FILE only proc, sys and dev, which every init takes as they are), and says HELLO.
 */
#ifndef COMPART_GUEST_CONFIG_H
#define COMPART_GUEST_CONFIG_H

#define GUEST_HEADER "compart-guest/1"
#define GUEST_SEED_MAX 64
#define GUEST_BYTES_MAX ((size_t)256 * 1024)

#endif
