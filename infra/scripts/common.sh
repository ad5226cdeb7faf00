# shellcheck shell=bash
# What quickstart, test and dstack share. Expects $root, the checkout, and `set -euo pipefail`.

dstack_home=${HOME:?HOME is not set}/.dstack
cache=${DSTACK_CACHE_DIR:-$dstack_home/cache}

# Without any locale Java could not name files beyond ASCII.
[ -n "${LC_ALL:-}${LC_CTYPE:-}${LANG:-}" ] || export LC_CTYPE=C.UTF-8

say() { printf '%s\n' "$*"; }

# One readable line, and out.
fail() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

seconds() { # the monotonic clock, as it does not jump
  local up
  read -r up _ < /proc/uptime
  printf '%s' "${up%.*}"
}

# step TITLE LOG COMMAND…: runs it with its output in the log; says something only if it takes long.
step() {
  # Not the names that scripts use: a function that is run here sees these variables.
  local step_title=$1 step_output=$2 step_pid step_begun step_elapsed step_ticked=0 step_status=0
  shift 2
  step_begun=$(seconds)
  "$@" < /dev/null >> "$step_output" 2>&1 &
  step_pid=$!
  # Ctrl-C ends the step as well, and the script says where it was.
  trap 'kill "$step_pid" 2> /dev/null; printf "\n"; fail "interrupted while: $step_title"' INT TERM
  while kill -0 "$step_pid" 2> /dev/null; do
    sleep 0.2
    step_elapsed=$(($(seconds) - step_begun))
    if [ "$step_elapsed" -ge 2 ]; then
      if [ -t 1 ]; then
        printf '\r\033[K  %s ... %s s' "$step_title" "$step_elapsed"
      elif [ "$((step_elapsed / 15))" -ge "$step_ticked" ]; then
        printf '  %s ... %s s\n' "$step_title" "$step_elapsed"
        step_ticked=$((step_elapsed / 15 + 1))
      fi
    fi
  done
  wait "$step_pid" || step_status=$?
  trap - INT TERM
  step_elapsed=$(($(seconds) - step_begun))
  if [ -t 1 ]; then printf '\r\033[K'; fi
  if [ "$step_status" -ne 0 ]; then
    printf '  %s: failed after %s s\n' "$step_title" "$step_elapsed"
    return "$step_status"
  fi
  if [ "$step_elapsed" -ge 2 ]; then printf '  %s: done in %s s\n' "$step_title" "$step_elapsed"; fi
}

# download URL FILE: with whatever this machine has.
download() {
  if command -v curl > /dev/null; then
    curl --fail --silent --show-error --location --connect-timeout 5 --retry 2 --output "$2" "$1"
  elif command -v wget > /dev/null; then
    wget --quiet --connect-timeout=5 --tries=3 --output-document="$2" "$1"
  else
    printf 'neither curl nor wget is installed\n' >&2
    return 1
  fi
}

