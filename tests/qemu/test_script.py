# SPDX-License-Identifier: Apache-2.0
"""boot/u-boot/boot.cmd in Debian's stock U-Boot, held against docs/spec/boot.md."""

import itertools
import os
import pathlib
import re
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
os.environ["PATH"] += ":/usr/sbin:/sbin"
import bench
import contract
from bench import Case
from contract import Flags

STATES = [Flags(*state) for state in itertools.product((0, 1, 15), (0, 1, 3), (0, 1))]
GOOD_A = {"A": Flags(15, 0, 1), "B": Flags(0, 0, 0)}
TRY_B = {"A": Flags(14, 0, 1), "B": Flags(15, 3, 0)}
BLANK = bytes(bench.ENV_BYTES)


@pytest.fixture(name="machine")
def make_machine():
    """Whose U-Boot it is."""
    return bench.Machine()


@pytest.fixture(name="boot")
def make_boot(machine, tmp_path):
    """boot(cases) -> an Outcome each."""
    return lambda cases: bench.run(tmp_path, cases, machine)


@pytest.fixture(name="boot_faulty")
def make_boot_faulty(machine, tmp_path):
    """boot_faulty(case, [(sector, "read" or "write") that fails, …]) -> Outcome."""
    return lambda case, fails_at: bench.run_faulty(tmp_path, case, fails_at, machine)


def variables(flags):
    return {f"swb_{slot}_{field}": str(getattr(flags[slot], field))
            for slot in "AB" for field in ("priority", "tries", "successful")}


def slot_of(outcome):
    """Of the first kernel that was started; None when there was none."""
    if not outcome.started:
        return None
    return re.search(r"\bswb\.slot=([AB])\b", outcome.started[0])[1]


def marker_of(outcome):
    return re.search(r"\bswb\.boot=(\d)\b", outcome.started[0])[1]


def torn(copy):
    """The first half of a write over something else."""
    half = len(copy) // 2
    return copy[:20] + b"\xa5" * (half - 20) + copy[half:]


@pytest.fixture(name="env")
def make_env(tmp_path):
    """environment(flags or variables, counter) -> bytes of one copy."""
    def environment(what, counter=1, **more):
        found = variables(what) if "A" in what else what
        return bench.environment({**found, **more}, counter, tmp_path)
    return environment


def test_every_state_of_both_slots(tmp_path, env, boot):
    """BS-1 ... BS-5, with kernels missing in turn."""
    todo = []
    for number, (a, b) in enumerate(itertools.product(STATES, STATES)):
        flags = {"A": a, "B": b}
        copy = env(flags, number % 256, other="kept as it is")
        todo.append((flags, Case((copy, copy), ("AB", "A", "B", "AB", "")[number % 5])))
    outcomes = boot([case for _, case in todo])
    for (flags, case), outcome in zip(todo, outcomes):
        slot, after = contract.boot(flags, case.loadable)
        assert slot_of(outcome) == slot, (flags, case.loadable, outcome.text)
        if slot:
            assert marker_of(outcome) == "1", outcome.started
            assert bench.read_flags(tmp_path, outcome.copies) == \
                {**variables(after), "other": "kept as it is"}, (flags, case.loadable, outcome.text)
    assert len(outcomes) == 324


def test_the_bench_boot_loader_does_the_same(tmp_path, env):
    """swb-bench-boot stands for U-Boot in other tests: a fifth of the states, the same words."""
    program = pathlib.Path(os.environ["SWB_BUILD"]) / "src/bin/swb-bench-boot/swb-bench-boot"
    place = tmp_path / "bench.env"
    for number, (a, b) in enumerate([*itertools.product(STATES, STATES)][::5]):
        flags, loadable = {"A": a, "B": b}, ("AB", "A", "B")[number % 3]
        place.write_bytes(2 * env(flags))
        for name in "AB":
            (tmp_path / name).write_text("kernel" if name in loadable else "")
        slot, after = contract.boot(flags, loadable)
        if slot:
            subprocess.run([program, "--backend=uboot", f"--cmdline={tmp_path}/cmdline",
                            f"--place={place}:0:{bench.ENV_BYTES}:{bench.ENV_BYTES}",
                            f"--slot=A={tmp_path}/A", f"--slot=B={tmp_path}/B",
                            "--load-command=test -s"], check=True, stdout=subprocess.DEVNULL)
            assert f" swb.slot={slot} swb.boot=1" in (tmp_path / "cmdline").read_text(), flags
            data = place.read_bytes()
            copies = data[:bench.ENV_BYTES], data[bench.ENV_BYTES:]
            assert bench.read_flags(tmp_path, copies) == variables(after), flags


