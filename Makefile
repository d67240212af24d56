# SPDX-License-Identifier: Apache-2.0
#
# The front door. The build itself is meson's; this file only remembers the commands.

BUILD ?= build
JOBS ?= $(shell nproc)
PREFIX ?= /usr
FUZZ_SECONDS ?= 60
POLICY_LIVES ?= 1000000
CUTS ?= 100
ARCH ?= x86_64

.DEFAULT_GOAL := help
.PHONY: help build demo demo-host playground demo-cluster soak-server check check-full check-docs site check-browser check-boot-sandbox check-crash check-arm64 soak-power soak-policy install dist deb check-deb footprint bench bench-idle fuzz fmt lint clean

help:
	@echo 'make demo      the whole story in a virtual device: U-Boot, Linux, resets, a pulled plug, a fallback (ARCH=arm64 for such a one)'
	@echo 'make demo-cluster two nodes of the server on one PostgreSQL, nginx in front, until interrupted'
	@echo 'make soak-server the server under kill -9, 1,000,000 devices, 10,000 connections, a bad release'
	@echo 'make demo-host the same without a virtual machine: quicker, a stand-in for the boot loader'
	@echo 'make playground a server with its pages and devices on this machine, to play with: releases, calls, plugs'
	@echo 'make check     build with warnings as errors, then all tests, and all of them again with sanitizers'
	@echo 'make check-full   the same with every case in both builds, and more kills (half an hour)'
	@echo 'make check-docs   the slow pages of the documentation, run as printed: from a fresh clone to an updated virtual board'
	@echo 'make check-browser   the server'"'"'s pages in a real Chromium, with pictures of each in $(BUILD)/browser'
	@echo 'make check-boot-sandbox   the U-Boot command swb_boot, built from Debian'"'"'s source and tried in its sandbox'
	@echo 'make check-crash   an update is cut at every write, sync, rename and message, in every way (10 minutes)'
	@echo 'make check-arm64  the unit tests built for 64-bit ARM, in QEMU; those of the walls under such a kernel'
	@echo 'make soak-link    an image of 1.5 GB over a link of 1 MB a second, the plug pulled three times (15 minutes)'
	@echo 'make soak-power   the plug of the virtual device is pulled CUTS times (now: $(CUTS)), and crash states of one update are judged'
	@echo 'make build     the programs, in $(BUILD)/src/bin'
	@echo 'make install   programs, units, D-Bus policy and man pages to DESTDIR/PREFIX (now: $(DESTDIR)$(PREFIX))'
	@echo 'make site      the documentation as a web site that needs no server, in $(BUILD)/site'
	@echo 'make dist      the release tarball of what is committed, in $(BUILD)/deb: the same bytes every time'
	@echo 'make deb       Debian packages: engine, server, packer, in $(BUILD)/deb (ARCH=arm64: cross-built)'
	@echo 'make check-deb lintian; installs the packages in a fresh Debian, updates a device there, purges; a virtual device with them and systemd (as root)'
	@echo 'make footprint what the device programs take, beside Debian'"'"'s rauc, swupdate and mender-client'
	@echo 'make bench     sizes, seconds and memory beside xdelta3, zstd and casync'
	@echo 'make bench-idle what the engine takes of a device while it waits, and at most during an update'
	@echo 'make soak-policy  a million random lives of devices under random update policies (minutes)'
	@echo 'make fuzz      each fuzz target with libFuzzer for FUZZ_SECONDS (now: $(FUZZ_SECONDS))'
	@echo 'make fmt       put all C sources into the tree'"'"'s form'
	@echo 'make lint      clang-tidy over all C sources'
	@echo 'make clean     remove what the targets above made'
	@echo
	@echo 'Missing Debian packages are installed by tools/install-deps, which each target calls for what it needs.'

build:
	@tools/install-deps build
	@test -f $(BUILD)/build.ninja || meson setup --prefix=$(PREFIX) $(BUILD)
	@ninja -j $(JOBS) -C $(BUILD)

demo:
	@tools/install-deps build demo $(if $(filter arm64,$(ARCH)),cross)
	@tools/quietly 'building (make build shows how)' $(MAKE) --no-print-directory build
	@test $(ARCH) = x86_64 || tools/quietly 'building for $(ARCH)' tools/cross-build $(ARCH) $(BUILD)-$(ARCH)
	@demo/vm/run $(BUILD) $(ARCH)

