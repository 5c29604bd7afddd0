import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { nano, writeText } from './nano.ts';
import { type CliResult, runCli, runInResident, startCli, startHeld, temporaryFolder } from './run-cli.ts';

const temporary = temporaryFolder();
const steps = 40;

function trainArgs(out: string): string[] {
  return ['train', ...nano, '--data', temporary.file('text.txt'), '--steps', String(steps), '--out', out];
}

/** A run that holds still after a step with a checkpoint. */
function startHeldAt(step: number, args: readonly string[], out: string) {
  return startHeld(args, { cwd: temporary.path, at: join(out, 'checkpoints', `step-000000${step}`) });
}

function resume(run: string, ...args: string[]): Promise<CliResult> {
  return runInResident(['train', '--resume', run, '--json', ...args], { cwd: temporary.path });
}

function resumeInOwnProcess(run: string): Promise<CliResult> {
  return runCli(['train', '--resume', run, '--json'], { cwd: temporary.path });
}

/** What must be the same, bit for bit, however often a run was stopped. */
function outcome({ stdout }: CliResult) {
  const { steps, finalLoss, evalLoss, bitsPerByte } = JSON.parse(stdout);
  return { steps, finalLoss, evalLoss, bitsPerByte };
}

let whole: CliResult;

beforeAll(async () => {
  writeText(temporary.file('text.txt'));
  whole = await runCli([...trainArgs('whole'), '--json'], { cwd: temporary.path });
  expect([whole.stderr, whole.code]).toEqual([whole.stderr, 0]);
});

