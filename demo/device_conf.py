# SPDX-License-Identifier: Apache-2.0
"""The configuration of a device on the bench: everything in its own folder, and no patience."""

TEMPLATE = """\
[device]
app-id = {app_id}
board = demo
device-id-file = {folder}/device-id
release-file = {folder}/root/etc/os-release
cmdline-file = {folder}/cmdline
boot-id-file = {folder}/boot-id
state-dir = {folder}/state
keys-dir = {folder}/keys

[server]
url = http://127.0.0.1:{port}/v1/update
first-check = 1s
first-check-jitter = {jitter}
check-interval = {interval}
check-jitter = {jitter}

[boot]
backend = uboot
place = {folder}/uboot.env:0:0x10000:0x10000
tries = 2

[slot.A]
root = {folder}/slot-a.img

[slot.B]
root = {folder}/slot-b.img

[update]
max-rate = {rate}

[health]
check.{check_name} = {check}
timeout = 3s
interval = 1s
min-uptime = 0s

[policy]
min-battery = 0

[reboot]
windows = always
max-load = 0
delay = {reboot_delay}
command = touch {folder}/reboot

[workers]
fetch = {build}/src/bin/swb-fetch/swb-fetch
install = {build}/src/bin/swb-install/swb-install
"""


def device_conf(bench, folder, app_id, rate, check, interval="2s", jitter="0s", reboot_delay="0s"):
    """`rate`: bytes a second of a download. `check`: (name, command) of the health check."""
    return TEMPLATE.format(app_id=app_id, folder=folder, port=bench.port, build=bench.build, rate=rate,
                           check_name=check[0], check=check[1], interval=interval, jitter=jitter,
                           reboot_delay=reboot_delay)
