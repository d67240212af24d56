# SPDX-License-Identifier: Apache-2.0
"""What packagers build from (Yocto, Buildroot) says of the tree is true of the tree."""

import hashlib
import pathlib
import re
import shlex
import subprocess
import textwrap

import pytest

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
LAYER = TOP / "yocto" / "meta-switchback"
BUILDROOT = TOP / "buildroot"
RECIPE = LAYER / "recipes-core" / "switchback" / "switchback_0.1.0.bb"
METADATA = sorted(path for suffix in ("*.bb", "*.bbappend", "*.bbclass", "*.inc", "*.conf", "*.wks.in")
                  for path in LAYER.glob(f"**/{suffix}"))

# meson's name of a library -> who packages it: Yocto's recipe, Buildroot's package.
PACKAGERS = {
    "bz2": ("bzip2", "bzip2"), "com_err": ("e2fsprogs", None), "expat": ("expat", "expat"),
    "ext2fs": ("e2fsprogs", None), "jansson": ("jansson", None), "libbrotlidec": ("brotli", "brotli"),
    "libbrotlienc": ("brotli", None), "libcrypto": ("openssl", "openssl"),
    "libcurl": ("curl", "libcurl"), "libdivsufsort": ("libdivsufsort", None),
    "libdivsufsort64": ("libdivsufsort", None), "liblzma": ("xz", "xz"),
    "libmicrohttpd": ("libmicrohttpd", None), "libsystemd": ("systemd", "systemd"),
    "libzstd": ("zstd", "zstd"), "p11-kit-1": ("p11-kit", None), "sqlite3": ("sqlite3", None),
    "ubootenv": ("libubootenv", "libubootenv"),
}
NOT_PACKAGED = {"cmocka", "libprotobuf-c", "threads"}  # tests; the C library
# A condition in src/meson.build -> the parts that need what stands behind it.
PARTS = {"decodes": {"device", "pack"}, "device": {"device"}, "pack": {"pack"},
         "server_wanted": {"server"}, "tests": set(),
         "device or server_wanted": {"device", "server"}, "pack or server_wanted": {"pack", "server"}}


def libraries():
    """{library: the parts that need it}, of src/meson.build."""
    found, condition = {}, None
    for line in (TOP / "src" / "meson.build").read_text().splitlines():
        call = re.search(r"(?:dependency|find_library)\('([^']+)'", line)
        ternary = re.search(r"= (.+?) \?", line)
        block = re.match(r"if device and get_option\('uboot'\)", line)
        if block:
            condition = {"uboot"}
        if line == "endif":
            condition = None
        if call and call[1] not in NOT_PACKAGED:
            found[call[1]] = condition or (PARTS[ternary[1]] if ternary else {"all"})
    return found


def options():
    return set(re.findall(r"^option\('([^']+)'", (TOP / "meson_options.txt").read_text(), re.M))


def version():
    return re.search(r"version: '([^']+)'", (TOP / "meson.build").read_text())[1]


def recipe_depends():
    """{part: names}, of PACKAGECONFIG and DEPENDS."""
    text = RECIPE.read_text()
    decoders = re.search(r'^DECODERS = "(.*)"', text, re.M)[1]
    depends = {"all": set(re.search(r'^DEPENDS = "(.*)"', text, re.M)[1].split())}
    for part, names in re.findall(r'^PACKAGECONFIG\[(\w+)\] = "[^,]*,[^,]*,(.*)"', text, re.M):
        depends[part] = set(names.replace("${DECODERS}", decoders).split())
    return depends


def test_recipe_depends_on_what_meson_asks_for():
    depends = recipe_depends()
    for library, parts in libraries().items():
        for part in parts:
            assert PACKAGERS[library][0] in depends[part], f"{library} of part {part}"


def test_recipe_depends_on_nothing_else():
    wanted = {}
    for library, parts in libraries().items():
        for part in parts:
            wanted.setdefault(part, set()).add(PACKAGERS[library][0])
    assert recipe_depends() == wanted


def test_buildroot_depends_on_what_meson_asks_for():
    text = (BUILDROOT / "package" / "switchback" / "switchback.mk").read_text()
    named = set(" ".join(re.findall(r"_DEPENDENCIES \+?= (.*)", text)).split())
    wanted = {PACKAGERS[library][1] for library, parts in libraries().items()
              if parts & {"all", "device", "uboot"}}
    assert named == wanted | {"host-pkgconf"}
    config = (BUILDROOT / "package" / "switchback" / "Config.in").read_text()
    for name in wanted - {"systemd"}:  # systemd is the init system, which it depends on
        assert f"select BR2_PACKAGE_{name.upper()}\n" in config


@pytest.mark.parametrize("path", [RECIPE, BUILDROOT / "package" / "switchback" / "switchback.mk"],
                         ids=lambda path: path.name)
def test_meson_options_exist(path):
    used = set(re.findall(r"-D([a-z][a-z-]*)=", path.read_text()))
    assert used and used <= options()


