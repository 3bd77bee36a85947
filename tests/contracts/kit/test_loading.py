# ruff: noqa: ARG002, ARG005  handlers name what they are given
"""What is wrong with a plugin is said by name, with what to do, when it is loaded."""

from __future__ import annotations

import functools
import sys
import types
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import msgspec
import pytest

from milepost_contracts import loading
from milepost_contracts.hooks import ENTRY_POINTS, HOOKS, hook
from milepost_contracts.loading import load, load_entry_point
from milepost_contracts.plugin import API, Manifest, PluginError
from tests.contracts.kit.plugins import Bowl, made


def refused(plugin: Any) -> PluginError:
    """Return why *plugin* does not load."""
    with pytest.raises(PluginError) as caught:
        load(plugin)
    return caught.value


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], EntryPoint]]:
    """Give entry points `small` of modules with the given text."""
    monkeypatch.syspath_prepend(tmp_path)
    names: list[str] = []

    def write(text: str) -> EntryPoint:
        name = f"kit_module_{len(names)}"
        (tmp_path / f"{name}.py").write_text(text)
        names.append(name)
        return EntryPoint("small", name, ENTRY_POINTS)

    yield write
    for name in names:
        sys.modules.pop(name, None)


WORKS = """
from milepost_contracts.hooks import hook
from milepost_contracts.plugin import Manifest

@hook
def manifest():
    return Manifest(id="small", version="1", summary="Works", subscriptions=("goal.*",))

@hook
def on_event(event):
    pass
"""


def test_a_module_is_a_plugin(module: Callable[[str], EntryPoint]) -> None:
    """An entry point may name a module; its marked functions are the hooks."""
    plugin = load_entry_point(module(WORKS))
    assert (plugin.manifest.id, plugin.hooks) == ("small", ["manifest", "on_event"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import nowhere_to_be_found", "ModuleNotFoundError: No module named 'nowhere_to_be_found'"),
        ("def broken(:", "SyntaxError"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("class Odd(BaseException): pass\nraise Odd('x')", "Odd: x"),
    ],
)
def test_an_import_that_fails_is_told(module: Callable[[str], EntryPoint], text: str, said: str) -> None:
    """Whatever an import ends with is an error of that plugin, named; nothing is passed on."""
    entry_point = module(text)
    with pytest.raises(PluginError, match=said) as caught:
        load_entry_point(entry_point)
    assert caught.value.code == "import_failed"
    assert entry_point.value in str(caught.value)


def test_one_who_interrupts_an_import_means_the_program(module: Callable[[str], EntryPoint]) -> None:
    """Ctrl-C while a plugin is imported ends the program, not the plugin."""
    with pytest.raises(KeyboardInterrupt):
        load_entry_point(module("raise KeyboardInterrupt"))


def test_the_entry_point_has_the_name_of_the_plugin(module: Callable[[str], EntryPoint]) -> None:
    """Two names for one plugin would be mixed up: they are refused."""
    entry_point = EntryPoint("other", module(WORKS).value, ENTRY_POINTS)
    with pytest.raises(PluginError, match="'other', the manifest says 'small'") as caught:
        load_entry_point(entry_point)
    assert caught.value.code == "name_differs"


@pytest.mark.parametrize(
    ("name", "hint"),
    [("on_evnt", "did you mean 'on_event'?"), ("on_retract", "did you mean 'on_retracted'?"), ("xyzzy", "there are ")],
)
def test_an_unknown_hook_is_named_with_what_may_be_meant(name: str, hint: str) -> None:
    """A hook that nobody would ever call does not pass, and a misspelt one is recognised."""
    error = refused(made(**{name: lambda: None}))
    assert error.code == "unknown_hook"
    assert f"no hook {name!r}: {hint}" in str(error)


def test_a_hook_by_another_name() -> None:
    """A function may be called as it likes when the mark says which hook it is; that name is checked too."""
    plugin = SimpleNamespace(manifest=made().manifest, answering=hook(specname="answer")(lambda question: 1))
    assert "answer" in load(plugin).hooks
    plugin.answering = hook(specname="answr")(lambda question: 1)
    assert "did you mean 'answer'?" in str(refused(plugin))


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda event, contxt: None, "no argument 'contxt': did you mean 'context'?"),
        (lambda event, database: None, "no argument 'database': it may take event, context"),
        (lambda event, *rest: None, r"takes \*rest: name the arguments"),
        (lambda **everything: None, r"takes \*\*everything"),
        (lambda event, context=None: None, "'context' of the hook 'on_event' would never be given"),
        (lambda *, event: None, "'event' of the hook 'on_event' would never be given"),
    ],
)
def test_a_wrong_argument_is_named(function: Any, said: str) -> None:
    """Arguments that a hook is not given, or would silently miss, are refused."""
    with pytest.raises(PluginError, match=said) as caught:
        load(made(on_event=function))
    assert caught.value.code == "wrong_argument"


