# SPDX-License-Identifier: Apache-2.0
#
# The boot script for a U-Boot that has the command swb_boot: it chooses and counts, this loads and
# starts. The values between at signs are those of the script for a stock U-Boot.

if test -z "${devtype}"; then setenv devtype @DEVTYPE@; setenv devnum @DEVNUM@; fi
while swb_boot ${devtype} ${devnum} @LABEL_A@ @LABEL_B@; do
	swb_root=@ROOT_A@
	if test ${swb_slot} = B; then swb_root=@ROOT_B@; fi
	setenv bootargs "root=${swb_root} swb.slot=${swb_slot} swb.boot=${swb_marker} @ARGS@"
	@LOAD@ && @START@
	echo "Switchback: slot ${swb_slot} cannot be started"
done
echo "Switchback: no slot can be started"
@LAST@
