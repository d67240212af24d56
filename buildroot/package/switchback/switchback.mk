# SPDX-License-Identifier: Apache-2.0
################################################################################
#
# switchback
#
################################################################################

SWITCHBACK_VERSION = 0.1.0
# The tree that this external tree is a part of.
SWITCHBACK_SITE = $(BR2_EXTERNAL_SWITCHBACK_PATH)/..
SWITCHBACK_SITE_METHOD = local
SWITCHBACK_LICENSE = Apache-2.0
SWITCHBACK_LICENSE_FILES = LICENSE

SWITCHBACK_DEPENDENCIES = brotli bzip2 expat host-pkgconf libcurl openssl systemd xz zstd
SWITCHBACK_CONF_OPTS = -Dpack=false -Dserver=false -Dtests=false -Dman=disabled

ifeq ($(BR2_PACKAGE_SWITCHBACK_UBOOT),y)
SWITCHBACK_DEPENDENCIES += libubootenv
SWITCHBACK_CONF_OPTS += -Duboot=true
else
SWITCHBACK_CONF_OPTS += -Duboot=false
endif

ifeq ($(BR2_PACKAGE_SWITCHBACK_SECCOMP),y)
SWITCHBACK_DEPENDENCIES += libseccomp
SWITCHBACK_CONF_OPTS += -Dseccomp=true
else
SWITCHBACK_CONF_OPTS += -Dseccomp=false
endif

ifeq ($(BR2_PACKAGE_SWITCHBACK_LZ4),y)
SWITCHBACK_DEPENDENCIES += lz4
SWITCHBACK_CONF_OPTS += -Dlz4=true
else
SWITCHBACK_CONF_OPTS += -Dlz4=false
endif

ifeq ($(BR2_PACKAGE_SWITCHBACK_LZO),y)
SWITCHBACK_DEPENDENCIES += lzo
SWITCHBACK_CONF_OPTS += -Dlzo=true
else
SWITCHBACK_CONF_OPTS += -Dlzo=false
endif

ifeq ($(BR2_PACKAGE_SWITCHBACK_ZLIB),y)
SWITCHBACK_DEPENDENCIES += zlib
SWITCHBACK_CONF_OPTS += -Dzlib=true
else
SWITCHBACK_CONF_OPTS += -Dzlib=false
endif

define SWITCHBACK_USERS
	swb-fetch -1 swb-fetch -1 * / - - Switchback downloads
	- -1 switchback -1 - - - - Who may steer the engine
endef

define SWITCHBACK_INSTALL_PERSISTENT
	$(INSTALL) -D -m 0755 $(@D)/data/persistent/switchback-persistent \
		$(TARGET_DIR)/usr/sbin/switchback-persistent
	$(INSTALL) -D -m 0644 $(@D)/data/persistent/switchback-persistent.service \
		$(TARGET_DIR)/usr/lib/systemd/system/switchback-persistent.service
	$(INSTALL) -D -m 0644 $(@D)/data/persistent/persistent.conf \
		$(TARGET_DIR)/etc/switchback/persistent.conf
	mkdir -p $(TARGET_DIR)/persistent
endef
ifeq ($(BR2_PACKAGE_SWITCHBACK_PERSISTENT),y)
SWITCHBACK_POST_INSTALL_TARGET_HOOKS += SWITCHBACK_INSTALL_PERSISTENT
endif

$(eval $(meson-package))
