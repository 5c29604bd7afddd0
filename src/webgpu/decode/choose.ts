// Programs that choose tokens and put them where the next pass reads them, so that the host need not look.
// Shape legend: N texts, V vocabSize, d drafts of a round.

import type { Program } from '../program.ts';
import { bestFunctions, distributionFunctions, lanes } from './distribution.ts';
import { rowWords } from './rows.ts';

/** Most tokens that a text gets before the host looks. */
export const mostTokens = 64;

/**
 * What a text knows of its choices, in floats: temperature, top-k, top-p, min-p, and random numbers for the tokens to
 * come, of each purpose one after the other: to draw, to draft, and to keep a draft.
 */
export const choiceWidth = 4 + 3 * mostTokens;
export const purposes = ['draw', 'draft', 'keep'] as const;
const randomAt = (purpose: (typeof purposes)[number], index: string) =>
  `choice[group * ${choiceWidth}u + ${4 + purposes.indexOf(purpose) * mostTokens}u + min(${index}, ${mostTokens - 1}u)]`;

/**
 * What a text is given: how many tokens, how many rounds, the last d + 1 tokens before, the tokens, and for each round
 * how many tokens it gave and its drafts.
 */
export const outputAt = (drafts: number) => {
  const context = 2;
  const tokens = context + drafts + 1;
  const rounds = tokens + mostTokens;
  return { context, tokens, rounds, roundWidth: drafts + 1, width: rounds + mostTokens * (drafts + 1) };
};

const tableRow = (drafts: number, row: string) => `(group * ${drafts + 1}u + ${row}) * ${rowWords}u`;

/** Reads what the text is at: tokens and rounds so far, and the position of its last token. */
const begin = (drafts: number) => `  let output = group * ${outputAt(drafts).width}u;
  if (lane == 0u) {
    let at = group * ${choiceWidth}u;
    settings = vec4f(choice[at], choice[at + 1u], choice[at + 2u], choice[at + 3u]);
    progress = vec4u(outputs[output], outputs[output + 1u], table[${tableRow(drafts, '0u')} + 1u], 0u);
  }
  let given = workgroupUniformLoad(&settings);
  let before = workgroupUniformLoad(&progress);`;

/** Memory and functions of a program that chooses; `draws`: or all its texts take the most likely token. */
const functions = (V: number, draws: boolean, sources: readonly string[]) => `
var<workgroup> settings: vec4f;
var<workgroup> progress: vec4u;
var<workgroup> verdict: u32;
var<workgroup> drawn: u32;
${bestFunctions(V, sources)}
${draws ? distributionFunctions(V, sources) : ''}`;

/** Writes a row of a table. */
const place = (table: string, row: string, token: string, position: string) =>
  `${table}[${row}] = ${token}; ${table}[${row} + 1u] = ${position};`;

/**
 * Draft `u.ahead` of a round, from logits [d, N, V]. It goes into the rows of the main model and, if there are more,
 * into that of the module's next pass.
 */
export function draftProgram(V: number, drafts: number, draws: boolean): Program {
  const { rounds, roundWidth } = outputAt(drafts);
  return {
    name: `Decode draft ${V} ${drafts} ${draws}`,
    tensors: { draftLogits: 'f32', choice: 'f32', outputs: 'u32', table: 'u32', nextTable: 'u32' },
    numbers: { ahead: 'u32' },
    workgroupSize: lanes,
    declarations: functions(V, draws, ['draftLogits']),
    code: `${begin(drafts)}
  let start = (u.ahead * u.groups + group) * ${V}u;
  ${
    draws
      ? `distribute(0u, start, given, lane);
  if (given.x > 0.0) { draw(start, 0u, false, ${randomAt('draft', 'before.x + u.ahead')}, lane); }`
      : 'findBest(0u, start, lane);'
  }
  if (lane == 0u) {
    let token = select(drawn, best[0], given.x == 0.0);
    outputs[output + ${rounds}u + before.y * ${roundWidth}u + 1u + u.ahead] = token;
    ${place('table', tableRow(drafts, 'u.ahead + 1u'), 'token', 'before.z + u.ahead + 1u')}
    ${place('nextTable', `group * ${rowWords}u`, 'token', 'before.z + u.ahead')}
  }`,
  };
}

