"""What a question may carry, by docs/spec/invocation.md."""
import json
import re

from evidence.documents import ID, NAME, URN, VERSION
from evidence.strict import HASH, TIME, TOKEN_ID, fits, require

DATA_BYTES = 4_194_304
IMAGES = ('image/png', 'image/jpeg', 'image/webp', 'image/gif')
FILES = ('application/pdf', 'application/json', 'text/plain', 'text/markdown', 'text/csv')
TOOL_NAME = '[A-Za-z0-9_-]{1,64}'
CALL_ID = r'[\s\S]{1,256}'
LONG = r'[\s\S]{0,16384}'


def one_of(*kinds):
    return lambda value: any(fits(value, kind) for kind in kinds)


def between(low, high):
    return lambda value: type(value) in (int, float) and low <= value <= high


def null(value):
    return value is None


def strings(value):
    return isinstance(value, dict) and all(isinstance(one, str) for one in value.values())


def is_object(text):
    """A JSON object as text: any names but one, at most 64 levels, no member twice."""
    if not isinstance(text, str) or len(text.encode('utf-16-le', 'surrogatepass')) > 2 * 131_072:
        return False

    def members(pairs):
        names = [name for name, _ in pairs]
        if len(set(names)) < len(names) or '__proto__' in names:
            raise ValueError
        return dict(pairs)

    def is_clean(value, depth):
        if isinstance(value, str):
            value.encode()
            return '\0' not in value
        inner = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else ()
        is_open = isinstance(value, (dict, list))
        return (not is_open or depth <= 64) and all(is_clean(one, depth + 1) for one in inner)

    try:
        outside = re.sub(r'"(?:[^"\\]|\\.)*"', '', text)
        value = json.loads(text, object_pairs_hook=members)
        return isinstance(value, dict) and len(re.findall(r'[,{[]', outside)) <= 32_768 and is_clean(value, 1)
    except (ValueError, RecursionError):
        return False


def data_url(types):
    pattern = rf'data:({"|".join(map(re.escape, types))});base64,[A-Za-z0-9+/]+={{0,2}}'
    return lambda url: fits(url, pattern) and len(url.split(',')[1]) % 4 == 0


TEXT = {'type': 'text', 'text': str}
REFUSAL = {'type': 'refusal', 'refusal': str}
IMAGE = {'type': 'image_url', 'image_url': {'url': data_url(IMAGES), 'detail?': 'auto|low|high'}}
FILE = {'type': 'file', 'file': {'file_data': data_url(FILES), 'filename?': r'[\s\S]{1,256}'}}


def words(*parts):
    return one_of(str, [one_of(*parts), 1, 256])


CALL = {'id': CALL_ID, 'type': 'function', 'function': {'name': TOOL_NAME, 'arguments': str}}
ASSISTANT = {
    'role': 'assistant', 'content?': one_of(null, words(TEXT, REFUSAL)), 'refusal?': one_of(null, str),
    'tool_calls?': [CALL, 1, 128],
}


def is_assistant(value):
    said = (value.get(name) for name in ('content', 'refusal', 'tool_calls')) if isinstance(value, dict) else ()
    return fits(value, ASSISTANT) and any(one is not None for one in said)


ASKER = (
    {'role': 'user', 'content': words(TEXT, IMAGE, FILE)},
    is_assistant,
    {'role': 'tool', 'content': words(TEXT), 'tool_call_id': CALL_ID},
)
INSTRUCTION = {'role': 'system|developer', 'content': words(TEXT)}
TOOL = {'type': 'function', 'function': {
    'name': TOOL_NAME, 'description?': LONG, 'parameters?': is_object, 'strict?': one_of(null, bool),
}}
FORMAT = one_of(
    {'type': 'text|json_object'},
    {'type': 'json_schema', 'json_schema': {
        'name': TOOL_NAME, 'description?': LONG, 'schema?': is_object, 'strict?': one_of(null, bool),
    }},
)
STOP = r'[\s\S]{1,256}'


