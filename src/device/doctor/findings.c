/* SPDX-License-Identifier: Apache-2.0 */
#include "device/doctor/findings.h"

#include <stdarg.h>

#define HEALED SWB_SEVERITY_HEALED
#define WARNING SWB_SEVERITY_WARNING
#define REFUSED SWB_SEVERITY_REFUSED

static const struct {
        const char *name;
        enum swb_severity severity;
        enum swb_fault fault;
        const char *advice;
} kinds[_SWB_FINDING_MAX] = {
        [SWB_FINDING_BOOT_EMPTY] = {"boot-empty", HEALED, SWB_FAULT_NONE,
                                    "nothing; if it comes back after each boot, the boot loader "
                                    "and [boot] place name different places"},
        [SWB_FINDING_BOOT_MALFORMED] = {"boot-malformed", HEALED, SWB_FAULT_NONE,
                                        "nothing; if it comes back, look for another program that "
                                        "writes there"},
        [SWB_FINDING_BOOT_COPY_BAD] = {"boot-copy-bad", HEALED, SWB_FAULT_NONE,
                                       "nothing; if it comes back often, the medium wears out"},
        [SWB_FINDING_BOOT_UNREACHABLE] = {"boot-unreachable", REFUSED, SWB_FAULT_BOOT,
                                          "look at [boot] backend and place in device.conf, and "
                                          "whether the device is there and may be written"},
        [SWB_FINDING_BOOT_UNREADABLE] = {"boot-unreadable", REFUSED, SWB_FAULT_BOOT,
                                         "look at [boot] place in device.conf; if it is right, the "
                                         "medium is broken"},
        [SWB_FINDING_BOOT_UNWRITABLE] = {"boot-unwritable", REFUSED, SWB_FAULT_BOOT,
                                         "look for a write protection; if there is none, the "
                                         "medium is broken"},
        [SWB_FINDING_TRIES_IGNORED] = {"tries-ignored", REFUSED, SWB_FAULT_BOOT,
                                       "install Switchback's boot script, or have the boot loader "
                                       "obey docs/spec/boot.md; if the flags were healed just now, "
                                       "reboot once"},
        [SWB_FINDING_FACTS_UNKNOWN] = {"facts-unknown", REFUSED, SWB_FAULT_CONFIG,
                                       "look at [device] in device.conf"},
        [SWB_FINDING_RUNNING_SLOT_WRONG] = {"running-slot-wrong", REFUSED, SWB_FAULT_CONFIG,
                                            "mend [slot.A] and [slot.B] in device.conf, or what "
                                            "the boot loader puts on the kernel's command line"},
        [SWB_FINDING_NEXT_SLOT_DIFFERS] = {"next-slot-differs", WARNING, SWB_FAULT_NONE,
                                           "nothing if somebody wanted it; the next update sets "
                                           "the flags anew"},
        [SWB_FINDING_SLOT_MISSING] = {"slot-missing", REFUSED, SWB_FAULT_NOT_FOUND,
                                      "mend [slot.A] and [slot.B] in device.conf, or partition the "
                                      "disk"},
        [SWB_FINDING_SLOT_SIZE] = {"slot-size", WARNING, SWB_FAULT_NONE,
                                   "give both slots the same size; until then an update that does "
                                   "not fit is refused before it is written"},
        [SWB_FINDING_SLOT_IN_USE] = {"slot-in-use", REFUSED, SWB_FAULT_BUSY,
                                     "unmount it, and look for what mounts it (fstab, udev)"},
        [SWB_FINDING_SLOT_UNWRITABLE] = {"slot-unwritable", REFUSED, SWB_FAULT_DENIED,
                                         "look for a write protection (blockdev --getro)"},
        [SWB_FINDING_STATE_FOLDER] = {"state-folder", REFUSED, SWB_FAULT_IO,
                                      "put [device] state-dir on a partition that is writable and "
                                      "belongs to no slot"},
        [SWB_FINDING_CLOCK_BEHIND] = {"clock-behind", WARNING, SWB_FAULT_NONE,
                                      "set the clock (timedatectl); certificates and windows of "
                                      "time can't be judged until then"},
        [SWB_FINDING_CLOCK_AHEAD] = {"clock-ahead", WARNING, SWB_FAULT_NONE,
                                     "set the clock (timedatectl)"},
};

const char *swb_severity_to_string(enum swb_severity severity)
{
        static const char *const names[] = {"healed", "warning", "refused"};

        return names[severity];
}

struct swb_diagnosis *swb_diagnosis_free(struct swb_diagnosis *diagnosis)
{
        free(diagnosis);
        return NULL;
}

bool swb_diagnosis_has(const struct swb_diagnosis *diagnosis, enum swb_finding_kind kind)
{
        for (size_t i = 0; i < diagnosis->n; i++)
                if (diagnosis->findings[i].kind == kind)
                        return true;
        return false;
}

const struct swb_finding *swb_diagnosis_refusal(const struct swb_diagnosis *diagnosis)
{
        for (size_t i = 0; i < diagnosis->n; i++)
                if (diagnosis->findings[i].severity == SWB_SEVERITY_REFUSED)
                        return &diagnosis->findings[i];
        return NULL;
}

void swb_diagnosis_add(struct swb_diagnosis *diagnosis, enum swb_finding_kind kind,
                       const char *format, ...)
{
        struct swb_finding *finding;
        va_list args;

        if (diagnosis->n == SWB_FINDINGS_MAX && kinds[kind].severity != SWB_SEVERITY_REFUSED)
                return;
        if (diagnosis->n == SWB_FINDINGS_MAX)
                diagnosis->n--; /* a refusal may not get lost */
        finding = &diagnosis->findings[diagnosis->n++];
        *finding = (struct swb_finding){
                .kind = kind,
                .name = kinds[kind].name,
                .severity = kinds[kind].severity,
                .fault = kinds[kind].fault,
                .advice = kinds[kind].advice,
        };
        va_start(args, format);
        (void)vsnprintf(finding->text, sizeof(finding->text), format, args);
        va_end(args);
}
