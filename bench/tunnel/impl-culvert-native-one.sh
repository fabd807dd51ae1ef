# shellcheck shell=bash disable=SC2034
# Culvert at both ends with native ESP and one worker each.
CULVERT_THREADS=1
. "$(dirname "${BASH_SOURCE[0]}")/impl-culvert-native.sh"
unset CULVERT_THREADS
