import { describe, expect, it } from 'vitest';
import { findContaminated } from '../../src/evaluate/contamination.ts';

const long = {
  prompt: 'A heron that stands in the water before dawn waits for the first small fish of the day, and then',
  answer: 'eats it',
};
const short = { prompt: '347+85:', answer: '432' };

const count = async (...texts: string[]) => (await findContaminated([long, short], texts)).size;

describe('contamination', () => {
  it('finds thirteen words in a row, whatever is between them', async () => {
    expect(await count('HERON -- that stands in the water, before dawn: waits for the first small')).toBe(1);
    expect(await count('heron that stands in the water before dawn waits for the first big')).toBe(0);
    expect(await count('the first small fish of the day, and then eats it')).toBe(0);
  });

  it('looks for a short prompt as a whole', async () => {
    expect(await count('1+1:2 347+85:432')).toBe(1);
    expect(await count('347+8', '5:')).toBe(0);
  });
});
