"""A plugin is loaded: its hooks are checked one by one, and what is wrong is said by name, with what to do."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint
from itertools import islice
from types import FunctionType
from typing import Any

import msgspec
import pluggy

from milepost_contracts import hooks
from milepost_contracts.configuring import convert_config
from milepost_contracts.plugin import API, API_MIN, Manifest, PluginError

PARTS_MAX = 200  # a rule each is a dozen or two; more is a list that does not end
_MARK = f"{hooks.PROJECT}_impl"
# Asked of the plugin itself, before there is anything that could wait.
_ITS_OWN = frozenset({"manifest", "parts", "config_schema", "secrets_schema"})
# These give several things, and may do so one by one.
_MAY_YIELD = frozenset({"parts", "on_retracted", "decide_reward", "map_objectives"})
# Names that nobody gives to a function by chance: without its mark it is a hook that would never be called.
_UNMISTAKABLE = frozenset(name for name in hooks.HOOKS if "_" in name) | {"manifest"}
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
        places = {plugin: place for place, (plugin, _) in enumerate(self._manager.list_name_plugin())}
        # pluggy would ask the last part first.
        return sorted(found, key=lambda one: (not one.tryfirst, one.trylast, places[one.plugin_name]))

    @property
    def hooks(self) -> list[str]:
        """The names of the hooks that are implemented."""
        return [name for name in hooks.HOOKS if self.has(name)]

    def schema(self, name: str) -> type[msgspec.Struct] | None:
        """Return the Struct of `config_schema` or `secrets_schema`; None where there is none; raises PluginError."""
        found = _called(self._manager, name)
        if found is not None and not (isinstance(found, type) and issubclass(found, msgspec.Struct)):
            raise PluginError("wrong_result", f"the hook {name!r} has to give a class made of msgspec.Struct")
        if found is not None:
            try:
                msgspec.inspect.type_info(found)
            except Exception as error:
                message = f"{found.__name__}, which the hook {name!r} gives, cannot be read: {error}"
                raise PluginError("wrong_result", message) from error
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
        return convert_config(members or {}, schema, source=source, secret=name == "secrets_schema")


def load_entry_point(entry_point: EntryPoint) -> Plugin:
    """Import and check the plugin of an entry point; raises PluginError `import_failed` and what `load` raises."""
    try:
        found = entry_point.load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        message = f"{entry_point.value} cannot be imported: {type(error).__name__}: {error}"
        raise PluginError("import_failed", message) from error
    plugin = load(found)
    if plugin.manifest.id != entry_point.name:
        message = f"the entry point is called {entry_point.name!r}, the manifest says {plugin.manifest.id!r}"
        raise PluginError("name_differs", f"{message}: use one name")
    return plugin


def load(found: object) -> Plugin:
    """Check the hooks of *found* (a module or any object); raises PluginError naming what is wrong.

    Codes: `unknown_hook`, `unmarked_hook`, `wrong_argument`, `wrong_kind`, `wrong_part`, `no_manifest`,
    `invalid_manifest`, `api_unsupported`, `missing_hook`, `hook_failed`.
    """
    manager = pluggy.PluginManager(hooks.PROJECT)
    manager.add_hookspecs(hooks)
    _register(manager, found, "the plugin")
    if manager.hook.manifest.get_hookimpls():
        for number, part in enumerate(_parts(manager), start=1):
            label = f"part {number} ({part!r:.80})"
            if not (taken := _register(manager, part, label)):
                raise PluginError("wrong_part", f"{label} has no function that is marked with @hook")
            if own := sorted(taken & _ITS_OWN):
                raise PluginError("wrong_part", f"{label} has {own[0]!r}, which is asked of the plugin itself")
    manifest = _manifest(manager)
    plugin = Plugin(manager, manifest)
    _check_needs(plugin)
    return plugin


def _register(manager: pluggy.PluginManager, found: object, label: str) -> set[str]:
    """Have the hooks of *found* called from now on; return their names."""
    marked = _check_hooks(found)
    try:
        manager.register(found, name=label)
    except pluggy.PluginValidationError as error:
        raise PluginError("wrong_argument", str(error).strip().partition("\n")[0]) from error
    except ValueError as error:
        raise PluginError("wrong_part", f"the same part is given twice: {found!r:.80}") from error
    taken = {caller.name for caller in manager.get_hookcallers(found) or ()}
    if lost := sorted(marked - taken):
        raise PluginError("wrong_kind", f"the hook {lost[0]!r} has to be a function: mark it with @hook last, on top")
    return taken


def _parts(manager: pluggy.PluginManager) -> list[object]:
    found: list[object] = []
    for given in _called(manager, "parts") or []:
        if isinstance(given, str | bytes) or not isinstance(given, Iterable):
            raise PluginError("wrong_result", "the hook 'parts' has to give a list of objects")
        try:
            found += islice(given, PARTS_MAX + 1)
        except Exception as error:
            raise PluginError("hook_failed", f"the hook 'parts' failed: {type(error).__name__}: {error}") from error
    if len(found) > PARTS_MAX:
        raise PluginError("wrong_result", f"the hook 'parts' gives more than {PARTS_MAX} objects")
    return found


def _called(manager: pluggy.PluginManager, name: str) -> Any:
    try:
        return getattr(manager.hook, name)()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise PluginError("hook_failed", f"the hook {name!r} failed: {type(error).__name__}: {error}") from error


def _manifest(manager: pluggy.PluginManager) -> Manifest:
    if not manager.hook.manifest.get_hookimpls():
        raise PluginError("no_manifest", "a plugin needs a function `manifest`, marked with @hook")
    try:
        found = _called(manager, "manifest")
        # Made anew from what was given: an author may have made it without the checks.
        manifest = msgspec.convert(msgspec.to_builtins(found), Manifest)
    except PluginError as error:
        raise PluginError("invalid_manifest", str(error)) from error
    except (msgspec.ValidationError, TypeError, ValueError, RecursionError) as error:
        raise PluginError("invalid_manifest", f"the manifest is not one: {error}") from error
    if not API_MIN <= manifest.api <= API:
        raise PluginError(
            "api_unsupported",
            f"it is written for api {manifest.api}; this host serves {API_MIN} to {API}: "
            + ("install a newer plugin" if manifest.api < API_MIN else "install a newer Milepost"),
        )
    return manifest


def _check_hooks(found: object) -> set[str]:
    """Refuse hooks that could never be called, by their names; return the names of all."""
    marked: set[str] = set()
    for name in dir(found):
        try:
            member = inspect.getattr_static(found, name)  # looks without running anything
        except AttributeError:
            continue
        options = _options(member)
        if options is not None:
            hook = str(options.get("specname") or name)
            _check_hook(found, name, hook, member, options)
            marked.add(hook)
        elif name in _UNMISTAKABLE and _is_its_own(found, member):
            raise PluginError("unmarked_hook", f"the function {name!r} is not marked: put @hook above it")
    return marked


def _options(member: object) -> dict[str, Any] | None:
    """Return what `@hook` has noted on a *member*; None where it is not marked."""
    inner = getattr(member, "__func__", member) if isinstance(member, staticmethod | classmethod) else member
    for one in (member, inner):
        noted = getattr(one, "__dict__", {}).get(_MARK)
        if isinstance(noted, dict):
            return noted
    return None


def _is_its_own(found: object, member: object) -> bool:
    """Whether a function belongs to *found* and was not merely imported there."""
    inner = member.__func__ if isinstance(member, staticmethod | classmethod) else member
    return isinstance(inner, FunctionType) and (not inspect.ismodule(found) or inner.__module__ == found.__name__)


def _check_hook(found: object, name: str, hook: str, member: object, options: dict[str, Any]) -> None:
    spec = hooks.HOOKS.get(hook)
    if spec is None:
        near = difflib.get_close_matches(hook, hooks.HOOKS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(hooks.HOOKS)}"
        raise PluginError("unknown_hook", f"there is no hook {hook!r}: {hint}")
    if options.get("wrapper") or options.get("hookwrapper"):
        raise PluginError("wrong_kind", f"the hook {hook!r} is a wrapper: each hook is called on its own")
    if inspect.isclass(found) and isinstance(member, FunctionType):
        why = f"{found.__name__} is a class, and its hook {hook!r} needs an object: make one"
        raise PluginError("wrong_kind", f"{why}, e.g. `plugin = {found.__name__}()`, and name that")
    function = getattr(found, name)
    if inspect.isasyncgenfunction(function) or (inspect.isgeneratorfunction(function) and hook not in _MAY_YIELD):
        raise PluginError(
            "wrong_kind", f"the hook {hook!r} is a generator, of which nothing runs: leave out its `yield`"
        )
    if inspect.iscoroutinefunction(function) and hook in _ITS_OWN:
        raise PluginError("wrong_kind", f"the hook {hook!r} is asked before anything runs: leave out its `async`")
    _check_arguments(hook, function, list(inspect.signature(spec).parameters))


def _check_arguments(hook: str, function: Any, wanted: list[str]) -> None:
    try:
        taken = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return  # not a function: refused when it is registered
    for argument in taken:
        name = argument.name
        if argument.kind in (argument.VAR_POSITIONAL, argument.VAR_KEYWORD):
            raise PluginError("wrong_argument", f"the hook {hook!r} takes {argument}: name the arguments that it wants")
        if name not in wanted:
            near = difflib.get_close_matches(name, wanted, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"it may take {', '.join(wanted) or 'nothing'}"
            raise PluginError("wrong_argument", f"the hook {hook!r} has no argument {name!r}: {hint}")
        if argument.default is not argument.empty or argument.kind is argument.KEYWORD_ONLY:
            why = f"the argument {name!r} of the hook {hook!r} would never be given"
            raise PluginError("wrong_argument", f"{why}: write it without a default, and without `*` before it")


def _check_needs(plugin: Plugin) -> None:
    for name, (needed, why) in _NEEDS.items():
        if plugin.has(name) and not plugin.has(needed):
            raise PluginError("missing_hook", f"with {name!r} it needs the hook {needed!r}: {why}")
    permissions, stores = plugin.manifest.permissions, plugin.manifest.stores or plugin.has("decide_reward")
    if stores and not plugin.has("on_person_erased"):
        why = "it stores something, so it has to say what happens when a person is erased"
        raise PluginError("missing_hook", f"it needs the hook 'on_person_erased': {why}")
    takes = [name for name in ("on_event", "decide_reward", "map_objectives") if plugin.has(name)]
    if plugin.manifest.subscriptions and not takes:
        raise PluginError("missing_hook", "it subscribes to events and has no hook 'on_event' to take them")
    if takes and not plugin.manifest.subscriptions:
        raise PluginError("missing_hook", f"it has the hook {takes[0]!r} and its manifest subscribes to nothing")
    if permissions.reviews and not plugin.has("review"):
        raise PluginError("missing_hook", "it asks to review commands and has no hook 'review'")
    if plugin.has("review") and not permissions.reviews:
        raise PluginError("missing_hook", "it has the hook 'review' and its manifest's permissions list no `reviews`")
