// How the model did on tasks: tables of what `evaluations.jsonl` keeps, and answers before and after.

import type { Evaluation } from '../evaluations.ts';
import { type Content, type Html, html } from '../html.ts';
import type { RunData } from '../run-data.ts';

/** Results, traits and answers of each task; null without evaluations. */
export function renderEvaluations({ evaluations = [], metrics }: RunData): Html | null {
  if (evaluations.length === 0) return null;
  const last = metrics.at(-1)?.step ?? 0;
  const tasks = [...new Set(evaluations.map(({ task }) => task))];
  return html`<div class="stack">${tasks.map((task) => {
    const own = evaluations.filter((evaluation) => evaluation.task === task);
    return html`${results(task, own, last)}${traits(own.at(-1)!)}${answers(own)}`;
  })}</div>`;
}

const percent = (share: number | undefined) => (share === undefined ? '' : `${(100 * share).toFixed(1)} %`);

function results(task: string, evaluations: readonly Evaluation[], last: number): Html {
  const head = ['step', 'asked', 'right', '95 % interval', 'one of several right', 'tokens', 'ended'];
  const rows = evaluations.map(({ step, system, found, interval: [low, high] }) => {
    const { passAt1, passAtK, k = 1, accuracyByByte, meanLength, ended, problems } = found;
    const several = k > 1 ? `, ${k} answers each` : '';
    return [
      step === 0 ? 'before training' : step === last ? `${step}, after training` : String(step),
      `${problems ?? '?'} problems${several}${system === '' ? '' : `, after “${system}”`}`,
      percent(passAt1 ?? accuracyByByte),
      low === undefined || high === undefined ? '' : `${(100 * low).toFixed(0)} to ${(100 * high).toFixed(0)} %`,
      k > 1 ? `${percent(passAtK)} (pass@${k})` : '',
      meanLength?.toFixed(1) ?? '',
      percent(ended),
    ];
  });
  return table(`Problems of ${task}`, head, rows);
}

/** Which problems are hard: pass@1 by each trait. */
function traits({ task, byTrait, step }: Evaluation): Html | null {
  const rows = Object.entries(byTrait).flatMap(([trait, values]) =>
    values.map(([value, passAt1, problems]) => [trait, value, percent(passAt1), String(problems)]),
  );
  if (rows.length === 0) return null;
  return table(`${task} by the traits of a problem, step ${step}`, ['trait', 'value', 'right', 'problems'], rows);
}

/** The first answers of the first and the last evaluation side by side. */
function answers(evaluations: readonly Evaluation[]): Html | null {
  const shown = evaluations.filter(({ examples }) => examples.length > 0);
  const [first, last] = [shown[0], shown.at(-1)];
  if (first === undefined || last === undefined) return null;
  const sides = first === last ? [last] : [first, last];
  const head = ['problem', ...sides.map(({ step, system }) => `step ${step}${system === '' ? '' : `, “${system}”`}`)];
  const rows = last.examples.map(({ prompt }) => [
    prompt,
    ...sides.map(({ examples }) => {
      const found = examples.find((example) => example.prompt === prompt);
      return found === undefined
        ? ''
        : html`<b>${found.isRight ? '✓' : '✗'}</b><span class="sr"> ${found.isRight ? 'right' : 'wrong'}</span> ${found.completion}`;
    }),
  ]);
  return table(`Answers to problems of ${last.task}`, head, rows);
}

function table(caption: string, head: readonly string[], rows: readonly (readonly Content[])[]): Html {
  return html`<div class="card scroll" role="region" tabindex="0" aria-label="${caption}"><table><caption>${caption}</caption><thead><tr>${head.map((text) => html`<th scope="col">${text}</th>`)}</tr></thead><tbody>${rows.map(([label, ...cells]) => html`<tr><th scope="row">${label ?? ''}</th>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>`)}</tbody></table></div>`;
}
