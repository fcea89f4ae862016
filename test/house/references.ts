/** What texts refer to in the pages of docs, and whether it is there. */

/** A reference to `page` (without its ending): to a numbered section (`2.4`), an amendment (`A13`) or an item (`M14`). */
export interface Reference {
  readonly page: string;
  readonly mark: string;
}

/** Documents with sections of their own that are not pages of ours. */
const OTHERS = /(?:RFC \d+|SP 800-\S+|TUF(?: \d+\.\d+)?)$/;
const AND = String.raw`(?:, | and | or | to )`;
const SECTIONS = new RegExp(
  String.raw`(?:\b([a-z][a-z0-9-]*)\.md\)?|\b(\w+(?: [\w.-]*\d[\w.-]*)?))?,? ?\(?(§\d+(?:\.\d+)*(?:${AND}§\d+(?:\.\d+)*)*)`,
  'g',
);
const AMENDMENTS = new RegExp(
  String.raw`(?:\b([a-z][a-z0-9-]*)\.md,? (?:amendment )?|\bamendment )(A\d+(?:${AND}A\d+)*)\b`,
  'gi',
);
const ITEMS = new RegExp(String.raw`\b([a-z][a-z0-9-]*)(?:\.md)?,? (M\d+(?:${AND}M\d+)*)\b|\((M\d+)\)`, 'g');

/**
 * The references in a text to sections, amendments and items.
 * @param own the page that the text is, to which its bare sections belong; in anything else they belong to no page: ''.
 */
export function referencesIn(text: string, own = ''): Reference[] {
  const joined = joinedLines(text);
  const to = (page: string, marks = '') => marks.match(/[AM]?\d+(?:\.\d+)*/g)?.map((mark) => ({ page, mark })) ?? [];
  return [
    ...[...joined.matchAll(SECTIONS)].flatMap(([, page, other = '', marks]) =>
      page === undefined && OTHERS.test(other) ? [] : to(page ?? own, marks),
    ),
    ...[...joined.matchAll(AMENDMENTS)].flatMap(([, page = 'protocol', marks]) => to(page, marks)),
    ...[...joined.matchAll(ITEMS)].flatMap(([, page = own, listed, single]) => to(page, listed ?? single)),
  ];
}

/** One line of all, so that a reference which is broken by the end of a line of a comment is whole. */
function joinedLines(text: string): string {
  return text.replaceAll(/\n[ \t]*(?:\*(?!\/)|\/\/)?[ \t]*/g, ' ');
}

/** Pages that a text names by their path in docs, each with its heading behind a `#`, if it names one. */
export function pathsIn(text: string): string[] {
  return [...text.matchAll(/\bdocs\/[\w/-]+\.md(?:#[\w-]+)?/g)].map(([path]) => path);
}

/** Targets of the links of a page that name a heading: `path#heading`, the path empty for the page itself. */
export function anchorsIn(page: string): string[] {
  return [...withoutCode(page).matchAll(/\]\(([^()\s#:]*#[^()\s]+)\)/g)].map(([, target = '']) => target);
}

/** Numbers and amendments that stand before the headings of a page. */
export function marksOf(page: string): ReadonlySet<string> {
  return new Set([...withoutCode(page).matchAll(/^#{2,4} (\d+(?:\.\d+)*|[AM]\d+)\b/gm)].map(([, mark = '']) => mark));
}

/** The names by which headings of a page are linked to, as GitHub makes them. */
export function headingsOf(page: string): ReadonlySet<string> {
  const names = [...withoutCode(page).matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = '']) => heading);
  const seen = new Map<string, number>();
  return new Set(
    names.map((heading) => {
      const name = heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(' ', '-');
      const before = seen.get(name) ?? 0;
      seen.set(name, before + 1);
      return before === 0 ? name : `${name}-${before}`;
    }),
  );
}

/** Fenced blocks hold lines that look like headings and links. */
function withoutCode(page: string): string {
  return page.replaceAll(/^```[\s\S]*?^```$/gm, '');
}
