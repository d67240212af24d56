/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/policy/sensors.h - facts that the kernel knows: power supply and load
 *
 * The files are settings ([device] power-dir, load-file). What can't be read counts as harmless:
 * mains, no load; a device must not stay without updates because of a missing driver.
 */
#include "device/policy/policy.h"

/* Fills on_battery and battery_percent: no supply from outside is on, and the fullest battery. */
void swb_sense_power(const char *dir, struct swb_policy_facts *ret);
/* Fills load_percent: the mean of the last minute, of n_processors together. */
void swb_sense_load(const char *path, unsigned n_processors, struct swb_policy_facts *ret);
