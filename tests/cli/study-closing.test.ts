import { describe, expect, it } from 'vitest';
import { studyClosingLines } from '../../src/cli/progress/study-closing.ts';
import { makeStudy } from '../report/study-fixture.ts';

const { results } = makeStudy({ arms: ['a', 'b'] });
const files = { json: 'results.json', csv: 'results.csv', markdown: 'results.md', report: 'report.html' };

describe('what a study says last', () => {
  it('has both verdicts of every claim with their p values, and what they mean', () => {
    const text = studyClosingLines(results, files, 100).join('\n');
    expect(text).toContain(
      [
        'REPRODUCED: It falls.',
        '  found −0.110 (−0.180 to −0.040), p = 0.02',
        '  corrected for 3 claims: not distinguishable, p = 0.06',
        '  paper: 0.006 nats',
        'CONTRADICTED: It rises.',
        '  found −0.110 (−0.180 to −0.040), p < 0.0001',
        '  corrected for 3 claims: contradicted, p < 0.0001',
      ].join('\n'),
    );
    expect(text.replaceAll(/\s+/g, ' ')).toContain(
      "Each verdict judges its claim as if it were the only one. The corrected verdicts count 3 claims (Holm's method): " +
        'the chance that even one of them is decided wrongly is at most 5 %. p values are two-sided.',
    );
  });

  it('says how many intervals there are, and nothing of p values, where there is no verdict', () => {
    const verdicts = results.verdicts.map((row) => ({ ...row, verdict: null, reason: 'Too small.' }));
    const text = studyClosingLines({ ...results, verdicts }, files, 100).join('\n');
    expect(text).toContain('Claims, and what was found:\nIt falls.\n  found −0.110 (−0.180 to −0.040)\n  paper');
    expect(text).toContain('Intervals are of 95 %, each as if its claim were the only one; there are 3 claims.');
    expect(text).not.toMatch(/\bp [=<]|corrected/i);
  });
});
