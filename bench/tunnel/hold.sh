#!/usr/bin/env bash
# Brings one implementation up at both ends of two namespaces of its own, says "up PID..." and keeps
# it up until its input ends; then takes everything down again.
#   hold.sh PEERS-FOLDER PREFIX STATE-FOLDER IMPL-FILE
set -u
peers=${1:?folder of lib.sh} PFX=${2:?prefix of the namespaces} STATE=${3:?folder for state} file=${4:?impl file}
export PFX STATE
# shellcheck disable=SC1091  # of another repository
. "$peers/lib.sh"
impl_up() { return 1; }
impl_down() { :; }
# shellcheck disable=SC1090  # chosen by the caller
. "$file"
down() {
    trap - EXIT
    impl_down >&2 2>/dev/null
    net_down
}
trap down EXIT
trap 'exit 1' INT TERM
net_up >&2
impl_up >&2 || exit 1
wait_ping >&2 || exit 1
echo "up ${PIDS[*]-}"
read -r _ || :
