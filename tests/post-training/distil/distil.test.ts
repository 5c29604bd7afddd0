// The way from expert to student: every stage, stopped and carried on, and what it says when it cannot go on.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import '../../../src/node.ts';
import { namedTask } from '../../../src/evaluate/tasks/index.ts';
import { chooseCheckpoint, readCheckpoint } from '../../../src/io/read-checkpoint.ts';
import { type DistilOptions, distil } from '../../../src/post-training/distil/distil.ts';
import { defaultDistilSettings, expertSolutions } from '../../../src/post-training/distil/settings.ts';
import type { TrainEvent } from '../../../src/train/events.ts';

const folder = mkdtempSync(join(tmpdir(), 'tinyseek-distil-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const task = namedTask('chain:operations=2:modulus=3');
const settings = {
  ...defaultDistilSettings,
  ...{ task: task.name, init: null, solutions: expertSolutions(task), seed: 1 },
  ...{ learningRate: 5e-3, sftSteps: 20, rlSteps: 2, problems: 12, samples: 4, studentSteps: 6 },
};
const quiet = { evalEvery: 0, checkpointEvery: 1, sampleTokens: 0 };
const options = (name: string): DistilOptions => ({
  ...{ task, settings, train: quiet, dir: join(folder, name), backend: 'engine', backendOptions: { threads: 1 } },
});
const weights = (dir: string) => {
  const checkpoint = readCheckpoint(chooseCheckpoint(join(dir, 'student')).path);
  return checkpoint.weightsSha256();
};

describe('distil', () => {
  it('trains an expert, keeps its right answers, teaches a student, and goes on to the same bits', async () => {
    const whole = await distil(options('whole'));
    expect(whole.finished).toBe(true);
    expect(Object.values(whole.runs).map(({ steps }) => steps)).toEqual([20, 2, 6]);
    for (const run of Object.values(whole.runs)) expect(run.measured).toHaveProperty('after.passAt1');
    const lines = readFileSync(whole.answers!, 'utf8').trim().split('\n');
    expect(lines).toHaveLength(whole.sampling!.kept);
    for (const line of lines) {
      const [question, answer] = JSON.parse(line).messages;
      expect([question.role, answer.role]).toEqual(['user', 'assistant']);
      expect(question.content).toMatch(/^[0-2][ab*]{2}:$/); // without the mark that it was asked with
      expect(answer.content).toContain('=');
    }

    const parts = options('parts');
    const stopIn = (stage: string, step: number) => {
      const abort = new AbortController();
      const conduct: DistilOptions['conduct'] = (name, start) => {
        const onEvent = (event: TrainEvent) =>
          void (name === stage && event.type === 'step' && event.step === step && abort.abort());
        return start({ signal: abort.signal, onEvent });
      };
      return distil({ ...parts, conduct, signal: abort.signal });
    };
    expect(Object.keys((await stopIn('expert-sft', 7)).runs)).toEqual(['expert-sft']);
    expect(Object.keys((await stopIn('expert-rl', 1)).runs)).toEqual(['expert-sft', 'expert-rl']);
    expect((await distil({ ...parts, signal: AbortSignal.abort() })).finished).toBe(false);
    expect((await stopIn('student', 3)).finished).toBe(false);
    const again = await distil(parts);
    expect(again.sampling).toEqual(whole.sampling);
    expect(await weights(parts.dir)).toBe(await weights(whole.dir));
    expect((await distil(parts)).runs.student?.measured).toEqual(whole.runs.student?.measured);
    await expect(distil({ ...parts, settings: { ...settings, rlSteps: 3 } })).rejects.toThrow(
      'was begun with rlSteps 2, and now it is 3; give the same, or choose another folder',
    );
  });

  it('says what is wrong', async () => {
    const wrong = async (changes: Partial<DistilOptions>, message: string) =>
      expect(distil({ ...options('wrong'), ...changes })).rejects.toThrow(message);
    await wrong({ settings: { ...settings, problems: 0 } }, 'distil: problems:');
    writeFileSync(join(folder, 'file.txt'), 'mine');
    await wrong({ dir: folder }, 'is not empty and holds no distillation');
    await wrong({ dir: join(folder, 'file.txt') }, 'distil: cannot use');
    const never = { ...task, isRight: () => false };
    await wrong({ task: never, settings: { ...settings, sftSteps: 1, rlSteps: 1 } }, 'the expert solved 0, too few');
  });
});

describe('expertSolutions', () => {
  it('are half long after one mark, and mostly short after another', () => {
    expect(expertSolutions(namedTask('chain'))).toBe(
      'steps@!:0.25,twice@!:0.25,direct@;:0.45,steps@;:0.025,twice@;:0.025',
    );
    expect(expertSolutions(namedTask('parity'))).toBe('steps@!:0.5,direct@;:0.45,steps@;:0.05');
    expect(() => expertSolutions(namedTask('copy'))).toThrow('has no solutions with steps');
  });
});