def test_choice_of_the_copy(tmp_path, env, boot):
    """The larger counter wins, 0 comes after 255, a torn copy never does; the older is written."""
    old, new = GOOD_A, TRY_B
    # counters of copy 1 and 2, which is torn, flags that must be found, copy that must be written
    table = [(1, 2, None, "second", 0), (2, 1, None, "first", 1),
             (255, 0, None, "second", 0), (0, 255, None, "first", 1),
             (254, 255, None, "second", 0), (7, 7, None, "first", 1),
             (1, 2, 1, "first", 1), (2, 1, 0, "second", 0),
             (255, 0, 1, "first", 1), (0, 255, 0, "second", 0)]
    cases = []
    for first, second, broken, found, _ in table:
        copies = [env(new if found == "first" else old, first),
                  env(new if found == "second" else old, second)]
        if broken is not None:
            copies[broken] = torn(copies[broken])
        cases.append(Case(tuple(copies)))
    for row, case, outcome in zip(table, cases, boot(cases)):
        written, kept = row[4], 1 - row[4]
        assert slot_of(outcome) == "B", (row, outcome.text)
        assert outcome.copies[kept] == case.copies[kept], row
        assert outcome.copies[written][4] == (case.copies[kept][4] + 1) % 256, row
        flags = bench.read_flags(tmp_path, outcome.copies)
        assert flags == variables({"A": new["A"], "B": Flags(15, 2, 0)}), row


def test_a_counter_has_its_successor(env, boot):
    counters = [0, 1, 9, 10, 15, 16, 17, 127, 128, 159, 160, 239, 240, 254, 255]
    outcomes = boot([Case((env(TRY_B, counter), BLANK)) for counter in counters])
    assert [o.copies[1][4] for o in outcomes] == [(counter + 1) % 256 for counter in counters]


def test_no_whole_copy_starts_anew(tmp_path, env, boot):
    """Both slots get tries, so that a half-written one can't hold the device for ever."""
    whole = env(TRY_B)
    noise = bytes(i * 7 % 251 for i in range(bench.ENV_BYTES))
    pairs = [(BLANK, BLANK), (b"\xff" * bench.ENV_BYTES,) * 2, (torn(whole), torn(whole)),
             (noise, BLANK)]
    for outcome in boot([Case(pair) for pair in pairs]):
        assert (slot_of(outcome), marker_of(outcome)) == ("A", "1"), outcome.text
        assert bench.read_flags(tmp_path, outcome.copies) == \
            variables({"A": Flags(2, 2, 0), "B": Flags(1, 3, 0)})


def test_variables_that_are_missing_or_nonsense(tmp_path, env, boot):
    """They count as 0; nothing stops the boot. fw_setenv was used before the engine ever ran."""
    half = {"swb_B_priority": "3", "swb_B_tries": "2"}
    nonsense = {**variables(GOOD_A), "swb_B_priority": "many", "swb_B_tries": "-1"}
    large = {**variables(GOOD_A), "swb_B_priority": "99", "swb_B_tries": "4000"}
    cases = [Case((env({"bootdelay": "1"}), BLANK)), Case((env(half), BLANK)),
             Case((env(nonsense), BLANK)), Case((env(large), BLANK))]
    outcomes = boot(cases)
    assert [slot_of(o) for o in outcomes] == ["A", "B", "A", "B"]
    assert [marker_of(o) for o in outcomes] == ["1"] * 4
    assert bench.read_flags(tmp_path, outcomes[0].copies) == {"bootdelay": "1"}
    assert bench.read_flags(tmp_path, outcomes[1].copies)["swb_B_tries"] == "1"
    assert bench.read_flags(tmp_path, outcomes[3].copies)["swb_B_tries"] == "14"


