"""Submits a record in one country, sees it arrive in another, opens it, finds it, is refused, feeds.

    python exchange.py PROFILE_OF_ONE PROFILE_OF_OTHER RECORD.json

It ends with an error when anything is not as it should be.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import grpc
from google.protobuf import json_format

from comity.ledger.v1 import ledger_pb2
from comity.node.v1 import feed_service_pb2
from comity.record.v1 import record_pb2
from comity_client import Client, Refused

CASE = "EXERCISE-1"


def check(holds: bool, what: str) -> None:
    """Ends with an error when something does not hold."""
    if not holds:
        sys.exit(f"FAILED: {what}")
    print(f"ok: {what}")


def refusal(of) -> Refused:
    """The refusal that a call must end with."""
    try:
        of()
    except Refused as refused:
        return refused
    sys.exit("FAILED: nothing was refused")


def stranger(profile: Path) -> Path:
    """The same profile of another country: its node's certificate has another name."""
    text = profile.read_text(encoding="utf-8")
    folder = Path(tempfile.mkdtemp())
    lines = []
    for line in text.splitlines():
        field, _, value = (part.strip() for part in line.partition("="))
        if field == "country":
            value = '"AE"'
        elif field in ("ca", "certificate", "key"):
            value = json.dumps(str((profile.parent / value.strip('"')).resolve()))
        lines.append(f"{field} = {value}")
    (folder / "profile.toml").write_text("\n".join(lines), encoding="utf-8")
    return folder / "profile.toml"


def found(client: Client, text: str, purpose: int, reference: str) -> list[str]:
    """Why a search finds a record. The index follows what arrives within seconds."""
    for _ in range(100):
        for hit in client.search(text, purpose, CASE).hits:
            if hit.record.reference == reference:
                return [f"{of.written} in {of.field}" for of in hit.reasons]
        time.sleep(0.2)
    return []


def fed(client: Client, items: list) -> list[tuple[str, str]]:
    """What became of items: the outcome, or the word of the refusal, and the reference."""
    done = []
    for answer in client.feed(items, feed="exercise"):
        if answer.HasField("taken"):
            outcome = feed_service_pb2.FeedOutcome.Name(answer.taken.outcome)
            done.append((outcome.removeprefix("FEED_OUTCOME_"), answer.taken.reference))
        else:
            done.append((answer.refused.reason, ""))
    return done


def feed(client: Client, record) -> None:
    """A case system's item comes, comes again, changes and is deleted, a bad one between."""

    def item(version: int, title: str):
        said = record_pb2.Record()
        said.CopyFrom(record)
        said.situation.title = title
        return feed_service_pb2.FeedItem(own_id="case-4711", version=version, record=said)

    deleted = feed_service_pb2.FeedItem(
        own_id="case-4711", version=3, deleted=feed_service_pb2.FeedDeletion(reason="EXERCISE")
    )
    first, second = item(1, "EXERCISE one"), item(2, "EXERCISE two")
    bad = feed_service_pb2.FeedItem(own_id="case-4712", version=1)
    night = fed(client, [first, bad, first, second])
    outcomes = [outcome for outcome, _ in night]
    check(outcomes == ["SUBMITTED", "ITEM_EMPTY", "UNCHANGED", "AMENDED"], f"a feed is answered item by item: {outcomes}")
    again = fed(client, [second])
    check(again == [("UNCHANGED", night[3][1])], "the same again changes nothing")
    gone = fed(client, [deleted])
    check(gone == [("RECALLED", night[3][1])], "what was deleted is recalled")


def main() -> None:
    here, there = (Client(Path(profile)) for profile in sys.argv[1:3])
    record = record_pb2.Record()
    json_format.Parse(Path(sys.argv[3]).read_text(encoding="utf-8"), record)
    name = record.suspects.suspects.add().names.add()
    name.text, name.language = "Намуна", "uz-Cyrl"

    accepted = here.submit(record, "exercise/1")
    check(bool(accepted.reference), f"{accepted.reference} is durable")
    again = here.submit(record, "exercise/1")
    check(again.repeated and again.reference == accepted.reference, "the same key makes no second record")

    for summary, position in there.watch():
        if summary.reference == accepted.reference:
            break
    check(summary.origin == accepted.reference[:2], "the other country's watch has it")
    listed = [of.reference for of in there.list(origin=summary.origin)]
    check(accepted.reference in listed, "and so has its list")

    bare = refusal(lambda: there.read(accepted.reference, 0, ""))
    check(bare.reason == "PURPOSE_MISSING", f"without a purpose it stays shut: {bare}")
    investigation = ledger_pb2.READING_PURPOSE_INVESTIGATION
    opened = there.read(accepted.reference, investigation, CASE)
    check(opened.record.suspects == record.suspects, "with purpose and case it opens")

    hits = there.search("Namuna").hits
    check(not hits, "without a purpose a search for the suspect finds nothing")
    why = found(there, "Namuna", investigation, accepted.reference)
    check(bool(why), f"with one it finds it in whatever script: {why}")

    broken = record_pb2.Record()
    broken.CopyFrom(record)
    broken.situation.title = ""
    refused = refusal(lambda: here.submit(broken))
    paths = {of.field for of in refused.violations}
    check(refused.reason == "RECORD_INVALID", f"a record without a title is refused: {refused.reason}")
    check("situation.title" in paths, f"with the paths of what is wrong: {sorted(paths)}")

    feed(here, record)

    other = Client(stranger(Path(sys.argv[1])))
    try:
        grpc.channel_ready_future(other.channel).result(timeout=3)
        sys.exit("FAILED: a node of another country was taken for the own one")
    except grpc.FutureTimeoutError:
        check(True, "a node whose certificate has another name is not spoken to")

    for client in (here, there, other):
        client.close()


if __name__ == "__main__":
    main()
