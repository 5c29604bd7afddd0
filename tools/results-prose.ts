// Numbers in prose that come from the kept results. A writer says behind each number where it comes from,
//
//   MaxVio ends at 0.12<!-- mean(bias-1e-3, maxVioGlobal) -->, and losses lie within 0.02<!-- above spread(loss) -->
//
// and this program writes the number again, with as many decimals as it has. A page shows nothing of the comment, which
// has to follow the number without a space (a line that begins with a comment is HTML to Markdown).
//
//   `mean(...)`          the number is that quantity; `73 %` is a share, `three` a count in words
//   `above spread(...)`  the number, which stays as it is, lies above the quantity; `below` likewise
//   `study`              the study itself says the number: its claims, rules, arms and settings, the paper's figures
//
// The study is that of the heading above, or it is named: `<!-- balance: mean(bias-1e-3, maxVioGlobal) -->`.

import { capital } from '../src/report/format.ts';
import type { StudyResults } from '../src/report/study-results.ts';
import { quantityOf } from './results-quantities.ts';

const words =
  'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen'.split(' ');
const number = String.raw`[-−+]?\d[\d,]*(?:\.\d+)?(?:e[-−]?\d+)?(?: %)?|[A-Za-z]+`;
const sourced = new RegExp(
  String.raw`(${number})<!--\s(?:([\w-]+):\s)?(?:(above|below)\s)?(\w+)(?:\(([^)]*)\))?\s-->`,
  'g',
);

/** The text with the number in front of every comment written again. Throws where a number cannot be that. */
export function fillNumbers(text: string, all: readonly StudyResults[]): string {
  const read = text.match(sourced)?.length ?? 0;
  if ((text.match(/\S<!--/g)?.length ?? 0) !== read) {
    const odd = /\S+<!--[\s\S]*?-->/.exec(text.replace(sourced, ''))?.[0];
    throw new Error(`${odd}: no number with a source that can be read`);
  }
  return text
    .split(/^(?=## )/m)
    .map((section) => fillSection(section, all))
    .join('');
}

function fillSection(section: string, all: readonly StudyResults[]): string {
  const heading = /^## (\S+)$/m.exec(section)?.[1];
  return section.replace(sourced, (whole, said: string, named: string | undefined, side, quantity, args) => {
    const results = all.find(({ name }) => name === (named ?? heading));
    if (quantity === 'study') return saidByStudy(said, results, whole);
    const value = quantityOf(quantity, args?.split(/,\s*/) ?? [], results, all);
    if (side === undefined) return `${written(value, said)}${whole.slice(said.length)}`;
    if (side === 'above' ? numberOf(said) > value : numberOf(said) < value) return whole;
    throw new Error(`${whole}: it is ${value}`);
  });
}

function saidByStudy(said: string, results: StudyResults | undefined, whole: string): string {
  const { title, question, source, equal, paper, verdicts, arms, command } = results ?? ({} as Partial<StudyResults>);
  const rows = verdicts?.map(({ claim, rule, paper: figure }) => [claim, rule, figure]);
  const named = arms?.map(({ label, changes, steps }) => [label, changes, steps?.toLocaleString('en-US') ?? '']);
  const own = [title, question, source, equal, paper, rows, named, command].flat(3).join('\n');
  const literal = said.replace(/[.+]/g, '\\$&');
  if (new RegExp(`(?<![\\w.,])${literal}(?![\\w]|[.,]\\d)`, 'i').test(own)) return whole;
  throw new Error(`${whole}: the study does not say so`);
}

function numberOf(said: string): number {
  const plain = Number(said.replace('−', '-').replace(/,| %/g, ''));
  return said.endsWith(' %') ? plain / 100 : plain;
}

/** A value as the number before it was written: a word, a share, or with so many decimals. */
function written(value: number, said: string): string {
  if (/^[a-z]/i.test(said)) {
    const word = words[value];
    if (word === undefined) throw new Error(`there is no word for ${value} in the place of "${said}"`);
    return /^[A-Z]/.test(said) ? capital(word) : word;
  }
  const isShare = said.endsWith(' %');
  const decimals = /\.(\d+)/.exec(said)?.[1]?.length ?? 0;
  const shown = Math.abs(isShare ? 100 * value : value).toLocaleString('en-US', {
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
  });
  const sign = value < 0 ? '−' : said.startsWith('+') ? '+' : '';
  return `${sign}${shown}${isShare ? ' %' : ''}`;
}

/** Numbers and words for numbers that do not say where they come from; code, links and generated parts left out. */
export function bareNumbers(text: string): string[] {
  const prose = text
    .replace(/^```[\s\S]*?^```/gm, '')
    .replace(/<!-- study (\S+) -->[\s\S]*?<!-- end \1 -->/g, '')
    .replace(sourced, '')
    .replace(/<!--[\s\S]*?-->/g, '')
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/`[^`]*`/g, '');
  const counts = [...words.slice(3), 'twice', 'half', 'third', 'quarter', 'double'].join('|');
  return (
    prose.match(new RegExp(String.raw`(?<![\w.])\d[\d,.]*(?:e-?\d+)?(?!\d|-?[a-z])|\b(?:${counts})\b`, 'gi')) ?? []
  );
}
