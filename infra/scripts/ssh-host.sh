#!/usr/bin/env bash
# Hosts for tests: each with its own network, processes, host name and file systems, an sshd and,
# where wanted, a Docker Engine. Needs root, iproute2, util-linux and openssh-server.
#
#   ssh-host.sh network NETWORK             a bridge; NETWORK is a directory, gets the file subnet (such as 172.30.3)
#   ssh-host.sh start HOST NETWORK NUMBER   boots HOST, a directory made at the first start; its address is
#                                           SUBNET.NUMBER. Settings, each a file in HOST before the first start:
#                                             authorized_keys   of root, and of the user
#                                             user              name of a user; without "sudo" it can't become root
#                                             sudo              the user becomes root without a password
#                                             docker            a Docker Engine is started
#                                             disk-size         size of the disk for the agent, such as 64m
#                                             clock             seconds by which `date` is wrong
#                                             sshd_config       more lines of sshd's configuration
#                                             user-data         what a cloud gave it: run once, by root, as cloud-init
#                                                               does with a script; what it says is in user-data.log
#                                             images/NAME.tar   file systems of images, imported as NAME:latest
#   ssh-host.sh cut HOST | join HOST        takes its cable out, puts it back
#   ssh-host.sh stop HOST                   power off: nothing of it is ended first
#   ssh-host.sh end NETWORK                 removes the bridge; the hosts have been stopped
set -euo pipefail

fail() {
  printf '%s\n' "$1" >&2
  exit 1
}

network() {
  local n name
  mkdir -p "$1"
  for ((n = 1; n < 200; n++)); do
    name=dstack-s$n
    if [ -z "$(ip route show "172.30.$n.0/24")" ] && ip link add "$name" type bridge 2> /dev/null; then
      ip address add "172.30.$n.1/24" dev "$name"
      ip link set "$name" up
      printf '%s\n' "$name" > "$1/bridge"
      printf '172.30.%s\n' "$n" > "$1/subnet"
      return
    fi
  done
  fail "no bridge could be made"
}

# Once for each host, on what will be its disk.
furnish() { # HOST
  local user
  mkdir -p "$1/disk/agent" "$1/disk/docker" "$1/disk/root/.ssh" "$1/disk/home"
  cp -a /etc "$1/disk/etc"
  rm -f "$1/disk/etc/ssh/ssh_host_"* "$1/disk/etc/sudoers.d/"* "$1/disk/etc/nologin"
  for user in ed25519 ecdsa; do
    ssh-keygen -q -t "$user" -N '' -f "$1/disk/etc/ssh/ssh_host_${user}_key"
  done
  cat > "$1/disk/etc/ssh/sshd_config" << END
Port 22
HostKey /etc/ssh/ssh_host_ed25519_key
HostKey /etc/ssh/ssh_host_ecdsa_key
PidFile /run/sshd.pid
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
StrictModes yes
MaxStartups 100
Subsystem sftp internal-sftp
END
  [ ! -e "$1/sshd_config" ] || cat "$1/sshd_config" >> "$1/disk/etc/ssh/sshd_config"
  touch "$1/authorized_keys"
  cp "$1/authorized_keys" "$1/disk/root/.ssh/authorized_keys"
  chmod 700 "$1/disk/root" "$1/disk/root/.ssh"
  chmod 600 "$1/disk/root/.ssh/authorized_keys"
  chown -R 0:0 "$1/disk/root"
  if [ -e "$1/user" ]; then
    user=$(< "$1/user")
    printf '%s:x:2345:2345::/home/%s:/bin/sh\n' "$user" "$user" >> "$1/disk/etc/passwd"
    printf '%s:x:2345:\n' "$user" >> "$1/disk/etc/group"
    printf '%s:*:19000:0:99999:7:::\n' "$user" >> "$1/disk/etc/shadow"
    mkdir -p "$1/disk/home/$user/.ssh"
    cp "$1/authorized_keys" "$1/disk/home/$user/.ssh/authorized_keys"
    chmod 700 "$1/disk/home/$user/.ssh"
    chown -R 2345:2345 "$1/disk/home/$user"
    # Root is not to be the way in.
    : > "$1/disk/root/.ssh/authorized_keys"
    mkdir -p "$1/disk/etc/sudoers.d"
    [ ! -e "$1/sudo" ] || printf '%s ALL=(ALL) NOPASSWD: ALL\n' "$user" > "$1/disk/etc/sudoers.d/$user"
  fi
  : > "$1/furnished"
}

