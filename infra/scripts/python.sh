# shellcheck shell=bash disable=SC2154 # root is set by the one who sources this
# The Python environment of the system tests: upstream's client and server, and tools. Sourced by test.

readonly python_sources=$root/infra/e2e/src/test/python

# Prints the first Python from 3.10 on.
find_python() {
  local candidate
  for candidate in python3.13 python3.12 python3.11 python3.10 python3; do
    if command -v "$candidate" > /dev/null \
      && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2> /dev/null; then
      command -v "$candidate"
      return 0
    fi
  done
  return 1
}

# Debian packages that are missing, where we may install them; a hint where we may not.
need_packages() { # LOG
  local log=$1 packages=() python
  command -v git > /dev/null || packages+=(git)
  command -v ssh > /dev/null || packages+=(openssh-client)
  if python=$(find_python); then
    "$python" -c 'import venv, ensurepip' 2> /dev/null || packages+=(python3-venv)
  else
    packages+=(python3 python3-venv)
  fi
  [ "${#packages[@]}" -gt 0 ] || return 0
  if [ "$(id -u)" != 0 ] || ! command -v apt-get > /dev/null; then
    fail "the tests need: ${packages[*]} (names of Debian packages). Install them and try again"
  fi
  step "Installing ${packages[*]}" "$log" install_packages "${packages[@]}" \
    || fail "apt-get could not install ${packages[*]}. Log: $log"
}

install_packages() {
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -q && apt-get install -y -q --no-install-recommends "$@"
}

# .venv at the root with the pinned packages; made anew when the pins change.
need_venv() { # LOG
  local log=$1 venv=$root/.venv python wanted
  wanted=$(cat "$python_sources/requirements.txt" "$python_sources/constraints.txt" | sha256sum)
  if [ -x "$venv/bin/python" ] && [ "$(cat "$venv/installed" 2> /dev/null)" = "$wanted" ]; then
    return 0
  fi
  python=$(find_python) || fail "no Python from 3.10 on was found"
  step "Installing upstream's client and server (Python)" "$log" make_venv "$venv" "$python" \
    || fail "the Python packages could not be installed. Log: $log"
  printf '%s\n' "$wanted" > "$venv/installed"
}

make_venv() {
  [ -x "$1/bin/python" ] || "$2" -m venv "$1"
  "$1/bin/python" -m pip install --quiet --disable-pip-version-check \
    -r "$python_sources/requirements.txt" -c "$python_sources/constraints.txt"
}
