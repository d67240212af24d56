# SPDX-License-Identifier: Apache-2.0
#
# Switchback's boot script for an unmodified U-Boot: chooses slot A or B by the flags of
# docs/spec/boot.md, counts a try down, starts that slot's kernel.
#
# make-script puts the board's values in place of the names between at signs. U-Boot's shell has no
# arithmetic, no functions, no early end and no empty assignment, and looks for a variable in the
# environment first. Names that begin with "swb_" are ours in both.
#
# The environment on the medium is in libubootenv's redundant form: CRC-32, counter, text. A U-Boot
# that was built without redundant environment only knows the form without counter ("plain"); then
# one is made from the other by moving bytes.

if test -z "${devtype}"; then setenv devtype @DEVTYPE@; setenv devnum @DEVNUM@; fi
${devtype} dev ${devnum}

# Which form is this U-Boot's? In the plain one the text comes right behind the CRC.
setenv swb_probe 1
env export -c -s 40 @ENV@ swb_probe
setenv swb_probe
swb_form=counter; swb_bytes=@BYTES@
if itest.b *@ENV_TEXT@ == 73; then swb_form=plain; swb_bytes=@BYTES_PLAIN@; fi

# Find the newest whole copy: the one with the larger counter, where 0 comes after 255. Memory may
# hold a copy from before a reset, so what could not be read is not looked at. A medium that can't be
# read is not written to.
swb_marker=0
swb_newest=0
swb_whole=none
for swb_copy in 1 2; do
	swb_block=@BLOCK_1@
	if test ${swb_copy} = 2; then swb_block=@BLOCK_2@; fi
	swb_take=0
	if ${devtype} read @RAW@ ${swb_block} @BLOCKS@; then
		swb_marker=1
		if test ${swb_form} = plain; then
			cp.b @RAW@ @COPY@ 4
			cp.b @RAW_TEXT@ @COPY_TEXT@ @BYTES_TEXT@
		else
			cp.b @RAW@ @COPY@ @BYTES@
		fi
		if env import -c @COPY@ ${swb_bytes} swb_probe; then swb_take=1; fi
	fi
	if test ${swb_take} = 1; then
		swb_whole=${swb_copy}
		if test ${swb_newest} = 1; then
			swb_whole=both; swb_take=0
			if itest.b *@RAW_COUNTER@ > *@COUNTER@; then swb_take=1; fi
			if itest.b *@COUNTER@ == ff && itest.b *@RAW_COUNTER@ == 0; then swb_take=1; fi
			if itest.b *@COUNTER@ == 0 && itest.b *@RAW_COUNTER@ == ff; then swb_take=0; fi
		fi
	fi
	if test ${swb_take} = 1; then
		swb_newest=${swb_copy}
		cp.b @COPY@ @ENV@ @BYTES@
		cp.b @RAW_COUNTER@ @COUNTER@ 1
	fi
done

# Take our variables from it. Without a whole copy both slots get their tries: a half-written one
# uses them up.
if test ${swb_newest} = 0; then
	echo "Switchback: no whole copy of the boot flags, starting anew"
	setenv swb_A_priority 2; setenv swb_A_tries 3; setenv swb_A_successful 0
	setenv swb_B_priority 1; setenv swb_B_tries 3; setenv swb_B_successful 0
	env export -c -s ${swb_bytes} @ENV@ @NAMES@
	mw.b @COUNTER@ 0
	swb_newest=2
else
	for swb_name in @NAMES@; do setenv ${swb_name} 0; done
	env import -c @ENV@ ${swb_bytes} @NAMES@
fi
echo "Switchback: A ${swb_A_priority}/${swb_A_tries}/${swb_A_successful}, B ${swb_B_priority}/${swb_B_tries}/${swb_B_successful} (priority/tries/successful), copies whole: ${swb_whole}"

