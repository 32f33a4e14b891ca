"""What the checks share: where the node is, who calls, and how a failure is told."""

import os
import subprocess
import sys
import time

from taxii2client.v21 import Server

FOLDER = os.environ["COMITY_FOLDER"]
TAXII = os.environ["COMITY_TAXII"]
CA = f"{FOLDER}/UZ-system/ca.pem"
CERTIFICATE = (f"{FOLDER}/UZ-system/certificate.pem", f"{FOLDER}/UZ-system/key.pem")
TOKEN = open(f"{FOLDER}/UZ.token", encoding="utf-8").read().strip()

# Kinds that tools may have, with the collection of each and the type of the main object.
KINDS = {
    "routes": "campaign",
    "networks": "intrusion-set",
    "modi-operandi": "attack-pattern",
    "alerts": "report",
    "trends": "report",
    "tips": "report",
    "information": "report",
    "evidence-requests": "note",
}


def check(holds, what):
    """Ends the check when something does not hold."""
    if not holds:
        sys.exit(f"does not hold: {what}")


def server(**credentials):
    """The server, as one who calls sees it."""
    return Server(TAXII, verify=CA, **credentials)


def with_certificate():
    """The server by mutual TLS."""
    return server(cert=CERTIFICATE)


def collections(of=None):
    """The collections by their alias."""
    return {of.alias: of for of in (of or with_certificate()).api_roots[0].collections}


def everything_there():
    """Waits until a record of every kind has come into its collection, and answers the collections."""
    found = collections()
    for _ in range(200):
        if all(found[of].get_objects(limit=1).get("objects") for of in [*KINDS, "suspects", "identifiers"]):
            return found
        time.sleep(0.1)
    empty = [of for of in KINDS if not found[of].get_objects(limit=1).get("objects")]
    check(False, f"records come into {empty}")
    return found


def every_object():
    """Every version of every object of the node, by collection."""
    found = everything_there()
    aliases = [*KINDS, "suspects", "identifiers"]
    return {of: found[of].get_objects(limit=1000, version="all")["objects"] for of in aliases}


def comity(*arguments):
    """Runs the command line and answers what it said."""
    binary = os.environ["COMITY_BIN"]
    done = subprocess.run([binary, *arguments], capture_output=True, text=True, check=False, timeout=60)
    check(done.returncode == 0, f"comity {arguments[0]}: {done.stderr}")
    return done.stdout
