# SPDX-License-Identifier: Apache-2.0
#
# An image that devices with Switchback can be updated to: ext4, read-only, the same for the same
# files, of the slot's size at most; and the update payloads for it.
#
#   inherit core-image switchback-image
#
# Results in DEPLOY_DIR_IMAGE, beside the image: IMAGE_LINK_NAME-VERSION.full and, for each release in
# SWITCHBACK_DELTA_FROM, IMAGE_LINK_NAME-OLD-VERSION.delta; each with its manifest, .json.

# What is built, as devices and server know it.
SWITCHBACK_APP_ID ?= ""
SWITCHBACK_VERSION ?= "${DISTRO_VERSION}"
# PEM files or pkcs11: URIs, separated by blanks; all of them sign. docs/keys.md has more.
SWITCHBACK_SIGNING_KEYS ?= ""
# The public halves, which go into the image (PEM files).
SWITCHBACK_PUBLIC_KEYS ?= ""
# Releases to make deltas from: VERSION=FILE.ext4, or VERSION=FOLDER, an old DEPLOY_DIR_IMAGE.
SWITCHBACK_DELTA_FROM ?= ""
# The device's configuration. Without it the image must have one by other means.
SWITCHBACK_DEVICE_CONF ?= ""
# Size of a slot, which is that of the partition too, and of the persistent partition, in MiB.
SWITCHBACK_SLOT_MIB ?= "512"
SWITCHBACK_PERSISTENT_MIB ?= "256"
# Partition's name in payloads and device.conf.
SWITCHBACK_PARTITION ?= "root"
# What is mounted writable without a line in fstab or a mount unit; findings of check-image that are meant.
SWITCHBACK_WRITABLE ?= "/var /persistent"
SWITCHBACK_CHECK_IGNORE ?= ""
# Time of all files that are newer, and of the file system: seconds since 1970.
SWITCHBACK_EPOCH ?= "${@d.getVar('REPRODUCIBLE_TIMESTAMP_ROOTFS') or '1704067200'}"

IMAGE_FEATURES += "read-only-rootfs"
IMAGE_INSTALL:append = " switchback switchback-persistent"
IMAGE_FSTYPES += "ext4 wic"
IMAGE_TYPEDEP:wic:append = " ext4"
# By its path: where wic looks for names has changed between releases.
WKS_FILE ?= "${SWITCHBACK_LAYERDIR}/wic/switchback.wks.in"
do_image_wic[depends] += "switchback-boot:do_deploy"

# The same bytes for the same files, so that a delta holds what has changed (docs/image-layout.md).
IMAGE_CMD:ext4 = "swb-pack make-image ${IMAGE_ROOTFS} --output=${IMGDEPLOYDIR}/${SWITCHBACK_EXT4} \
    --size=${SWITCHBACK_SLOT_MIB}M --timestamp=${SWITCHBACK_EPOCH} --keep-owners"
do_image_ext4[depends] += "switchback-native:do_populate_sysroot e2fsprogs-native:do_populate_sysroot"
do_image_ext4[vardeps] += "SWITCHBACK_SLOT_MIB SWITCHBACK_EPOCH"

# The name that image.bbclass expects; ".rootfs" moved into IMAGE_NAME in scarthgap.
SWITCHBACK_EXT4 = "${@switchback_image_name(d)}.ext4"

def switchback_image_name(d):
    name, suffix = d.getVar('IMAGE_NAME'), d.getVar('IMAGE_NAME_SUFFIX') or ''
    return name if name.endswith(suffix) else name + suffix

switchback_rootfs() {
    if [ -n "${SWITCHBACK_DEVICE_CONF}" ]; then
        install -D -m 0644 ${SWITCHBACK_DEVICE_CONF} ${IMAGE_ROOTFS}${sysconfdir}/switchback/device.conf
    fi
    for key in ${SWITCHBACK_PUBLIC_KEYS}; do
        install -D -m 0644 "$key" "${IMAGE_ROOTFS}${sysconfdir}/switchback/keys/$(basename "$key")"
    done
    # The engine compares this with what the server offers.
    echo 'SWB_VERSION="${SWITCHBACK_VERSION}"' >> ${IMAGE_ROOTFS}${sysconfdir}/os-release
}
ROOTFS_POSTPROCESS_COMMAND:append = "; switchback_rootfs;"