# jdk_version DIRECTORY: the JDK's major version; nothing if there is no JDK. Starts no Java.
jdk_major() {
  local line
  [ -x "$1/bin/javac" ] && [ -r "$1/release" ] || return 0
  while read -r line; do
    case $line in
      JAVA_VERSION=*)
        line=${line#JAVA_VERSION=}
        line=${line//\"/}
        printf '%s' "${line%%.*}"
        return 0
        ;;
    esac
  done < "$1/release"
}

readonly jdk_release=25.0.4+7
readonly jdk_url=https://github.com/adoptium/temurin25-binaries/releases/download/jdk-25.0.4%2B7
readonly jdk_sha256_x64=e58fcdcd637b25c03ca84cbbcefc70d11efb8f4b4cbd05decc9f661769d77f94
readonly jdk_sha256_aarch64=621f7196f0b682fb557da58bec89bd7dfe5419811fe1c0ba75c9cc8432f084c7

# Sets and exports JAVA_HOME: JDK 25 from JAVA_HOME, PATH, /usr/lib/jvm or the cache; else fetched.
need_jdk() {
  local candidate on_path
  on_path=$(command -v javac || true)
  [ -z "$on_path" ] || on_path=$(readlink -f "$on_path")
  for candidate in "${JAVA_HOME:-}" "${on_path%/bin/javac}" /usr/lib/jvm/* "$cache/jdk/$jdk_release"; do
    if [ -n "$candidate" ] && [ "$(jdk_major "$candidate")" = 25 ]; then
      export JAVA_HOME=$candidate
      return 0
    fi
  done
  local arch sha
  case $(uname -m) in
    x86_64) arch=x64 sha=$jdk_sha256_x64 ;;
    aarch64) arch=aarch64 sha=$jdk_sha256_aarch64 ;;
    *) fail "no JDK 25 found, and none to fetch for $(uname -m): install JDK 25 and set JAVA_HOME" ;;
  esac
  mkdir -p "$cache/jdk"
  local log=$cache/jdk/fetch.log
  : > "$log"
  step "Fetching JDK $jdk_release" "$log" fetch_jdk "$arch" "$sha" \
    || fail "no JDK 25 found (JAVA_HOME, PATH, /usr/lib/jvm) and Temurin can't be fetched ($(tail -n 1 "$log")):" \
      "install a JDK 25, such as the one of https://adoptium.net, and set JAVA_HOME to it"
  export JAVA_HOME=$cache/jdk/$jdk_release
}

fetch_jdk() {
  local arch=$1 sha=$2 archive=$cache/jdk/fetch.$$.tar.gz directory=$cache/jdk/fetch.$$
  local file=OpenJDK25U-jdk_${arch}_linux_hotspot_25.0.4_7.tar.gz status=0
  {
    download "$jdk_url/$file" "$archive" \
      && printf '%s  %s\n' "$sha" "$archive" | sha256sum --check --quiet \
      && mkdir "$directory" \
      && tar -xzf "$archive" -C "$directory" --strip-components=1 \
      && rm -rf "${cache:?}/jdk/$jdk_release" \
      && mv "$directory" "$cache/jdk/$jdk_release"
  } || status=1
  rm -rf "$archive" "$directory"
  return "$status"
}

# Sets the array maven: the one on PATH from 3.8 on, else the wrapper.
need_maven() {
  local version
  if command -v mvn > /dev/null; then
    version=$(mvn --version 2> /dev/null | sed -n 's/.*Apache Maven \([0-9]*\)\.\([0-9]*\).*/\1 \2/p' | head -n 1)
    # shellcheck disable=SC2086 # two words
    set -- $version
    if [ "${1:-0}" -gt 3 ] || { [ "${1:-0}" -eq 3 ] && [ "${2:-0}" -ge 8 ]; }; then
      maven=(mvn)
      return 0
    fi
  fi
  maven=("$root/mvnw")
}

# newer_source STAMP DIRECTORY…: true if anything that shapes a build is newer than the stamp.
newer_source() {
  local stamp=$1
  shift
  [ -e "$stamp" ] || return 0
  [ -n "$(cd "$root" && find pom.xml "$@" -name target -prune -o \
    \( -path '*/src/main/*' -o -name pom.xml \) -newer "$stamp" -print -quit)" ]
}

# One build at a time: two terminals, or quickstart and dstack, may want it at once.
with_build_lock() {
  if command -v flock > /dev/null; then
    mkdir -p "$root/target"
    exec 9> "$root/target/build.lock"
    flock 9
    "$@"
    exec 9>&-
  else
    "$@"
  fi
}

# maven_package STAMP PROJECTS…: builds jars and distributions without tests.
maven_package() {
  local stamp=$1 fresh
  shift
  mkdir -p "${stamp%/*}"
  # Dated before the build: what is edited while it runs is built next time.
  fresh=$stamp.$$
  : > "$fresh"
  (cd "$root" && "${maven[@]}" --batch-mode --quiet package -DskipTests "$@") || {
    rm -f "$fresh"
    return 1
  }
  mv "$fresh" "$stamp"
}

build_failed() { # LOG
  local line
  line=$(grep -m 1 -E 'ERROR.*\.java:|ERROR\] Failed to' "$1" || tail -n 1 "$1")
  fail "the build failed: ${line#*\[ERROR\] } (all of it: $1)"
}

# sorted_jars DIRECTORY: a class path; the same text for the same jars, as caches are bound to it.
sorted_jars() {
  local LC_ALL=C jar path=
  for jar in "$1"/*.jar; do path=$path:$jar; done
  printf '%s' "${path#:}"
}

# http_ok PORT PATH: whether a GET on 127.0.0.1 is answered with 200. Needs no curl.
http_ok() {
  local line=
  { exec 8<> "/dev/tcp/127.0.0.1/$1"; } 2> /dev/null || return 1
  printf 'GET %s HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n' "$2" >&8
  read -r -t 5 line <&8 || true
  exec 8>&-
  case $line in HTTP/*' 200'*) return 0 ;; *) return 1 ;; esac
}

port_taken() {
  { exec 8<> "/dev/tcp/127.0.0.1/$1"; } 2> /dev/null || return 1
  exec 8>&-
}

# started PID: when the process was started, in ticks; nothing if there is none. Tells reused pids apart.
started() {
  local stat
  { stat=$(< "/proc/$1/stat"); } 2> /dev/null || return 0
  # shellcheck disable=SC2086 # fields
  set -- ${stat##*) }
  [ "$1" = Z ] || printf '%s' "${20}"
}
