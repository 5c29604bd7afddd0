import { describe, expect, it } from 'vitest';
import { bareNumbers, fillNumbers } from '../../tools/results-prose.ts';
import { makeStudy } from '../report/study-fixture.ts';

// Losses 4.3, 4.313, 4.326 of arm a; arm b is 0.11 lower with every seed. MaxVio: 0.9 and 0.45, plus 0.02 a seed.
const { results } = makeStudy({ arms: ['a', 'b'] });
const fill = (text: string) => fillNumbers(text, [results]);

describe('fillNumbers', () => {
  it.each([
    ['0.12<!-- mean(a, loss) -->', '4.31<!-- mean(a, loss) -->'],
    ['9.999<!-- mean(b, loss) -->', '4.203<!-- mean(b, loss) -->'],
    ['0.5<!-- difference(b, a, loss) -->', '−0.1<!-- difference(b, a, loss) -->'],
    ['+0.50<!-- difference(a, b, loss) -->', '+0.11<!-- difference(a, b, loss) -->'],
    ['7 %<!-- mean(b, maxVioGlobal) -->', '47 %<!-- mean(b, maxVioGlobal) -->'],
    ['1<!-- ratio(a, b, seconds) --> times', '1<!-- ratio(a, b, seconds) --> times'],
    ['1<!-- mean(a, tokens) -->', '307,200<!-- mean(a, tokens) -->'],
    ['two<!-- seeds --> seeds, Nine<!-- arms --> arms', 'three<!-- seeds --> seeds, Two<!-- arms --> arms'],
    ['0<!-- decided --> of 0<!-- claims -->', '2<!-- decided --> of 3<!-- claims -->'],
    ['0<!-- corrected -->', '1<!-- corrected -->'],
  ])('writes %s as %s', (text, filled) => {
    expect(fill(`## made-up\n\nIt is ${text}.`)).toBe(`## made-up\n\nIt is ${filled}.`);
  });

  it('takes the study of the heading above, or the one that is named', () => {
    expect(fill('## Studies\n\n0.1<!-- made-up: mean(a, loss) -->')).toContain('4.3<!--');
    expect(() => fill('## Studies\n\n0.1<!-- mean(a, loss) -->')).toThrow(/mean: of which study\? Name it/);
  });

  it('leaves a bound as it is, and refuses one that does not hold', () => {
    const holds = '## made-up\n\n0.2<!-- above spread(loss) --> and 0.1<!-- below change(loss) -->';
    expect(fill(holds)).toBe(holds);
    expect(() => fill('## made-up\n\n0.1<!-- above spread(loss) -->')).toThrow(/it is 0\.11/);
  });

  it('leaves a number of the study as it is, and refuses one that the study does not say', () => {
    const holds = '## made-up\n\nA margin of 0.1<!-- study --> and a loss of 2.25<!-- study -->.';
    expect(fill(holds)).toBe(holds);
    expect(() => fill('## made-up\n\n2.2<!-- study -->')).toThrow(/the study does not say so/);
  });

  it.each([
    ['1<!-- mean(z, loss) -->', /made-up has no arm z/],
    ['1<!-- mean(a, lost) -->', /a lost: not measured/],
    ['1<!-- median(a, loss) -->', /there is no quantity median/],
    ['4.3<!-- mean of a -->', /4\.3<!-- mean of a -->: no number with a source that can be read/],
    ['19 times\n<!-- mean(a, loss) -->, 19 times)<!-- mean(a, loss) -->', /times\)<!-- .*: no number with a source/],
    ['times<!-- mean(a, loss) -->', /there is no word for 4\.31/],
  ])('refuses %s', (text, message) => {
    expect(() => fill(`## made-up\n\n${text}`)).toThrow(message);
  });
});

describe('bareNumbers', () => {
  it('finds numbers, in digits and in words, that do not say where they come from', () => {
    expect(bareNumbers('It is 0.12, 73 % or 1e-3, in 2,000 steps.')).toEqual(['0.12,', '73', '1e-3', '2,000']);
    expect(bareNumbers('Three seeds, half the loss, twice.')).toEqual(['Three', 'half', 'twice']);
  });

  it('leaves out sources, code, links, names and what is generated', () => {
    const text = [
      '0.12<!-- mean(a, loss) --> of `gamma 1e-3`, FP8 in E4M3, 8-bit, float32, DeepSeek-V3, [here](page-7.md#8).',
      '<!-- study made-up -->\n\n| 0.12 |\n\n<!-- end made-up -->',
      '```sh\ntinyseek ablate --seeds 8\n```',
    ];
    expect(bareNumbers(text.join('\n\n'))).toEqual([]);
  });
});
