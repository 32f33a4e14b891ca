#!/usr/bin/env bash
# Sets up two countries, runs their nodes and lets exchange.py work with both: run.sh COMITY FOLDER.
# COMITY is the binary; the folder must not exist and keeps everything, the Python environment too.
# Needs python3 from 3.11 with venv. Ends with 69 when the packages cannot be installed.
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
PYTHON=$python "$here/generate.sh" "$folder/generated"

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
  # Who agrees to cards: a node trusts one once two operators did.
  "$comity" operator add second --home "$folder/$1" --keep >/dev/null
  # A key, a certificate and a profile, as they are given to an officer.
  "$comity" officer add python --home "$folder/$1" --authority "$2" --role liaison-officer --role analyst \
    --valid 1h --out "$folder/$1-officer" >/dev/null
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
set_up UZ national-police "$uz" "$uz_clients"
set_up KZ interior-ministry "$kz" "$kz_clients"
ask_to_trust UZ KZ
ask_to_trust KZ UZ
for country in UZ KZ; do
  "$comity" run --home "$folder/$country" 2>"$folder/$country.log" &
  nodes+=($!)
done
agree UZ
agree KZ

cd "$folder"
if ! PYTHONPATH=$folder/generated:$here timeout 60s "$python" "$here/exchange.py" UZ-officer/profile.toml \
  KZ-officer/profile.toml "$here/../../docs/examples/modus-operandi.json"; then
  tail -n 5 UZ.log KZ.log >&2
  exit 1
fi
