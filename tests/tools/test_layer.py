# SPDX-License-Identifier: Apache-2.0
"""The Yocto layer by the values that its variables come to, for machines and releases of Yocto; the Buildroot
tree by kconfiglib and by make."""

import argparse
import os
import pathlib
import re
import shlex
import subprocess

import kconfiglib
import pytest

from bitbake_lines import Data, SyntaxFault, statements

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
LAYER = TOP / "yocto" / "meta-switchback"
BUILDROOT = TOP / "buildroot"
METADATA = sorted(path for suffix in ("*.bb", "*.bbappend", "*.bbclass", "*.inc", "layer.conf")
                  for path in LAYER.glob(f"**/{suffix}"))
CLASS = LAYER / "classes" / "switchback-image.bbclass"
MACHINES = ("qemuarm64", "qemux86-64")
# What image-artifact-names.bbclass says in releases of Yocto, and the file that its own ext4 command writes there.
NAMES = {
    "kirkstone": ({"IMAGE_NAME": "${PN}-${MACHINE}${IMAGE_VERSION_SUFFIX}", "IMAGE_LINK_NAME": "${PN}-${MACHINE}",
                   "IMAGE_NAME_SUFFIX": ".rootfs"}, "${IMAGE_NAME}${IMAGE_NAME_SUFFIX}.ext4"),
    "scarthgap": ({"IMAGE_NAME": "${IMAGE_LINK_NAME}${IMAGE_VERSION_SUFFIX}",
                   "IMAGE_LINK_NAME": "${PN}-${MACHINE}${IMAGE_NAME_SUFFIX}", "IMAGE_NAME_SUFFIX": ".rootfs"},
                  "${IMAGE_NAME}.ext4"),
    "without a suffix": ({"IMAGE_NAME": "${IMAGE_LINK_NAME}${IMAGE_VERSION_SUFFIX}",
                          "IMAGE_LINK_NAME": "${PN}-${MACHINE}", "IMAGE_NAME_SUFFIX": ""}, "${IMAGE_NAME}.ext4"),
}


def recipe(pattern):
    return next(LAYER.glob(f"**/{pattern}"))


def data(*overrides, **values):
    """Values after layer.conf, for a machine."""
    found = Data(overrides, LAYERDIR=str(LAYER), PN="image", **values)
    found.read((LAYER / "conf" / "layer.conf").read_text())
    return found


def image(machine, release="scarthgap"):
    found = data(machine, MACHINE=machine, DISTRO_VERSION="1", IMAGE_VERSION_SUFFIX="-2026", IMGDEPLOYDIR="/deploy",
                 IMAGE_ROOTFS="/root-fs", **NAMES[release][0])
    found.read(CLASS.read_text())
    found.read(recipe("switchback-example-image.bb").read_text())
    return found


@pytest.mark.parametrize("path", METADATA, ids=lambda path: path.name)
def test_every_line_is_a_statement(path):
    assert statements(path.read_text())


@pytest.mark.parametrize("text", ['A = "x', "A = x", 'A_append = " x"', 'SRC_URI_append = "x"', "do_x() {\n    true\n",
                                  'A = "x" "y"', 'FILES_${PN} = "x"', 'A = "x \\\n', "inherits foo"])
def test_what_is_no_statement_is_noticed(text):
    with pytest.raises(SyntaxFault):
        statements(text)


def test_the_layers_tree_is_this_one():
    assert data().getVar("SWITCHBACK_TREE") == str(TOP)
    assert {"kirkstone", "scarthgap"} <= set(data().getVar("LAYERSERIES_COMPAT_switchback").split())


@pytest.mark.parametrize("release", NAMES)
@pytest.mark.parametrize("machine", MACHINES)
def test_image_has_the_name_that_the_release_looks_for(release, machine):
    found = image(machine, release)
    command = shlex.split(found.getVar("IMAGE_CMD:ext4"))
    assert command[:3] == ["swb-pack", "make-image", "/root-fs"]
    assert f"--output=/deploy/{found.expand(NAMES[release][1])}" in command
    assert "--size=256M" in command and "--timestamp=1704067200" in command
    assert "$" not in " ".join(command)


