# shellcheck shell=bash disable=SC2034
# Culvert at both ends with one worker each, to see what more of them gain.
CULVERT_THREADS=1
. "$(dirname "${BASH_SOURCE[0]}")/impl-culvert.sh"
unset CULVERT_THREADS
