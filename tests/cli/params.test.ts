import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { runCli, runInResident, temporaryFolder } from './run-cli.ts';

const temporary = temporaryFolder();

describe('params', () => {
  it('prints one JSON object with the counts of the released model (golden: the report, F 1.3)', async () => {
    const { code, stdout, stderr } = await runCli(['params', '--preset', 'deepseek-v3', '--json']);
    expect(JSON.parse(stdout)).toEqual({
      total: 671_026_419_200,
      active: expect.any(Number),
      activeWithoutEmbedding: expect.any(Number),
      mtp: expect.any(Number),
      kvCacheElementsPerTokenPerLayer: 576,
      mhaCacheElementsPerTokenPerLayer: 32_768,
      mhaCacheWithRotaryElementsPerTokenPerLayer: 40_960,
      flopsPerToken: expect.any(Number),
      memory: { batchSize: 8, seqLen: 4096, gradAccumSteps: 1, kinds: expect.any(Object), total: expect.any(Number) },
    });
    expect(stderr).toBe('');
    expect(code).toBe(0);
  });

  it('prints a table for people, without colours or escapes', async () => {
    const { stdout } = await runCli(['params', '--preset', 'deepseek-v3']);
    expect(stdout).toContain('671,026,419,200');
    expect(stdout).toMatch(/ 32,768 +56\.9 times as many; keys without their rotary part\n/);
    expect(stdout).toMatch(/ 40,960 +71\.1 times as many; keys with their rotary part\n/);
    expect(stdout).toContain('Memory of a training step of 8 x 4096 tokens at its peak');
    expect(stdout).toMatch(/At most at one time +[\d.]+ TB/);
    expect(stdout).not.toContain('\x1b');
  });

  it('takes settings from a file and, on top of it, from --set', async () => {
    const file = temporary.file('run.yaml');
    writeFileSync(file, 'kvLoraRank: 23\nqk_rope_head_dim: 14 # snake_case as in config.json\n');
    const cache = async (...args: string[]) => {
      const { stdout } = await runInResident(['params', '--json', '--config', file, ...args]);
      return JSON.parse(stdout).kvCacheElementsPerTokenPerLayer;
    };
    expect(await cache()).toBe(23 + 14);
    expect(await cache('--set', 'kvLoraRank=29')).toBe(29 + 14);
    writeFileSync(file, '<<: &small\n  kvLoraRank: 23\n  qkRopeHeadDim: 14\nkvLoraRank: 31\n');
    expect(await cache()).toBe(31 + 14);
  });
});

describe('settings that cannot be', () => {
  async function failure(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await runInResident(['params', ...args]);
    expect(stdout).toBe('');
    expect(code).toBe(1);
    expect(stderr).not.toMatch(/^\s+at /m);
    return stderr;
  }

  it('name the nearest preset and the nearest key', async () => {
    expect(await failure('--preset', 'tony')).toMatch(/^tinyseek: .*"tony".*did you mean tiny/);
    expect(await failure('--set', 'kvLoraRnk=48')).toMatch(/^tinyseek: .*"kvLoraRnk".*did you mean kvLoraRank/);
  });

  it('name key, value and a fix of an impossible config', async () => {
    expect(await failure('--set', 'nRoutedExperts=10')).toMatch(/nRoutedExperts.*10.*nGroup/);
    expect(await failure('--set', 'hiddenSize=wide')).toMatch(/hiddenSize.*wide/);
    expect(await failure('--set', 'kvLoraRank')).toMatch(/expected key=value/);
  });

  it('name the file and what is wrong with it', async () => {
    const broken = temporary.file('broken.yaml');
    writeFileSync(broken, 'steps: [1,\nsteps');
    expect(await failure('--config', broken)).toContain(`${broken}: not valid YAML`);
    const list = temporary.file('list.yaml');
    writeFileSync(list, '- 1\n- 2\n');
    expect(await failure('--config', list)).toContain(`${list}: expected settings`);
    expect(await failure('--config', temporary.file('none.yaml'))).toMatch(/none\.yaml: no such file or folder/);
    expect(await failure('--config', temporary.path)).toContain('it is a folder, not a file');
  });

  it('show a stack when DEBUG=1 asks for it', async () => {
    const { stderr } = await runCli(['params', '--preset', 'tony'], { env: { DEBUG: '1' } });
    expect(stderr).toMatch(/^tinyseek: .*tony/);
    expect(stderr).toMatch(/^\s+at /m);
  });
});
