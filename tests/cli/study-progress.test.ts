import { describe, expect, it } from 'vitest';
import { createStudyProgress } from '../../src/cli/progress/study-progress.ts';
import type { Job } from '../../src/experiments/plan.ts';

const jobs: readonly Job[] = ['bias', 'none'].flatMap((name) =>
  [0, 1].map((seed) => ({ arm: { name }, seed, runDir: `${name}-${seed}`, steps: 7 })),
);

function collected() {
  const written: string[] = [];
  return { written, write: (text: string) => written.push(text) > 0 };
}

describe('progress of a study', () => {
  it.each([
    ['in a file', {}],
    ['on a terminal', { isTTY: true, columns: 200 }],
  ])('says a warning that all runs have once, and each other one, %s', (_, kind) => {
    const stream = { ...collected(), ...kind };
    const progress = createStudyProgress(jobs, stream);
    for (const job of jobs) progress.onEvent({ type: 'warning', job, message: 'this Node is slow' });
    for (const job of jobs) progress.onEvent({ type: 'warning', job, message: `loss spike in ${job.runDir}` });
    progress.end();
    const text = stream.written.join('');
    expect(text.match(/this Node is slow/g)).toHaveLength(1);
    expect(text.match(/loss spike in \w+-\d/g)).toEqual(jobs.map(({ runDir }) => `loss spike in ${runDir}`));
  });
});
