/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* device/boot/crc32.h - the checksum of Ethernet, zlib, U-Boot's environment and GPT */
#include <stddef.h>
#include <stdint.h>

uint32_t swb_crc32(const void *data, size_t n_bytes);
/* Goes on with what a call returned before, as if both pieces were one; 0 begins. */
uint32_t swb_crc32_more(uint32_t crc, const void *data, size_t n_bytes);
