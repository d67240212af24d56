# SPDX-License-Identifier: Apache-2.0
#
# The boot script runs in any U-Boot; this only makes sure of the commands that it uses. For
# the field also set CONFIG_BOOTDELAY=-2, or protect the prompt.
FILESEXTRAPATHS:prepend := "${THISDIR}/files:"

SRC_URI:append = " file://switchback.cfg"

# For flags in the partition table: the command swb_boot, built into U-Boot 2023.01 and its like.
# Say SWITCHBACK_UBOOT_GPT = "1", and use boot scripts made with make-script --gpt.
SWITCHBACK_UBOOT_GPT ?= "0"
SRC_URI:append = "${@' file://swb_boot.cfg' if d.getVar('SWITCHBACK_UBOOT_GPT') == '1' else ''}"

do_configure:prepend() {
    if [ "${SWITCHBACK_UBOOT_GPT}" = 1 ] && [ ! -e ${S}/cmd/swb_boot.c ]; then
        install -m 0644 ${SWITCHBACK_TREE}/boot/u-boot/cmd/swb_boot.c ${S}/cmd/
        patch -d ${S} -p1 -i ${SWITCHBACK_TREE}/boot/u-boot/cmd/swb_boot.patch
    fi
}
do_configure[file-checksums] += "${SWITCHBACK_TREE}/boot/u-boot/cmd/swb_boot.c:True ${SWITCHBACK_TREE}/boot/u-boot/cmd/swb_boot.patch:True"
