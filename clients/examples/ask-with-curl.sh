#!/usr/bin/env bash
# Asks a character with curl and prints the events. Continues the answer if the connection breaks.
set -uo pipefail

key=$(date +%s)-$RANDOM$RANDOM$RANDOM
events=$(mktemp)
trap 'rm -f "$events"' EXIT

# Prints an event when it is complete. A connection can break within one.
complete_events() {
  awk '/^id: /   { id = $0 }
       /^data: / { data = $0 }
       /^$/ && data != "" { print id "\n" data "\n"; fflush(); data = "" }' | tee -a "$events"
}
turn_id() { grep -m 1 -o '"turn_id":"[^"]*' "$events" | cut -d '"' -f 4; }
last_event_id() { grep '^id: ' "$events" | tail -n 1 | cut -d ' ' -f 2; }
has_ended() { grep -q -e '"event":"message_end"' -e '"event":"error"' "$events"; }

# The server sends a comment every 15 seconds, so a longer silence is a lost connection.
request() {
  curl -sSN --fail-with-body --speed-limit 1 --speed-time 60 -H "Authorization: Bearer $JWT" "$@"
}

for pause in 0.5 1 2 4 8; do
  if [ -z "$(turn_id)" ]; then
    # The same key asks once, however often it is sent.
    request "$API/api/chat-conversations/create-message" \
      -H 'Content-Type: application/json' -H 'Accept: text/event-stream' -H "Idempotency-Key: $key" \
      -d '{"data":{"character_id":"'"$CHARACTER"'","query":"Is it lonely out here?"}}'
  else
    request "$API/api/chat-conversations/turns/$(turn_id)/stream" -H "Last-Event-ID: $(last_event_id)"
  fi | complete_events
  # 22 is a reply with an error status.
  if [ "${PIPESTATUS[0]}" = 22 ]; then exit 1; fi
  if has_ended; then exit 0; fi
  sleep "$pause"
done
echo 'The server cannot be reached.' >&2
exit 1
