"""`python -m chatcore models`: what the model servers have, and changing it, for who runs this installation. No database is opened."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

import click

from chatcore.cli_stats import aligned
from chatcore.errors import Conflict, Invalid, NotFound

if TYPE_CHECKING:
    from chatcore.providers.base import ModelManager, Provider

Answer = TypeVar("Answer")
on_provider = click.option("--provider", default="ollama", show_default=True, metavar="NAME", help="Which model server.")


@click.group(invoke_without_command=True)
@click.pass_context
def models(ctx: click.Context) -> None:
    """List the models of every server; pull, rm and ps change or show what one has."""
    if ctx.invoked_subcommand is None:
        asyncio.run(show_all())


async def show_all() -> None:
    """Prints a table of all models, and a line for each server that does not answer."""
    from chatcore.core import health_of, models_of

    rows = []
    async with opened() as providers:
        for name, provider in providers.items():
            health = await health_of(provider)
            if not health.reachable:
                click.echo(f"{health.error} {health.hint}".strip(), err=True)
                continue
            rows += [
                (
                    name, model.id, model.parameter_size or "-", model.quantization or "-", size(model.size_bytes),
                    f"{model.context_length:,}" if model.context_length else "-",
                    ", ".join(sorted(model.capabilities or ())) or "-",
                    " ".join(word for word, so in (("cloud", model.cloud), ("in memory", model.loaded)) if so) or "-",
                )
                for model in await models_of(provider)
            ]  # fmt: skip
    click.echo(aligned(("Provider", "Model", "Parameters", "Quantization", "On disk", "Context", "Can", "State"), rows, right=(2, 4, 5)))


@models.command()
@click.argument("name")
@on_provider
def pull(name: str, provider: str) -> None:
    """Download a model, with progress. Ended in the middle, it goes on from there the next time."""
    from chatcore.errors import ProviderError
    from chatcore.pulls import clean_name, explained

    wanted = clean_name(name)

    async def fetch(manager: "ModelManager") -> None:
        """On a terminal one line that changes, elsewhere a line for each stage."""
        width, status = 0, ""
        async for progress in manager.pull(wanted):
            line = progress.status
            if progress.total_bytes:
                line += f" {size(progress.completed_bytes)} of {size(progress.total_bytes)} ({(progress.fraction or 0) * 100:.0f}%)"
            if sys.stderr.isatty():
                click.echo("\r" + line.ljust(width), err=True, nl=False)
                width = len(line)
            elif progress.status != status:
                click.echo(progress.status, err=True)
            status = progress.status
        if width:
            click.echo(err=True)

    try:
        with_manager(provider, fetch)
    except ProviderError as error:
        raise explained(error, wanted) from error
    except KeyboardInterrupt:
        click.echo("", err=True)
        raise Conflict("The download was ended.", f"What came is kept: `models pull {wanted}` goes on from there.") from None
    click.echo(f"{wanted} is here.")


@models.command("rm")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@on_provider
def remove(name: str, yes: bool, provider: str) -> None:
    """Delete a model from the server's disk."""
    if not yes:
        click.confirm(f"Delete {name} from the disk of {provider}?", abort=True)
    with_manager(provider, lambda manager: manager.delete(name))
    click.echo(f"Deleted {name}.")


@models.command("ps")
@on_provider
def loaded(provider: str) -> None:
    """Show what is in the server's memory, how much of it on graphics cards, and until when."""
    rows = [
        (
            model.id, size(model.size_bytes), size(model.vram_bytes), f"{model.context_length:,}" if model.context_length else "-",
            f"{model.expires_at.astimezone():%Y-%m-%d %H:%M}" if model.expires_at else "stays",
        )
        for model in with_manager(provider, lambda manager: manager.running())
    ]  # fmt: skip
    click.echo(aligned(("Model", "Memory", "On graphics cards", "Window", "Until"), rows) if rows else "Nothing is in memory.")


@asynccontextmanager
async def opened() -> "AsyncIterator[dict[str, Provider]]":
    """Every provider, closed at the end."""
    from chatcore.providers import open_providers
    from chatcore.settings import Settings

    providers = open_providers(Settings.from_env())
    try:
        yield providers
    finally:
        for provider in providers.values():
            await provider.close()


def with_manager(name: str, ask: "Callable[[ModelManager], Awaitable[Answer]]") -> Answer:
    """What `ask` answers of this server. Raises NotFound if there is none, Invalid if its models cannot be changed."""
    from chatcore.providers.base import ModelManager

    async def run() -> Answer:
        async with opened() as providers:
            provider = providers.get(name)
            if provider is None:
                raise NotFound(f"There is no provider {name!r}.", f"Known here: {', '.join(providers)}.")
            if not isinstance(provider, ModelManager):
                raise Invalid(f"The models of {provider.label} cannot be changed from here.", "Change them where that server runs.")
            return await ask(provider)

    return asyncio.run(run())


def size(size_bytes: int | None) -> str:
    """Bytes in units of 1,000: 812 MB, 4.7 GB; a dash where nobody knows."""
    if size_bytes is None:
        return "-"
    return f"{size_bytes / 1e9:.1f} GB" if size_bytes >= 1e9 else f"{size_bytes / 1e6:.0f} MB"
