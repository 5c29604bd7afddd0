import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TrainEvent } from '../../src/train/events.ts';
import { planRun } from '../../src/train/plan-changes.ts';
import { type ResumeOptions, resumeRun, train } from '../../src/train/trainer.ts';
import { label, seaDocuments, seaRun, seaTrain, timeless } from '../runs/nano-run.ts';

const folder = mkdtempSync(join(tmpdir(), 'tinyseek-longer-'));
const documents = seaDocuments();
/** Four steps of what is six steps of the same run: constant, so that the two agree. */
const constant = {
  ...seaTrain,
  lrSchedule: 'constant',
  expertBiasFreezeFraction: 0,
  mtpLossSwitchFraction: 1,
} as const;
let copies = 0;

beforeAll(async () => {
  await train({ ...seaRun, documents, runDir: join(folder, 'scheduled') });
  await train({ ...seaRun, train: constant, documents, runDir: join(folder, 'six') });
  await train({ ...seaRun, train: { ...constant, steps: 4 }, documents, runDir: join(folder, 'four') });
});

afterAll(() => rmSync(folder, { recursive: true }));

function copyOf(name: string): string {
  const copy = join(folder, `${name}-${copies++}`);
  cpSync(join(folder, name), copy, { recursive: true });
  return copy;
}

async function goOn(runDir: string, options: Partial<ResumeOptions>) {
  const events: TrainEvent[] = [];
  const result = await resumeRun({ runDir, documents, onEvent: (event) => events.push(event), ...options });
  const notes = events.flatMap((event) => (event.type === 'note' ? [event.message] : []));
  return { events: events.map(label), notes, result };
}

const settingsOf = (runDir: string) => JSON.parse(readFileSync(join(runDir, 'run.json'), 'utf8'));
const weightsOf = (runDir: string, step: number) =>
  readFileSync(join(runDir, 'checkpoints', `step-0000000${step}`, 'model.safetensors')).toString('base64');
const ratesOf = (runDir: string) =>
  timeless(readFileSync(join(runDir, 'metrics.jsonl'), 'utf8')).flatMap(
    (line) => Reflect.get(line as object, 'train/learning_rate') ?? [],
  );

