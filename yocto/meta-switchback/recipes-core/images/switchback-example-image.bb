# SPDX-License-Identifier: Apache-2.0
SUMMARY = "A small device that updates itself, for qemuarm64 and qemux86-64"
LICENSE = "MIT"

inherit core-image switchback-image

IMAGE_INSTALL = "packagegroup-core-boot kernel-image switchback-boot"

# The pattern for an image of your own; see docs/porting.md.
SWITCHBACK_APP_ID ?= "com.example.device"
SWITCHBACK_VERSION ?= "1.0.0"
SWITCHBACK_DEVICE_CONF ?= "${SWITCHBACK_LAYERDIR}/recipes-core/images/files/device.conf"

SWITCHBACK_SLOT_MIB = "256"
SWITCHBACK_PERSISTENT_MIB = "64"
