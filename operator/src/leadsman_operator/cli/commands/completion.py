"""`completion`: scripts for shells, and the words that may come next."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from leadsman_operator.cli.failures import Failure
from leadsman_operator.cli.options import add_cluster_options
from leadsman_operator.cli.session import KIND, RUN_KIND, Session, in_cluster
from leadsman_operator.cli.surroundings import Surroundings
from leadsman_operator.cli.table import ENTRIES, entry_of

NO_FILES = 4
"""Directive of cobra's protocol, which kubectl speaks with its plugins: no names of files.
https://github.com/spf13/cobra/blob/main/site/content/completions/_index.md"""

_BASH = """\
# For ~/.bashrc: source <(leadsman completion bash)
_leadsman() {
    mapfile -t COMPREPLY < <(
        leadsman completion words -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null |
            grep -v '^:' | cut -f1
    )
}
complete -F _leadsman leadsman kubectl-leadsman
"""
_ZSH = """\
#compdef leadsman kubectl-leadsman
# For ~/.zshrc, after compinit: source <(leadsman completion zsh)
_leadsman() {
    local -a found
    found=("${(@f)$(leadsman completion words -- "${(@)words[2,CURRENT]}" 2>/dev/null |
        grep -v '^:' | sed 's/\\t/:/')}")
    _describe leadsman found
}
compdef _leadsman leadsman kubectl-leadsman
"""
_FISH = """\
# For ~/.config/fish/config.fish: leadsman completion fish | source
function __leadsman_words
    set -l words (commandline -opc) (commandline -ct)
    leadsman completion words -- $words[2..-1] 2>/dev/null | string match -v ':*'
end
complete -c leadsman -f -a '(__leadsman_words)'
complete -c kubectl-leadsman -f -a '(__leadsman_words)'
"""
_KINDS = {"name": {KIND: ""}, "resource": {KIND: "", RUN_KIND: "tr/"}}
"""By the argument: kinds whose names may stand there, and what stands before a name."""
_SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}
_EPILOG = """\
kubectl completes `kubectl leadsman` by itself when kubectl_complete-leadsman is on the PATH, which
is installed beside this program.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be given."""
    parser.epilog = _EPILOG
    parser.add_argument(
        "shell", choices=(*_SCRIPTS, "words"),
        help="the shell; words prints what may come after the words behind --",
    )  # fmt: skip
    # Not "*": a second -- is a word that is being typed.
    parser.add_argument("words", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)


def run(options: argparse.Namespace, surroundings: Surroundings) -> int:
    """Write it."""
    if options.shell in _SCRIPTS:
        surroundings.stdout.write(_SCRIPTS[options.shell])
        return 0
    words = options.words[options.words[:1] == ["--"] :] or [""]
    for word, meaning in _next_words(words[:-1], surroundings):
        if word.startswith(words[-1]):
            surroundings.stdout.write(f"{word}\t{meaning}\n" if meaning else f"{word}\n")
    surroundings.stdout.write(f":{NO_FILES}\n")
    return 0


def _next_words(before: Sequence[str], surroundings: Surroundings) -> Iterator[tuple[str, str]]:
    """What may come after some words, with what it means."""
    entry = entry_of(before[0]) if before else None
    if entry is None:
        if not before:
            yield from ((one.name, one.does) for one in ENTRIES)
        return
    parser = argparse.ArgumentParser(add_help=False)
    entry.add_arguments(parser)
    actions = parser._actions  # noqa: SLF001 - argparse has no public list of them
    options = {name: one for one in actions for name in one.option_strings}
    open_option = options.get(before[-1])
    if open_option is not None and open_option.nargs is None:
        yield from ((str(choice), "") for choice in open_option.choices or ())
        return
    valued = {name for name, one in options.items() if one.nargs is None}
    given = [
        word
        for earlier, word in pairwise(before)
        if not word.startswith("-") and earlier not in valued
    ]
    for action in actions:
        if action.option_strings:
            yield max(action.option_strings, key=len), (action.help or "").partition(" (")[0]
        elif action.dest in _KINDS and not given:
            named = _names(_KINDS[action.dest], before[1:], surroundings)
            yield from ((name, "") for name in named)
        elif action.choices and not given:
            yield from ((str(choice), "") for choice in action.choices)


def _names(
    kinds: Mapping[str, str], before: Sequence[str], surroundings: Surroundings
) -> list[str]:
    """Names of the resources of some kinds; none where the cluster can't be asked."""
    parser = argparse.ArgumentParser(add_help=False, exit_on_error=False)
    add_cluster_options(parser)
    options, _ = parser.parse_known_args(list(before))
    names: list[str] = []

    async def look(session: Session) -> int:
        for kind, prefix in kinds.items():
            names.extend(f"{prefix}{one['metadata']['name']}" for one in await session.all_of(kind))
        return 0

    try:
        in_cluster(options, surroundings, look)
    except Failure:
        return []
    return names
