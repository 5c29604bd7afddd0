// A run goes on with the bits it began with: its engine's rounding is recorded, kept on resuming, or missed aloud.

import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { roundingOf, variantNames } from '../../src/engine/variant-names.ts';
import { loadVariant } from '../../src/engine/variants.ts';
import { UserError } from '../../src/errors.ts';
import type { TrainEvent } from '../../src/train/events.ts';
import { resumeRun, train } from '../../src/train/trainer.ts';
import { useTempFolder } from '../io/helpers.ts';
import { nanoModel, nanoTrain } from './nano.ts';

const path = useTempFolder();
const settings = { model: nanoModel, train: { ...nanoTrain, steps: 4, checkpointEvery: 2 } };
const variant = { backend: 'engine', backendOptions: { engineVariant: 'simd-6x8' } } as const;

function warningsOf(events: readonly TrainEvent[]): string[] {
  return events.flatMap((event) => (event.type === 'warning' ? [event.message] : []));
}

async function begin(onEvent: (event: TrainEvent) => void = () => {}): Promise<void> {
  await train({ ...settings, ...variant, runDir: path('run'), onEvent });
}

describe('the rounding of a run', () => {
  it('has two classes', () => {
    expect(variantNames.map(roundingOf)).toEqual(['fused', 'fused', 'separate']);
  });

  it('decides which variants are tried', async () => {
    expect((await loadVariant(true, 'separate')).name).toBe('simd-6x8');
    expect(roundingOf((await loadVariant(true, 'fused')).name)).toBe('fused');
  });

  it('is recorded, and a run that cannot keep it says so', async () => {
    await begin();
    const file = path('run', 'run.json');
    const recorded = JSON.parse(readFileSync(file, 'utf8'));
    expect(recorded.rounding).toBe('separate');
    const kept: TrainEvent[] = [];
    await resumeRun({ runDir: path('run'), steps: 5, onEvent: (event) => void kept.push(event) });
    expect(warningsOf(kept).join()).not.toContain('bit for bit');
    // The engine of this process stays what it is, as on a machine that has no other.
    const { steps: _, ...rest } = { ...JSON.parse(readFileSync(file, 'utf8')) };
    writeFileSync(file, JSON.stringify({ ...rest, rounding: 'fused' }));
    const events: TrainEvent[] = [];
    await resumeRun({ runDir: path('run'), steps: 6, onEvent: (event) => void events.push(event) });
    expect(warningsOf(events)).toContain(
      'the run was started on an engine with fused multiplication and addition; variant simd-6x8 here has them ' +
        'separate: it goes on, but not bit for bit as there',
    );
  });
});

describe('a run folder that changes in the middle of a run', () => {
  /** What the run fails with when something is done to its folder at step 3, after the checkpoint of step 2. */
  async function failure(act: () => void): Promise<unknown> {
    const onEvent = (event: TrainEvent) => void (event.type === 'step' && event.step === 3 && act());
    return begin(onEvent).then(
      () => null,
      (error: unknown) => error,
    );
  }

  it('is deleted: the run ends at its next line, and says so', async () => {
    const error = await failure(() => rmSync(path('run'), { recursive: true }));
    expect(error).toBeInstanceOf(UserError);
    expect(String(error)).toMatch(
      /metrics.jsonl was deleted while the run was writing it.*the last good checkpoint is/,
    );
    expect(existsSync(path('run'))).toBe(false);
  });

  it('is moved: no second folder is made', async () => {
    const error = await failure(() => renameSync(path('run'), path('moved')));
    expect(String(error)).toMatch(/run: .*run was moved or deleted while the run was writing it/);
    expect(existsSync(path('run'))).toBe(false);
  });

  it('has a file where checkpoints go: the message names the checkpoint, and the last good one', async () => {
    const error = await failure(() => {
      renameSync(path('run', 'checkpoints'), path('run', 'kept'));
      writeFileSync(path('run', 'checkpoints'), '');
      rmSync(path('run', 'run.lock'));
      mkdirSync(path('run', 'run.lock')); // giving the folder back fails too, and says less
    });
    expect(error).toBeInstanceOf(UserError);
    expect(String(error)).toMatch(
      /checkpoint: cannot write .*step-00000004: .*; the last good checkpoint is .*step-00000002$/,
    );
    expect(String(error)).not.toMatch(/\.tmp-|run\.lock/);
  });
});
