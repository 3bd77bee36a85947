"""A bundle says how it is checked without trusting whoever made it: README.txt, for people with a terminal."""

from __future__ import annotations

from textwrap import fill, indent

from milepost.replay.export.plan import Plan
from milepost_contracts.proofs.bundle import cannot, proves

# Run by a test on every kind of bundle, so that what is promised here works.
SCRIPT = """\
import hashlib, json, sys
from base64 import b64decode
from pathlib import Path
from milepost_contracts.proofs.checkpoints import open_checkpoint
from milepost_contracts.proofs.merkle import Frontier, leaf_hash, verify_consistency, verify_inclusion
from milepost_contracts.proofs.notes import VerifierKey

bundle, key = Path(sys.argv[1]), VerifierKey.parse(sys.argv[2])  # the key that you know from elsewhere
manifest = json.loads((bundle / "manifest.json").read_bytes())
for file in manifest["files"]:
    with (bundle / file["path"]).open("rb") as content:
        assert hashlib.file_digest(content, "sha256").hexdigest() == file["sha256"], file["path"]
signed = open_checkpoint((bundle / "checkpoint").read_bytes(), [key])  # raises if the key did not sign it
if (bundle / "proofs.ndjson").exists():  # each event has a proof of its own
    with (bundle / "events.ndjson").open("rb") as events, (bundle / "proofs.ndjson").open("rb") as proofs:
        for event, line in zip(events, proofs, strict=True):
            leaf, index = leaf_hash(event[:-1]), int(json.loads(event)["sequence"]) - 1
            path = [b64decode(one) for one in json.loads(line).get("proof", [])]
            verify_inclusion(leaf, index, signed.size, path, signed.root)
for name in ("scan.ndjson", "events.ndjson"):  # a file with every leaf of the log: its root is computed
    if (bundle / name).exists() and (name == "scan.ndjson" or not (bundle / "proofs.ndjson").exists()):
        tree = Frontier()
        with (bundle / name).open("rb") as leaves:
            tree.extend(leaf_hash(leaf[:-1]) for leaf in leaves)
        path = [b64decode(one) for one in manifest.get("prefix", {}).get("proof", [])]
        verify_consistency(tree.size, signed.size, path, tree.root(), signed.root)
print("all of it is as it was signed")
"""

_FILES = """\
manifest.json    what is in here: scope, moment, who exported it, when and why, and every file's SHA-256
events.ndjson    the events, one a line: exactly the bytes that the log has
proofs.ndjson    for each of them an RFC 6962 inclusion proof (not in a full export: there the root is computed)
scan.ndjson      if asked for: every event of the log up to the moment, words sealed
checkpoint       the signed tree head (C2SP tlog-checkpoint, a signed note with Ed25519)
keys.txt         the log's public keys: compare them with those that you have from elsewhere
derived_keys.ndjson  if asked for: keys that open the words in the events
facts.ndjson     of a person: what plugins told of the person; not in the log, and not proven
schemas/         JSON Schemas of the events, and how older forms are read as newer ones
report.html      the same for people: open it in any browser, print it
tables/          CSV: timeline, changes, readings, agreements
"""
_TRUST = (
    "Nothing here asks you to trust the file manifest.json, this text, or whoever gave you the bundle. You need the "
    "public key line of the log (it looks like NAME+HASH+KEY) from a source of your own: a letter, a web page of the "
    "organisation, an earlier export. Do not take it from keys.txt."
)
_SCRIPT = (
    "The second needs nothing of Milepost's but its open contracts (pip install milepost-contracts). What it does, in "
    "short, is this script; keep it as check.py and run: python check.py THIS_FOLDER 'NAME+HASH+KEY'"
)
_RULES = (
    "The rules are public: RFC 6962 (leaf = SHA-256 of a zero byte and the line without its line feed, node = SHA-256 "
    "of a one byte and both hashes; leaf index = sequence - 1), C2SP signed-note and tlog-checkpoint. Any "
    "implementation of them will do."
)
_WORDS = (
    "Words that people wrote stand in events.ndjson as enc:v1:KID:...: sealed with AES-256-GCM. When a person is "
    "erased, the keys are destroyed and these words can be read by nobody, here too. Proofs stay valid."
)


def readme(plan: Plan) -> str:
    """Return README.txt of the bundle that *plan* is of."""
    scope = plan.scope.kind if plan.scope.id is None else f"{plan.scope.kind} {plan.scope.id}"
    return "\n".join([
        f"Milepost export: {scope} of {plan.tenant}, as of event {plan.until} ({plan.time or 'the beginning'})",
        "=" * 78,
        "",
        _list("What it proves", proves(plan.scope, plan.completeness)),
        _list("What it cannot prove", cannot(plan.completeness, opened=plan.words == "opened")),
        "Files",
        "-----",
        _FILES,
        "How to check it",
        "---------------",
        fill(_TRUST, 78),
        "",
        "    milepost verify THIS_FOLDER --key 'NAME+HASH+KEY'",
        "    python -m milepost_contracts.proofs.verify THIS_FOLDER --key 'NAME+HASH+KEY'",
        "",
        fill(_SCRIPT, 78),
        "",
        indent(SCRIPT, "    "),
        fill(_RULES, 78),
        "",
        fill(_WORDS, 78),
        "",
    ])  # fmt: skip


def _list(title: str, sentences: list[str]) -> str:
    told = [fill(one, 78, initial_indent="- ", subsequent_indent="  ") for one in sentences]
    return "\n".join([title, "-" * len(title), *told, ""])
