#!/usr/bin/env bash
# Makes build/package/culvert_VERSION_ARCH.deb from build/release, with dpkg-deb alone.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
version=$(sed -n 's/^project(culvert VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
arch=$(dpkg --print-architecture)
bin=build/release/bin
tree=build/package/tree
rm -rf build/package
install -d "$tree/DEBIAN" "$tree/usr/sbin" "$tree/usr/bin" "$tree/lib/systemd/system" "$tree/usr/share/doc/culvert"
install -s -m 755 "$bin/culvertd" "$tree/usr/sbin/culvertd"
install -s -m 755 "$bin/culvert" "$tree/usr/bin/culvert"
install -m 644 packaging/culvert.service "$tree/lib/systemd/system/culvert.service"
install -m 644 LICENSE "$tree/usr/share/doc/culvert/copyright"
install -m 644 README.md "$tree/usr/share/doc/culvert/README.md"

# The packages that own the libraries which the programs are linked with.
libraries() {
    local path
    ldd "$bin/culvertd" "$bin/culvert" | awk '$3 ~ /^\// { print $3 }' | sort -u | while read -r path; do
        { dpkg -S "$path" || dpkg -S "/usr$path" || dpkg -S "${path#/usr}"; } 2>/dev/null | head -n 1 | sed 's/:.*//'
    done | sort -u
}
depends=$(libraries | paste -sd, | sed 's/,/, /g')
cat >"$tree/DEBIAN/control" <<CONTROL
Package: culvert
Version: $version
Architecture: $arch
Maintainer: Culvert maintainers <culvert@localhost>
Section: net
Priority: optional
Depends: $depends, iproute2, nftables
Description: IPsec suite: IKEv2 daemon and user-space ESP
 culvertd reads swanctl.conf, speaks the VICI protocol and carries ESP in user
 space over a TUN device. culvert is the operator's command.
CONTROL
dpkg-deb --root-owner-group --build "$tree" "build/package/culvert_${version}_$arch.deb"
