import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { presetNames } from '../../src/config/presets.ts';
import { modelConfigSchema, trainConfigSchema, yarnSchema } from '../../src/config/schema.ts';
import { paperSymbols } from '../../tools/paper-symbols.ts';
import { referencePage, referencePages } from '../../tools/reference-text.ts';

const configuration = readFileSync('docs/configuration.md', 'utf8');

describe('the pages that are made from the code', () => {
  it.each(Object.keys(referencePages))('%s is up to date; if not, run `npm run reference`', (path) => {
    const page = readFileSync(path, 'utf8');
    expect(referencePage(path, page)).toBe(page);
  });

  it('have a row for every key of a configuration, those of YaRN included, with allowed values and a meaning', () => {
    for (const key of [modelConfigSchema, yarnSchema, trainConfigSchema].flatMap(({ shape }) => Object.keys(shape))) {
      expect(configuration).toMatch(new RegExp(`^\\| \`${key}\` \\| \\w[^|]+ \\| \`[^|]+\` \\| \\w[^|]+\\. \\|`, 'm'));
    }
  });

  it('have a column for every preset, and every symbol', () => {
    for (const name of presetNames) expect(configuration).toContain(` \`${name}\` |`);
    const rows = configuration.split('\n');
    for (const [key, symbol] of Object.entries(paperSymbols)) {
      expect(rows.find((row) => row.startsWith(`| \`${key}\` |`) && row.endsWith(`| \`${symbol}\` |`))).toBeDefined();
    }
  });

  it('need their marks', () => {
    expect(() => referencePage('docs/configuration.md', '')).toThrow(/no place for a block.*model keys/);
  });
});
