"""taxii2-client reads and writes: discovery, roots, collections, pages, filters, manifests, versions, status."""

import json
import time
import uuid

import requests
from stix2validator import ValidationOptions, validate_instance
from taxii2client.common import TokenAuth
from taxii2client.exceptions import AccessError
from taxii2client.v21 import as_pages

from common import (
    CA, CERTIFICATE, FOLDER, KINDS, TAXII, TOKEN, check, collections, comity, everything_there, server, with_certificate,
)

ACCEPT = {"Accept": "application/taxii+json;version=2.1"}


def all_objects(collection, per_request, **filters):
    """Every object, page by page."""
    found = []
    for page in as_pages(collection.get_objects, per_request=per_request, **filters):
        check(len(page.get("objects", [])) <= per_request, "a page has no more than was asked for")
        found.extend(page.get("objects", []))
    return found


# Discovery and the root, by certificate and by each form of a token.
ways = {
    "certificate": with_certificate(),
    "basic": server(user="tool", password=TOKEN),
    "token": server(auth=TokenAuth(TOKEN)),
}
for way, one in ways.items():
    check(one.title == "Comity, node of UZ", f"{way}: the title")
    check(len(one.api_roots) == 1 and one.default.url == one.api_roots[0].url, f"{way}: one root, the default")
    check(one.api_roots[0].max_content_length > 0, f"{way}: how much is taken")
    check("application/taxii+json;version=2.1" in one.api_roots[0].versions, f"{way}: the version")
    found = collections(one)
    check(set(KINDS) < set(found), f"{way}: a collection for every kind, not only {sorted(found)}")
    check(found["routes"].can_read and not found["routes"].can_write, f"{way}: routes are read")
    check(found["intake"].can_write and not found["intake"].can_read, f"{way}: the intake is written")
found = collections()

everything_there()

# Every object once, in order, whatever the page.
for alias, main in KINDS.items():
    whole = found[alias].get_objects(limit=1000)["objects"]
    check(any(of["type"] == main for of in whole), f"{alias} has a {main}")
    ids = [of["id"] for of in whole]
    check(len(set(ids)) == len(ids), f"{alias}: an object is there once")
    for per_request in (1, 2, 7):
        paged = [of["id"] for of in all_objects(found[alias], per_request)]
        check(paged == ids, f"{alias}: pages of {per_request} are the whole")

    # As OpenCTI's connector does it: the token alone on every page after the first.
    connected, following = [], None
    while True:
        asked = {"next": following} if following else {"limit": 3, "type": main}
        page = found[alias].get_objects(**asked)
        check(all(of["spec_version"] == "2.1" for of in page["objects"]), "each says its version of STIX")
        connected.extend(of["id"] for of in page["objects"])
        if not page.get("more"):
            break
        following = page["next"]
    check(connected == [of["id"] for of in whole if of["type"] == main], f"{alias}: the token carries the filter")

    # And as its core does: from the time of the last object on.
    added, after = [], None
    while True:
        query = {"limit": 4, **({"added_after": after} if after else {})}
        answer = requests.get(found[alias].objects_url, params=query, headers=ACCEPT, cert=CERTIFICATE, verify=CA, timeout=30)
        check(answer.headers["Content-Type"] == "application/taxii+json;version=2.1", "the media type is exact")
        objects = answer.json()["objects"]
        if not objects:
            check("X-TAXII-Date-Added-Last" not in answer.headers, "an empty page has no times")
            break
        first, last = answer.headers["X-TAXII-Date-Added-First"], answer.headers["X-TAXII-Date-Added-Last"]
        check(after is None or first > after, "times grow")
        check(first <= last, "the first is not after the last")
        after = last
        added.extend(of["id"] for of in objects)
    check(added == ids, f"{alias}: from time to time, nothing is lost or doubled")

    manifest = found[alias].get_manifest(limit=1000)["objects"]
    check([of["id"] for of in manifest] == ids, f"{alias}: the manifest is of the same objects")
    dates = [of["date_added"] for of in manifest]
    check(dates == sorted(set(dates)), f"{alias}: times are strictly increasing")

# Filters.
routes = found["routes"]
whole = routes.get_objects(limit=1000)["objects"]
campaign = next(of for of in whole if of["type"] == "campaign")
one = routes.get_objects(id=campaign["id"])["objects"]
check(one == [campaign], "match[id] finds the object")
check(routes.get_object(campaign["id"])["objects"] == [campaign], "and so does its address")
marking = next(of for of in whole if of["type"] == "marking-definition")
check(routes.get_object(marking["id"])["objects"] == [marking], "what is shared is found too")
types = {of["type"] for of in routes.get_objects(type="location,identity", limit=1000)["objects"]}
check(types == {"location", "identity"}, "match[type] takes a list")
check(routes.get_objects(spec_version="2.0").get("objects", []) == [], "there is no STIX 2.0")
check(routes.object_versions(campaign["id"])["versions"] == [campaign["modified"]], "it has one version")

# An amendment is a new version of the same object.
record = json.load(open(f"{FOLDER}/Route.json", encoding="utf-8"))
reference = campaign["external_references"][0]["external_id"]
record["situation"]["title"] = "EXERCISE: an amended route"
json.dump(record, open(f"{FOLDER}/amended.json", "w", encoding="utf-8"))
comity("amend", reference, f"{FOLDER}/amended.json", "--profile", f"{FOLDER}/UZ-officer/profile.toml")
def standing():
    """The object as it stands; nothing in the moment until a new version is on its shelf."""
    try:
        return routes.get_object(campaign["id"])["objects"]
    except requests.exceptions.HTTPError as error:
        check(error.response.status_code == 404, f"it is on its way: {error}")
        return []


