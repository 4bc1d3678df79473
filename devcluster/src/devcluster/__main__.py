"""The command line: one command a function, each ends with a result or with one clear line."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from devcluster import audit, commands, down, logs, status
from devcluster.cluster import Cluster
from devcluster.errors import CommandFailed, Refusal
from devcluster.images import IMAGES, ImageBuild, choose
from devcluster.kind_config import Shape
from devcluster.loading import load_images
from devcluster.lock import alone_on_this_machine
from devcluster.pins import Pins, load_pins
from devcluster.places import Places, find_places
from devcluster.progress import Progress
from devcluster.tools import bring_tools, missing_tools
from devcluster.up import Up

__all__ = ["main"]


def main() -> None:
    """Run one command; a refusal or failure is one line on standard error and code 1."""
    arguments = _parser().parse_args()
    for interruption in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(interruption, _interrupt)
    progress = Progress()
    code = 1
    try:
        arguments.run(arguments, load_pins(), find_places(), progress)
        code = 0
    except (Refusal, CommandFailed, OSError) as error:
        progress.say(f"devcluster: {error}")
    except KeyboardInterrupt:
        progress.say("devcluster: interrupted; run the same command again to go on")
        code = 130
    finally:
        progress.close()
    sys.exit(code)


def _interrupt(_number: int, _frame: object) -> None:
    """Take every polite request to end as one that comes from the keyboard."""
    commands.end_all()  # first: threads that follow a program are waited for before we end
    raise KeyboardInterrupt


def _up(arguments: argparse.Namespace, pins: Pins, places: Places, progress: Progress) -> None:
    shape = Shape(
        name=arguments.name,
        workers=arguments.workers or 0,
        api_port=arguments.api_port,
        publish=tuple(arguments.publish),
    )
    with alone_on_this_machine(places, progress):
        Up(pins, places, progress).run(shape, workers=arguments.workers, replace=arguments.replace)


def _down(arguments: argparse.Namespace, pins: Pins, places: Places, progress: Progress) -> None:
    with alone_on_this_machine(places, progress):
        down.take_down(pins, places, progress, name=arguments.name, everything=arguments.everything)


def _status(arguments: argparse.Namespace, pins: Pins, places: Places, progress: Progress) -> None:
    state = status.look(pins, places, progress, arguments.name)
    print(json.dumps(state, indent=2) if arguments.output == "json" else status.render(state))
    if not state["ready"]:
        sys.exit(1)


def _load(arguments: argparse.Namespace, pins: Pins, places: Places, progress: Progress) -> None:
    with alone_on_this_machine(places, progress):
        load_images(_cluster(arguments.name, pins, places, progress), tuple(arguments.images))


def _images(arguments: argparse.Namespace, pins: Pins, places: Places, progress: Progress) -> None:
    chosen = choose(tuple(short for short in arguments.only.split(",") if short))
    with alone_on_this_machine(places, progress):
        engine, _, _ = Up(pins, places, progress).engine()
        build = ImageBuild(engine, pins, places, progress)
        names = build.run(arguments.checkout.resolve(), arguments.tag, chosen)
        cluster = Cluster(arguments.name, engine, pins, places, progress)
        if cluster.nodes():
            load_images(cluster, names)
        else:
            progress.say(f"built {', '.join(names)}; no cluster to load into")


def _kubeconfig(
    arguments: argparse.Namespace, _pins: Pins, places: Places, _progress: Progress
) -> None:
    path = places.kubeconfig(arguments.name)
    if not path.exists():
        raise Refusal(f"there is no cluster `{arguments.name}`: `devcluster up` makes one")
    print(path)


def _logs(arguments: argparse.Namespace, pins: Pins, places: Places, progress: Progress) -> None:
    folder = logs.collect(
        _cluster(arguments.name, pins, places, progress), arguments.folder.resolve()
    )
    print(folder)


def _audit(arguments: argparse.Namespace, pins: Pins, places: Places, progress: Progress) -> None:
    lines = audit.read(_cluster(arguments.name, pins, places, progress))
    for line in audit.of_users(lines, arguments.user):
        print(line)


def _tools(arguments: argparse.Namespace, pins: Pins, places: Places, progress: Progress) -> None:
    names = tuple(arguments.names) or tuple(pins.tools)
    if missing_tools(pins, places, names):  # asking alone needs no lock
        with alone_on_this_machine(places, progress):
            bring_tools(pins, places, progress, names)
    print(places.programs)


def _cluster(name: str, pins: Pins, places: Places, progress: Progress) -> Cluster:
    engine = status.find_engine(places)
    if engine is None:
        raise Refusal(f"there is no engine and so no cluster `{name}`: run `devcluster up`")
    return Cluster(name, engine, pins, places, progress)


def _port_pair(text: str) -> tuple[int, int]:
    host, colon, node = text.partition(":")
    if not (colon and host.isdigit() and node.isdigit()):
        raise argparse.ArgumentTypeError(f"`{text}`: write HOST:NODEPORT, for example 8888:30080")
    return _port(host), _port(node)


def _port(text: str) -> int:
    if not (text.isdigit() and 0 < int(text) < 65536):  # noqa: PLR2004 - the ports of TCP
        raise argparse.ArgumentTypeError(f"`{text}`: write a port from 1 to 65535")
    return int(text)


def _count(text: str) -> int:
    if not text.isdigit() or int(text) > 8:  # noqa: PLR2004 - more do not fit a development machine
        raise argparse.ArgumentTypeError(f"`{text}`: write a number from 0 to 8")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="devcluster",
        description="A kind cluster on any Linux machine, with or without Docker and a registry.",
        epilog="Set LEADSMAN_CACHE to keep the caches elsewhere than in ~/.cache/leadsman.",
    )
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, run: Callable[..., None], text: str) -> argparse.ArgumentParser:
        command = subparsers.add_parser(name, help=text, description=text)
        command.set_defaults(run=run)
        command.add_argument("--name", default="leadsman", help="the cluster (default: leadsman)")
        return command

    _add_cluster_commands(add)
    _add_image_commands(add)
    return parser


def _add_cluster_commands(add: Callable[..., argparse.ArgumentParser]) -> None:
    up = add("up", _up, "Bring a cluster up; harmless when it is up already.")
    up.add_argument("--workers", type=_count, help="nodes beside the control plane (default: 0)")
    up.add_argument(
        "--replace", action="store_true", help="make a cluster of another size or image anew"
    )
    up.add_argument("--api-port", type=_port, help="port of the API server (default: a free one)")
    up.add_argument(
        "--publish",
        type=_port_pair,
        action="append",
        default=[],
        metavar="HOST:NODEPORT",
        help="a port of 127.0.0.1 that leads to a NodePort; may be repeated",
    )
    down_ = add("down", _down, "Delete a cluster, and with the last one all that came with it.")
    down_.add_argument(
        "--all", dest="everything", action="store_true", help="the engine and the caches too"
    )
    status_ = add("status", _status, "Show nodes, add-ons and memory; code 1 unless all is Ready.")
    status_.add_argument("-o", "--output", choices=["text", "json"], default="text")
    add("kubeconfig", _kubeconfig, "Print the path of the file that points kubectl at it.")
    audit_ = add(
        "audit", _audit, "Print what pods' accounts asked of the API server, a JSON line each."
    )
    audit_.add_argument(
        "--user",
        default="",
        metavar="PREFIX",
        help="only users whose name begins so, for example system:serviceaccount:leadsman:",
    )
    logs_ = add("logs", _logs, "Collect the logs of nodes and pods in a folder; print its path.")
    logs_.add_argument("folder", nargs="?", type=Path, default=Path("devcluster-logs"))


def _add_image_commands(add: Callable[..., argparse.ArgumentParser]) -> None:
    load = add("load", _load, "Move images of the engine into the nodes: only what they lack.")
    load.add_argument("images", nargs="+", metavar="IMAGE")
    images = add("images", _images, "Build the images of project and stack, and load them.")
    images.add_argument(
        "--only",
        default="",
        metavar="NAME[,NAME]",
        help=f"build these and no others: {', '.join(image.short for image in IMAGES)}"
        f" ({', '.join(image.short for image in IMAGES if image.is_optional)} only where named)",
    )
    images.add_argument("--tag", default="dev", help="the images' tag (default: dev)")
    images.add_argument("--checkout", type=Path, default=Path(), help="top folder (default: here)")
    tools = add("tools", _tools, "Bring helm, kubectl, kind, actionlint; print their folder.")
    tools.add_argument("names", nargs="*", metavar="NAME")
    tools.add_argument("--path", action="store_true", help="(the default) print the folder")


if __name__ == "__main__":
    main()