@pytest.mark.parametrize("machine", MACHINES)
def test_example_image_has_what_a_device_needs(machine):
    found = image(machine)
    assert {"switchback", "switchback-persistent", "switchback-boot", "kernel-image"} <= \
        set(found.getVar("IMAGE_INSTALL").split())
    assert {"ext4", "wic"} <= set(found.getVar("IMAGE_FSTYPES").split())
    assert "ext4" in found.getVar("IMAGE_TYPEDEP:wic") and "read-only-rootfs" in found.getVar("IMAGE_FEATURES")
    assert pathlib.Path(found.getVar("SWITCHBACK_DEVICE_CONF")).exists()


@pytest.mark.parametrize("machine", MACHINES)
def test_board_of_the_machine(machine):
    found = data(machine)
    found.read(recipe("switchback-boot_*.bb").read_text())
    assert pathlib.Path(found.getVar("SWITCHBACK_BOARD")) == \
        LAYER / "recipes-bsp" / "switchback-boot" / "files" / f"{machine}.conf"
    other = data("raspberrypi4")
    other.read(recipe("switchback-boot_*.bb").read_text())
    assert (TOP / "boot" / "u-boot" / "boards" / f"{other.getVar('SWITCHBACK_BOARD')}.conf").exists()


@pytest.mark.parametrize("overrides, parts", [((), "device"), (("class-native",), "pack"), (("class-nativesdk",), "pack")])
def test_parts_of_the_recipe(overrides, parts):
    found = data(*overrides, base_sbindir="/sbin", systemd_system_unitdir="/lib/systemd/system")
    found.read(recipe("switchback_*.bb").read_text())
    chosen = found.getVar("PACKAGECONFIG").split()
    assert parts in chosen and ("systemd" in found.getVar("REQUIRED_DISTRO_FEATURES")) == (parts == "device")
    known = re.findall(r"^PACKAGECONFIG\[(\w+)\]", recipe("switchback_*.bb").read_text(), re.M)
    assert set(chosen) <= set(known)
    assert "@" not in found.getVar("SYSTEMD_PACKAGES") and "@" not in found.getVar("RRECOMMENDS:${PN}")


def test_u_boot_fragment_for_gpt_flags():
    for wanted in ("0", "1"):
        found = data(SWITCHBACK_UBOOT_GPT=wanted, THISDIR="/layer", SRC_URI="git://u-boot")
        found.read(recipe("u-boot_%.bbappend").read_text())
        assert ("file://swb_boot.cfg" in found.getVar("SRC_URI")) == (wanted == "1")
        assert "file://switchback.cfg" in found.getVar("SRC_URI")


def kickstart():
    """The commands of a wks file that ours may use, of those that kirkstone and later know."""
    parser = argparse.ArgumentParser(exit_on_error=False)
    commands = parser.add_subparsers(required=True, dest="command")
    part = commands.add_parser("part", allow_abbrev=False)
    part.add_argument("mountpoint", nargs="?")
    part.add_argument("--active", action="store_true")
    part.add_argument("--align", type=int)
    part.add_argument("--fixed-size", type=re.compile(r"^[0-9]+[KMG]$").match, required=True)
    part.add_argument("--fstype", choices=("ext4", "none", "vfat"))
    for name in ("--label", "--part-name", "--sourceparams"):
        part.add_argument(name)
    part.add_argument("--source", choices=("rawcopy",))
    loader = commands.add_parser("bootloader")
    loader.add_argument("--ptable", choices=("gpt", "msdos"))
    return parser


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("release", NAMES)
def test_disk_layout_is_a_kickstart_file(machine, release):
    found = image(machine, release)
    text = found.expand(pathlib.Path(found.getVar("WKS_FILE")).read_text())
    assert "${" not in text
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    parsed = [kickstart().parse_args(shlex.split(line)) for line in lines]
    assert [command.command for command in parsed] == ["part"] * 5 + ["bootloader"]
    for command in parsed[:-1]:
        assert command.fixed_size and (command.source or command.fstype)
    slot = f"file=/deploy/{found.getVar('IMAGE_LINK_NAME')}.ext4"
    assert [command.sourceparams for command in parsed[:3]] == ["file=switchback-env.img", "file=switchback-boot.vfat", slot]


# ---- Buildroot ----

