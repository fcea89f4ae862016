#!/bin/sh
# What people try first: a chat and a stream with curl.
set -eu
case "$1" in
text) stream=false ;;
stream) stream=true ;;
esac
exec curl --silent --show-error --no-buffer "$OPENAI_BASE_URL/chat/completions" \
  -H 'Content-Type: application/json' -H "Authorization: Bearer $OPENAI_API_KEY" \
  -d "{\"model\":\"small\",\"stream\":$stream,\"messages\":[{\"role\":\"user\",\"content\":\"How is the weather?\"}]}"