def test_a_handler_takes_what_it_wants() -> None:
    """Any of a hook's arguments, in any order, or none."""
    for function in (lambda: None, lambda context: None, lambda context, event: None):
        assert load(made(on_event=function)).has("on_event")


def test_a_generator_would_never_run() -> None:
    """A handler with a `yield` does nothing when it is called, so it is refused; where several are given it may be."""

    def yields(event: Any) -> Iterator[int]:
        yield 1

    async def yields_later(event: Any) -> Any:
        yield 1

    for function in (yields, yields_later):
        error = refused(made(on_event=function))
        assert (error.code, "leave out its `yield`" in str(error)) == ("wrong_kind", True)
    assert load(made(decide_reward=yields)).has("decide_reward")
    assert refused(made(decide_reward=yields_later)).code == "wrong_kind"


def test_wrappers_are_refused() -> None:
    """Wrappers, as pluggy knows them, run around other plugins' hooks; here each hook is called on its own."""

    def around() -> Iterator[None]:
        yield

    for mark in (hook(wrapper=True), hook(hookwrapper=True)):
        plugin = SimpleNamespace(manifest=made().manifest, on_event=mark(around))
        assert refused(plugin).code == "wrong_kind"


def test_what_is_asked_at_loading_is_not_async() -> None:
    """Nothing runs yet when manifest and schemas are asked for."""

    async def config_schema() -> type[msgspec.Struct]:
        return Bowl

    assert "leave out its `async`" in str(refused(made(config_schema=config_schema)))


def test_what_pluggy_would_overlook_is_refused() -> None:
    """A mark on what is no function would be silently ignored: a cached function, a partial one."""

    @functools.lru_cache
    @hook
    def cached() -> None:
        """Take nothing."""

    partial = hook(functools.partial(lambda event: None))
    for function in (cached, partial):
        plugin = made(on_event=lambda: None)
        plugin.on_event = function
        error = refused(plugin)
        assert (error.code, "'on_event'" in str(error)) == ("wrong_kind", True)


def test_a_forgotten_mark_is_noticed() -> None:
    """A function that is called as a hook and is not marked would never be called."""
    plugin = made(on_event=lambda: None)
    plugin.on_retracted = lambda: None
    error = refused(plugin)
    assert (error.code, str(error)) == (
        "unmarked_hook",
        "the function 'on_retracted' is not marked: put @hook above it",
    )


def test_what_is_imported_needs_no_mark() -> None:
    """A module may import a function that is called like a hook."""
    module = types.ModuleType("kit_importing")
    module.__dict__.update(vars(made(on_event=lambda: None)))
    module.on_retracted = test_a_forgotten_mark_is_noticed  # type: ignore[attr-defined]  # a function of elsewhere
    assert "on_retracted" not in load(module).hooks


def test_static_and_class_methods_are_hooks() -> None:
    """Whether the mark stands above or below, they are called as they should be."""

    class Plugin:
        seen: ClassVar[list[str]] = []

        @hook
        @staticmethod
        def manifest() -> Manifest:
            return Manifest(id="small", version="1", summary="x", subscriptions=("goal.*",))

        @classmethod
        @hook
        def on_event(cls, event: Any) -> None:
            cls.seen.append(event)

    for plugin in (Plugin(), Plugin):
        (implementation,) = load(plugin).implementations("on_event")
        assert implementation.argnames == ("event",)
        implementation.function("here")
    assert Plugin.seen == ["here", "here"]


def test_a_class_is_no_object() -> None:
    """Whoever names a class with methods is told to make an object of it."""

    class Plugin:
        @hook
        def manifest(self) -> Manifest:
            return Manifest(id="small", version="1", summary="x")

    error = refused(Plugin)
    assert (error.code, "plugin = Plugin()" in str(error)) == ("wrong_kind", True)
    assert load(Plugin()).manifest.id == "small"