BUILDROOTS_OWN = """
config BR2_INIT_SYSTEMD
\tbool "systemd"
config BR2_TOOLCHAIN_HAS_THREADS
\tdef_bool y
config BR2_PACKAGE_LIBSECCOMP_ARCH_SUPPORTS
\tdef_bool y
"""


@pytest.fixture(name="kconfig")
def make_kconfig(tmp_path, monkeypatch):
    """Config.in within what it needs of Buildroot's."""
    monkeypatch.setenv("BR2_EXTERNAL_SWITCHBACK_PATH", str(BUILDROOT))
    selected = set(re.findall(r"select (BR2_\w+)", (BUILDROOT / "package/switchback/Config.in").read_text()))
    own = BUILDROOTS_OWN + "".join(f"config {name}\n\tbool \"{name}\"\n" for name in sorted(selected))
    (tmp_path / "Config.in").write_text(f'mainmenu "test"\n{own}\nsource "{BUILDROOT}/Config.in"\n')
    return kconfiglib.Kconfig(str(tmp_path / "Config.in"), warn_to_stderr=False), selected


def test_buildroots_menu(kconfig):
    config, selected = kconfig
    symbols = config.syms
    assert symbols["BR2_PACKAGE_SWITCHBACK"].visibility == 0  # no systemd, no switchback
    symbols["BR2_INIT_SYSTEMD"].set_value("y")
    symbols["BR2_PACKAGE_SWITCHBACK"].set_value("y")
    assert symbols["BR2_PACKAGE_SWITCHBACK"].str_value == "y"
    assert {name for name in selected if symbols[name].str_value != "y"} == set()  # by the defaults
    symbols["BR2_PACKAGE_SWITCHBACK_UBOOT"].set_value("n")
    assert symbols["BR2_PACKAGE_LIBUBOOTENV"].str_value == "n"
    assert [text for text in config.warnings if "switchback" in text] == []


# $(@D), to Buildroot the folder of the sources, is to make that of the target.
BUILDROOTS_MAKEFILE = """
BR2_EXTERNAL_SWITCHBACK_PATH = {tree}
INSTALL = install
TARGET_DIR = {target}
define meson-package
package-is-defined = yes
endef
include {tree}/external.mk
names:
\t@echo "$(package-is-defined)|$(SWITCHBACK_SITE)|$(SWITCHBACK_DEPENDENCIES)|$(SWITCHBACK_CONF_OPTS)"
.PHONY: {top}/hooks
{top}/hooks:
\t$(foreach hook,$(SWITCHBACK_POST_INSTALL_TARGET_HOOKS),$($(hook)))
"""


def run_make(tmp_path, goal, **settings):
    """Without a warning; all options that are not set are on."""
    makefile = tmp_path / "Makefile"
    makefile.write_text(BUILDROOTS_MAKEFILE.format(tree=BUILDROOT, target=tmp_path / "target", top=TOP))
    config = (BUILDROOT / "package/switchback/Config.in").read_text()
    options = dict.fromkeys(re.findall(r"^config (BR2_PACKAGE_SWITCHBACK_\w+)", config, re.M), "y") | settings
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    result = subprocess.run(["make", "--no-print-directory", "--warn-undefined-variables", "-f", makefile, goal,
                             *[f"{name}={value}" for name, value in options.items()]],
                            capture_output=True, text=True, check=False, timeout=60, env=environment)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


@pytest.mark.parametrize("uboot", ["y", "n"])
def test_buildroots_makefile(tmp_path, uboot):
    said = run_make(tmp_path, "names", BR2_PACKAGE_SWITCHBACK_UBOOT=uboot)
    defined, site, depends, options = said.strip().split("|")
    assert defined == "yes" and pathlib.Path(site).resolve() == TOP
    assert ("libubootenv" in depends.split()) == (uboot == "y")
    assert f"-Duboot={'true' if uboot == 'y' else 'false'}" in options.split() and "-Dseccomp=true" in options.split()


def test_buildroot_installs_the_persistent_root(tmp_path):
    run_make(tmp_path, f"{TOP}/hooks")
    target = tmp_path / "target"
    assert os.access(target / "usr/sbin/switchback-persistent", os.X_OK)
    assert (target / "usr/lib/systemd/system/switchback-persistent.service").exists()
    assert (target / "etc/switchback/persistent.conf").exists() and (target / "persistent").is_dir()
