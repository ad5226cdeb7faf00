#!/usr/bin/env bash
# A Docker Engine of the tests' own: its own images, network and socket, nothing of it is left behind.
# Sourced (after common.sh): start_docker LOG, stop_docker. Run: docker.sh start DIRECTORY | stop DIRECTORY.
#
# It touches no rule of the host's firewall: a container reaches the host at the bridge's address, and
# published ports are served by Docker's own proxy. Nothing in a container reaches the world outside.

. "${BASH_SOURCE[0]%/*}/debian.sh"
readonly docker_packages=(docker.io iproute2 busybox-static docker-registry)

# start_docker LOG [DIRECTORY]: sets and exports DOCKER_HOST and DSTACK_TEST_DOCKER=1.
# Fails, with the reason in docker_missing, where there can be no engine.
start_docker() {
  local log=$1
  docker_dir=${2:-}
  docker_missing=
  if [ "${DSTACK_TEST_DOCKER:-}" = 1 ]; then
    docker_dir=
    docker_answers && return 0
    docker_missing="DSTACK_TEST_DOCKER=1, but no engine answers at ${DOCKER_HOST:-unix:///var/run/docker.sock}"
    return 1
  fi
  if [ "$(id -u)" != 0 ]; then
    docker_missing="an engine of the tests' own needs root; with DSTACK_TEST_DOCKER=1 they use the one of DOCKER_HOST"
    return 1
  fi
  if ! have dockerd docker ip busybox docker-registry; then
    if ! command -v apt-get > /dev/null; then
      docker_missing="there is no dockerd and no apt-get to install ${docker_packages[*]} with"
      return 1
    fi
    if ! install_packages "${docker_packages[@]}" >> "$log" 2>&1; then
      docker_missing="apt-get could not install ${docker_packages[*]}; log: $log"
      return 1
    fi
  fi
  [ -n "$docker_dir" ] || docker_dir=$(mktemp -d "${TMPDIR:-/tmp}/dstack-docker.XXXXXX")
  mkdir -p "$docker_dir"
  if ! add_bridge "$docker_dir" >> "$log" 2>&1; then
    rm -rf "$docker_dir"
    docker_missing="no bridge could be made for the containers (ip link add … type bridge); log: $log"
    return 1
  fi
  setsid dockerd \
    --data-root "$docker_dir/data" --exec-root "$docker_dir/exec" --pidfile "$docker_dir/pid" \
    --host "unix://$docker_dir/docker.sock" --bridge "$(< "$docker_dir/bridge")" \
    --iptables=false --ip6tables=false --ip-forward=false \
    < /dev/null >> "$docker_dir/log" 2>&1 9>&- &
  export DOCKER_HOST=unix://$docker_dir/docker.sock
  local i
  for ((i = 0; i < 300; i++)); do
    if docker_answers; then
      export DSTACK_TEST_DOCKER=1
      return 0
    fi
    # It writes its pid within the first second.
    if [ "$i" -gt 50 ] && [ ! -e "$docker_dir/pid" ]; then break; fi
    sleep 0.1
  done
  docker_missing="dockerd did not start: $(grep -v 'level=info' "$docker_dir/log" | tail -n 1 | cut -c 1-300)"
  cat "$docker_dir/log" >> "$log"
  stop_docker
  return 1
}

# Ends the engine that start_docker started, with its containers, its network and its files.
stop_docker() {
  local pid i bridge
  [ -n "${docker_dir:-}" ] && [ -d "$docker_dir" ] || return 0
  pid=$(cat "$docker_dir/pid" 2> /dev/null || true)
  if [ -n "$pid" ] && kill -0 "$pid" 2> /dev/null; then
    docker --host "unix://$docker_dir/docker.sock" ps --all --quiet 2> /dev/null \
      | xargs -r docker --host "unix://$docker_dir/docker.sock" rm --force > /dev/null 2>&1 || true
    kill "$pid" 2> /dev/null || true
    for ((i = 0; i < 300; i++)); do
      kill -0 "$pid" 2> /dev/null || break
      sleep 0.1
    done
    kill -9 "$pid" 2> /dev/null || true
  fi
  bridge=$(cat "$docker_dir/bridge" 2> /dev/null || true)
  [ -z "$bridge" ] || ip link delete "$bridge" 2> /dev/null || true
  # Deepest first; only what lies below our own directory.
  awk -v d="$docker_dir/" 'index($2, d) == 1 { print $2 }' /proc/self/mounts | sort -r | while read -r i; do
    umount -l "$i" 2> /dev/null || true
  done
  rm -rf "$docker_dir"
  docker_dir=
  unset DOCKER_HOST DSTACK_TEST_DOCKER
}

have() {
  local program
  for program; do
    command -v "$program" > /dev/null || return 1
  done
}

docker_answers() { docker version > /dev/null 2>&1; }

# The first free one of fifty: several engines can be on one machine.
add_bridge() {
  local n name
  for ((n = 200; n < 250; n++)); do
    name=dstack-t$n
    if [ -z "$(ip route show "172.31.$n.0/24")" ] && ip link add "$name" type bridge; then
      printf '%s\n' "$name" > "$1/bridge"
      ip address add "172.31.$n.1/24" dev "$name" && ip link set "$name" up && return 0
      ip link delete "$name"
      return 1
    fi
  done
  return 1
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  set -euo pipefail
  case ${1:-} in
    start)
      directory=$(realpath -m -- "${2:?usage: docker.sh start DIRECTORY}")
      if ! start_docker "$directory.log" "$directory"; then
        printf '%s: %s\n' "${0##*/}" "$docker_missing" >&2
        exit 1
      fi
      printf 'export DOCKER_HOST=%s DSTACK_TEST_DOCKER=1\n' "$DOCKER_HOST"
      ;;
    stop)
      docker_dir=$(realpath -m -- "${2:?usage: docker.sh stop DIRECTORY}")
      [ -e "$docker_dir/bridge" ] || {
        printf '%s: there is no engine of this script in %s\n' "${0##*/}" "$docker_dir" >&2
        exit 1
      }
      stop_docker
      rm -f "${2%/}.log"
      ;;
    *)
      printf 'usage: docker.sh start DIRECTORY | stop DIRECTORY\n' >&2
      exit 2
      ;;
  esac
fi