def test_properties_are_not_run() -> None:
    """Looking for hooks runs nothing of the plugin."""

    class Plugin:
        manifest = staticmethod(made().manifest)

        @property
        def bomb(self) -> int:
            raise AssertionError("nobody asked for this")

    assert load(Plugin()).hooks == ["manifest"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"id": "Has Spaces"}, r"\$.id"),
        ({"subscriptions": ("goal",)}, r"\$.subscriptions"),
        ({"subscriptions": ("goal.*\n",)}, r"\$.subscriptions"),
        ({"start": 0}, r"\$.start"),
        ({"start": "yesterday"}, r"\$.start"),
        ({"timeout_s": 0.0}, r"\$.timeout_s"),
        ({"timeout_s": float("nan")}, r"\$.timeout_s"),
        ({"timeout_s": 3600.0}, r"\$.timeout_s"),
        ({"summary": ""}, r"\$.summary"),
    ],
)
def test_an_invalid_manifest_names_the_place(fields: dict[str, Any], said: str) -> None:
    """A Struct made without checks is checked when it is loaded."""
    with pytest.raises(PluginError, match=said) as caught:
        load(made(_manifest=fields))
    assert caught.value.code == "invalid_manifest"


@pytest.mark.parametrize("given", [None, 7, "manifest", [], {"id": "small"}, object(), Manifest])
def test_what_is_no_manifest(given: Any) -> None:
    """Anything else in its place is refused, and so is none at all."""
    error = refused(SimpleNamespace(manifest=hook(lambda: given)))
    assert error.code == "invalid_manifest"
    assert refused(SimpleNamespace()).code == "no_manifest"
    assert refused(None).code == "no_manifest"


def test_a_manifest_that_cannot_be_given() -> None:
    """Whatever giving it ends with, even the end of the process, is an error of the plugin."""

    def raising(error: BaseException) -> Any:
        def manifest() -> Manifest:
            raise error

        return SimpleNamespace(manifest=hook(manifest))

    assert "KeyError: 'x'" in str(refused(raising(KeyError("x"))))
    assert refused(raising(SystemExit(1))).code == "invalid_manifest"


@pytest.mark.parametrize(("api", "hint"), [(API + 1, "install a newer Milepost"), (0, "install a newer plugin")])
def test_another_version_of_the_kit(api: int, hint: str) -> None:
    """A plugin for hooks that this host does not serve is told what to install."""
    error = refused(made(_manifest={"api": api}))
    assert (error.code, hint in str(error)) == ("api_unsupported", True)


def nothing() -> None:
    """Take nothing and do nothing."""


@pytest.mark.parametrize(
    ("hooks", "needed"),
    [
        ({"decide_reward": nothing, "on_person_erased": nothing}, "on_retracted"),
        ({"decide_reward": nothing, "on_retracted": nothing}, "on_person_erased"),
        ({"on_granted": nothing}, "decide_reward"),
        ({"on_revoked": nothing}, "decide_reward"),
        ({"on_performed": nothing}, "perform"),
        ({"on_replayed": nothing}, "act"),
    ],
)
def test_a_hook_that_needs_another(hooks: dict[str, Any], needed: str) -> None:
    """Whoever gives rewards handles their retraction and erasure; what nothing could bring about is refused."""
    manifest = Manifest(id="small", version="1", summary="x", subscriptions=("goal.*",))
    if "decide_reward" not in hooks:
        manifest = msgspec.structs.replace(manifest, subscriptions=())
    plugin = SimpleNamespace(manifest=hook(lambda: manifest), **{name: hook(made) for name, made in hooks.items()})
    error = refused(plugin)
    assert (error.code, f"needs the hook {needed!r}" in str(error)) == ("missing_hook", True)


@pytest.mark.parametrize(
    ("fields", "hooks", "said"),
    [
        ({"stores": True}, {}, "'on_person_erased'"),
        ({"subscriptions": ("*",)}, {}, "no hook 'on_event'"),
        ({}, {"on_event": nothing}, "subscribes to nothing"),
        ({"permissions": {"reviews": ("goal.*",)}}, {}, "no hook 'review'"),
        ({}, {"review": nothing}, "list no `reviews`"),
    ],
)
def test_manifest_and_hooks_agree(fields: dict[str, Any], hooks: dict[str, Any], said: str) -> None:
    """What the manifest announces has its hook, and the other way round."""
    given = {"id": "small", "version": "1", "summary": "x"} | fields
    plugin = SimpleNamespace(manifest=hook(lambda: given), **{name: hook(made) for name, made in hooks.items()})
    with pytest.raises(PluginError, match=said) as caught:
        load(plugin)
    assert caught.value.code == "missing_hook"


