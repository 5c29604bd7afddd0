// The `--data` specification: sources separated by commas, each with an optional weight.

import { UserError } from '../../errors.ts';

/** One source of text and how often, relative to the others, training rows come from it. */
export interface DataSource {
  /** A built-in corpus, a file, a folder or a glob, as written. */
  readonly source: string;
  readonly weight: number;
}

// Only digits, dots and an exponent may follow the colon, so that `C:\notes.txt` and `C:/notes` have no weight.
const weighted = /^(.*):([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)$/is;
const quoted = /^(["'])(.*)\1$/s;

/**
 * Reads `moby-dick:2,code:1,./notes/*.md` (weight 1 unless given).
 *
 * What `isPath` knows is a path before it is anything else, with commas, colons and braces in it. Otherwise a comma
 * separates, unless it is inside braces, where it belongs to a glob (`notes/{a,b}.md`), or inside quotes
 * (`"poems, new/*.txt":2`). Weights are relative, any positive numbers.
 * Example: `C:\texts\a.txt:0.5,math` -> [{source: 'C:\texts\a.txt', weight: 0.5}, {source: 'math', weight: 1}].
 */
export function parseDataSpec(spec: string, isPath: (text: string) => boolean = () => false): DataSource[] {
  const parts = joinPaths(splitOutside(spec), isPath).map((part) => part.trim());
  if (parts.some((part) => part === '')) {
    throw new UserError(`data: "${spec}" has an empty part; expected names or paths such as moby-dick:2,./notes/*.md`);
  }
  const sources = parts.map((part) => (isPath(part) ? { source: part, weight: 1 } : parseSource(part)));
  for (const { source } of sources) {
    if (sources.filter((other) => other.source === source).length === 1) continue;
    throw new UserError(`data: "${source}" is named more than once; name it once, with a weight (${source}:2)`);
  }
  return sources;
}

/** The parts between commas outside braces and quotes. A quote counts where a part begins with it and it is closed. */
function splitOutside(spec: string): string[] {
  const parts = [''];
  let depth = 0;
  for (let i = 0; i < spec.length; i++) {
    const char = spec[i]!;
    const isFirst = parts.at(-1)!.trim() === '';
    const closing = isFirst && (char === '"' || char === "'") ? spec.indexOf(char, i + 1) : -1;
    if (closing > 0) {
      parts[parts.length - 1] += spec.slice(i, closing + 1);
      i = closing;
      continue;
    }
    if (char === '{') depth++;
    if (char === '}') depth--;
    if (char === ',' && depth <= 0) parts.push('');
    else parts[parts.length - 1] += char;
  }
  return parts;
}

/** Puts parts together again that are one path: of those that begin at a part, the longest. */
function joinPaths(parts: readonly string[], isPath: (text: string) => boolean): string[] {
  const joined: string[] = [];
  for (let start = 0; start < parts.length; ) {
    let end = parts.length;
    while (end > start + 1 && !isPathWithWeight(parts.slice(start, end).join(','), isPath)) end--;
    joined.push(parts.slice(start, end).join(','));
    start = end;
  }
  return joined;
}

function isPathWithWeight(text: string, isPath: (text: string) => boolean): boolean {
  const part = text.trim();
  return isPath(part) || isPath(weighted.exec(part)?.[1]?.trim() ?? part);
}

function parseSource(part: string): DataSource {
  const match = weighted.exec(part);
  if (match === null) return { source: withoutQuotes(part), weight: 1 };
  const [source, weight] = [withoutQuotes(match[1]!.trim()), Number(match[2])];
  if (source === '')
    throw new UserError(`data: "${part}" has a weight but no source; write for example moby-dick${part}`);
  if (!(weight > 0 && Number.isFinite(weight))) {
    throw new UserError(
      `data: the weight of "${source}" must be a positive number, found ${match[2]}; leave it out for 1`,
    );
  }
  return { source, weight };
}

function withoutQuotes(source: string): string {
  return quoted.exec(source)?.[2] ?? source;
}