def is_bias(value):
    return isinstance(value, dict) and all(
        fits(name, '0|[1-9][0-9]{0,9}') and between(-100, 100)(one) for name, one in value.items()
    )


PARAMETERS = {
    'temperature?': between(0, 2), 'top_p?': between(0, 1), 'presence_penalty?': between(-2, 2),
    'frequency_penalty?': between(-2, 2), 'seed?': lambda value: type(value) is int, 'stop?': one_of(STOP, [STOP, 1, 4]),
    'n?': range(1, 17), 'logprobs?': bool, 'top_logprobs?': range(21), 'logit_bias?': is_bias,
    'reasoning_effort?': '[a-z]{1,16}', 'verbosity?': 'low|medium|high', 'tools?': [TOOL, 1, 128],
    'tool_choice?': one_of('none|auto|required', {'type': 'function', 'function': {'name': TOOL_NAME}}),
    'parallel_tool_calls?': bool, 'response_format?': FORMAT,
}
OPT = {'stream': bool, 'privacy': 'padded|strict', 'max_output_tokens?': VERSION}
SHARED = {
    'iss': URN, 'aud': URN, 'iat': TIME, 'exp': TIME, 'jti': f'inv_{ID}', 'env': {'jti': f'env_{ID}', 'hash': HASH},
    'dir': {'ver': VERSION, 'hash': HASH}, 'rsp': HASH, 'retry_of?': f'inv_{ID}', 'act?': TOKEN_ID,
}
PROMPT = {
    **SHARED, 'purpose': r'prompt\.invoke', 'name': NAME, 'vars': strings, 'messages': [one_of(*ASKER), 0, 2048],
    'opt': {**OPT, **PARAMETERS, 'model?': str},
}
CHAT = {
    **SHARED, 'purpose': r'chat\.invoke', 'vars?': strings, 'messages': [one_of(*ASKER, INSTRUCTION), 0, 2048],
    'opt': {**OPT, **PARAMETERS, 'model': str},
}
EMBEDDED = {
    **CHAT, 'messages': [dict, 0, 0], 'opt': {'stream': bool, 'privacy': 'padded|strict', 'model': str},
    'embeddings': {
        'input': one_of(r'[\s\S]+', [r'[\s\S]+', 1, 2048]), 'dimensions?': range(1, 32_769),
        'encoding_format?': 'float|base64',
    },
}
QUESTION = {'bulla-invoke+jwt': one_of(PROMPT, CHAT, EMBEDDED)}


def limit_of(envelope):
    """Most bytes of the payload and of the signed question, by the envelope's purpose."""
    return (6_815_744, 9_433_088) if envelope['purpose'] == 'chat.invoke' else (262_144, 262_144)


def require_data_size(question):
    """All `data:` URLs together."""
    parts = [part for one in question['messages'] if isinstance(one.get('content'), list) for part in one['content']]
    urls = [part['image_url']['url'] if 'image_url' in part else part['file']['file_data'] for part in parts
            if 'image_url' in part or 'file' in part]
    data = [url.split(',')[1] for url in urls]
    size = sum(len(one) // 4 * 3 - one.count('=') for one in data)
    require(size <= DATA_BYTES, 'payload_too_large')


def require_fits(question, envelope, audience):
    """Steps 5 and 6 of opening."""
    checks = [
        ('invocation-purpose', question['purpose'] == envelope['purpose']),
        ('invocation-audience', question['aud'] == audience),
        ('invocation-envelope', question['env']['hash'] == envelope.hash),
        ('invocation-envelope-id', question['env']['jti'] == envelope['jti']),
        ('invocation-name', question.claims.get('name') == envelope.claims.get('prm', {}).get('name')),
        ('invocation-life', 0 < question['exp'] - question['iat'] <= 120),
    ]
    for check, is_right in checks:
        require(is_right, 'envelope_tampered', check)
