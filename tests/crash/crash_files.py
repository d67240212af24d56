# SPDX-License-Identifier: Apache-2.0
"""Files as a power cut may leave them.

What was written is sure to be there only when the file was synced, and a name only when its folder
was. Until then each sector may be the old or the new one, a size too, and the names in a folder are
lost from the last one on. Nothing else is assumed of the file system: not that a sync of a file
keeps its name, nor that a rename waits for the data.
"""

import os

import crash_log

SECTOR = 512


class Content:
    """Of one file, whatever its names: what is on the medium, and what is not there for sure."""

    def __init__(self, data=b""):
        self.stable, self.pending = bytearray(data), []

    def sync(self):
        for change in self.pending:
            change(self.stable, None)
        self.pending = []

    def after_cut(self, keep, dice):
        """keep: True, False, or None for a part."""
        if keep is False or not self.pending:
            return bytes(self.stable)
        data = bytearray(self.stable)
        for change in self.pending:
            change(data, None if keep else dice)
        return bytes(data)


def writing(offset, new):
    def change(data, dice):
        if len(data) < offset + len(new):
            data.extend(bytes(offset + len(new) - len(data)))
        if dice is None:
            data[offset:offset + len(new)] = new
            return
        for at in range(0, len(new), SECTOR):
            if dice.random() < 0.5:
                piece = new[at:at + SECTOR]
                data[offset + at:offset + at + len(piece)] = piece
    return change


def truncating(size):
    def change(data, dice):
        if dice is None or dice.random() < 0.5:
            if size < len(data):
                del data[size:]
            else:
                data.extend(bytes(size - len(data)))
    return change


class Files:
    """Of one folder. Paths are relative to it; folders have None for content."""

    def __init__(self, root, is_ours):
        """As they are now, all on the medium; is_ours(path): those that count."""
        self.root, self.inodes, self.stable, self.pending = str(root), {}, {"": None}, {}
        for folder, folders, files in os.walk(root):
            for name in ("", *folders, *files):
                path = os.path.join(folder, name).rstrip("/")
                short = path[len(self.root) + 1:]
                if not is_ours(short):
                    continue
                content = None
                if os.path.isfile(path):
                    with open(path, "rb") as file:
                        content = Content(file.read())
                self.stable[short] = content
                self.inodes[os.stat(path).st_ino] = short if content is None else content

    def _short(self, path):
        assert path.startswith(self.root + "/"), path
        return path[len(self.root) + 1:]

    def _rename(self, *names):
        """Names of one folder appear, change or (content False) go, all of them or none."""
        self.pending.setdefault(os.path.dirname(names[0][0]), []).append(names)

    def _now(self, path):
        for names in reversed(self.pending.get(os.path.dirname(path), [])):
            for changed, content in names:
                if changed == path:
                    return content
        return self.stable[path]

    def apply(self, point):
        """A call was made."""
        short = self._short(point.path) if point.path else ""
        if point.kind == crash_log.CREATE:
            content = Content()
            self.inodes[point.inode] = content
            self._rename((short, content))
        elif point.kind == crash_log.MKDIR:
            self.inodes[point.inode] = short
            self._rename((short, None))
        elif point.kind == crash_log.WRITE:
            self.inodes[point.inode].pending.append(writing(point.offset, point.data))
        elif point.kind == crash_log.TRUNCATE:
            self.inodes[point.inode].pending.append(truncating(point.offset))
        elif point.kind == crash_log.PUNCH:
            self.inodes[point.inode].pending.append(writing(point.offset, bytes(point.length)))
        elif point.kind == crash_log.SYNC:
            self._sync(self.inodes[point.inode])
        elif point.kind == crash_log.RENAME:
            self._rename((self._short(point.other), self._now(short)), (short, False))
        elif point.kind == crash_log.UNLINK:
            self._rename((short, False))

    def _sync(self, what):
        if isinstance(what, Content):
            what.sync()
            return
        self._set(self.stable, self.pending.pop(what, []))

    @staticmethod
    def _set(names, changes):
        for path, content in (change for renamed in changes for change in renamed):
            if content is False:
                names.pop(path, None)
            else:
                names[path] = content

    def after_cut(self, keep, dice=None):
        """{path: bytes, or None for a folder}. keep: True for all that was written, False for what
        was synced, None for a part of the rest, as dice fall."""
        names = dict(self.stable)
        for changes in self.pending.values():
            n = {True: len(changes), False: 0}.get(keep)
            self._set(names, changes[:dice.randint(0, len(changes)) if n is None else n])
        return {path: content if content is None else content.after_cut(keep, dice)
                for path, content in names.items() if self._is_reachable(names, path)}

    def synced(self, path):
        """The content that was synced, as was its name: what a program counts on after a cut."""
        content = self.stable.get(path)
        return bytes(content.stable) if content else b""

    @staticmethod
    def _is_reachable(names, path):
        while path:
            path = os.path.dirname(path)
            if path and path not in names:
                return False
        return True
