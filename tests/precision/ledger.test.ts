import { describe, expect, it } from 'vitest';
import { parameterShapes } from '../../src/config/parameter-shapes.ts';
import { byteLedger, ledgerTotal } from '../../src/precision/ledger.ts';
import { smallConfig } from '../model/small-model.ts';

const rows = byteLedger(smallConfig, 101);
const [quantized, other, master, gradients, moments, inputs, kept] = rows;

describe('byteLedger', () => {
  it('has every parameter once, those of embedding, head, router, norms and eh_proj not in 8 bits', () => {
    const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
    const all = parameterShapes(smallConfig).reduce((total, { shape }) => total + size(shape), 0);
    expect(quantized!.elements + other!.elements).toBe(all);
    // Counted by hand. Attention of 4 blocks: 13*19 + 33*13 + 17*19 + 66*11 + 19*51; one dense layer: 3*19*23; three
    // MoE layers: 12 experts and one shared one of 3*19*7.
    expect(quantized!.elements).toBe(4 * (247 + 429 + 323 + 726 + 969) + 1311 + 3 * 13 * 399);
    expect([master, gradients].map((row) => row!.elements)).toEqual([all, all]);
    expect(moments!.elements).toBe(2 * all);
  });

  it('counts what a token leaves in each layer', () => {
    // D 19, q 13, C 11, H*V 51; then the input of the feed-forward, and dense 2*23, or 4*(19+14) routed and 14 shared.
    const attention = 19 + 13 + 11 + 51 + 19;
    expect(inputs!.elements).toBe(101 * (4 * attention + 46 + 3 * (4 * 33 + 14)));
    expect(kept!.elements).toBe(101 * 4 * (33 + 66 + 6 + 38));
  });

  it('says what 8 bits save: 37.5 % of cached inputs with a scale for 16 of them, half of the moments', () => {
    expect(inputs!.bytes.fp8 / inputs!.bytes.bfloat16).toBe(0.625); // the report's tiles of 128: 0.516
    expect(moments!.bytes.fp8 / moments!.bytes.float32).toBe(0.5);
    expect(ledgerTotal(rows, 'fp8')).toBeLessThan(ledgerTotal(rows, 'bfloat16'));
  });
});
