/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* device/doctor/findings.h - inside this folder: checks add what they find */
#include "device/config/facts.h"
#include "device/doctor/doctor.h"

void swb_diagnosis_add(struct swb_diagnosis *diagnosis, enum swb_finding_kind kind,
                       const char *format, ...) _printf_(3, 4);

/* facts: NULL when the running slot is not known; then nothing is healed. */
void swb_doctor_check_boot(const struct swb_doctor *doctor, const struct swb_facts *facts,
                           struct swb_diagnosis *diagnosis);
void swb_doctor_check_slots(const struct swb_doctor *doctor, const struct swb_facts *facts,
                            struct swb_diagnosis *diagnosis);
