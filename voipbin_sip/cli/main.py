"""The voipbin-sip command: serve, check, flow, extensions, accesskey."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Annotated, Literal

import typer

from voipbin_sip import __version__
from voipbin_sip.cli.flow import flow_app

app = typer.Typer(
    name="voipbin-sip",
    help="A self-hosted programmable phone system.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(flow_app, name="flow")
key_app = typer.Typer(help="Keys with which programs use the HTTP API.", no_args_is_help=True)
app.add_typer(key_app, name="accesskey")

YEAR = 31_536_000  # seconds
TEN_YEARS = 10 * YEAR
DEFAULT_CONFIG = Path("config/voipbin.yaml")
ConfigOption = Annotated[Path, typer.Option("--config", help="The configuration file.")]


@app.command()
def serve(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Run the server in the foreground until SIGTERM or Ctrl-C."""
    gc.disable()  # while all is loaded, a sixth of the time would go into looking for garbage that is none
    from voipbin_sip.cli.serve import run  # here, so that `check` need not load the server

    raise typer.Exit(run(config))


@app.command()
def check(
    files: Annotated[list[Path] | None, typer.Argument(help="Files or folders.")] = None,
    form: Annotated[
        Literal["text", "json", "github"],
        typer.Option("--format", help="For people, for programs, or annotations of GitHub."),
    ] = "text",
) -> None:
    """Find every mistake in configurations, directories and flows before a caller meets it."""
    from voipbin_sip.check import check_paths
    from voipbin_sip.check_report import report

    findings, errors = check_paths(files or [DEFAULT_CONFIG])
    for line in report(findings, form):
        typer.echo(line)
    if errors:
        typer.echo("with errors a server does not start, and a running one keeps what it has", err=True)
        raise typer.Exit(1)
    typer.echo("no errors" if findings else "no mistakes found", err=True)


@app.command()
def reload(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Have the running server read flows, directory and certificates again, and say what it finds."""
    from voipbin_sip.cli.reload import reload_server

    raise typer.Exit(reload_server(config))


@app.command()
def extensions(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Show the phones of the directory and their passwords; makes missing ones."""
    from voipbin_sip.cli.serve import show_extensions

    raise typer.Exit(show_extensions(config))


@key_app.command("create")
def create_key(
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    config: ConfigOption = DEFAULT_CONFIG,
    expire: Annotated[int, typer.Option(min=1, max=TEN_YEARS, help="Seconds until it expires.")] = YEAR,
) -> None:
    """Make an access key and print its token, which is shown this once only."""
    from voipbin_sip.cli.accesskeys import create

    raise typer.Exit(create(config, name, expire))


@key_app.command("list")
def list_keys(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Show the access keys, without their tokens."""
    from voipbin_sip.cli.accesskeys import show

    raise typer.Exit(show(config))


@key_app.command("delete")
def delete_key(
    name: Annotated[str, typer.Argument(help="Its id, its name or the beginning of its token.")],
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Delete an access key: who uses it is refused from then on."""
    from voipbin_sip.cli.accesskeys import delete

    raise typer.Exit(delete(config, name))


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


if __name__ == "__main__":
    app()
