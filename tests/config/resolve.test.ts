import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { modelPreset, trainPreset } from '../../src/config/presets.ts';
import { resolveRunConfig } from '../../src/config/resolve.ts';
import { UserError } from '../../src/errors.ts';

describe('resolveRunConfig', () => {
  it('is preset tiny when nothing is asked for', () => {
    expect(resolveRunConfig({})).toEqual({ preset: 'tiny', model: modelPreset('tiny'), train: trainPreset('tiny') });
  });

  it('lets the file win over the preset, --set over the file, and a later --set over an earlier one', () => {
    const file = { kvLoraRank: 40, steps: 17, hiddenSize: 96 };
    const { model, train } = resolveRunConfig({
      preset: 'mini',
      file,
      set: ['kvLoraRank=48', 'steps=19', 'steps=23'],
    });
    expect(model).toEqual({ ...modelPreset('mini'), hiddenSize: 96, kvLoraRank: 48 });
    expect(train).toEqual({ ...trainPreset('mini'), steps: 23 });
  });

  it('takes the preset from the file unless the caller names one', () => {
    expect(resolveRunConfig({ file: { preset: 'mini' } }).preset).toBe('mini');
    expect(resolveRunConfig({ file: { preset: 'mini' }, preset: 'small' }).preset).toBe('small');
    expect(resolveRunConfig({ preset: 'small', set: ['preset=peer-a'] }).preset).toBe('peer-a');
    expect(() => resolveRunConfig({ file: { preset: 3 } })).toThrow('config: preset (3) must be the name of a preset');
  });

  it('reads camelCase, kebab-case and snake_case keys', () => {
    for (const key of ['qkRopeHeadDim', 'qk-rope-head-dim', 'qk_rope_head_dim']) {
      expect(resolveRunConfig({ set: [`${key}=10`] }).model.qkRopeHeadDim).toBe(10);
      expect(resolveRunConfig({ file: { [key]: 10 } }).model.qkRopeHeadDim).toBe(10);
    }
  });

  it('takes scalars of a file as the schema wants them: flags of YAML 1.1, quoted and grouped numbers, texts as they are', () => {
    const file = {
      ...{ documentMask: 'yes', normTopkProb: 'Off', steps: '1_000', learning_rate: '3e-3', qLoraRank: null },
      ...{ data: 'yes', textKey: '500', lrSchedule: 'cosine' },
    };
    const { model, train } = resolveRunConfig({ file });
    expect(train).toMatchObject({ documentMask: true, steps: 1000, learningRate: 0.003, lrSchedule: 'cosine' });
    expect(train).toMatchObject({ data: 'yes', textKey: '500' });
    expect(model).toMatchObject({ normTopkProb: false, qLoraRank: null });
    expect(() => resolveRunConfig({ file: { steps: 'yes' } })).toThrow(/steps \("yes"\) must be an integer/);
    expect(() => resolveRunConfig({ file: { documentMask: '1' } })).toThrow(
      /documentMask \("1"\) must be true or false/,
    );
  });

  it('parses values as JSON where they are JSON, and as text otherwise', () => {
    const { model, train } = resolveRunConfig({
      set: [
        'qLoraRank=null',
        'normTopkProb=false',
        'initializerRange=2e-2',
        'lrSchedule=cosine',
        'data=texts/a=b.txt',
        'tokenizer=1984',
        'maxPositionEmbeddings=1024',
        'rope_scaling={"type":"yarn","factor":4,"original_max_position_embeddings":256,"beta_fast":32,"betaSlow":1,' +
          '"mscale":1,"mscale_all_dim":1}',
      ],
    });
    expect(model).toMatchObject({ qLoraRank: null, normTopkProb: false, initializerRange: 0.02 });
    expect(model.ropeScaling).toEqual({
      type: 'yarn',
      factor: 4,
      originalMaxPositionEmbeddings: 256,
      betaFast: 32,
      betaSlow: 1,
      mscale: 1,
      mscaleAllDim: 1,
    });
    expect(train).toMatchObject({ lrSchedule: 'cosine', data: 'texts/a=b.txt', tokenizer: '1984' });
  });

  it.each([
    [{ preset: 'tinny' }, /there is no preset "tinny"; did you mean tiny\?/],
    [{ set: ['kvLoraRnk=48'] }, /^--set: unknown key "kvLoraRnk"; did you mean kvLoraRank\?$/],
    [{ set: ['learning-rat=1'] }, /^--set: unknown key "learning-rat"; did you mean learningRate\?$/],
    [{ file: { step: 3 } }, /^config file: unknown key "step"; did you mean steps\?$/],
    [{ set: ['__proto__=1'] }, /unknown key "__proto__"/],
    [{ set: ['steps'] }, /^--set: expected key=value, found "steps"; try --set kvLoraRank=48$/],
    [{ set: ['=3'] }, /expected key=value/],
    [{ set: ['steps='] }, /^config: steps \(""\) must be an integer of at least 1 and at most 10000000; try 300$/],
    [{ set: ['nRoutedExperts=10'] }, /nRoutedExperts \(10\) must be divisible by nGroup \(4\); try 8 or 12/],
    [{ set: ['seqLen=4096'] }, /seqLen \(4096\) must be at most maxPositionEmbeddings \(512\)/],
  ])('rejects %j with one clear message', (request, message) => {
    expect(() => resolveRunConfig(request)).toThrow(UserError);
    expect(() => resolveRunConfig(request)).toThrow(message);
  });

  it('does not trip over circular values, which YAML aliases can make', () => {
    const circular: Record<string, unknown> = { type: 'yarn' };
    circular.factor = circular;
    expect(() => resolveRunConfig({ file: { ropeScaling: circular, steps: circular } })).toThrow(UserError);
  });

  it('throws nothing but UserError, whatever the file and --set say (property)', () => {
    const keys = fc.oneof(fc.string(), fc.constantFrom('preset', ...Object.keys(modelPreset('tiny')), 'steps', 'data'));
    const set = fc.array(
      fc.oneof(
        fc.string(),
        fc.tuple(keys, fc.json()).map((pair) => pair.join('=')),
      ),
    );
    fc.assert(
      fc.property(fc.dictionary(keys, fc.anything()), set, (file, assignments) => {
        try {
          resolveRunConfig({ file, set: assignments });
        } catch (error) {
          expect(error).toBeInstanceOf(UserError);
        }
      }),
    );
  });
});
