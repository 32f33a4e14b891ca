"""misp-stix makes a MISP event of what the node gives."""

import stix2
from misp_stix_converter import ExternalSTIX2toMISPParser

from common import FOLDER, check, every_object

every = {of["id"]: of for objects in every_object().values() for of in objects}
bundle = stix2.Bundle(objects=[stix2.parse(of) for of in every.values()])
with open(f"{FOLDER}/bundle.json", "w", encoding="utf-8") as file:
    file.write(bundle.serialize())
parser = ExternalSTIX2toMISPParser()
parser.parse_stix_content(f"{FOLDER}/bundle.json")
parser.parse_stix_bundle(single_event=True)
events = parser.misp_events
events = events if isinstance(events, list) else [events]
attributes, reports, clusters, tags = 0, 0, set(), set()
for event in events:
    attributes += len(event.attributes) + sum(len(of.attributes) for of in event.objects)
    reports += len(event.event_reports)
    for of in [event, *event.attributes]:
        clusters |= {cluster.value for galaxy in of.galaxies for cluster in galaxy.clusters}
        tags |= {tag.name for tag in of.tags}
# MISP has no counterpart for notes and translations, and says so of each; everything else is taken.
unknown = ("object type: note", "object type: language-content")
faults = [fault for of in parser.errors.values() for fault in of if not fault.endswith(unknown)]
check(not faults, f"misp-stix refuses: {faults}")
check(attributes >= 1, f"identifiers are attributes: {attributes}")
check(len(clusters) >= 3, f"campaigns, networks and ways are clusters: {clusters}")
check(any(name.startswith("tlp:") for name in tags), f"the marking is a tag: {tags}")
print(f"{attributes} attributes, {reports} reports, {len(clusters)} clusters, tags {sorted(tags)[:8]}")
