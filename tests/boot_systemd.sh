#!/usr/bin/env bash
# Boots this machine's systemd as PID 1 in new namespaces, on a temporary layer over this machine's files.
#
#   boot_systemd.sh BASE OPT GROUP
#
# BASE is an empty folder for the layer (a tmpfs), OPT is a folder that becomes /opt inside, and GROUP is the name
# of the control group of all processes inside; the caller removes it. Needs root. The child of this process is
# PID 1 inside: kill it to end everything.
set -euo pipefail

outside() {
    local mount controllers
    while read -r mount controllers; do
        mkdir -p "$mount/$group"
        echo $$ > "$mount/$group/cgroup.procs"
    done < <(hierarchies)
    exec unshare --mount --propagation private --pid --fork --kill-child=SIGKILL --cgroup --ipc --uts --net \
        "$0" "$base" "$opt" "$group" inside
}

# Mount point and options of each control group hierarchy, without cpuset, which needs settings first.
hierarchies() { awk '$3 ~ /^cgroup2?$/ && $4 !~ /cpuset/ { print $2, $3 == "cgroup2" ? "v2" : $4 }' /proc/mounts; }

inside() {
    root=$base/root
    local listed
    listed=$(hierarchies)
    mount -t tmpfs tmpfs "$base"
    mkdir "$base/upper" "$base/work" "$root"
    mount -t overlay overlay -o "lowerdir=/,upperdir=$base/upper,workdir=$base/work" "$root"
    mount -t proc proc "$root/proc"
    mount -t sysfs -o ro sysfs "$root/sys"
    mount -t tmpfs -o mode=755 tmpfs "$root/run"
    mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
    devices
    control_groups
    # Read-only: kernel settings belong to the whole machine.
    mount --bind "$root/proc/sys" "$root/proc/sys"
    mount -o remount,bind,ro "$root/proc/sys"
    mount --bind "$opt" "$root/opt"
    configuration
    ip link set lo up
    cd "$root"
    mkdir -p .outside
    pivot_root . .outside
    umount -l /.outside
    # systemd mounts credentials in another process; the mounts must become visible here.
    mount --make-rshared /
    exec env -i container=webhookd-test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        /lib/systemd/systemd --system --unit=multi-user.target < /dev/null > /dev/null 2>&1
}

# New device nodes: systemd changes their modes, and must not change those of the machine.
devices() {
    mount -t tmpfs -o mode=755 tmpfs "$root/dev"
    local name minor
    for name in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0; do
        minor=${name##*:}
        mknod -m 666 "$root/dev/${name%%:*}" c "$(cut -d: -f2 <<< "$name")" "$minor"
    done
    mkdir "$root/dev/pts" "$root/dev/shm"
    mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
    mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
    ln -s pts/ptmx "$root/dev/ptmx"
    ln -s /proc/self/fd "$root/dev/fd"
}

# The same hierarchies as outside, each from GROUP down, so that memory and task limits work.
control_groups() {
    local top=$root/sys/fs/cgroup mount kind
    if [ "$(wc -l <<< "$listed")" = 1 ]; then
        mount -t cgroup2 cgroup2 "$top"
        return
    fi
    mount -t tmpfs -o mode=755 tmpfs "$top"
    while read -r mount kind; do
        mount=$top/${mount##*/}
        mkdir "$mount"
        case $kind in
            v2) mount -t cgroup2 cgroup2 "$mount" ;;
            *name=*) mount -t cgroup -o none,name="${kind##*name=}" cgroup "$mount" ;;
            *) mount -t cgroup -o "${mount##*/}" cgroup "$mount" ;;
        esac
    done <<< "$listed"
}

# No service of this machine starts inside, and nothing inside changes what both share.
configuration() {
    local unit
    : > "$root/etc/fstab"
    tr -d - < /proc/sys/kernel/random/uuid > "$root/etc/machine-id"
    rm -f "$root"/etc/systemd/system/*.target.wants/*
    for unit in console-getty.service getty.target systemd-timesyncd.service systemd-sysctl.service \
        systemd-modules-load.service systemd-remount-fs.service; do
        ln -sf /dev/null "$root/etc/systemd/system/$unit"
    done
}

base=$1 opt=$2 group=$3
"${4:-outside}"
