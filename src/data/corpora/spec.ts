// The `--data` specification: sources separated by commas, each with an optional weight.

import { UserError } from '../../errors.ts';

/** One source of text and how often, relative to the others, training rows come from it. */
export interface DataSource {
  /** A built-in corpus, a file, a folder or a glob, as written. */
  readonly source: string;
  readonly weight: number;
}

// Only digits, dots and an exponent may follow the colon, so that `C:\notes.txt` and `C:/notes` have no weight.
const weighted = /^(.*):([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)$/i;

/**
 * Reads `moby-dick:2,code:1,./notes/*.md` (weight 1 unless given).
 *
 * A comma inside braces belongs to a glob (`notes/{a,b}.md`). Weights are relative, any positive numbers.
 * Example: `C:\texts\a.txt:0.5,math` -> [{source: 'C:\texts\a.txt', weight: 0.5}, {source: 'math', weight: 1}].
 */
export function parseDataSpec(spec: string): DataSource[] {
  const parts = splitOutsideBraces(spec).map((part) => part.trim());
  if (parts.some((part) => part === '')) {
    throw new UserError(`data: "${spec}" has an empty part; expected names or paths such as moby-dick:2,./notes/*.md`);
  }
  const sources = parts.map(parseSource);
  for (const { source } of sources) {
    if (sources.filter((other) => other.source === source).length === 1) continue;
    throw new UserError(`data: "${source}" is named more than once; name it once, with a weight (${source}:2)`);
  }
  return sources;
}

function splitOutsideBraces(spec: string): string[] {
  const parts = [''];
  let depth = 0;
  for (const char of spec) {
    if (char === '{') depth++;
    if (char === '}') depth--;
    if (char === ',' && depth <= 0) parts.push('');
    else parts[parts.length - 1] += char;
  }
  return parts;
}

function parseSource(part: string): DataSource {
  const match = weighted.exec(part);
  if (match === null) return { source: part, weight: 1 };
  const [source, weight] = [match[1]!.trim(), Number(match[2])];
  if (source === '')
    throw new UserError(`data: "${part}" has a weight but no source; write for example moby-dick${part}`);
  if (!(weight > 0 && Number.isFinite(weight))) {
    throw new UserError(
      `data: the weight of "${source}" must be a positive number, found ${match[2]}; leave it out for 1`,
    );
  }
  return { source, weight };
}
