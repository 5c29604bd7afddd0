// The texts of a study, which may be anybody's, as text of Markdown: no HTML, no link and no heading comes of them.

function plain(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replace(/[[\]`]/g, '\\$&')
    .replace(/\s*\n\s*/g, ' ');
}

/** Between backquotes nothing else has a meaning. */
function code(text: string): string {
  return text.replaceAll('`', "'").replace(/\s*\n\s*/g, ' ');
}

/** Keys whose texts are shown as code. */
const codeKeys: ReadonlySet<string> = new Set(['changes', 'command']);

/** Plain data with all of its texts made safe. */
export function markdownTexts<T>(value: T): T {
  const convert = (part: unknown, name: string): unknown => {
    if (typeof part === 'string') return codeKeys.has(name) ? code(part) : plain(part);
    if (Array.isArray(part)) return part.map((item) => convert(item, name));
    if (typeof part !== 'object' || part === null) return part;
    return Object.fromEntries(Object.entries(part).map(([inner, item]) => [inner, convert(item, inner)]));
  };
  return convert(value, '') as T;
}
