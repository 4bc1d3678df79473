"""Debian's part: packages for this machine, and base images where none can be pulled."""

from __future__ import annotations

import os
import shutil
import ssl
from collections.abc import Callable
from pathlib import Path

from devcluster import commands
from devcluster.engine import Engine
from devcluster.errors import Refusal
from devcluster.places import Places

__all__ = ["ensure_debootstrap", "import_base", "install", "installed_by_us"]

NO_SERVICES = "#!/bin/sh\n# While devcluster installs packages.\nexit 101\n"
SERVICES = ("docker.service", "docker.socket", "containerd.service")
QUIET = {"DEBIAN_FRONTEND": "noninteractive"}
LEFT_OUT = ("./var/cache/apt/archives/*.deb", "./var/lib/apt/lists/*", "./dev/*", "./proc/*")


def install(places: Places, packages: tuple[str, ...], on_line: Callable[[str], None]) -> None:
    """Install packages without starting their services: the engine is to be a private one.

    Raises:
        CommandFailed: apt refused.
    """
    policy = Path("/usr/sbin/policy-rc.d")
    ours = not policy.exists() or policy.read_text() == NO_SERVICES
    if ours:
        policy.write_text(NO_SERVICES)
        policy.chmod(0o755)
    log = places.logs / "apt.log"
    record = _record(places)
    record.parent.mkdir(parents=True, exist_ok=True)
    record.write_text("\n".join(sorted({*installed_by_us(places), *packages})))
    try:
        commands.follow(["apt-get", "update"], log=log, on_line=on_line, env=QUIET)
        commands.follow(
            ["apt-get", "install", "-y", "--no-install-recommends", *packages],
            log=log,
            on_line=on_line,
            env=QUIET,
        )
    finally:
        if ours:
            policy.unlink()
    # Enabled but not started: after a reboot they would be a second engine beside the private one.
    if "docker.io" in packages:
        commands.attempt(["systemctl", "disable", *SERVICES])


def ensure_debootstrap(places: Places, on_line: Callable[[str], None]) -> None:
    """Make sure that a base image can be made here, before anything is built upon it.

    Raises:
        Refusal: That needs root or a package, and this user may not install it.
        CommandFailed: apt refused.
    """
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    is_there = shutil.which("debootstrap", path=path) is not None
    if os.geteuid() == 0 and (is_there or shutil.which("apt-get")):
        if not is_there:
            install(places, ("debootstrap",), on_line)
        return
    raise Refusal(
        "the image cannot be pulled, and making it needs root and debootstrap: `docker load` the "
        "image, or run `sudo apt-get install -y debootstrap` and then this command as root"
    )


def installed_by_us(places: Places) -> tuple[str, ...]:
    """Return the packages that were installed for a private engine on this machine."""
    record = _record(places)
    return tuple(record.read_text().split()) if record.exists() else ()


def _record(places: Places) -> Path:
    return places.cache / "installed-packages"


def import_base(
    engine: Engine,
    places: Places,
    *,
    suite: str,
    mirror: str,
    tag: str,
    on_line: Callable[[str], None],
) -> None:
    """Make a minimal Debian root file system and give it to the engine as an image.

    Raises:
        CommandFailed: debootstrap or the import failed.
    """
    root = places.work / f"debian-{suite}"
    for mounted in ("proc", "sys"):  # of a run that was killed
        if os.path.ismount(root / mounted):
            commands.attempt(["umount", "--lazy", str(root / mounted)])
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True, exist_ok=True)
    commands.follow(
        ["debootstrap", "--variant=minbase", "--include=ca-certificates", suite, str(root), mirror],
        log=places.logs / f"debian-{suite}.log",
        on_line=on_line,
        env={"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"},
    )
    _trust_what_the_host_trusts(root)
    archive = places.work / f"debian-{suite}.tar"
    excludes = [f"--exclude={pattern}" for pattern in LEFT_OUT]
    commands.run(["tar", "-C", str(root), *excludes, "-cf", str(archive), "."])
    engine("import", str(archive), tag)
    archive.unlink()
    shutil.rmtree(root)


def _trust_what_the_host_trusts(root: Path) -> None:
    """Downloads in a build may pass a proxy whose authority only this machine knows."""
    bundle = ssl.get_default_verify_paths().cafile or "/etc/ssl/certs/ca-certificates.crt"
    if Path(bundle).exists():
        shutil.copyfile(bundle, root / "etc/ssl/certs/ca-certificates.crt")