def test_versions_are_the_trees():
    recipes = [path for path in LAYER.glob("**/switchback*.bb") if "_" in path.name]
    assert recipes and all(path.stem.endswith("_" + version()) for path in recipes)
    assert f"SWITCHBACK_VERSION = {version()}\n" in \
        (BUILDROOT / "package" / "switchback" / "switchback.mk").read_text()


def test_licence_checksums():
    digest = hashlib.md5((TOP / "LICENSE").read_bytes()).hexdigest()
    named = [found for path in METADATA for found in
             re.findall(r"file://LICENSE;md5=(\w+)", path.read_text())]
    assert named and set(named) == {digest}


@pytest.mark.parametrize("path", METADATA + [BUILDROOT / "package" / "switchback" / "switchback.mk"],
                         ids=lambda path: path.name)
def test_named_files_exist(path):
    text = path.read_text()
    roots = {"${S}": TOP, "$(@D)": TOP, "${SWITCHBACK_TREE}": TOP, "${SWITCHBACK_LAYERDIR}": LAYER}
    for root, folder in roots.items():
        for name in re.findall(re.escape(root) + r"/([\w./-]+\w)", text):
            if name.startswith("cmd"):  # U-Boot's own source
                continue
            assert (folder / name).exists(), f"{path.name} names {name}"
    for name in re.findall(r"file://([\w./-]+\.cfg)", text):
        assert (path.parent / "files" / name).exists()
    for name in re.findall(r"boot/u-boot/[\w./-]+\w", text):
        assert (TOP / name).exists(), f"{path.name} names {name}"


def python_parts(text):
    """Python of a class or recipe: functions of tasks, def blocks, ${@...} expressions."""
    for body in re.findall(r"^(?:fakeroot )?python \w*\s*\(\) \{\n(.*?)^\}", text, re.M | re.S):
        yield "def task(d, bb):\n" + textwrap.indent(textwrap.dedent(body), "    ")
    for body in re.findall(r"^def .*?(?=^\S|\Z)", text, re.M | re.S):
        yield body
    text = re.sub(r"\$\{\w+\}", "word", text.replace("\\\n", " "))  # BitBake expands these first
    for body in re.findall(r"\$\{@(.*?)\}", text):
        yield body.strip()


@pytest.mark.parametrize("path", METADATA, ids=lambda path: path.name)
def test_python_of_recipes_compiles(path):
    for body in python_parts(path.read_text()):
        compile(body, path.name, "exec")


def shell_parts(text):
    for name, body in re.findall(r"^(?!python|fakeroot|def)([\w:-]+)\s*\(\) \{\n(.*?)^\}", text,
                                 re.M | re.S):
        # Values of BitBake's are words to the shell.
        body = re.sub(r"\$\{@.*?\}", "value", body)
        body = re.sub(r"\$\{([A-Z]\w*|bindir|sbindir|sysconfdir|systemd_system_unitdir)\}",
                      r"${\1}", body)
        yield re.sub(r"\W", "_", name), body


@pytest.mark.parametrize("path", METADATA, ids=lambda path: path.name)
def test_shell_of_recipes_parses(path, tmp_path):
    for name, body in shell_parts(path.read_text()):
        script = tmp_path / name
        script.write_text(f"#!/bin/sh\n{name}() {{\n{body}}}\n{name}\n")
        # Of BitBake: names it sets (2154), unquoted values on purpose (2086, 2046, 2016), expr (2003).
        result = subprocess.run(["shellcheck", "-e", "SC2154,SC2086,SC2046,SC2016,SC2003,SC2193,SC2157", script],
                                capture_output=True, text=True, check=False, timeout=60)
        assert result.returncode == 0, result.stdout


def test_disk_layout_is_the_boot_scripts():
    """Names and order of partitions: the boot script knows slots by number, Linux by name."""
    lines = (LAYER / "wic" / "switchback.wks.in").read_text().splitlines()
    parts = [shlex.split(line) for line in lines if line.startswith("part ")]
    names = [words[words.index("--part-name") + 1] for words in parts]
    assert names == ["env", "boot", "rootfs-A", "rootfs-B", "persistent"]
    for words in parts:
        assert words[words.index("--align") + 1] == "1024"  # so "env" begins at 1 MiB
    for board in (LAYER / "recipes-bsp" / "switchback-boot" / "files").glob("*.conf"):
        text = board.read_text()
        assert "PART_A = 3\nPART_B = 4\n" in text and "ENV_OFFSET_1 = 0x100000\n" in text


@pytest.mark.parametrize("board", sorted((LAYER / "recipes-bsp").glob("*/files/*.conf")),
                         ids=lambda path: path.name)
def test_board_files_make_a_script(board, tmp_path):
    subprocess.run([TOP / "boot" / "u-boot" / "make-script", "--text", board, tmp_path / "boot.cmd"],
                   check=True, timeout=60)
    assert "@" not in (tmp_path / "boot.cmd").read_text()
