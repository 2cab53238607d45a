"""The commands of voipbin-sip, of what their help is made of and of the types of their functions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import typer

from reference.tables import shown, table
from voipbin_sip.cli.main import app

_WORDS = {Path: "FILE", int: "NUMBER", float: "NUMBER", str: "TEXT"}


def commands() -> Iterator[str]:
    """Yield docs/reference/commands.md."""
    yield from _command("voipbin-sip", typer.main.get_command(app))


def _command(name: str, command: Any) -> Iterator[str]:
    """Yield the section of a command, those of a group's commands; Any: typer brings its own copy of click."""
    if hasattr(command, "commands"):
        for word in sorted(command.commands):
            if not command.commands[word].hidden:
                yield from _command(f"{name} {word}", command.commands[word])
        return
    types = get_type_hints(command.callback, include_extras=True)
    parameters = [found for found in command.params if not getattr(found, "hidden", False)]
    usage = [_argument(found) for found in parameters if found.param_type_name == "argument"]
    yield from ("", f"## {name}", "", " ".join((command.help or "").split("\f")[0].split()))
    yield from ("", f"Usage: `{' '.join([name, *usage, '[OPTIONS]'])}`")
    rows = [_row(found, types.get(found.name)) for found in parameters]
    if rows:
        yield from ("", *table(("option", "default", "what"), rows))


def _argument(parameter: Any) -> str:
    name = parameter.metavar or parameter.name.upper()
    name += "…" if parameter.nargs == -1 else ""
    return name if parameter.required else f"[{name}]"


def _row(parameter: Any, type_: Any) -> tuple[str, str, str]:
    default = "required" if parameter.required else shown(_plain(parameter.default))
    if parameter.param_type_name == "argument":
        return f"`{_argument(parameter)}`", default, parameter.help or ""
    name = ", ".join([*parameter.opts, *parameter.secondary_opts])
    word = "" if _bare(type_) is bool else parameter.metavar or _word(_bare(type_))
    return f"`{' '.join(filter(None, [name, word]))}`", default, parameter.help or ""


def _plain(default: Any) -> Any:
    if callable(default) or default is False:
        return ""
    return str(default) if isinstance(default, Path) else default


def _bare(type_: Any) -> Any:
    """Return the type without annotations, without None, of a list the type of its entries."""
    if get_origin(type_) is Annotated:
        return _bare(get_args(type_)[0])
    if get_origin(type_) in (Union, type(int | str)):
        return _bare(next(choice for choice in get_args(type_) if choice is not type(None)))
    return _bare(get_args(type_)[0]) if get_origin(type_) in (list, tuple) else type_


def _word(type_: Any) -> str:
    return "|".join(map(str, get_args(type_))) if get_origin(type_) is Literal else _WORDS.get(type_, "TEXT")
