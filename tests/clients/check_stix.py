"""stix2 parses and stix2-validator, strict, validates every object that the node gives."""

import json

import stix2
from stix2validator import ValidationOptions, validate_instance, validate_string

from common import check, every_object

options = ValidationOptions(strict=True, version="2.1")
total, every = 0, {}
for alias, objects in every_object().items():
    check(objects, f"{alias} has objects")
    for of in objects:
        parsed = stix2.parse(of, allow_custom=False, version="2.1")
        check(parsed["id"] == of["id"], "what is parsed is what came")
        said = validate_instance(of, options)
        warnings = [str(warning) for warning in getattr(said, "warnings", [])]
        check(said.is_valid and not warnings, f"{alias}: {of['type']}: {said.errors} {warnings}\n{json.dumps(of, indent=1)}")
        every[of["id"]] = of
        total += 1

# Whole as a bundle too, with everything that an object refers to within its collection or that of its record.
bundle = stix2.Bundle(objects=[stix2.parse(of) for of in every.values()], allow_custom=False)
text = bundle.serialize(pretty=True)
said = validate_string(text, options)
check(said.is_valid, f"the bundle: {said.errors}")
for of in every.values():
    refs = [of.get(field) for field in ("created_by_ref", "source_ref", "target_ref", "object_ref")]
    for field in ("object_refs", "object_marking_refs"):
        refs.extend(of.get(field, []))
    for ref in filter(None, refs):
        check(ref in every or of["type"] == "relationship", f"{of['id']} refers to {ref}, which is nowhere")

# TLP 2.0 by the published ids, a handling code as a statement.
markings = {of["id"]: of for of in every.values() if of["type"] == "marking-definition"}
published = {"94868c89-83c2-464b-929b-a1a8aa3c8487", "bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
             "55d920b0-5e8b-4f79-9ee9-91f868d9b421", "939a9414-2ddd-4d32-a0cd-375ea402b003"}
check(any(of.removeprefix("marking-definition--") in published for of in markings), "a published marking is there")
check(all(of.get("object_marking_refs") or of["type"] in ("identity", "location", "marking-definition",
      "extension-definition") or of.get("revoked") for of in every.values()), "what says something is marked")
print(f"{total} objects parse and pass the strict validator")