demo-cluster:
	@tools/install-deps build demo-cluster
	@$(MAKE) --no-print-directory build
	@demo/server-cluster $(BUILD)

soak-server:
	@tools/install-deps build demo-cluster
	@$(MAKE) --no-print-directory build
	@SWB_BUILD=$(BUILD) /usr/bin/python3 tests/server/soak_server.py

demo-host:
	@tools/install-deps build demo-host
	@tools/quietly 'building (make build shows how)' $(MAKE) --no-print-directory build
	@demo/run $(BUILD)

playground:
	@tools/install-deps build demo-host
	@tools/quietly 'building (make build shows how)' $(MAKE) --no-print-directory build
	@demo/playground $(BUILD)

check:
	@tools/install-deps build test
	@tools/run-tests --jobs=$(JOBS)

check-full:
	@tools/install-deps build test
	@tools/run-tests --full --jobs=$(JOBS)

check-docs:
	@tools/install-deps build test demo
	@tools/quietly 'building (make build shows how)' $(MAKE) --no-print-directory build
	@SWB_BUILD=$(BUILD) tests/docs/check_docs.py

check-browser:
	@tools/install-deps build test browser
	@tools/quietly 'building (make build shows how)' $(MAKE) --no-print-directory build
	@SWB_BUILD=$(BUILD) /usr/bin/python3 -m pytest -q -p no:cacheprovider tests/browser/check_pages.py tests/browser/check_edit.py

check-boot-sandbox:
	@tools/install-deps test uboot
	@/usr/bin/python3 -m pytest -q -p no:cacheprovider --import-mode=importlib tests/qemu/own_u_boot.py

check-crash:
	@tools/install-deps build test
	@tools/quietly 'building (make build shows how)' $(MAKE) --no-print-directory build
	@SWB_BUILD=$(BUILD) tests/crash/check_crash.py $(BUILD)/check-crash

check-arm64:
	@tools/install-deps build cross demo
	@tools/check-arm64 $(BUILD)-arm64-tests

.PHONY: soak-link
soak-link:
	@tools/install-deps build test
	@tools/quietly 'building (make build shows how)' $(MAKE) --no-print-directory build
	@SWB_BUILD=$(BUILD) tests/flow/soak_link.py $(BUILD)/soak-link

soak-power:
	@tools/install-deps build test
	@tools/quietly 'building (make build shows how)' $(MAKE) --no-print-directory build
	@SWB_BUILD=$(BUILD) tests/qemu/soak_power.py --cuts=$(CUTS) $(BUILD)/soak-power

install: build
	@DESTDIR=$(DESTDIR) meson install --no-rebuild -C $(BUILD)

site:
	@tools/install-deps site
	@tools/make-site $(BUILD)/site

dist:
	@tools/make-dist $(BUILD)/deb

deb:
	@tools/install-deps build deb
	@JOBS=$(JOBS) tools/make-deb $(BUILD)/deb $(ARCH)

check-deb: deb
	@tools/install-deps demo
	@tools/check-deb $(BUILD)/deb

footprint: deb
	@bench/footprint $(BUILD)/deb

bench:
	@tools/install-deps build bench
	@tools/quietly 'building (make build shows how)' $(MAKE) --no-print-directory build
	@bench/run $(BUILD)
	@bench/adaptive $(BUILD)

bench-idle:
	@tools/install-deps build test
	@tools/quietly 'building (make build shows how)' $(MAKE) --no-print-directory build
	@bench/idle $(BUILD)

soak-policy: build
	@$(BUILD)/src/device/sim/test-device-sim-life $(POLICY_LIVES)

fuzz:
	@tools/install-deps build fuzz
	@tools/run-fuzz --seconds=$(FUZZ_SECONDS)

fmt:
	@tools/install-deps lint
	@git ls-files -z '*.[ch]' | xargs -0 clang-format -i

lint:
	@tools/install-deps build lint
	@tools/run-lint $(JOBS)

clean:
	@rm -rf $(BUILD) build-*