# Before an image goes anywhere: would a device that runs it ever be updated again?
python switchback_check_image() {
    import glob, os
    root = d.getVar('IMAGE_ROOTFS')
    faults = []
    if not os.path.exists(os.path.join(root, 'etc/switchback/device.conf')):
        faults.append('no /etc/switchback/device.conf: set SWITCHBACK_DEVICE_CONF')
    if not glob.glob(os.path.join(root, 'etc/switchback/keys/*.pem')):
        faults.append('no public key in /etc/switchback/keys: set SWITCHBACK_PUBLIC_KEYS')
    if not glob.glob(os.path.join(root, 'boot/*mage*')):
        faults.append('no kernel in /boot, and a slot holds kernel and root file system: '
                      'add kernel-image (and kernel-devicetree) to IMAGE_INSTALL')
    if faults:
        from oe.utils import ImageQAFailed
        raise ImageQAFailed('devices with this image could not be updated: ' + '; '.join(faults),
                            'switchback_check_image')
}
IMAGE_QA_COMMANDS += "switchback_check_image"

# ---- payloads ----

SWITCHBACK_PAYLOAD_DIR = "${WORKDIR}/switchback-payload"

do_switchback_payload() {
    if [ -z "${SWITCHBACK_APP_ID}" ]; then
        bbfatal "SWITCHBACK_APP_ID is not set: under which name do devices ask for updates?"
    fi
    set -- --app-id="${SWITCHBACK_APP_ID}" --target-version="${SWITCHBACK_VERSION}" \
        --max-timestamp="${SWITCHBACK_EPOCH}" --progress=none
    # In quotes first: a pkcs11: URI has semicolons.
    keys="${SWITCHBACK_SIGNING_KEYS}"
    for key in $keys; do
        set -- "$@" --key="$key"
    done
    if [ -z "$keys" ]; then
        bbfatal "SWITCHBACK_SIGNING_KEYS is not set: devices take nothing that is not signed"
    fi
    new="${DEPLOY_DIR_IMAGE}/${IMAGE_LINK_NAME}.ext4"
    exceptions=""
    for folder in ${SWITCHBACK_WRITABLE}; do
        exceptions="$exceptions --writable=$folder"
    done
    for name in ${SWITCHBACK_CHECK_IGNORE}; do
        exceptions="$exceptions --ignore=$name"
    done
    if ! swb-pack check-image "$new" $exceptions; then
        bbfatal "this image would be written to, or is not to be shipped: see above, and docs/image-layout.md"
    fi
    export SOURCE_DATE_EPOCH="${SWITCHBACK_EPOCH}"

    swb-pack full --partition=${SWITCHBACK_PARTITION}="$new" "$@" \
        --output=${SWITCHBACK_PAYLOAD_DIR}/${IMAGE_LINK_NAME}-${SWITCHBACK_VERSION}.full
    for old in ${SWITCHBACK_DELTA_FROM}; do
        version=$(echo "$old" | cut -d= -f1)
        image=$(echo "$old" | cut -d= -f2-)
        if [ -d "$image" ]; then
            image="$image/${IMAGE_LINK_NAME}.ext4"
        fi
        swb-pack delta --partition=${SWITCHBACK_PARTITION}="$image:$new" "$@" \
            --source-version="$version" \
            --output="${SWITCHBACK_PAYLOAD_DIR}/${IMAGE_LINK_NAME}-$version-${SWITCHBACK_VERSION}.delta"
    done
}
do_switchback_payload[cleandirs] = "${SWITCHBACK_PAYLOAD_DIR}"
do_switchback_payload[depends] += "switchback-native:do_populate_sysroot"
do_switchback_payload[sstate-inputdirs] = "${SWITCHBACK_PAYLOAD_DIR}"
do_switchback_payload[sstate-outputdirs] = "${DEPLOY_DIR_IMAGE}"
SSTATETASKS += "do_switchback_payload"
SSTATE_SKIP_CREATION:task-switchback-payload = "1"

python do_switchback_payload_setscene() {
    sstate_setscene(d)
}
addtask do_switchback_payload_setscene
addtask do_switchback_payload after do_image_complete before do_build
