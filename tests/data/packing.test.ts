import { describe, expect, it } from 'vitest';
import { heldOutBatches } from '../../src/data/batches.ts';
import { checkLength, countRows, createPacker, TokenStream } from '../../src/data/packing.ts';
import { UserError } from '../../src/errors.ts';

const eos = 99;
const documents = [Int32Array.of(1, 2, 3), Int32Array.of(4), Int32Array.of(5, 6)];

function packDocuments(tokens: readonly Int32Array[], eosTokenId: number, documentMask: boolean): TokenStream {
  const packer = createPacker(eosTokenId, documentMask, 100);
  for (const ids of tokens) {
    packer.begin();
    packer.add(ids.subarray(0, 1)); // documents come in pieces
    packer.add(ids.subarray(1));
    packer.end();
  }
  return packer.finish();
}

const whole = (stream: TokenStream) => stream.slice(0, stream.length);

describe('createPacker', () => {
  it('without a mask: one end token between documents and one before the first', () => {
    const stream = whole(packDocuments(documents, eos, false));
    expect(Array.from(stream.ids)).toEqual([eos, 1, 2, 3, eos, 4, eos, 5, 6, eos]);
    expect(Array.from(stream.documents)).toEqual([0, 0, 0, 0, 0, 1, 1, 2, 2, 2]);
  });

  it('with a mask: each document brings an end token at both ends, so that its first token is predicted from its own', () => {
    const stream = whole(packDocuments(documents, eos, true));
    expect(Array.from(stream.ids)).toEqual([eos, 1, 2, 3, eos, eos, 4, eos, eos, 5, 6, eos]);
    expect(Array.from(stream.documents)).toEqual([0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 2]);
  });

  it('cuts rows that overlap by one id and count documents from 0', () => {
    const stream = packDocuments(documents, eos, false);
    expect(countRows(stream, 4)).toBe(2);
    expect(Array.from(stream.slice(4, 5).ids)).toEqual([eos, 4, eos, 5, 6]);
    expect(Array.from(stream.slice(4, 5).documents)).toEqual([0, 1, 1, 2, 2]);
    expect(Array.from(stream.slice(5, 3).documents)).toEqual([0, 0, 1]);
  });

  it('says how much text a row needs', () => {
    const stream = packDocuments(documents, eos, false);
    expect(() => checkLength(stream, 9, 'x')).not.toThrow();
    expect(() => checkLength(stream, 10, 'x')).toThrow(UserError);
    expect(() => checkLength(stream, 10, 'x')).toThrow(/x has 10 training tokens, fewer than the 11 .* at most 9/);
  });
});

describe('TokenStream', () => {
  it.each([
    ['two bytes', 65_536],
    ['four bytes', 65_537],
  ])('of %s a token keeps more ids than a block has, and their documents', (_, vocabSize) => {
    const stream = new TokenStream(vocabSize);
    const last = vocabSize - 1;
    stream.beginDocument();
    for (let i = 0; i < 5; i++) stream.push(new Int32Array(1_000_003).fill(last - i));
    stream.beginDocument();
    stream.push([1, 2, 3]);
    expect(stream.length).toBe(5_000_018);
    expect(stream.slice(4_000_010, 4)).toEqual({
      ids: Int32Array.of(last - 3, last - 3, last - 4, last - 4),
      documents: new Int32Array(4),
    });
    expect(stream.slice(5_000_014, 4)).toEqual({
      ids: Int32Array.of(last - 4, 1, 2, 3),
      documents: Int32Array.of(0, 1, 1, 1),
    });
    const bytes = [...stream.blocks()].reduce((sum, { length }) => sum + length, 0);
    expect(bytes).toBe(5_000_018 * (vocabSize > 65_536 ? 4 : 2));
  });
});

describe('heldOutBatches', () => {
  const stream = packDocuments([Int32Array.from({ length: 37 }, (_, i) => i)], eos, false); // 39 ids, 38 targets

  it('guards B8: every id but the first is a target exactly once, in order, and nothing is padded', () => {
    for (const [seqLen, batchSize] of [
      [5, 3],
      [7, 2],
      [1, 11],
      [38, 2],
      [41, 3],
      [19, 1],
    ] as const) {
      const targets: number[] = [];
      for (const batch of heldOutBatches(stream, 2, seqLen, batchSize)) {
        expect(batch.ids).toHaveLength(batch.batchSize * (batch.seqLen + 1));
        expect(batch.documentIds).toHaveLength(batch.ids.length);
        expect(Array.from(batch.domains)).toEqual(new Array(batch.batchSize).fill(2));
        for (let row = 0; row < batch.batchSize; row++) {
          const start = row * (batch.seqLen + 1);
          targets.push(...batch.ids.subarray(start + 1, start + batch.seqLen + 1));
        }
      }
      expect(targets).toEqual(Array.from(whole(stream).ids.subarray(1)));
    }
  });

  it('has fewer rows, then a shorter row, at the end', () => {
    const shapes = Array.from(heldOutBatches(stream, 0, 5, 3), (batch) => [batch.batchSize, batch.seqLen]);
    expect(shapes).toEqual([
      [3, 5],
      [3, 5],
      [1, 5],
      [1, 3],
    ]);
  });

  it('stops after the batch that reaches the limit', () => {
    expect(Array.from(heldOutBatches(stream, 0, 5, 3, 16))).toHaveLength(2);
    expect(Array.from(heldOutBatches(stream, 0, 5, 3, 15))).toHaveLength(1);
  });
});
