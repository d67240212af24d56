# SPDX-License-Identifier: Apache-2.0
SUMMARY = "Boot script and first boot flags for devices with Switchback"
DESCRIPTION = "Makes, from a board file, the partition with the boot script (switchback-boot.vfat), \
the partition with the boot flags (switchback-env.img), and fw_env.config for the device."
LICENSE = "Apache-2.0"
LIC_FILES_CHKSUM = "file://LICENSE;md5=3b83ef96387f14655fc854ddc3c6bd57"

inherit externalsrc
EXTERNALSRC = "${SWITCHBACK_TREE}"
EXTERNALSRC_SYMLINKS = ""

inherit deploy python3native

DEPENDS = "u-boot-tools-native mtools-native"
PACKAGE_ARCH = "${MACHINE_ARCH}"

# A name in boot/u-boot/boards, or the path of a file of your own; boot/u-boot/boards/qemu-x86.conf
# explains what stands in it.
SWITCHBACK_BOARD ?= "mmc-example"
SWITCHBACK_BOARD:qemuarm64 ?= "${SWITCHBACK_LAYERDIR}/recipes-bsp/switchback-boot/files/qemuarm64.conf"
SWITCHBACK_BOARD:qemux86-64 ?= "${SWITCHBACK_LAYERDIR}/recipes-bsp/switchback-boot/files/qemux86-64.conf"
# Bytes of one copy of the environment (also for the boot script, whatever the board file says), and
# where in the partition "env" the copies begin: the board file's ENV_OFFSET_1 and _2, less 1 MiB.
SWITCHBACK_ENV_BYTES ?= "0x4000"
SWITCHBACK_ENV_OFFSETS ?= "0x0 0x10000"
# Slot A holds a system that has not been tried yet; slot B is empty.
SWITCHBACK_FIRST_FLAGS ?= "swb_A_priority=15 swb_A_tries=3 swb_A_successful=0 \
                           swb_B_priority=0 swb_B_tries=0 swb_B_successful=0"

do_configure[noexec] = "1"

do_compile() {
    ${S}/boot/u-boot/make-script --set ENV_BYTES=${SWITCHBACK_ENV_BYTES} ${SWITCHBACK_BOARD} ${B}/boot.scr

    rm -f ${B}/switchback-boot.vfat
    truncate -s 8M ${B}/switchback-boot.vfat
    mformat -i ${B}/switchback-boot.vfat -v BOOT -N 5b00b007 ::
    mcopy -i ${B}/switchback-boot.vfat ${B}/boot.scr ::boot.scr

    printf '%s\n' ${SWITCHBACK_FIRST_FLAGS} > ${B}/flags.txt
    mkenvimage -r -s ${SWITCHBACK_ENV_BYTES} -o ${B}/copy.bin ${B}/flags.txt
    rm -f ${B}/switchback-env.img ${B}/fw_env.config
    truncate -s 1M ${B}/switchback-env.img
    for offset in ${SWITCHBACK_ENV_OFFSETS}; do
        dd if=${B}/copy.bin of=${B}/switchback-env.img bs=4096 seek=$(expr $(printf %d $offset) / 4096) conv=notrunc
        echo "/dev/disk/by-partlabel/env $offset ${SWITCHBACK_ENV_BYTES}" >> ${B}/fw_env.config
    done
}

# The tree's own files are watched by externalsrc; a board file elsewhere is not.
SWITCHBACK_BOARD_HASH = "${@bb.utils.sha256_file(d.getVar('SWITCHBACK_BOARD')) if os.path.isabs(d.getVar('SWITCHBACK_BOARD')) else ''}"
do_compile[vardeps] += "SWITCHBACK_BOARD_HASH"

do_install() {
    install -D -m 0644 ${B}/fw_env.config ${D}${sysconfdir}/fw_env.config
}

do_deploy() {
    install -m 0644 ${B}/boot.scr ${DEPLOYDIR}/switchback-boot.scr
    install -m 0644 ${B}/switchback-boot.vfat ${B}/switchback-env.img ${DEPLOYDIR}/
}
addtask deploy after do_compile before do_build

FILES:${PN} = "${sysconfdir}/fw_env.config"
# U-Boot's own recipe brings a fw_env.config on some boards.
RCONFLICTS:${PN} = "u-boot-env"
