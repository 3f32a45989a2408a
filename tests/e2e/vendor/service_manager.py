# SPDX-License-Identifier: MIT
"""systemd's part: what the installed unit, its drop-ins and its socket say is done as
systemd.exec(5) says. systemd itself judges the files."""

import os
import re
import shutil
import socket

from lib.gateway import ROOT

OFFLINE = {"SYSTEMD_OFFLINE": "1"}  # systemctl does what it can without a running systemd


class Manager:
    """Starts the service as its unit and the drop-ins say."""

    UNITS = "/etc/systemd/system"
    USER = 61184  # one of those that DynamicUser= takes

    def __init__(self, machine):
        self.machine = machine
        units = machine.path(self.UNITS)
        units.mkdir(parents=True, exist_ok=True)
        text = (ROOT / "systemd" / "scoregate.service.in").read_text()
        (units / "scoregate.service").write_text(  # as `make install` does
            text.replace("@bindir@", "/usr/local/bin").replace("@sysconfdir@", "/etc"))
        shutil.copy(ROOT / "systemd" / "scoregate.socket", units)
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        machine.path("/run/notify").unlink(missing_ok=True)
        self._notify.bind(str(machine.path("/run/notify")))
        machine.path("/run/notify").chmod(0o666)
        self._notify.settimeout(10)

    def settings(self, unit):
        """{key: its values} of UNIT with its drop-ins."""
        found, units = {}, self.machine.path(self.UNITS)
        for file in (units / unit, *sorted((units / f"{unit}.d").glob("*.conf"))):
            for key, value in re.findall(r"^(\w+)=(.*)$", file.read_text(), re.MULTILINE):
                found.setdefault(key, []).append(value)
        return found

    def _load_credentials(self):
        directory = self.machine.path("/run/credentials/scoregate.service")
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        for line in self.settings("scoregate.service")["LoadCredential"]:
            name, _, path = line.partition(":")
            (directory / name).write_bytes(self.machine.path(path).read_bytes())
            (directory / name).chmod(0o400)
            os.chown(directory / name, self.USER, self.USER)
        directory.chmod(0o500)
        os.chown(directory, self.USER, self.USER)
        return "CREDENTIALS_DIRECTORY=/run/credentials/scoregate.service"

    def verify(self, unit):
        """systemd finds nothing wrong with UNIT as it is installed."""
        done = self.machine.run(f"systemd-analyze verify --man=no {unit}", check=False)
        assert (done.returncode, done.stderr) == (0, "")

    def is_enabled(self, unit, target):
        return self.machine.path(f"{self.UNITS}/{target}.wants/{unit}").is_symlink()

    def start(self, under="env"):
        """UNDER: a command that takes settings of the environment as env does."""
        [command] = self.settings("scoregate.service")["ExecStart"]
        return self.machine.start(
            f"setpriv --reuid {self.USER} --regid {self.USER} --clear-groups --no-new-privs "
            f"--bounding-set=-all {under} {self._load_credentials()} NOTIFY_SOCKET=/run/notify "
            f"{command}")

    def wait_ready(self):
        assert self._notify.recv(4096) == b"READY=1"

    def stop(self, service):
        service.finish()
        assert self._notify.recv(4096) == b"STOPPING=1"

    def close(self):
        self._notify.close()
