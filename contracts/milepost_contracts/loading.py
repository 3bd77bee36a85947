"""A plugin is loaded: its hooks are checked one by one, and what is wrong is said by name, with what to do."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Mapping
from importlib.metadata import EntryPoint
from typing import Any

import msgspec
import pluggy

from milepost_contracts import hooks
from milepost_contracts.configuring import convert_config
from milepost_contracts.plugin import API, API_MIN, Manifest, PluginError

# What needs what: whoever has the first has to have the second, and why.
_NEEDS = {
    "decide_reward": ("on_retracted", "it gives rewards, so it has to say what happens when their cause is taken back"),
    "on_granted": ("decide_reward", "nothing else grants"),
    "on_revoked": ("decide_reward", "nothing else grants"),
    "on_performed": ("perform", "nothing else does effects"),
    "on_replayed": ("act", "nothing else can ask for past events"),
}


class Plugin:
    """A loaded plugin: its manifest, and its hooks in the order in which they are asked."""

    def __init__(self, manager: pluggy.PluginManager, manifest: Manifest) -> None:
        """Take what `load` has checked."""
        self._manager = manager
        self.manifest = manifest

    def __repr__(self) -> str:
        return f"<Plugin {self.manifest.id} {self.manifest.version}>"

    def has(self, name: str) -> bool:
        """Whether a hook is implemented."""
        return bool(self.implementations(name))

    def implementations(self, name: str) -> list[pluggy.HookImpl]:
        """Return the implementations of a hook, in the order in which they are asked: the plugin's, then its parts'."""
        found = getattr(self._manager.hook, name).get_hookimpls()
        return sorted(found, key=lambda one: (not one.tryfirst, one.trylast))  # pluggy would ask the last part first

    @property
    def hooks(self) -> list[str]:
        """The names of the hooks that are implemented."""
        return [name for name in hooks.HOOKS if self.has(name)]

    def schema(self, name: str) -> type[msgspec.Struct] | None:
        """Return the Struct of `config_schema` or `secrets_schema`; None where there is none."""
        found: type[msgspec.Struct] | None = getattr(self._manager.hook, name)()
        return found

    def configured(self, name: str, members: Mapping[str, Any] | None, *, source: str) -> Any:
        """Return *members* as the Struct of `config_schema` or `secrets_schema`; raises PluginError `invalid_config`.

        Members where nothing is configurable are refused too: whoever wrote them expects something.
        """
        schema = self.schema(name)
        if schema is None:
            if members:
                raise PluginError("invalid_config", f"{source}: this plugin has no {name}, so nothing can be set here")
            return None
        return convert_config(members or {}, schema, source=source)


def load_entry_point(entry_point: EntryPoint) -> Plugin:
    """Import and check the plugin of an entry point; raises PluginError `import_failed` and what `load` raises."""
    try:
        found = entry_point.load()
    except (Exception, SystemExit) as error:
        message = f"{entry_point.value} cannot be imported: {type(error).__name__}: {error}"
        raise PluginError("import_failed", message) from error
    plugin = load(found)
    if plugin.manifest.id != entry_point.name:
        message = f"the entry point is called {entry_point.name!r}, the manifest says {plugin.manifest.id!r}"
        raise PluginError("name_differs", f"{message}: use one name")
    return plugin


def load(found: object) -> Plugin:
    """Check the hooks of *found* (a module or any object); raises PluginError naming what is wrong.

    Codes: `unknown_hook`, `wrong_argument`, `no_manifest`, `invalid_manifest`, `api_unsupported`, `missing_hook`.
    """
    manager = pluggy.PluginManager(hooks.PROJECT)
    manager.add_hookspecs(hooks)
    waiting: list[object] = [found]
    for one in waiting:
        _check_names(one)
        try:
            manager.register(one)
        except pluggy.PluginValidationError as error:
            raise PluginError("wrong_argument", _first_line(error)) from error
        except ValueError as error:
            raise PluginError("registered_twice", f"the same part is given twice: {one!r}") from error
        if one is found:
            waiting += [part for parts in _called(manager, "parts") or [] for part in parts]
    manifest = _manifest(manager)
    plugin = Plugin(manager, manifest)
    _check_needs(plugin)
    return plugin


def _called(manager: pluggy.PluginManager, name: str) -> Any:
    try:
        return getattr(manager.hook, name)()
    except Exception as error:
        raise PluginError("hook_failed", f"the hook {name} failed: {type(error).__name__}: {error}") from error


def _manifest(manager: pluggy.PluginManager) -> Manifest:
    if not manager.hook.manifest.get_hookimpls():
        raise PluginError("no_manifest", "a plugin needs a function `manifest`, marked with @hook")
    try:
        found = _called(manager, "manifest")
        # Made anew from what was given: an author may have made it without the checks.
        manifest = msgspec.convert(msgspec.to_builtins(found), Manifest)
    except PluginError as error:
        raise PluginError("invalid_manifest", str(error)) from error
    except (msgspec.ValidationError, TypeError) as error:
        raise PluginError("invalid_manifest", f"the manifest is not one: {error}") from error
    if not API_MIN <= manifest.api <= API:
        raise PluginError(
            "api_unsupported",
            f"it is written for api {manifest.api}; this host serves {API_MIN} to {API}: "
            + ("install a newer plugin" if manifest.api < API_MIN else "install a newer Milepost"),
        )
    return manifest


def _check_names(found: object) -> None:
    """Refuse hooks that nobody would ever call, by their names."""
    for name, member in inspect.getmembers(found):
        if not hasattr(member, f"{hooks.PROJECT}_impl"):
            continue
        given = getattr(member, f"{hooks.PROJECT}_impl").get("specname") or name
        spec = hooks.HOOKS.get(given)
        if spec is None:
            near = difflib.get_close_matches(given, hooks.HOOKS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(hooks.HOOKS)}"
            raise PluginError("unknown_hook", f"there is no hook {given!r}: {hint}")
        wanted = list(inspect.signature(spec).parameters)
        try:
            taken = [name for name in inspect.signature(member).parameters if name != "self"]
        except (TypeError, ValueError):
            continue
        for name_ in taken:
            if name_ not in wanted:
                near = difflib.get_close_matches(name_, wanted, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"it may take {', '.join(wanted) or 'nothing'}"
                raise PluginError("wrong_argument", f"the hook {given!r} has no argument {name_!r}: {hint}")


def _check_needs(plugin: Plugin) -> None:
    for name, (needed, why) in _NEEDS.items():
        if plugin.has(name) and not plugin.has(needed):
            raise PluginError("missing_hook", f"with {name!r} it needs the hook {needed!r}: {why}")
    stores = plugin.manifest.stores or plugin.has("decide_reward")
    if stores and not plugin.has("on_person_erased"):
        why = "it stores something, so it has to say what happens when a person is erased"
        raise PluginError("missing_hook", f"it needs the hook 'on_person_erased': {why}")
    if plugin.manifest.subscriptions and not (
        plugin.has("on_event") or plugin.has("decide_reward") or plugin.has("map_objectives")
    ):
        raise PluginError("missing_hook", "it subscribes to events and has no hook 'on_event' to take them")
    if plugin.manifest.permissions.reviews and not plugin.has("review"):
        raise PluginError("missing_hook", "it asks to review commands and has no hook 'review'")


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