# Parts


def part(name: str, **options: Any) -> Any:
    """Return a part that answers with its name."""
    return SimpleNamespace(answer=hook(**options)(lambda question: name))


def test_parts_are_asked_after_the_plugin_in_their_order() -> None:
    """The plugin's own hooks come first, unless a part asks to be first or last."""
    parts = [part("one"), part("two", tryfirst=True), part("three", trylast=True), part("four")]
    plugin = load(made(answer=lambda question: "own", parts=lambda: parts))
    order = [implementation.function(None) for implementation in plugin.implementations("answer")]
    assert order == ["two", "own", "one", "four", "three"]


def test_parts_may_come_one_by_one() -> None:
    """`parts` may be a generator, and a plugin may have no hooks but those of its parts."""

    def parts() -> Iterator[Any]:
        yield part("one")
        yield part("two")

    assert len(load(made(parts=parts)).implementations("answer")) == 2


def forever() -> Iterator[Any]:
    """Yield parts without end."""
    while True:
        yield part("again")


def breaking() -> Iterator[Any]:
    """Yield a part and break."""
    yield part("one")
    raise ValueError("no more")


TWIN = part("twin")


@pytest.mark.parametrize(
    ("parts", "code", "said"),
    [
        (lambda: 7, "wrong_result", "a list of objects"),
        (lambda: "ab", "wrong_result", "a list of objects"),
        (forever, "wrong_result", f"more than {loading.PARTS_MAX}"),
        (breaking, "hook_failed", "ValueError: no more"),
        (lambda: 1 / 0, "hook_failed", "ZeroDivisionError"),
        (lambda: [None], "wrong_part", "part 1 .* no function that is marked"),
        (lambda: [TWIN, TWIN], "wrong_part", "twice"),
        (lambda: [made()], "wrong_part", "has 'manifest', which is asked of the plugin itself"),
        (lambda: [SimpleNamespace(on_evnt=hook(nothing))], "unknown_hook", "'on_event'"),
    ],
)
def test_parts_that_are_none(parts: Any, code: str, said: str) -> None:
    """Parts are checked as the plugin is; a list without end is cut off."""
    with pytest.raises(PluginError, match=said) as caught:
        load(made(parts=parts))
    assert caught.value.code == code


def test_parts_may_look_alike() -> None:
    """Two rules with the same values are two parts as long as they are two objects."""

    class Rule:
        @hook
        def answer(self, question: Any) -> str:
            return "rule"

    assert len(load(made(parts=lambda: [Rule(), Rule()])).implementations("answer")) == 2


# Schemas


@pytest.mark.parametrize("given", [dict, Bowl(1), 7])
def test_a_schema_is_a_struct(given: Any) -> None:
    """Something else is told when it is asked for, not with an error of another library."""
    plugin = load(made(config_schema=lambda: given))
    with pytest.raises(PluginError, match="made of msgspec\\.Struct") as caught:
        plugin.configured("config_schema", {}, source="small.toml")
    assert caught.value.code == "wrong_result"


def test_a_schema_that_cannot_be_given() -> None:
    """An error in the hook is an error of the plugin."""
    plugin = load(made(config_schema=lambda: 1 / 0))
    with pytest.raises(PluginError, match="'config_schema' failed: ZeroDivisionError"):
        plugin.configured("config_schema", {}, source="small.toml")


class Unreadable(msgspec.Struct):
    """A Struct with a member of a type that there is not."""

    size: "Nowhere"  # type: ignore[name-defined]  # noqa: F821  that is what it is about


def test_a_schema_that_cannot_be_read() -> None:
    """A Struct whose types cannot be found is told as the plugin's mistake, by its name."""
    plugin = load(made(config_schema=lambda: Unreadable))
    with pytest.raises(PluginError, match="Unreadable, which the hook 'config_schema' gives, cannot be read") as caught:
        plugin.configured("config_schema", {}, source="small.toml")
    assert caught.value.code == "wrong_result"
    assert repr(plugin) == "<Plugin small 1.0>"


def test_every_hook_can_be_had() -> None:
    """No hook is missing from what a plugin may implement."""
    functions = {
        name: nothing for name in HOOKS if name not in ("manifest", "parts", "config_schema", "secrets_schema")
    }
    plugin = load(made(_manifest={"stores": True}, _permissions={"reviews": ("*",)}, parts=nothing, **functions))
    assert set(plugin.hooks) == set(HOOKS) - {"config_schema", "secrets_schema"}
