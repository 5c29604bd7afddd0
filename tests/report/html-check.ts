// A strict reading of the report's own HTML: every element closed in order, ids unique, attributes quoted.

const voidElements = new Set(['meta', 'input', 'br', 'link', 'img']);

/** Problems found in a document; empty when it is well formed. */
export function htmlProblems(source: string): string[] {
  const problems: string[] = [];
  const open: string[] = [];
  const markup = source.replace(/<(script|style)([^>]*)>[\s\S]*?<\/\1>/g, '<$1$2></$1>').replace('<!doctype html>', '');
  for (const [tag, slash, name = '', attributes = '', selfClosing] of markup.matchAll(
    /<(\/?)([a-zA-Z][\w-]*)((?:\s+[\w:-]+(?:="[^"]*")?)*)\s*(\/?)>/g,
  )) {
    if (slash) {
      const expected = open.pop();
      if (expected !== name) problems.push(`${tag} closes <${expected}>`);
    } else if (!selfClosing && !voidElements.has(name)) open.push(name);
    if (/<|NaN|undefined|\[object|Infinity/.test(attributes)) problems.push(`bad attribute in ${tag}`);
  }
  const rest = markup.replace(/<\/?[a-zA-Z][\w-]*(?:\s+[\w:-]+(?:="[^"]*")?)*\s*\/?>/g, '');
  if (rest.includes('<')) problems.push(`unreadable tag: ${rest.slice(rest.indexOf('<'), rest.indexOf('<') + 80)}`);
  if (open.length > 0) problems.push(`never closed: ${open.join(', ')}`);
  const ids = [...markup.matchAll(/\sid="([^"]*)"/g)].map(([, id]) => id);
  if (new Set(ids).size !== ids.length) problems.push(`repeated ids: ${ids.join(', ')}`);
  return problems;
}

/** What the "download data" link of a figure saves. */
export function csvOf(figure: string): string {
  const [, data = ''] = /href="data:text\/csv;charset=utf-8;base64,([^"]*)"/.exec(figure) ?? [];
  return Buffer.from(data, 'base64').toString('utf8');
}
