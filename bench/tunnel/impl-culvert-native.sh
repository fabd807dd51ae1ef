# shellcheck shell=bash
# Culvert at both ends with native ESP (protocol 50).
CULVERT_ENCAP=no
. "$(dirname "${BASH_SOURCE[0]}")/impl-culvert.sh"
unset CULVERT_ENCAP
