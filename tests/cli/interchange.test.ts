import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { parseSize } from '../../src/cli/commands/export.ts';
import { latestCheckpoint } from '../../src/io/read-checkpoint.ts';
import { encodeTrainerFile, readTrainerFile } from '../../src/io/trainer-folder.ts';
import { nano, writeText } from './nano.ts';
import { runCli, runInResident, temporaryFolder } from './run-cli.ts';

const temporary = temporaryFolder();
const cli = (...args: string[]) => runInResident(args, { cwd: temporary.path });
const ownProcess = (...args: string[]) => runCli(args, { cwd: temporary.path });

beforeAll(async () => {
  const data = writeText(temporary.file('text.txt'));
  const mtp = ['--set', 'numNextnPredictLayers=1'];
  const { code } = await cli('train', ...nano, ...mtp, '--data', data, '--steps', '3', '--out', 'run', '--json');
  expect(code).toBe(0);
});

describe('export', () => {
  it('writes a run for others, which imports and scores as the run does', async () => {
    const { code, stdout, stderr } = await ownProcess(
      'export',
      'run',
      '--out',
      'out',
      '--shard-size',
      '10KB',
      '--json',
    );
    expect([code, stderr]).toEqual([0, '']);
    const written = JSON.parse(stdout);
    expect(written.files.sort()).toEqual(
      readdirSync(temporary.file('out'))
        .filter((name) => !name.endsWith('.index.json'))
        .sort(),
    );
    await ownProcess('import', 'out', '--out', 'back');
    const scores = await Promise.all(
      ['run', 'out', 'back'].map((folder) => cli('score', folder, '--text', 'Whale 7', '--json')),
    );
    expect(new Set(scores.map((score) => score.stdout)).size).toBe(1);
    expect(scores[0]!.code).toBe(0);
  });

  it('prints what was written, and with --format torchtitan a module', async () => {
    const { code, stdout } = await cli('export', 'run', '--out', 'titan', '--format', 'torchtitan', '--dtype', 'bf16');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Wrote titan: .* parameters, MTP module included, .*B of weights in BF16\n/);
    expect(stdout).toContain('  tinyseek_torchtitan.py\n');
  });

  it('says what transformers will say of the MTP module, and leaves it out with --no-mtp', async () => {
    const included = await cli('export', 'run', '--out', 'included');
    expect(included.stdout).toMatch(/as unexpected, which is harmless\. With --no-mtp the module is left out\.\n$/);
    const left = await cli(
      'export',
      'run',
      '--out',
      'left',
      '--no-mtp',
      '--check',
      'transformers',
      '--check',
      'torchtitan',
    );
    expect(left.stdout).toMatch(/^transformers takes this model\ntorchtitan refuses this model\n/);
    expect(left.stdout).not.toContain('MTP');
    const { code, stdout } = await cli('export', 'run', '--out', 'left', '--no-mtp', '--check', 'transformers');
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(/^transformers takes this model\nWrote left: .*no MTP module/),
    ]);
    expect(stdout).not.toContain('unexpected');
    const [run, without] = await Promise.all(
      ['run', 'left'].map(async (folder) => (await cli('score', folder, '--text', 'Whale 7', '--json')).stdout),
    );
    expect(without).toBe(run);
    const json = await cli('export', 'run', '--out', 'left-json', '--no-mtp', '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({ mtpLayers: 0 });
  });

  it('only looks with --check, and stops before writing what would be refused', async () => {
    const fine = await cli('export', 'run', '--check', 'transformers');
    expect([fine.code, fine.stdout]).toEqual([0, expect.stringMatching(/^transformers takes this model; to know:\n/)]);
    const refused = await cli('export', 'run', '--out', 'refused', '--check', 'transformers', '--check', 'vllm');
    expect(refused.code).toBe(1);
    expect(refused.stdout).toContain('vllm refuses this model\n  refused: qkNopeHeadDim + qkRopeHeadDim is 8');
    expect(refused.stdout).toContain('    -> train with qkNopeHeadDim=32');
    expect(refused.stdout).toMatch(/Nothing was written\.\n$/);
    expect(existsSync(temporary.file('refused'))).toBe(false);
  });

  it('says what it could not read of a checkpoint that an earlier version wrote, and what to do', async () => {
    cpSync(latestCheckpoint(temporary.file('run/checkpoints')).checkpoint!.path, temporary.file('old'), {
      recursive: true,
    });
    const { files, state } = readTrainerFile(temporary.file('old'));
    const { stepSeconds: _, ...earlier } = state;
    writeFileSync(temporary.file('old/trainer.json'), encodeTrainerFile({ files, state: earlier }));
    const { code, stderr } = await cli('export', 'old', '--out', 'never');
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^tinyseek: export: old .*\(see stepSeconds\); without/)]);
    for (const name of ['trainer.json', 'optimizer.safetensors']) rmSync(temporary.file(`old/${name}`));
    expect((await cli('export', 'old', '--out', 'as-model')).code).toBe(0);
  });

  it.each([
    [['export', 'run'], 'expected a folder to write; give --out DIR, or --check transformers'],
    [
      ['export', 'run', '--out', 'x', '--dtype', 'int4'],
      '--dtype must be f32, bf16, f16, fp8 or fp8-ue8m0; found "int4"',
    ],
    [['export', 'run', '--out', 'x', '--shard-size', '0'], '--shard-size must be a size such as 200MB'],
    [['export', 'run', '--check', 'vlm'], '--check must be one of transformers, vllm, sglang, torchtitan; found "vlm"'],
    [['export', 'run', '--out', 'full'], 'full is not empty; choose another folder'],
    [['import', 'nowhere', '--out', 'x'], 'nowhere does not exist; check the path'],
    [['import', 'full', '--out', 'x'], 'is not a checkpoint: it has no config.json'],
  ])('%j is one message', async (args, expected) => {
    mkdirSync(temporary.file('full'), { recursive: true });
    writeFileSync(temporary.file('full/kept'), '');
    const { code, stdout, stderr } = await cli(...args);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^tinyseek: .*\n$/);
    expect(stderr).toContain(expected);
    expect(existsSync(temporary.file('x'))).toBe(false);
  });
});

describe('parseSize', () => {
  it('reads decimal and binary units', () => {
    expect(['7', '7B', '2KB', '1.5 GB', '64MiB', '1g'].map(parseSize)).toEqual([7, 7, 2000, 1.5e9, 64 * 2 ** 20, 1e9]);
  });

  it.each(['', 'GB', '-1MB', '1TB', '0.1', '1e3'])('refuses %j', (text) => {
    expect(() => parseSize(text)).toThrow('--shard-size must be a size');
  });
});
