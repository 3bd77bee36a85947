"""One event as text: the answers to an auditor's questions, one after the other."""

from __future__ import annotations

from typing import Any

from milepost.cli.asking import plain
from milepost.cli.history_shown import Showing, happened, instant, minute
from milepost.cli.out import Out
from milepost.cli.where import Names

Tree = dict[str, Any]
# Told in parts of their own, or proving and routing.
_ELSEWHERE = ("agreements", "agreement_open", "revision", "terms_hash", "ever_agreed")
_HOW = {
    "corrects": "corrected by", "strikes": "struck by", "retracts": "taken back by", "voids": "voided by",
    "withdraws": "withdrawn by", "amends": "amended by", "revises": "revised by", "retires": "retired by",
    "acknowledges": "acknowledged by", "resolves": "resolved by", "reschedules": "rescheduled by",
    "completes": "completed by", "drops": "dropped by", "reopens": "reopened by", "is_about": "spoken of in",
    "answers": "answered by", "declines": "declined by", "begins": "begun by", "ends": "ended by", "causes": "caused",
}  # fmt: skip


class Explained:
    """Shows one answer; people and things by their names."""

    def __init__(self, out: Out, names: Names, answer: Tree) -> None:
        """Take where it is shown, what people are called, and the answer, unreadable words told to be so."""
        self.out = out
        self.answer = answer
        self.showing = Showing(out, names)
        self.named = self.showing.named

    def show(self, *, full: bool) -> None:
        """Print it; *full*: with ids, hashes and the proof."""
        self._event(full=full)
        self._changed()
        if self.answer["agreements"] is not None:
            self._agreed(full=full)
        self._caused(full=full)
        self._removed()
        self._proof(full=full)

    def _event(self, *, full: bool) -> None:
        event, terms = self.answer["event"], self.answer["terms"]
        kind = self.answer["aggregate"]
        called = self.showing.names.name_of(self.answer["id"])
        title = f"“{terms['title']}”" if terms and terms["title"] else called or self.named(self.answer["id"])
        self.out.line(f"v{event['version']} of the {kind} {title}", bold=True)
        self.out.line(f"{self.showing.who(event)} {self.showing.what(event)}.")
        self.out.line()
        codes = [code.replace("_", " ") for code in (event["reason_code"], event["trigger"]) if code]
        claimed = happened(event)
        self.out.pairs(
            [
                ("why", " ".join(filter(None, (event["reason"], f"({', '.join(codes)})" if codes else "")))),
                ("who", self._who(event)),
                ("recorded", f"{instant(event['recorded'])}, as s{int(event['sequence'])}"),
                ("happened", f"{claimed} (claimed)" if claimed else ""),
                ("event", f"{event['type']}  {event['event']}"),
                ("of", f"{kind} {self.answer['id']}" if full else ""),
            ]
        )

    def _who(self, event: Tree) -> str:
        behalf = f", for {self.named(event['on_behalf_of'])}" if event["on_behalf_of"] else ""
        by = f", authenticated by {event['authenticated']}" if event["authenticated"] else ""
        name = self.named(event["actor"])
        return (f"{name} ({event['actor']})" if name != event["actor"] else name) + behalf + by

    def _changed(self) -> None:
        rows = []
        for one in self.answer["changes"]:
            if one["field"].split(".")[0] in _ELSEWHERE:
                continue
            now = "still so"
            if (by := one["changed_by"]) is not None:
                value = self.showing.value(one["now"]) or "(none)"
                same = one["now"] == one["after"]
                now = f"so again, after v{by['version']}" if same else f"{value}, since v{by['version']}"
            rows.append([*self.showing.change_row(one), now])
        if rows:
            self.out.heading("What it changed")
            self.out.table(("", "before", "after", "now"), rows)

    # who had agreed to what
    def _agreed(self, *, full: bool) -> None:
        terms, told = self.answer["terms"], self.answer["agreements"]
        self.out.heading("Who had agreed to what at that time")
        was, now = told["revision_before"], terms["revision"]
        revision = f"{now}" if was == now else f"{was}, from then on {now}" if was else f"{now}, the first"
        self.out.pairs(
            [
                ("revision", revision),
                ("until then", self._yeses(told["before"], complete=told["complete_before"]) if was else ""),
                ("ended by this", "\n".join(map(self._ended, told["ended"]))),
                ("ended before", "\n".join(map(self._ended, told["ended_before"]))),
                ("from then on", self._yeses(told["after"], complete=told["complete"])),
                ("waiting for", ", ".join(map(self.named, told["waiting_for"]))),
                ("rule", told["quorum"].replace("_", " ")),
                ("now", self._now()),
                ("terms hash", terms["terms_hash"] if full else ""),
            ]
        )

    def _yeses(self, yeses: list[Tree], *, complete: bool) -> str:
        told = [
            f"{self.named(one['party'])} (said yes to revision {one['given_to']} by {_at(one['given'])})"
            for one in yeses
        ]
        told.append("agreed by all whose yes was needed" if complete else "not agreed" if told else "nobody")
        return "\n".join(told)

    def _ended(self, one: Tree) -> str:
        why = {"voided": "voided", "withdrawn": "taken back", "declined": "taken back by a no", "left": "left"}
        by = "" if one["ended"]["id"] == self.answer["event"]["event"] else f" by {_at(one['ended'])}"
        again = f"yes again by {_at(one['again'])}" if one["again"] else "no yes since"
        ending = why.get(one["why"], one["why"])
        return f"the yes of {self.named(one['party'])} to revision {one['revision']}, {ending}{by}; {again}"

    def _now(self) -> str:
        now = self.answer["now"]
        agreed = ", ".join(self.named(one["party"]) for one in now["agreed"]) or "nobody"
        due = f", due {now['deadline']}" if now["deadline"] else ""
        return f"{now['state']}, revision {now['revision']}{due}; agreed: {agreed} (v{now['version']})"

    # what caused it
    def _caused(self, *, full: bool) -> None:
        causes = self.answer["causes"]
        command, plugin = causes["command"], causes["plugin"]
        own = self.answer["event"]["event"]
        together = [self._other(one) for one in command["together"] if one["id"] != own]
        if command["more"]:
            together.append(f"and {command['more']} more")
        rows = [
            ("command", command["id"]),
            ("its hash", command["hash"] if full else ""),
            ("correlation", command["correlation"] if full or command["correlation"] != command["id"] else ""),
            ("trace", plain(command["trace"]) if full else ""),
            ("wrote too", "\n".join(together)),
            ("plugin", self._plugin(plugin) if plugin else ""),
        ]
        rows += [
            ("about", f"{self._other(one['event'])} ({one['how'].replace('_', ' ')} it)") for one in causes["earlier"]
        ]
        self.out.heading("What caused it, and what came of it")
        later = [(_HOW.get(one["how"], one["how"]), self._other(one["event"])) for one in causes["later"]]
        if causes["more"]:
            later.append(("", f"and {causes['more']} more"))
        self.out.pairs([*rows, *(later or [("later", "nothing took it up or back")])])

    def _plugin(self, plugin: Tree) -> str:
        told = f"{plugin['name']} version {plugin['version']}"
        if plugin["cause"] is not None:
            return f"{told}, answering {self._other(plugin['cause'])}"
        return f"{told}, answering none of the {plugin['sought']} events before: a timer, an outcome or a request"

    def _other(self, event: Tree) -> str:
        """Return another event in one line; which aggregate it is of, where that is another one."""
        name = event["type"].rpartition(".")[0]
        of = "" if event["aggregate_id"] == self.answer["id"] else f" of {self.named(event['aggregate_id'])}"
        return f"{_at(event)} {name}{of} by {self.named(event['actor'])}"

    # was anything removed
    def _removed(self) -> None:
        told = self.answer["removed"]
        kind = self.answer["aggregate"]
        self.out.heading("Was anything removed?")
        saying = {
            "nothing_missing": "No: nothing is missing in what was looked through.",
            "missing": "YES: numbers are missing.",
            "out_of_order": "The recorded times run backward: something was changed.",
        }
        wrote = self.answer["causes"]["command"]
        loud = {"bold": True} if told["finding"] != "nothing_missing" else {}
        self.out.line(saying.get(told["finding"], told["finding"]), **loud)
        taken = [f"{_HOW[one['how']]} {self._other(one['event'])}" for one in told["taken_back_by"]]
        there = len(wrote["together"]) + wrote["more"]
        self.out.pairs(
            [
                ("sequences", _density(told["sequences"], "s")),
                ("versions", f"{_density(told['versions'], 'v')} (of this {kind})"),
                ("command", _written(wrote["events"], there)),
                ("just before", self._neighbour(told["before"], "the first event")),
                ("just after", self._neighbour(told["after"], "the newest event")),
                ("taken back", "\n".join(taken) or "never"),
            ]
        )

    def _neighbour(self, event: Tree | None, otherwise: str) -> str:
        if event is None:
            return f"nothing: this is {otherwise}" if self.answer["removed"]["finding"] != "missing" else "nothing"
        return self._other(event)

    def _proof(self, *, full: bool) -> None:
        proof = self.answer["proof"]
        self.out.heading("Proof")
        inside = f"{proof['origin']}, {proof['size']} events" if proof["origin"] else ""
        proven = "Proven: it is in the newest signed checkpoint." if proof["status"] == "proven" else ""
        loud = {"bold": True} if proof["status"] == "broken" else {}
        self.out.line(" ".join(filter(None, (proven, proof["message"]))), **loud)
        self.out.pairs(
            [
                ("checkpoint", inside),
                ("place", f"leaf {proof['leaf']} (s{proof['leaf'] + 1})"),
                ("leaf hash", proof["leaf_hash"] if full else ""),
                ("root", plain(proof["root"]) if full else ""),
                ("path", "\n".join(proof["path"]) if full else ""),
                ("signed", plain(proof["note"]) if full else ""),
                ("keys", "\n".join(proof["keys"]) if full else ""),
            ]
        )
        if not full:
            self.out.note("--full shows the proof; milepost verify checks the whole log.")


def _at(event: Tree) -> str:
    claimed = (event["occurred"] or "")[:10]
    happened_on = f", happened {claimed}" if claimed and claimed != event["recorded"][:10] else ""
    return f"v{event['version']} (s{event['sequence']}, {minute(event['recorded'])}{happened_on})"


def _written(noted: int | None, there: int) -> str:
    """Return how many events a command wrote, as was noted then, and how many there are."""
    if noted is None:
        return ""
    return f"wrote {noted} event{'s' if noted > 1 else ''}, " + ("all there" if noted == there else f"{there} there")


def _density(told: Tree, letter: str) -> str:
    missing = ", ".join(f"{letter}{number}" for number in told["missing"])
    whole = told["last"] - told["first"] + 1
    found = f"{letter}{told['first']} to {letter}{told['last']}: "
    return found + (f"{missing} missing" if missing else f"all {whole} are there")
