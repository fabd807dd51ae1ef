#!/usr/bin/env bash
# Makes build/package/culvert_VERSION_ARCH.deb from build/release (or from the folder CULVERT_BIN), with dpkg-deb alone.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
version=$(sed -n 's/^project(culvert VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
arch=$(dpkg --print-architecture)
bin=${CULVERT_BIN:-build/release/bin}
out=${CULVERT_PACKAGES:-build/package}
tree=$out/tree
rm -rf "$out"
doc=$tree/usr/share/doc/culvert
install -d "$tree/DEBIAN" "$doc" "$tree/etc/swanctl/conf.d" "$tree/usr/share/man/man1" "$tree/usr/share/man/man8"
install -D -s -m 755 "$bin/culvertd" "$tree/usr/sbin/culvertd"
for program in culvert culvert-exporter; do install -D -s -m 755 "$bin/$program" "$tree/usr/bin/$program"; done
for unit in culvert culvert-exporter; do
    install -D -m 644 "packaging/$unit.service" "$tree/lib/systemd/system/$unit.service"
done
install -D -m 644 packaging/apparmor/usr.sbin.culvertd "$tree/etc/apparmor.d/usr.sbin.culvertd"
printf '/etc/apparmor.d/usr.sbin.culvertd\n' >"$tree/DEBIAN/conffiles"
install -D -m 644 packaging/completions/culvert.bash "$tree/usr/share/bash-completion/completions/culvert"
install -D -m 644 packaging/completions/_culvert "$tree/usr/share/zsh/vendor-completions/_culvert"
for page in packaging/man/*; do
    gzip -9n <"$page" >"$tree/usr/share/man/man${page##*.}/${page##*/}.gz"
done
install -m 644 LICENSE "$doc/copyright"
install -m 644 README.md docs/*.md docs/culvert.schema.json packaging/grafana-dashboard.json "$doc"

# The packages that own the libraries which the programs are linked with.
libraries() {
    local paths path asked=()
    mapfile -t paths < <(ldd "$bin/culvertd" "$bin/culvert" "$bin/culvert-exporter" | awk '$3 ~ /^\// { print $3 }' | sort -u)
    # One question for all, for each takes as long: a library is known by one of its names where /lib is /usr/lib.
    for path in "${paths[@]}"; do asked+=("$path" "/usr${path#/usr}" "${path#/usr}"); done
    { dpkg-query --search "${asked[@]}" 2>/dev/null || :; } | sed -n 's/^\([^ :,]*\):.*/\1/p' | sort -u
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
Recommends: iputils-ping
Suggests: strongswan-swanctl
Description: IPsec suite: IKEv2 daemon and user-space ESP
 culvertd reads swanctl.conf, speaks the VICI protocol and carries ESP in user
 space over a TUN device. culvert is the operator's command, culvert-exporter
 serves metrics.
CONTROL
# Units are known to systemd, and not started unasked: a gateway without a configuration has nothing to do.
cat >"$tree/DEBIAN/postinst" <<'SCRIPT'
#!/bin/sh
set -e
[ "$1" = configure ] || exit 0
if [ -d /run/systemd/system ]; then
    systemctl daemon-reload || :
    # An upgrade, which is to mend what runs: that begins again as the new version.
    if [ -n "$2" ]; then systemctl try-restart culvert.service culvert-exporter.service || :; fi
fi
if command -v aa-enabled >/dev/null && aa-enabled --quiet 2>/dev/null; then
    apparmor_parser -r -T -W /etc/apparmor.d/usr.sbin.culvertd || :
fi
SCRIPT
cat >"$tree/DEBIAN/prerm" <<'SCRIPT'
#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
    systemctl disable --now culvert.service culvert-exporter.service || :
fi
SCRIPT
cat >"$tree/DEBIAN/postrm" <<'SCRIPT'
#!/bin/sh
set -e
if [ -d /run/systemd/system ]; then systemctl daemon-reload || :; fi
if [ "$1" = purge ]; then rm -rf /run/culvert; fi
if [ "$1" = remove ] && command -v aa-enabled >/dev/null && aa-enabled --quiet 2>/dev/null; then
    apparmor_parser -R /etc/apparmor.d/usr.sbin.culvertd 2>/dev/null || :
fi
SCRIPT
chmod 755 "$tree"/DEBIAN/{postinst,prerm,postrm}
dpkg-deb --root-owner-group --build "$tree" "$out/culvert_${version}_$arch.deb"