start() { # HOST NETWORK NUMBER
  local host bridge subnet net link
  host=$(realpath -m -- "$1")
  mkdir -p "$host"
  bridge=$(< "$2/bridge")
  subnet=$(< "$2/subnet")
  net=$bridge-$3
  link=${bridge#dstack-}h$3
  [ -e "$host/furnished" ] || furnish "$host"
  printf '%s\n' "$net" > "$host/net"
  printf '%s\n' "$link" > "$host/link"
  ip netns add "$net"
  # The same at each start: nobody has to find out that the card behind an address is another one.
  ip link add "$link" type veth peer name eth0 \
    address "$(printf '02:64:73:74:%02x:%02x' "${bridge#dstack-s}" "$3")" netns "$net"
  ip link set "$link" master "$bridge" up
  ip -n "$net" link set lo up
  ip -n "$net" address add "$subnet.$3/24" dev eth0
  ip -n "$net" link set eth0 up
  ip -n "$net" route add default via "$subnet.1"
  rm -f "$host/up"
  # Whatever it starts ends with its first process.
  # Not by "ip netns exec", which would take the control groups away that Docker needs.
  setsid nsenter --net="/run/netns/$net" unshare --mount --uts --ipc --pid --fork --kill-child --propagation private \
    /bin/bash "$0" inside "$host" "$net" < /dev/null > "$host/console" 2>&1 &
  printf '%s\n' "$!" > "$host/pid"
  local i
  for ((i = 0; i < 600; i++)); do
    [ ! -e "$host/up" ] || return 0
    kill -0 "$(< "$host/pid")" 2> /dev/null || break
    sleep 0.1
  done
  fail "the host did not boot: $(tail -n 5 "$host/console")"
}

# The first process of a host.
inside() { # HOST NAME
  local host=$1 dockerd=0
  mount -t proc proc /proc
  hostname "$2"
  # Nobody here answers questions about names.
  printf '127.0.0.1 localhost %s\n' "$2" > "$host/disk/etc/hosts"
  : > "$host/disk/etc/resolv.conf"
  cat /proc/sys/kernel/random/uuid > "$host/boot_id"
  mount --bind "$host/boot_id" /proc/sys/kernel/random/boot_id
  mkdir -p /var/lib/dstack-agent /var/lib/docker
  if [ -e "$host/disk-size" ]; then
    mount -t tmpfs -o "size=$(< "$host/disk-size")" tmpfs "$host/disk/agent"
  fi
  mount --bind "$host/disk/agent" /var/lib/dstack-agent
  mount --bind "$host/disk/docker" /var/lib/docker
  mount --bind "$host/disk/home" /home
  if [ -e "$host/clock" ]; then
    mkdir -p "$host/disk/bin"
    printf '#!/bin/sh\nexec /bin/date --date="%s seconds" "$@"\n' "$(< "$host/clock")" > "$host/disk/bin/date"
    chmod 755 "$host/disk/bin/date"
    mount --bind "$host/disk/bin" /usr/local/bin
  fi
  if [ -e "$host/disks" ]; then
    # Its own view of the names that a cloud's disks get.
    mkdir -p /dev/disk/by-id
    mount --bind "$host/disks" /dev/disk/by-id
  fi
  mount -t tmpfs -o mode=755 tmpfs /run
  mkdir -p /run/sshd
  mount --bind "$host/disk/etc" /etc
  if [ -e "$host/docker" ]; then
    dockerd --host unix:///run/docker.sock --exec-root /run/docker --pidfile /run/docker.pid \
      --iptables=false --ip6tables=false --ip-forward=false > "$host/docker.log" 2>&1 &
    dockerd=$!
    local i
    for ((i = 0; i < 300; i++)); do
      docker --host unix:///run/docker.sock version > /dev/null 2>&1 && break
      kill -0 "$dockerd" || exit 1
      sleep 0.1
    done
    for i in "$host"/images/*.tar; do
      [ ! -e "$i" ] || docker --host unix:///run/docker.sock import "$i" "$(basename "$i" .tar):latest" > /dev/null
    done
  fi
  mount --bind "$host/disk/root" /root
  /usr/sbin/sshd -E /run/sshd.log
  if [ -e "$host/user-data" ] && [ ! -e "$host/user-data.log" ]; then
    install -m 0700 "$host/user-data" /run/user-data
    # Not executable, or failed: the machine runs all the same, as one of a cloud would.
    (cd / && exec /run/user-data) > "$host/user-data.log" 2>&1 || printf 'ended with %s\n' "$?" >> "$host/user-data.log"
  fi
  : > "$host/up"
  while :; do wait; sleep 3600 & wait $!; done
}

power_off() { # HOST
  local net pid
  pid=$(cat "$1/pid" 2> /dev/null || true)
  net=$(cat "$1/net" 2> /dev/null || true)
  if [ -n "$pid" ]; then
    kill -9 "$pid" 2> /dev/null || true
    while kill -0 "$pid" 2> /dev/null; do sleep 0.05; done
    rm -f "$1/pid"
  fi
  [ -z "$net" ] || ip netns delete "$net" 2> /dev/null || true
  ip link delete "$(cat "$1/link" 2> /dev/null)" 2> /dev/null || true
}

case ${1:-} in
  network) network "$2" ;;
  start) start "$2" "$3" "$4" ;;
  inside) inside "$2" "$3" ;;
  cut) ip link set "$(< "$2/link")" down ;;
  join) ip link set "$(< "$2/link")" up ;;
  stop) power_off "$2" ;;
  end) ip link delete "$(< "$2/bridge")" 2> /dev/null || true ;;
  *) fail "usage: see the head of $0" ;;
esac