def test_what_others_keep_there(tmp_path, env, boot):
    """Names that U-Boot itself uses, many variables, and an environment that is full to the brim."""
    others = {"bootcmd": "false", "devtype": "mmc", "bootargs": "none", "filesize_kept": "1"}
    many = {f"name_{i:03}": "v" * (i % 13 + 1) for i in range(150)}
    used = sum(len(k) + len(v) + 2 for k, v in variables(TRY_B).items())
    full = {"filler": "x" * (bench.ENV_BYTES - 5 - used - len("filler=") - 2)}
    cases = [Case((env(TRY_B, 1, **more), BLANK)) for more in (others, many, full)]
    outcomes = boot(cases)
    for more, outcome in zip((others, many, full), outcomes):
        assert slot_of(outcome) == "B" and marker_of(outcome) == "1", outcome.text
        assert bench.read_flags(tmp_path, outcome.copies) == \
            {**variables({"A": TRY_B["A"], "B": Flags(15, 2, 0)}), **more}


def test_no_room_for_what_was_missing(env, boot):
    """An environment that would have to grow beyond its place is left as it is."""
    half = {"swb_B_priority": "3", "swb_B_tries": "2"}
    used = sum(len(k) + len(v) + 2 for k, v in half.items())
    room = bench.ENV_BYTES - 5 - used - len("filler=") - 2
    cases = [Case((env(half, filler="x" * (room - less)), BLANK)) for less in (0, 1, 60)]
    for case, outcome in zip(cases, boot(cases)):
        assert (slot_of(outcome), marker_of(outcome)) == ("B", "0"), outcome.text
        assert outcome.copies == case.copies


@pytest.mark.parametrize("medium, bus", [("usb-storage", "usb-ehci"),
                                         ("ide-hd,bus=sata.0", "ahci,id=sata")])
def test_other_media(tmp_path, env, medium, bus):
    """The same script, on what distro_bootcmd found it: USB, SATA."""
    machine = bench.Machine(medium=medium, bus=bus)
    cases = [Case((env(TRY_B), env(TRY_B)), loadable) for loadable in ("AB", "A")]
    for slot, outcome in zip("BA", bench.run(tmp_path, cases, machine)):
        assert (slot_of(outcome), marker_of(outcome)) == (slot, "1"), outcome.text
        assert bench.read_flags(tmp_path, outcome.copies) == \
            variables({"A": TRY_B["A"], "B": Flags(15, 2, 0)})


FIRST, SECOND = bench.ENV_SECTORS


def test_a_copy_that_cannot_be_read(env, boot_faulty):
    case = Case((env(GOOD_A, 9), env(TRY_B, 8)))
    outcome = boot_faulty(case, [(FIRST, "read")])
    # What is read back there fails, too, so the try can't be counted: slot B has to wait.
    assert (slot_of(outcome), marker_of(outcome)) == ("A", "0"), outcome.text


def test_neither_copy_can_be_read(tmp_path, env, boot_faulty):
    """Recovery without a write: the medium may only be slow to come up."""
    case = Case((env(TRY_B, 1), env(TRY_B, 2)))
    outcome = boot_faulty(case, [(FIRST, "read"), (SECOND, "read")])
    assert (slot_of(outcome), marker_of(outcome)) == ("A", "0"), outcome.text
    disk = (tmp_path / "cases.img").read_bytes()
    for sector, copy in zip(bench.ENV_SECTORS, case.copies):
        assert disk[sector * 512:sector * 512 + len(copy)] == copy


def test_the_medium_takes_no_writes(tmp_path, env, boot_faulty):
    """A slot whose tries can't be counted would hold the device for ever: the good one is taken."""
    case = Case((env(TRY_B, 1), env(TRY_B, 2)))
    outcome = boot_faulty(case, [(FIRST, "write"), (SECOND, "write")])
    assert (slot_of(outcome), marker_of(outcome)) == ("A", "0"), outcome.text
    assert bench.read_flags(tmp_path, outcome.copies) == variables(TRY_B)


def test_the_medium_takes_no_writes_and_nothing_is_good(env, boot_faulty):
    flags = {"A": Flags(1, 3, 0), "B": Flags(15, 3, 0)}
    case = Case((env(flags, 1), env(flags, 2)), "A")
    outcome = boot_faulty(case, [(FIRST, "write"), (SECOND, "write")])
    assert (slot_of(outcome), marker_of(outcome)) == ("A", "0"), outcome.text