# A round takes one slot, or finds that the medium takes no writes; so three are enough.
swb_turn_A=1; swb_turn_B=1
for swb_round in 1 2 3; do
	# BS-1. A rank of 0 is no candidate. Where tries can't be counted, only successful slots are.
	swb_rank_A=0; swb_rank_B=0; swb_recovery=0
	if test ${swb_turn_A} = 1; then
		if test "${swb_A_successful}" = 1; then swb_rank_A=${swb_A_priority}; fi
		if test "${swb_A_tries}" -gt 0 && test ${swb_marker} = 1; then swb_rank_A=${swb_A_priority}; fi
	fi
	if test ${swb_turn_B} = 1; then
		if test "${swb_B_successful}" = 1; then swb_rank_B=${swb_B_priority}; fi
		if test "${swb_B_tries}" -gt 0 && test ${swb_marker} = 1; then swb_rank_B=${swb_B_priority}; fi
	fi
	# BS-4: digits before the priority make the order: successful first, priority second.
	if test ${swb_rank_A} -le 0 && test ${swb_rank_B} -le 0; then
		swb_recovery=1
		if test ${swb_turn_A} = 1; then
			swb_rank_A=1${swb_A_priority}
			if test "${swb_A_successful}" = 1; then swb_rank_A=1000${swb_A_priority}; fi
		fi
		if test ${swb_turn_B} = 1; then
			swb_rank_B=1${swb_B_priority}
			if test "${swb_B_successful}" = 1; then swb_rank_B=1000${swb_B_priority}; fi
		fi
	fi
	swb_slot=none
	if test ${swb_rank_A} -gt 0; then
		swb_slot=A; swb_part=@PART_A@; swb_root=@ROOT_A@
		swb_tries=${swb_A_tries}; swb_count=${swb_A_successful}
	fi
	if test ${swb_rank_B} -gt ${swb_rank_A}; then
		swb_slot=B; swb_part=@PART_B@; swb_root=@ROOT_B@
		swb_tries=${swb_B_tries}; swb_count=${swb_B_successful}
	fi

	# BS-2: one try less, written over the older copy and read back, before the slot is touched.
	if test ${swb_slot} != none && test ${swb_recovery} = 0 && test ${swb_count} != 1; then
		swb_left=0
		for swb_n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14; do
			if test ${swb_tries} -gt ${swb_n}; then swb_left=${swb_n}; fi
		done
		echo "Switchback: slot ${swb_slot}, ${swb_left} tries left after this one"
		setenv swb_${swb_slot}_tries ${swb_left}
		# The whole environment of the device, with our variables renewed, must become text
		# again. For that it takes the place of U-Boot's own for a moment.
		swb_stored=0
		if env export -c -s @SAVED_BYTES@ @SAVED@; then
			env import -d -c @ENV@ ${swb_bytes}
			env import -c @SAVED@ @SAVED_BYTES@ @NAMES@
			if env export -c -s ${swb_bytes} @ENV@; then swb_stored=1; fi
			env import -d -c @SAVED@ @SAVED_BYTES@
		fi
		if test ${swb_form} = plain; then
			cp.b @ENV@ @RAW@ 4
			cp.b @ENV_TEXT@ @RAW_TEXT@ @BYTES_TEXT@
		else
			cp.b @ENV@ @RAW@ @BYTES@
		fi
		# An export does not say that it needed more: text that fits ends in two zeros.
		if itest.b *@RAW_LAST@ != 0 || itest.b *@RAW_LAST_BUT_ONE@ != 0; then swb_stored=0; fi
		# The counter's successor, looked up in a list of pairs.
		swb_before=ff
		for swb_high in 0 1 2 3 4 5 6 7 8 9 a b c d e f; do
			for swb_low in 0 1 2 3 4 5 6 7 8 9 a b c d e f; do
				if itest.b *@COUNTER@ == ${swb_before}; then mw.b @RAW_COUNTER@ ${swb_high}${swb_low}; fi
				swb_before=${swb_high}${swb_low}
			done
		done
		cp.b @RAW_COUNTER@ @COUNTER@ 1
		swb_block=@BLOCK_1@; swb_older=1
		if test ${swb_newest} = 1; then swb_block=@BLOCK_2@; swb_older=2; fi
		if test ${swb_stored} = 1; then
			swb_stored=0
			if ${devtype} write @RAW@ ${swb_block} @BLOCKS@; then
				if ${devtype} read @COPY@ ${swb_block} @BLOCKS@ && cmp.b @RAW@ @COPY@ @BYTES@; then
					swb_stored=1; swb_newest=${swb_older}
				fi
			fi
		fi
		if test ${swb_stored} = 0; then
			echo "Switchback: the try cannot be counted, looking for a slot that needs none"
			swb_slot=none; swb_marker=0
		fi
	fi

	# BS-3, BS-5: what comes back from here could not be started.
	if test ${swb_slot} != none; then
		if test ${swb_recovery} = 1; then echo "Switchback: recovery, no slot has a try left"; fi
		echo "Switchback: booting slot ${swb_slot}"
		if test ${swb_slot} = A; then swb_turn_A=0; else swb_turn_B=0; fi
		setenv bootargs "root=${swb_root} swb.slot=${swb_slot} swb.boot=${swb_marker} @ARGS@"
		@LOAD@ && @START@
		echo "Switchback: slot ${swb_slot} cannot be started"
	fi
done
echo "Switchback: no slot can be started"
@LAST@
