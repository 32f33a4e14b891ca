#!/usr/bin/env bash
# Sets up two countries, runs their nodes with TAXII, submits records of every kind, and lets the checks of
# this folder work with a node: run.sh COMITY FOLDER. COMITY is the binary; the folder must not exist and
# keeps everything, the Python environment too. Needs python3 from 3.11 with venv. Ends with 69 when the
# packages cannot be installed.
set -euo pipefail
comity=$(realpath "$1")
mkdir "$2"
folder=$(cd "$2" && pwd)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
nodes=()
stop() {
  for node in "${nodes[@]+"${nodes[@]}"}"; do kill "$node" 2>/dev/null || true; done
  wait
}
trap stop EXIT

python3 -m venv "$folder/venv" || exit 69
python=$folder/venv/bin/python
"$python" -m pip install --quiet --disable-pip-version-check -r "$here/requirements.txt" || exit 69

# Four free ports.
read -r uz uz_clients kz kz_clients < <("$python" - <<'PY'
import socket

sockets = [socket.socket() for _ in range(4)]
for one in sockets:
    one.bind(("127.0.0.1", 0))
print(*(one.getsockname()[1] for one in sockets))
PY
)
printf 'exercise only, protects nothing\n' >"$folder/passphrase"
set_up() { # COUNTRY AUTHORITY LINK-PORT CLIENT-PORT
  "$comity" init --country "$1" --home "$folder/$1" --authority "$2" --passphrase-file "$folder/passphrase" \
    --allow-private-addresses --listen "127.0.0.1:$3" --client-listen "127.0.0.1:$4" --address "127.0.0.1:$3" \
    >/dev/null 2>&1
  "$comity" card export --home "$folder/$1" >"$folder/$1.card"
  "$comity" operator add second --home "$folder/$1" --keep >/dev/null
  "$comity" officer add sender --home "$folder/$1" --authority "$2" --role liaison-officer --role analyst \
    --role victim-protection-officer --role judicial-authority --valid 1h --out "$folder/$1-officer" >/dev/null
  "$comity" system add tool --home "$folder/$1" --authority "$2" --valid 1h --out "$folder/$1-system" >/dev/null
  "$comity" system token tool --home "$folder/$1" --authority "$2" --valid 1h >"$folder/$1.token" 2>/dev/null
  # The agreement by which the other country is asked for evidence.
  mkdir -p "$folder/$1/agreements"
  printf 'country = "%s"\nevidence = ["untoc-art18"]\n' "$5" >"$folder/$1/agreements/$5.toml"
  # What an operator writes into config.toml to serve tools.
  "$python" - "$folder/$1/config.toml" "$5" <<'PY'
import sys

path, other = sys.argv[1:]
text = open(path, encoding="utf-8").read()
begin = text.index("[taxii]\n")
end = text.find("\n[", begin)
table = "\n".join([
    "[taxii]", "serve = true", "tokens = true", 'purpose = "analysis"', 'case = "EXERCISE-1"',
    f'destinations = ["{other}"]', "",
])
open(path, "w", encoding="utf-8").write(text[:begin] + table + (text[end:] if end > 0 else ""))
PY
}
ask_to_trust() { # COUNTRY OTHER
  local fingerprint
  fingerprint=$("$comity" card show "$folder/$2.card" --output json |
    "$python" -c 'import json, sys; print(json.load(sys.stdin)["fingerprint"])')
  "$comity" card import "$folder/$2.card" --home "$folder/$1" --fingerprint "$fingerprint" 2>/dev/null >"$folder/$1.approval"
}
agree() { # COUNTRY
  for _ in $(seq 100); do
    if "$comity" approvals approve "$(cat "$folder/$1.approval")" --home "$folder/$1" --as operator/second \
      >/dev/null 2>"$folder/$1.agreed"; then return; fi
    sleep 0.2
  done
  cat "$folder/$1.agreed" >&2
  exit 1
}
set_up UZ national-police "$uz" "$uz_clients" KZ
set_up KZ interior-ministry "$kz" "$kz_clients" UZ
ask_to_trust UZ KZ
ask_to_trust KZ UZ
for country in UZ KZ; do
  "$comity" run --home "$folder/$country" 2>"$folder/$country.log" &
  nodes+=($!)
done
agree UZ
agree KZ

failed() {
  tail -n 5 "$folder/UZ.log" "$folder/KZ.log" >&2
  exit 1
}
# An example of every kind that tools may have, as the catalogue addresses it; what is confidential is for no
# tool, and a translation is something to look at.
for kind in Route Network ModusOperandi Alert Trend Tip SpontaneousInformation EvidenceRequest; do
  "$comity" template "$kind" --home "$folder/UZ" >"$folder/written.json" 2>"$folder/said" || { cat "$folder/said" >&2; failed; }
  "$python" - "$folder/written.json" "$folder/$kind.json" <<'PY'
import json
import sys

record = json.load(open(sys.argv[1], encoding="utf-8"))
for of in record["situation"].values():
    if isinstance(of, dict):
        of.pop("confidential", None)
        of.pop("confidentialityNote", None)
record["situation"]["translations"] = {
    "ru": {"title": "Учебная запись", "summary": "Всё вымышлено."},
    "tg": {"title": "Сабти таълимӣ"},
}
json.dump(record, open(sys.argv[2], "w", encoding="utf-8"))
PY
  submit=(submit)
  if [ "$kind" = EvidenceRequest ]; then submit=(evidence request); fi
  "$comity" "${submit[@]}" "$folder/$kind.json" --profile "$folder/UZ-officer/profile.toml" >>"$folder/submitted" 2>"$folder/said" ||
    { echo "$kind" >&2; cat "$folder/said" >&2; failed; }
done

cd "$folder"
export COMITY_BIN=$comity COMITY_FOLDER=$folder COMITY_TAXII=https://localhost:$uz_clients/taxii2/
# requests would rather believe these than what a client says of the node's CA.
unset REQUESTS_CA_BUNDLE CURL_CA_BUNDLE
for check in "$here"/check_*.py; do
  printf '%s\n' "${check##*/}"
  PYTHONPATH=$here timeout 120s "$python" "$check" || failed
done
