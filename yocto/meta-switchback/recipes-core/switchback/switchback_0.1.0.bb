# SPDX-License-Identifier: Apache-2.0
SUMMARY = "A/B updates for embedded Linux devices"
DESCRIPTION = "The update engine of a device (swbd, swb-fetch, swb-install, swbctl); as a native \
recipe the tool that makes update payloads (swb-pack); the server is optional."
LICENSE = "Apache-2.0"
LIC_FILES_CHKSUM = "file://LICENSE;md5=3b83ef96387f14655fc854ddc3c6bd57"

# The tree that this layer is a part of. For a copy elsewhere set SWITCHBACK_TREE.
inherit externalsrc
EXTERNALSRC = "${SWITCHBACK_TREE}"
EXTERNALSRC_SYMLINKS = ""

inherit meson pkgconfig systemd useradd features_check

DEPENDS = "openssl"

# Each part has what it alone needs; the decoders are needed by device and pack.
DECODERS = "brotli bzip2 xz zstd"
PACKAGECONFIG ??= "device lz4 seccomp uboot zlib"
PACKAGECONFIG:class-native = "lz4 pack zlib"
PACKAGECONFIG:class-nativesdk = "lz4 pack zlib"
PACKAGECONFIG[device] = "-Ddevice=true,-Ddevice=false,${DECODERS} curl expat systemd"
PACKAGECONFIG[pack] = "-Dpack=true,-Dpack=false,${DECODERS} e2fsprogs jansson libdivsufsort p11-kit"
PACKAGECONFIG[server] = "-Dserver=true,-Dserver=false,curl expat jansson libmicrohttpd libxcrypt p11-kit sqlite3"
PACKAGECONFIG[postgresql] = "-Dpostgresql=true,-Dpostgresql=false,postgresql"
# Compressed content is updated opened: kernels, initrds, squashfs. Without them it is updated as it is.
PACKAGECONFIG[lz4] = "-Dlz4=true,-Dlz4=false,lz4"
# Not by default: the library's license is the GPL.
PACKAGECONFIG[lzo] = "-Dlzo=true,-Dlzo=false,lzo"
PACKAGECONFIG[zlib] = "-Dzlib=true,-Dzlib=false,zlib"
# Boot loaders: a U-Boot environment holds the flags. Without it they are in the partition table
# ("backend = gpt"), which needs no library.
PACKAGECONFIG[uboot] = "-Duboot=true,-Duboot=false,libubootenv"

# The workers give up system calls. Without it they still give up files and privileges.
PACKAGECONFIG[seccomp] = "-Dseccomp=true,-Dseccomp=false,libseccomp"

EXTRA_OEMESON = "-Dtests=false -Dman=disabled -Dsystemd-system-unit-dir=${systemd_system_unitdir}"

# The engine speaks D-Bus by libsystemd.
REQUIRED_DISTRO_FEATURES = "${@bb.utils.contains('PACKAGECONFIG', 'device', 'systemd', '', d)}"

PACKAGES =+ "${PN}-server"

SYSTEMD_PACKAGES = "${@bb.utils.contains('PACKAGECONFIG', 'device', '${PN}', '', d)} \
                    ${@bb.utils.contains('PACKAGECONFIG', 'server', '${PN}-server', '', d)}"
SYSTEMD_SERVICE:${PN} = "swbd.service"
SYSTEMD_SERVICE:${PN}-server = "swb-server.service"

# On a read-only root nobody could be added at run time.
USERADD_PACKAGES = "${PN}"
GROUPADD_PARAM:${PN} = "--system switchback"
USERADD_PARAM:${PN} = "--system --no-create-home --home-dir / --shell ${base_sbindir}/nologin \
                       --user-group swb-fetch"

FILES:${PN} += "${datadir}/dbus-1 ${datadir}/polkit-1 ${nonarch_libdir}/sysusers.d ${nonarch_libdir}/tmpfiles.d"
FILES:${PN}-server = "${sbindir}/swb-server ${systemd_system_unitdir}/swb-server.service"

RRECOMMENDS:${PN} = "ca-certificates ${@bb.utils.contains('PACKAGECONFIG', 'uboot', 'libubootenv-bin', '', d)}"

BBCLASSEXTEND = "native nativesdk"
