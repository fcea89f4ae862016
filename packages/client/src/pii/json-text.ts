/**
 * JSON text with other words in its strings: each string is read, given to `map` and written again if that changed it.
 * A number or a name is given as it stands, and becomes a string if it changed. All else stays as it was, letter by letter.
 * @returns undefined if the text is not a JSON object or list.
 */
export function mapJsonText(text: string, map: (said: string) => string): string | undefined {
  if (!isDocument(text)) return undefined;
  const pieces: string[] = [];
  let at = 0;
  const put = (start: number, end: number, said: string): void => {
    const mapped = map(said);
    if (mapped === said) return;
    pieces.push(text.slice(at, start), JSON.stringify(mapped));
    at = end;
  };
  for (let start = 0; start < text.length; ) {
    const end = tokenEnd(text, start);
    if (text[start] === '"') put(start, end, JSON.parse(text.slice(start, end)) as string);
    else if (isWord(text[start])) put(start, end, text.slice(start, end));
    start = end;
  }
  pieces.push(text.slice(at));
  return pieces.join('');
}

function isDocument(text: string): boolean {
  if (!/^[ \t\r\n]*[{[]/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Where the string, number or single character that begins here ends. */
function tokenEnd(text: string, start: number): number {
  let end = start + 1;
  if (text[start] === '"') {
    while (text[end] !== '"') end += text[end] === '\\' ? 2 : 1;
    return end + 1;
  }
  if (isWord(text[start])) while (isWord(text[end])) end++;
  return end;
}

/** Letters, digits and what numbers have beside them. */
function isWord(character = ''): boolean {
  return /[A-Za-z0-9+.-]/.test(character);
}