describe('an interrupted run', () => {
  it('writes a checkpoint, says how to resume, and ends as if it had never stopped', async () => {
    const run = await startHeldAt(10, [...trainArgs('stopped'), '--json'], 'stopped');
    run.child.kill('SIGINT');
    run.release();
    const stopped = await run.result;
    expect(stopped.code).toBe(130);
    expect(stopped.stderr).toContain('Stopping after this step');
    // The signal is noticed between two steps.
    expect([10, 11]).toContain(JSON.parse(stopped.stdout).steps);
    const resumed = await resumeInOwnProcess('stopped');
    expect(resumed.stderr).toMatch(/Resuming after step 1[01] of 40/);
    expect([resumed.code, outcome(resumed)]).toEqual([0, outcome(whole)]);
  });

  it.each([
    ['SIGTERM', 'it is'],
    ['SIGHUP', "the terminal's"],
  ] as const)('does so on %s too, and names the command to carry on with', async (signal, out) => {
    const run = await startHeldAt(10, trainArgs(out), out);
    run.child.kill(signal);
    run.release();
    const { code, stdout } = await run.result;
    expect(code).toBe(130);
    expect(stdout).toMatch(/Stopped after \d+ steps; nothing is lost\./);
    expect(stdout).toMatch(/Carry on +node .*main\.js train --resume ['"]/);
  });

  it('that was killed goes on from its last checkpoint to the same end', async () => {
    const run = await startHeldAt(20, trainArgs('killed'), 'killed');
    run.child.kill('SIGKILL');
    expect((await run.result).code).toBe(null);
    const resumed = await resumeInOwnProcess('killed');
    expect(resumed.stderr).toMatch(/Resuming after step 20 of 40/);
    expect([resumed.code, outcome(resumed)]).toEqual([0, outcome(whole)]);
  });

  it('passes over a damaged checkpoint, with a warning', async () => {
    cpSync(temporary.file('whole'), temporary.file('damaged'), { recursive: true });
    const weights = temporary.file('damaged/checkpoints/step-00000040/model.safetensors');
    const bytes = readFileSync(weights);
    bytes[bytes.length - 7]! ^= 1;
    writeFileSync(weights, bytes);
    const resumed = await resume('damaged');
    expect(resumed.stderr).toMatch(/warning: skipped .*damaged/);
    expect(resumed.stderr).toMatch(/Resuming after step 30 of 40/);
    expect([resumed.code, outcome(resumed)]).toEqual([0, outcome(whole)]);
  });
});

describe('a finished run', () => {
  it('is only summed up again', async () => {
    const again = await resume('whole');
    expect([again.code, outcome(again)]).toEqual([0, outcome(whole)]);
  });

  it('takes settings that are those it was started with', async () => {
    const again = await resume('whole', '--steps', String(steps), '--set', 'balancing=bias');
    expect([again.stderr, again.code]).toEqual([again.stderr, 0]);
    const { code } = await resume(
      'whole',
      '--preset',
      'tiny',
      ...nano,
      '--data',
      temporary.file('text.txt'),
      '--steps',
      String(steps),
    );
    expect(code).toBe(0);
  });

  it('refuses changed settings and says which', async () => {
    const { code, stdout, stderr } = await resume('whole', '--seq-len', '7', '--set', 'hiddenSize=24');
    expect(stderr).toMatch(/seqLen is 17, not 7/);
    expect(stderr).toMatch(/hiddenSize is 16, not 24/);
    expect([code, stdout]).toEqual([1, '']);
    expect((await resume('whole', '--preset', 'mini')).stderr).toMatch(/^tinyseek: resume: .*seqLen is 17, not 256/);
  });

  it('is not overwritten by another one', async () => {
    const { code, stderr } = await runInResident(trainArgs('whole'), { cwd: temporary.path });
    expect(stderr).toMatch(/^tinyseek: .*whole/);
    expect(code).toBe(1);
  });
});

describe('a run that goes on longer', () => {
  /** Constant schedules, so that twenty steps and then ten are thirty. */
  const constant = ['lrSchedule=constant', 'warmupFraction=0', 'expertBiasFreezeFraction=0'].flatMap((pair) => [
    '--set',
    pair,
  ]);
  const begin = (out: string, length: string) => {
    const args = ['train', ...nano, ...constant, '--data', temporary.file('text.txt'), '--steps', length];
    return runInResident([...args, '--out', out, '--json'], { cwd: temporary.path });
  };
  /** What was printed, however it was wrapped. */
  const said = ({ stderr }: CliResult) => stderr.replace(/\s+/g, ' ');
  let straight: CliResult;

  beforeAll(async () => {
    straight = await begin('straight', '30');
    await begin('short', '20');
  });

  it('ends where one does that was planned so, says what becomes of the learning rate, and records it', async () => {
    cpSync(temporary.file('short'), temporary.file('longer'), { recursive: true });
    const longer = await resume('longer', '--steps', '30');
    expect(said(longer)).toMatch(
      /ends at step 30 instead of 20: .* laid anew over 30 steps; the learning rate was \S+ in step 20 and is \S+ in step 21/,
    );
    expect([longer.code, outcome(longer)]).toEqual([0, outcome(straight)]);
    const run = JSON.parse(readFileSync(temporary.file('longer/run.json'), 'utf8'));
    expect(run.planChanges).toEqual([{ atStep: 20, from: 20, to: 30, schedule: 'extended' }]);
  });

  it('keeps the last learning rate with --keep-schedule, which is for this only', async () => {
    cpSync(temporary.file('short'), temporary.file('kept'), { recursive: true });
    const kept = await resume('kept', '--set', 'steps=30', '--keep-schedule');
    expect(said(kept)).toContain('stay those of 20 steps, and their last values go on');
    expect([kept.code, outcome(kept)]).toEqual([0, outcome(straight)]); // constant, so the same
    expect((await resume('kept', '--keep-schedule')).stderr).toContain('give steps (--steps N) as well');
    const alone = await runInResident(['train', '--keep-schedule'], { cwd: temporary.path });
    expect(alone.stderr).toBe(
      'tinyseek: --keep-schedule: only for a run that goes on longer; give --resume DIR and --steps N as well\n',
    );
  });

  it('cannot end before where it is', async () => {
    const { code, stderr } = await resume('short', '--steps', '19');
    expect(stderr).toContain('has done 20 steps already, and 19 were asked for; ask for 20 or more (--steps 20)');
    expect(code).toBe(1);
  });
});

describe('a run that was killed before its first checkpoint', () => {
  it('starts again at step 0, says so, and comes to the same end', async () => {
    const run = startCli([...trainArgs('early'), '--json'], { cwd: temporary.path });
    await run.until('Run: ');
    run.child.kill('SIGKILL');
    await run.result;
    rmSync(temporary.file('early/checkpoints'), { recursive: true, force: true }); // it may have been quick
    const again = await resume('early');
    expect(again.stderr).toContain('no checkpoint yet: it starts again at step 0');
    expect([again.code, outcome(again)]).toEqual([0, outcome(whole)]);
  });
});

describe('a second process', () => {
  it('is turned away from a folder in use, and does not disturb the first', async () => {
    const first = await startHeldAt(10, [...trainArgs('busy'), '--json'], 'busy');
    const second = await resume('busy');
    first.release();
    expect(second.stderr).toMatch(/^tinyseek: .*another process \(pid \d+\) is using this folder/);
    expect(second.code).toBe(1);
    const result = await first.result;
    expect([result.code, outcome(result)]).toEqual([0, outcome(whole)]);
  });
});
