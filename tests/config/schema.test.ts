import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { modelPreset, trainPreset } from '../../src/config/presets.ts';
import { modelConfigSchema, runConfigJsonSchema, runConfigSchema, trainConfigSchema } from '../../src/config/schema.ts';

const onDisk = readFileSync(new URL('../../schema/run-config.schema.json', import.meta.url), 'utf8');

describe('run configuration schema', () => {
  it('is what schema/run-config.schema.json holds; if not, run `npx node tools/write-schema.ts`', () => {
    expect(onDisk).toBe(runConfigJsonSchema());
  });

  it('has every key of a model and of a training run, and no key twice', () => {
    const model = Object.keys(modelPreset('tiny'));
    const train = Object.keys(trainPreset('tiny'));
    expect(Object.keys(runConfigSchema.shape).sort()).toEqual(['preset', ...model, ...train].sort());
    expect(new Set([...model, ...train]).size).toBe(model.length + train.length);
  });

  it('describes every key', () => {
    for (const [key, schema] of Object.entries({ ...modelConfigSchema.shape, ...trainConfigSchema.shape })) {
      expect(schema.description, key).toMatch(/\w{3}/);
    }
  });

  it('takes an empty record, a preset alone, and refuses an unknown key', () => {
    expect(runConfigSchema.safeParse({}).success).toBe(true);
    expect(runConfigSchema.safeParse({ preset: 'mini', kvLoraRank: 48, steps: 3 }).success).toBe(true);
    expect(runConfigSchema.safeParse({ kvLoraRnak: 48 }).success).toBe(false);
  });

  it('tells editors types, ranges and choices', () => {
    const { properties, additionalProperties, required } = JSON.parse(onDisk);
    expect(additionalProperties).toBe(false);
    expect(required).toBeUndefined();
    expect(properties.numHiddenLayers).toMatchObject({ type: 'integer', minimum: 1 });
    expect(properties.lrSchedule.enum).toEqual(['deepseek-v3', 'cosine', 'constant']);
    expect(properties.qLoraRank.anyOf[1]).toEqual({ type: 'null' });
    expect(properties.fimRate).toMatchObject({ minimum: 0, maximum: 1 });
  });
});
