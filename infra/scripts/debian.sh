# shellcheck shell=bash
# Installing Debian packages for the tests. Sourced.

# install_packages NAME…: without starting their services, which a machine of tests need not have.
install_packages() {
  local policy=/usr/sbin/policy-rc.d status=0
  export DEBIAN_FRONTEND=noninteractive
  printf '#!/bin/sh\nexit 101\n' > "$policy.dstack"
  chmod +x "$policy.dstack"
  [ -e "$policy" ] || ln -s "${policy##*/}.dstack" "$policy"
  apt-get update -q && apt-get install -y -q --no-install-recommends "$@" || status=1
  [ "$(readlink "$policy")" != "${policy##*/}.dstack" ] || rm -f "$policy"
  rm -f "$policy.dstack"
  return "$status"
}
