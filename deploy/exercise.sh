#!/usr/bin/env bash
# Four countries in containers: creates their homes, exchanges their cards, starts their nodes.
#
#   deploy/exercise.sh up      build, create what is missing, exchange cards, start
#   deploy/exercise.sh tj …    run `comity …` in a country: deploy/exercise.sh tj records list
#   deploy/exercise.sh down    stop the nodes; homes stay
#   deploy/exercise.sh wipe    stop the nodes and delete homes, keys and records
#
# Without Docker, `comity demo --serve` starts four nodes on loopback instead.
# Needs docker with compose.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

countries=(tj uz kz ae)
home=/var/lib/comity/home

say() { printf '%s\n' "$*" >&2; }
compose() { docker compose --file compose.yaml "$@"; }
# once COUNTRY ARGUMENT…: comity in a container of its own, with the country's volumes.
once() {
  local country=$1
  shift
  compose run --rm --no-deps -T "$country" "$@"
}

authorities() {
  case $1 in
    tj) echo "interior-ministry prosecutor-general" ;;
    uz) echo "national-police prosecutor-general" ;;
    kz) echo "interior-ministry financial-monitoring" ;;
    ae) echo "national-police public-prosecution" ;;
  esac
}

create() {
  local country=$1 authority arguments=()
  if once "$country" card show --home "$home" >/dev/null 2>&1; then return 0; fi
  say "creating the home of ${country^^}"
  for authority in $(authorities "$country"); do arguments+=(--authority "$authority"); done
  # An exercise's roots protect nothing; a country types a passphrase that no file holds.
  printf 'exercise only, root of %s\n' "${country^^}" | once "$country" init \
    --country "${country^^}" --home "$home" --passphrase-file - \
    --listen 0.0.0.0:7443 --address "$country.exercise.test:7443" \
    --file-key /var/lib/comity-keys/file-key \
    --allow-private-addresses "${arguments[@]}"
  once "$country" operator add second --home "$home" --keep
}

cards=

exchange() {
  local from to fingerprint
  cards=$(mktemp -d)
  # Removed when the script ends, however it ends; the path is needed then, so it is put in now.
  # shellcheck disable=SC2064
  trap "rm -rf -- '$cards'" EXIT
  for from in "${countries[@]}"; do once "$from" card export --home "$home" >"$cards/$from.card"; done
  for from in "${countries[@]}"; do
    # Read aloud between countries; here the script stands for both voices.
    fingerprint=$(once "$from" card show --home "$home" --output json |
      sed -n 's/.*"fingerprint": *"\([^"]*\)".*/\1/p' | head -n 1)
    [ -n "$fingerprint" ] || { say "the card of ${from^^} shows no fingerprint"; exit 65; }
    for to in "${countries[@]}"; do
      [ "$from" != "$to" ] || continue
      # An id where a second operator has to agree; a sentence where the card was trusted already.
      once "$to" card import - --home "$home" --fingerprint "$fingerprint" <"$cards/$from.card" |
        sed -n 's/^\([0-9a-f]\{32\}\)[[:space:]]*$/\1/p' >>"$cards/$to.ids"
    done
  done
}

# The second operator of each country agrees, at the running nodes.
approve() {
  local country id
  for country in "${countries[@]}"; do
    while read -r id; do
      for _ in $(seq 60); do
        if compose exec -T "$country" /usr/local/bin/comity approvals approve "$id" \
          --home "$home" --as operator/second </dev/null; then continue 2; fi
        sleep 1
      done
      say "the second operator of ${country^^} cannot approve $id"
      exit 75
    done <"$cards/$country.ids"
  done
}

verb=${1:-}
case $verb in
  up)
    compose build
    for country in "${countries[@]}"; do create "$country"; done
    # A running node has its home locked.
    compose stop
    exchange
    compose up --detach
    approve
    say "running; try: deploy/exercise.sh uz records list" ;;
  tj | uz | kz | ae)
    shift
    compose exec -T "$verb" /usr/local/bin/comity "$@" --home "$home" ;;
  down) compose down ;;
  wipe) compose down --volumes ;;
  *)
    say "usage: deploy/exercise.sh up|down|wipe, or a country (${countries[*]}) and a command"
    exit 64 ;;
esac
