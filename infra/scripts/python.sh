# shellcheck shell=bash disable=SC2154 # root is set by the one who sources this
# The Python environments of the tests: upstream's client and server, and moto. Sourced by test.

. "${BASH_SOURCE[0]%/*}/debian.sh"

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
  local log=$1 packages=() wanted=() python
  command -v git > /dev/null || packages+=(git)
  command -v ssh > /dev/null || packages+=(openssh-client)
  if python=$(find_python); then
    "$python" -c 'import venv, ensurepip' 2> /dev/null || packages+=(python3-venv)
  else
    packages+=(python3 python3-venv)
  fi
  # Programs of /usr/sbin are not on everybody's PATH.
  local PATH=$PATH:/usr/sbin:/sbin
  [ -x /usr/sbin/sshd ] || wanted+=(openssh-server)
  [ -x /usr/lib/openssh/sftp-server ] || wanted+=(openssh-sftp-server)
  # Hosts of SSH fleets.
  command -v ip > /dev/null || wanted+=(iproute2)
  command -v nsenter > /dev/null || wanted+=(util-linux)
  command -v sudo > /dev/null || wanted+=(sudo)
  command -v rsync > /dev/null || wanted+=(rsync)
  command -v tmux > /dev/null || wanted+=(tmux)
  [ -x /bin/busybox ] && ! ldd /bin/busybox > /dev/null 2>&1 || wanted+=(busybox-static)
  command -v prometheus > /dev/null || wanted+=(prometheus)
  command -v debootstrap > /dev/null || wanted+=(debootstrap)
  command -v gcc > /dev/null || wanted+=(gcc)
  command -v musl-gcc > /dev/null || wanted+=(musl-tools)
  command -v mkfs.ext4 > /dev/null || wanted+=(e2fsprogs)
  # Its judgement of our unit; it need not run.
  command -v systemd-analyze > /dev/null || wanted+=(systemd)
  [ "$((${#packages[@]} + ${#wanted[@]}))" -gt 0 ] || return 0
  if [ "$(id -u)" != 0 ] || ! command -v apt-get > /dev/null; then
    [ "${#packages[@]}" -eq 0 ] \
      || fail "the tests need: ${packages[*]} (names of Debian packages). Install them and try again"
    say "Tests that need them are skipped: ${wanted[*]} (names of Debian packages) are not installed"
    return 0
  fi
  packages+=("${wanted[@]}")
  step "Installing ${packages[*]}" "$log" install_packages "${packages[@]}" \
    || fail "apt-get could not install ${packages[*]}. Log: $log"
}

# The environments at the root with their pinned packages; each is made anew when its pins change.
need_venv() { # LOG
  venv "$root/.venv" "$1" "upstream's client and server" \
    "$python_sources/requirements.txt" "$python_sources/constraints.txt"
}

need_moto() { # LOG
  venv "$root/.venv-moto" "$1" "moto, the stand-in for AWS" "$python_sources/moto-requirements.txt"
}

venv() { # DIRECTORY LOG WHAT REQUIREMENTS [CONSTRAINTS]
  local directory=$1 log=$2 what=$3 files=("${@:4}") python wanted
  wanted=$(cat "${files[@]}" | sha256sum)
  if [ -x "$directory/bin/python" ] && [ "$(cat "$directory/installed" 2> /dev/null)" = "$wanted" ]; then
    return 0
  fi
  python=$(find_python) || fail "no Python from 3.10 on was found"
  step "Installing $what (Python)" "$log" make_venv "$directory" "$python" "${files[@]}" \
    || fail "the Python packages could not be installed. Log: $log"
  printf '%s\n' "$wanted" > "$directory/installed"
}

make_venv() { # DIRECTORY PYTHON REQUIREMENTS [CONSTRAINTS]
  [ -x "$1/bin/python" ] || "$2" -m venv "$1"
  "$1/bin/python" -m pip install --quiet --disable-pip-version-check -r "$3" ${4:+-c "$4"}
}