describe('a run that goes on longer', () => {
  it('property: under constant schedules it equals one that was planned so from the start, bit for bit', async () => {
    const runDir = copyOf('four');
    const { events, result } = await goOn(runDir, { steps: 6 });
    expect([result.steps, result.finished]).toEqual([6, true]);
    expect(events).toEqual(['start', 'note', 'step 5', 'step 6', 'eval 6', 'sample 6', 'checkpoint 6', 'end']);
    expect(weightsOf(runDir, 6)).toBe(weightsOf(join(folder, 'six'), 6));
  });

  it('lays its schedules anew, says what becomes of the learning rate, and records it', async () => {
    const runDir = copyOf('scheduled');
    const before = ratesOf(runDir);
    const { notes } = await goOn(runDir, { steps: 9 });
    const expected = planRun({ ...seaTrain, steps: 9 }).map(({ learningRate }) => learningRate);
    expect(ratesOf(runDir)).toEqual([...before, ...expected.slice(6)]);
    expect(notes).toEqual([
      'The run now ends at step 9 instead of 6: learning rate and the other schedules are laid anew over 9 steps; ' +
        `the learning rate was ${before[5].toPrecision(3)} in step 6 and is ${expected[6]?.toPrecision(3)} in step 7.`,
    ]);
    expect(settingsOf(runDir)).toMatchObject({
      train: { steps: 9 },
      planChanges: [{ atStep: 6, from: 6, to: 9, schedule: 'extended' }],
    });
  });

  it('keeps the last learning rate if asked to', async () => {
    const runDir = copyOf('scheduled');
    const before = ratesOf(runDir);
    const { notes } = await goOn(runDir, { steps: 8, keepSchedule: true });
    expect(ratesOf(runDir)).toEqual([...before, before[5], before[5]]);
    expect(notes[0]).toContain('stay those of 6 steps, and their last values go on; the learning rate was');
    expect(settingsOf(runDir).planChanges).toEqual([{ atStep: 6, from: 6, to: 8, schedule: 'kept' }]);
  });

  it.each([
    ['kept', true],
    ['extended', false],
  ])(
    'property: killed on the way (%s) and resumed without being asked again, it comes to the same end',
    async (_, keepSchedule) => {
      const [whole, killed] = [copyOf('scheduled'), copyOf('scheduled')];
      await goOn(whole, { steps: 9, keepSchedule });
      for (const stop of ['start', 'step 7', 'checkpoint 8']) {
        const onEvent = (event: TrainEvent) => {
          if (label(event) === stop) throw new Error('killed');
        };
        const wish = stop === 'start' ? { steps: 9, keepSchedule } : {};
        await expect(resumeRun({ runDir: killed, documents, ...wish, onEvent })).rejects.toThrow('killed');
      }
      const { notes } = await goOn(killed, {});
      expect(notes).toEqual([]);
      expect(ratesOf(killed)).toEqual(ratesOf(whole));
      expect(weightsOf(killed, 9)).toBe(weightsOf(whole, 9));
    },
  );

  it('takes the same steps again from a checkpoint before the change, if the newer ones are damaged', async () => {
    const runDir = copyOf('scheduled');
    await goOn(runDir, { steps: 9 });
    const weights = weightsOf(runDir, 9);
    const again = copyOf('scheduled');
    cpSync(join(runDir, 'run.json'), join(again, 'run.json'));
    writeFileSync(join(again, 'checkpoints', 'step-00000006', 'model.safetensors'), '');
    const { events } = await goOn(again, {});
    expect(events.slice(0, 4)).toEqual(['start', 'warning', 'sample 4', 'step 5']);
    expect(weightsOf(again, 9)).toBe(weights);
  });

  it('may be asked for the same again', async () => {
    const runDir = copyOf('scheduled');
    await goOn(runDir, { steps: 7, keepSchedule: true });
    expect((await goOn(runDir, { steps: 7, keepSchedule: true })).events).toEqual(['start', 'end']);
    expect((await goOn(runDir, { steps: 7 })).events).toEqual(['start', 'end']);
    expect(settingsOf(runDir).planChanges).toHaveLength(1);
  });

  it('may be cut short; the last evaluation then reads all of the held-out text', async () => {
    const runDir = join(folder, 'short');
    const controller = new AbortController();
    const onEvent = (event: TrainEvent) => label(event) === 'checkpoint 4' && controller.abort();
    await train({ ...seaRun, documents, runDir, onEvent, signal: controller.signal });
    const { events, result } = await goOn(runDir, { steps: 4 });
    expect(events).toEqual(['start', 'note', 'eval 4', 'sample 4', 'checkpoint 4', 'end']);
    expect(result.finished).toBe(true);
  });

  it.each([
    [{ steps: 5 }, /has done 6 steps already, and 5 were asked for; ask for 6 or more \(--steps 6\)/],
    [{ steps: 6.5 }, /steps/],
    [{ keepSchedule: true }, /give steps \(--steps N\) as well/],
    [{ overrides: { train: { steps: 7 } } }, /steps is 6, not 7; .*\(--steps N alone goes on to step N\)/],
  ])('refuses %j and says what to do', async (options, message) => {
    const runDir = copyOf('scheduled');
    await expect(goOn(runDir, options)).rejects.toThrow(message);
    expect(settingsOf(runDir)).toEqual(settingsOf(join(folder, 'scheduled')));
  });

  it('refuses to keep a schedule that was laid anew', async () => {
    const runDir = copyOf('scheduled');
    await goOn(runDir, { steps: 7 });
    await expect(goOn(runDir, { steps: 7, keepSchedule: true })).rejects.toThrow(/laid anew, at step 6; leave out/);
  });
});
