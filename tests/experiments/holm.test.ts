import { describe, expect, it } from 'vitest';
import { holmAdjusted, withHolm } from '../../src/experiments/holm.ts';
import type { JudgedClaim, Verdict } from '../../src/report/study-results.ts';
import { expectAllClose } from '../all-close.ts';
import { loadGoldenJson } from '../goldens/load.ts';

const claim = { claim: 'A sentence.', rule: 'a rule', found: null, paper: null };
const judged = (pValue: number, verdict: Verdict): JudgedClaim => ({ ...claim, pValue, verdict });
const unjudged: JudgedClaim = { ...claim, verdict: null, reason: 'No seeds.' };

describe("Holm's correction", () => {
  const families = loadGoldenJson('claims.json').holm as { pValues: number[]; adjusted: number[] }[];

  it.each(families)('adjusts $pValues to $adjusted (golden: statsmodels)', ({ pValues, adjusted }) => {
    // One product each; the order of the factors may move the last bit.
    expectAllClose(holmAdjusted(pValues), adjusted, { rtol: 1e-15, atol: 0 });
  });

  it('has nothing to adjust without claims', () => {
    expect(holmAdjusted([])).toEqual([]);
  });

  it('takes back the verdicts that do not survive it, and no others', () => {
    const rows = withHolm([
      judged(0.02, 'contradicted'), // 2 x 0.02
      judged(0.01, 'reproduced'), // 3 x 0.01
      judged(0.3, 'not distinguishable'),
    ]);
    expect(rows.map((row) => row.verdict !== null && row.holm.verdict)).toEqual([
      'contradicted',
      'reproduced',
      'not distinguishable',
    ]);
    const [first] = withHolm([judged(0.02, 'contradicted'), judged(0.03, 'reproduced'), judged(0.5, 'reproduced')]);
    expect(first).toMatchObject({
      verdict: 'contradicted',
      pValue: 0.02,
      holm: { verdict: 'not distinguishable', pValue: 0.06 },
    });
  });

  it('counts claims that are not judged yet, so that no corrected verdict is taken back when they are', () => {
    const rows = withHolm([judged(0.02, 'reproduced'), unjudged, unjudged]);
    expect(rows[0]).toMatchObject({ holm: { verdict: 'not distinguishable', pValue: 0.06 } });
    expect(rows[1]).toEqual(unjudged);
  });
});
