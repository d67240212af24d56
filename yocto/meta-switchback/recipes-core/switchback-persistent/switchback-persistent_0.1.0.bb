# SPDX-License-Identifier: Apache-2.0
SUMMARY = "Read-only root with a persistent partition, and its factory reset"
LICENSE = "Apache-2.0"
LIC_FILES_CHKSUM = "file://LICENSE;md5=3b83ef96387f14655fc854ddc3c6bd57"

inherit externalsrc
EXTERNALSRC = "${SWITCHBACK_TREE}"
EXTERNALSRC_SYMLINKS = ""

inherit allarch systemd features_check
REQUIRED_DISTRO_FEATURES = "systemd"

do_configure[noexec] = "1"
do_compile[noexec] = "1"

do_install() {
    install -D -m 0755 ${S}/data/persistent/switchback-persistent ${D}${sbindir}/switchback-persistent
    install -D -m 0644 ${S}/data/persistent/switchback-persistent.service \
        ${D}${systemd_system_unitdir}/switchback-persistent.service
    install -D -m 0644 ${S}/data/persistent/persistent.conf ${D}${sysconfdir}/switchback/persistent.conf
    install -d ${D}/persistent
}

SYSTEMD_SERVICE:${PN} = "switchback-persistent.service"
FILES:${PN} += "/persistent"
CONFFILES:${PN} = "${sysconfdir}/switchback/persistent.conf"
# busybox has mount and mountpoint too, so they are recommended only.
RDEPENDS:${PN} = "e2fsprogs-e2fsck"
RRECOMMENDS:${PN} = "util-linux-mount util-linux-mountpoint"
