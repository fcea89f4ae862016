"""OpenAI's SDK for Python: a chat, a stream, a tool, a response and its events, embeddings, an error."""

import json
import sys

import openai

client = openai.OpenAI(max_retries=0)
messages = [{"role": "user", "content": "How is the weather?"}]
scene = sys.argv[1]
seen = {}
if scene == "text":
    completion = client.chat.completions.create(model="small", messages=messages, temperature=0.5)
    seen = completion.model_dump()
elif scene == "stream":
    chunks = client.chat.completions.create(model="small", messages=messages, stream=True)
    seen["chunks"] = [chunk.model_dump() for chunk in chunks]
elif scene == "tools":
    tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
    completion = client.chat.completions.create(model="small", messages=messages, tools=[tool])
    seen["calls"] = [call.model_dump() for call in completion.choices[0].message.tool_calls]
elif scene == "response":
    response = client.responses.create(model="small", input="How is the weather?")
    events = client.responses.create(model="small", input="How is the weather?", stream=True)
    seen = {"text": response.output_text, "tokens": response.usage.total_tokens, "types": [event.type for event in events]}
elif scene == "embeddings":
    seen = client.embeddings.create(model="small", input=["a", "b c"]).model_dump()
elif scene == "error":
    try:
        client.chat.completions.create(model="small", messages=messages)
    except openai.APIStatusError as error:
        seen = {"class": type(error).__name__, "status": error.status_code}
print(json.dumps(seen))