for _ in range(100):
    now = standing()
    if now and now[0]["name"] == "EXERCISE: an amended route":
        break
    time.sleep(0.1)
check([of["name"] for of in now] == ["EXERCISE: an amended route"], "the newest version counts")
check(now[0]["created"] == campaign["created"] and now[0]["modified"] > campaign["modified"], "by its times")
versions = routes.object_versions(campaign["id"])["versions"]
check(versions == [campaign["modified"], now[0]["modified"]], "both versions are told of")
first = routes.get_object(campaign["id"], version="first")["objects"]
check([of["name"] for of in first] == [campaign["name"]], "the first is still there")
everything = [of["id"] for of in all_objects(routes, 5)]
check(everything.count(campaign["id"]) == 1, "and by default each is there once")

# What is recalled comes once more, revoked and empty.
comity("recall", reference, "--reason", "inaccurate", "--profile", f"{FOLDER}/UZ-officer/profile.toml")
for _ in range(100):
    gone = standing()
    if gone and gone[0].get("revoked"):
        break
    time.sleep(0.1)
check(len(gone) == 1 and gone[0]["revoked"] is True, "what was recalled is revoked")
check("extensions" not in gone[0] and "amended" not in json.dumps(gone), "and says nothing")
for of in routes.get_objects(limit=1000)["objects"]:
    said = validate_instance(of, ValidationOptions(strict=True, version="2.1"))
    check(said.is_valid, f"what is revoked is valid too: {said.errors}")

# Writing: a report of another tool, once; what has no counterpart fails by name.
note = {
    "type": "note", "spec_version": "2.1", "id": f"note--{uuid.uuid4()}",
    "created": "2026-03-02T09:15:00.000Z", "modified": "2026-03-02T09:15:00.000Z",
    "abstract": "EXERCISE: a note of another tool", "content": "What it says", "labels": ["exercise"],
    "object_refs": [f"report--{uuid.uuid4()}"],
}
malware = {
    "type": "malware", "spec_version": "2.1", "id": f"malware--{uuid.uuid4()}",
    "created": "2026-03-02T09:15:00.000Z", "modified": "2026-03-02T09:15:00.000Z", "is_family": False,
}
for again in (False, True):
    status = found["intake"].add_objects({"objects": [note, malware]}, wait_for_completion=True)
    check(status.status == "complete" and status.total_count == 2, "the status is whole")
    check([of["id"] for of in status.successes] == [note["id"]], f"the note is taken: {status.failures}")
    check([of["id"] for of in status.failures] == [malware["id"]], "the malware is not")
    check("malware" in status.failures[0]["message"], "and it is said why")
    check(("unchanged" if again else "submitted") in status.successes[0]["message"], "twice is once")
    status.refresh()
    check(status.success_count == 1, "the status is kept")
for _ in range(100):
    tips = found["tips"].get_objects(type="report", limit=1000)["objects"]
    if any(of.get("name") == note["abstract"] for of in tips):
        break
    time.sleep(0.1)
check(any(of.get("name") == note["abstract"] for of in tips), "what was taken is a tip now")

# What is refused is refused by the words of TAXII.
def refused(status, method="GET", path="comity/collections/routes/objects/", **more):
    headers = {**ACCEPT, **more.pop("headers", {})}
    answer = requests.request(method, TAXII + path, headers=headers, cert=CERTIFICATE, verify=CA, timeout=30,
                              allow_redirects=False, **more)
    check(answer.status_code == status, f"{method} {path}: {status} expected, {answer.status_code} came: {answer.text}")
    check(answer.headers["Content-Type"] == "application/taxii+json;version=2.1", "a refusal is TAXII too")
    body = answer.json()
    check(body["title"] and body["http_status"] == str(status) and body["error_code"], "and says what is wrong")


refused(400, params={"limit": 0})
refused(400, params={"next": "0" * 64})
refused(400, params={"added_after": "yesterday"})
refused(403, path="comity/collections/intake/objects/")
refused(403, method="DELETE", path=f"comity/collections/routes/objects/{campaign['id']}/")
refused(404, path="comity/collections/nothing/")
refused(404, path=f"comity/status/{uuid.uuid4()}/")
refused(404, path="other/")
refused(405, method="PUT")
refused(406, headers={"Accept": "application/json"})
posting = {"Content-Type": "application/taxii+json;version=2.1"}
intake = "comity/collections/intake/objects"
refused(403, method="POST", data=b"{}", headers=posting)
refused(415, method="POST", path=intake, data=b"{}", headers={"Content-Type": "application/json"})
refused(422, method="POST", path=intake, data=b"{}", headers=posting)
refused(400, method="POST", path=intake, data=b"{", headers=posting)
try:
    refused(413, method="POST", path=intake, data=b" " * (11 << 20), headers=posting)
except requests.exceptions.ConnectionError:
    pass  # The node answers and hangs up before such a body was sent whole.

# Who shows nothing, or a token that does not count, is nobody.
answer = requests.get(TAXII, headers=ACCEPT, verify=CA, timeout=30)
check(answer.status_code == 401 and answer.headers["WWW-Authenticate"].startswith("Basic"), "nobody is asked who it is")
comity("system", "token", "tool", "--home", f"{FOLDER}/UZ", "--revoke")
for _ in range(60):
    answer = requests.get(TAXII, headers={**ACCEPT, "Authorization": f"Token {TOKEN}"}, verify=CA, timeout=30)
    if answer.status_code == 401:
        break
    time.sleep(1)
check(answer.status_code == 401, "a token that was taken back lets nobody in")
try:
    collections(server(user="tool", password="wrong"))
    check(False, "a wrong token let somebody in")
except (AccessError, requests.exceptions.RequestException):
    pass
print("discovery, collections, pages, filters, versions, intake, status, refusals: as TAXII 2.1 says")
