# shellcheck shell=bash
# As impl-plane-end.sh, with the cipher replaced by a copy: plane_end_copy beside PLANE_END.
PLANE_END=${PLANE_END:?the plane_end to measure}
PLANE_END="$(dirname "$PLANE_END")/plane_end_copy"
. "$(dirname "${BASH_SOURCE[0]}")/impl-plane-end.sh"
