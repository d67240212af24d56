/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* server/http/page_files.h - the files of server/page, made part of the program by embed.py */
#include <stddef.h>

extern const unsigned char swb_page_html[], swb_page_js[], swb_page_css[];
extern const size_t swb_page_html_bytes, swb_page_js_bytes, swb_page_css_bytes;