/** Both distributions, and whether the draft stays: with probability min(1, p/q). */
const keepDraft = `for (var which = 0u; which < select(1u, 2u, isChecked); which++) {
      distribute(which, select(start, draftStart, which == 1u), given, lane);
    }
    if (lane == 0u && isChecked && given.x > 0.0) {
      let u01 = ${randomAt('keep', 'before.x + i')};
      if (u01 * probability(1u, draftStart, draft) < probability(0u, start, draft)) { verdict = 1u; drawn = draft; }
    }`;

/**
 * The tokens of a round, from the main model's logits after the last token and after each draft [N, d+1, V]: drafts as
 * long as they are kept, and one token more (src/generate/sampling/speculation.ts). They go into the rows of the next
 * round: the main model's first, and the module's, which are those of the last d + 1 positions. One that was computed
 * before gets the same bits again.
 */
export function settleProgram(V: number, drafts: number, draws: boolean): Program {
  const { context, tokens, rounds, roundWidth } = outputAt(drafts);
  const readDraft = `
    let isChecked = i < ${drafts}u;
    if (isChecked) {
      if (lane == 0u) { progress.w = outputs[output + ${rounds}u + before.y * ${roundWidth}u + 1u + i]; }
      draft = workgroupUniformLoad(&progress).w;
    }`;
  const drawn = `
    if (lane == 0u) { verdict = 0u; }
    ${drafts > 0 ? keepDraft : 'distribute(0u, start, given, lane);'}
    if (given.x > 0.0 && workgroupUniformLoad(&verdict) == 0u) {
      var isExcess = ${drafts > 0 ? 'isChecked' : 'false'};
      loop {
        draw(start, draftStart, isExcess, ${randomAt('draw', 'before.x + i')}, lane);
        // Nothing exceeds where both are equal up to rounding.
        if (workgroupUniformLoad(&drawn) != none || !isExcess) { break; }
        isExcess = false;
      }
    }`;
  const prepareDrafts = `
    outputs[output + ${rounds}u + before.y * ${roundWidth}u] = count;
    for (var j = 0u; j < ${drafts + 1}u; j++) {
      // There is none before the first token of the text.
      let k = max(j, ${drafts + 1}u - min(position, ${drafts + 1}u));
      let row = ${tableRow(drafts, 'j')};
      let token = outputs[output + ${context}u + before.x + count + k];
      ${place('mtpTable', 'row', 'token', `position + k - ${drafts + 1}u`)}
    }`;
  return {
    name: `Decode settle ${V} ${drafts} ${draws}`,
    tensors: {
      logits: 'f32',
      ...(drafts > 0 ? { draftLogits: 'f32' as const } : {}),
      choice: 'f32',
      outputs: 'u32',
      table: 'u32',
      ...(drafts > 0 ? { mtpTable: 'u32' as const } : {}),
    },
    numbers: {},
    workgroupSize: lanes,
    declarations: functions(V, draws, drafts > 0 ? ['logits', 'draftLogits'] : ['logits']),
    code: `${begin(drafts)}
  var count = 0u;
  var last = none;
  for (var i = 0u; i < ${drafts + 1}u; i++) {
    let start = (group * ${drafts + 1}u + i) * ${V}u;
    let draftStart = (i * u.groups + group) * ${V}u;
    var draft = none;
    ${drafts > 0 ? readDraft : ''}
    ${draws ? drawn : 'findBest(0u, start, lane);'}
    if (lane == 0u) {
      if (given.x == 0.0) { drawn = best[0]; }
      outputs[output + ${tokens}u + before.x + i] = drawn;
    }
    last = workgroupUniformLoad(&drawn);
    count = i + 1u;
    ${drafts > 0 ? `if (i < ${drafts}u && last != draft) { break; }` : ''}
  }
  if (lane == 0u) {
    let position = before.z + count;
    outputs[output] = before.x + count;
    outputs[output + 1u] = before.y + 1u;
    ${place('table', tableRow(drafts, '0u'), 'last', 'position')}
    ${drafts > 0 ? prepareDrafts : ''}
  }`,
  };
}

/** Whether these programs draw as the host does. Top-p alone may leave more tokens than they rank. */
export function canChoose(
  V: number,
  { temperature, topK, topP }: { readonly temperature: number; readonly topK: number; readonly topP: number },
): boolean {
  const isRanked = topK > 0 && topK < V;
  return temperature === 0 || (isRanked ? topK <= lanes : topP === 1);
}
