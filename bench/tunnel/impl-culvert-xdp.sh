# shellcheck shell=bash disable=SC2034
# Culvert at both ends with native ESP by AF_XDP (copy mode on veth) and one worker each, as veth has one queue;
# beside impl-culvert-native-one.sh.
CULVERT_CHARON='culvert_xdp = veth0'
. "$(dirname "${BASH_SOURCE[0]}")/impl-culvert-native-one.sh"
unset CULVERT_CHARON
