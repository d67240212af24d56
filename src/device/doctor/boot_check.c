/* SPDX-License-Identifier: Apache-2.0 */
/* The boot flags: there, whole, writable, counted, and naming the slot that runs. */
#include "device/doctor/findings.h"

/* What is wrong with the flags, if it can be healed. */
static int kind_of(int r, enum swb_finding_kind *ret)
{
        if (r == SWB_BOOT_DEGRADED)
                *ret = SWB_FINDING_BOOT_COPY_BAD;
        else if (r == -ENODATA)
                *ret = SWB_FINDING_BOOT_EMPTY;
        else if (r == -EBADMSG)
                *ret = SWB_FINDING_BOOT_MALFORMED;
        else
                return -ENOENT;
        return 0;
}

static int heal(const struct swb_doctor *doctor, struct swb_boot *boot,
                const struct swb_facts *facts, enum swb_finding_kind kind, const char *text,
                struct swb_diagnosis *diagnosis)
{
        unsigned tries = (unsigned)doctor->config->boot.tries;
        struct swb_error err = SWB_ERROR_INIT;

        if (swb_boot_heal(boot, facts->slot, tries, &err) < 0) {
                swb_diagnosis_add(diagnosis, SWB_FINDING_BOOT_UNWRITABLE, "%s; healing failed: %s",
                                  text, err.text);
                return -EIO;
        }
        if (kind == SWB_FINDING_BOOT_COPY_BAD)
                swb_diagnosis_add(diagnosis, kind,
                                  "%s: one of the two copies was damaged; it is "
                                  "written anew",
                                  doctor->config->boot.place);
        else
                swb_diagnosis_add(diagnosis, kind,
                                  "%s; now slot %s, which runs, has the highest priority and %u "
                                  "tries",
                                  text, swb_slot_to_string(facts->slot), tries);
        return 0;
}

/* 0: ret holds flags that can be relied upon. */
static int read_or_heal(const struct swb_doctor *doctor, struct swb_boot *boot,
                        const struct swb_facts *facts, struct swb_boot_flags *ret,
                        struct swb_diagnosis *diagnosis)
{
        struct swb_error err = SWB_ERROR_INIT;
        enum swb_finding_kind kind;
        int r = swb_boot_inspect(boot, ret, &err);

        if (r == 0)
                return 0;
        if (kind_of(r, &kind) < 0 || !facts) {
                swb_diagnosis_add(diagnosis, SWB_FINDING_BOOT_UNREADABLE, "%s",
                                  r < 0 ? err.text : "one of the two copies is damaged");
                return -EIO;
        }
        r = heal(doctor, boot, facts, kind, err.text, diagnosis);
        return r < 0 ? r : swb_boot_inspect(boot, ret, NULL);
}

static void check_flags(const struct swb_doctor *doctor, struct swb_boot *boot,
                        const struct swb_facts *facts, struct swb_diagnosis *diagnosis)
{
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_boot_flags flags;
        enum swb_slot next;

        if (read_or_heal(doctor, boot, facts, &flags, diagnosis) < 0)
                return;
        if (doctor->writes && swb_boot_store(boot, &flags, &err) < 0) {
                swb_diagnosis_add(diagnosis, SWB_FINDING_BOOT_UNWRITABLE, "%s", err.text);
                return;
        }
        next = swb_boot_choose(&flags);
        if (facts && next != facts->slot && !doctor->awaits_other)
                swb_diagnosis_add(diagnosis, SWB_FINDING_NEXT_SLOT_DIFFERS,
                                  "slot %s runs, but the boot flags in %s lead to slot %s at the "
                                  "next boot",
                                  swb_slot_to_string(facts->slot), doctor->config->boot.place,
                                  swb_slot_to_string(next));
}

void swb_doctor_check_boot(const struct swb_doctor *doctor, const struct swb_facts *facts,
                           struct swb_diagnosis *diagnosis)
{
        _cleanup_(swb_boot_closep) struct swb_boot *opened = NULL;
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_boot *boot = doctor->boot;

        if (!boot && swb_boot_open(doctor->config->boot.backend, doctor->config->boot.place,
                                   &opened, &err) < 0)
                swb_diagnosis_add(diagnosis, SWB_FINDING_BOOT_UNREACHABLE, "%s", err.text);
        else
                check_flags(doctor, boot ? boot : opened, facts, diagnosis);
        /* Only now: a boot loader that could read nothing may honour the tries after the healing.
         */
        if (facts && facts->boot_contract == 0)
                swb_diagnosis_add(diagnosis, SWB_FINDING_TRIES_IGNORED,
                                  "the boot loader left no 'swb.boot=1' on the kernel's command "
                                  "line (%s): it does not count tries, so there would be no "
                                  "fallback",
                                  doctor->config->device.cmdline_file);
}
