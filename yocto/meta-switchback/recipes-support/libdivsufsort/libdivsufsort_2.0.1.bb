# SPDX-License-Identifier: Apache-2.0
SUMMARY = "Suffix arrays; swb-pack finds with them what a new file has from an old one"
HOMEPAGE = "https://github.com/y-256/libdivsufsort"
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://COPYING;md5=d3d9f98f9cad1ec88f661dafd4ed79d8"

SRC_URI = "${DEBIAN_MIRROR}/main/libd/libdivsufsort/libdivsufsort_${PV}.orig.tar.bz2"
SRC_URI[sha256sum] = "55c02c86ea1763f581e0f50440008c554b8da2272129adee4ac84cb1362018bc"

inherit cmake

# The second one is for CMake 4, which takes no project this old without it.
EXTRA_OECMAKE = "-DBUILD_DIVSUFSORT64=ON -DBUILD_EXAMPLES=OFF -DCMAKE_BUILD_TYPE=Release \
                 -DCMAKE_POLICY_VERSION_MINIMUM=3.5"

BBCLASSEXTEND = "native nativesdk"
