// What a pass knows of its rows, and what it does with each of them outside of its layers.
// Shape legend: N rows, D hiddenSize, M positions that a sequence has room for.

import { sumOverLanes } from '../kernels/reduce.ts';
import type { Program } from '../program.ts';

/** Words of a row in the table of a pass: token, position, sequence, and 1 if its hidden state is to be kept. */
export const rowWords = 4;

const lanes = 64;

/** x = the embeddings of the tokens. */
export const embedRows = (D: number, vocabSize: number): Program => ({
  name: `Decode embed ${D} ${vocabSize}`,
  tensors: { rows: 'u32', embedding: 'f32', x: 'f32' },
  numbers: {},
  workgroupSize: lanes,
  code: `  let start = min(rows[group * ${rowWords}u], ${vocabSize - 1}u) * ${D}u;
  for (var i = lane; i < ${D}u; i += ${lanes}u) { x[group * ${D}u + i] = embedding[start + i]; }`,
});

/** What the MTP module's projection reads: [N, 2D], the normed embedding and the normed hidden state of each row. */
export const joinRows = (D: number, vocabSize: number, eps: number, embeddingFirst: boolean): Program => ({
  name: `Decode join ${D} ${vocabSize} ${eps} ${embeddingFirst}`,
  tensors: { rows: 'u32', embedding: 'f32', hidden: 'f32', embeddingGain: 'f32', hiddenGain: 'f32', joined: 'f32' },
  numbers: { M: 'u32' },
  workgroupSize: lanes,
  declarations: sumOverLanes(lanes),
  code: `  let row = group * ${rowWords}u;
  let token = min(rows[row], ${vocabSize - 1}u) * ${D}u;
  let state = (rows[row + 2u] * u.M + rows[row + 1u]) * ${D}u;
  var squares = vec2f(0.0);
  for (var i = lane; i < ${D}u; i += ${lanes}u) {
    let both = vec2f(embedding[token + i], hidden[state + i]);
    squares += both * both;
  }
  let a = 1.0 / sqrt(sumOverLanes(squares.x, lane) / ${D}.0 + ${eps});
  let b = 1.0 / sqrt(sumOverLanes(squares.y, lane) / ${D}.0 + ${eps});
  for (var i = lane; i < ${D}u; i += ${lanes}u) {
    let to = group * ${2 * D}u + i;
    joined[to + ${embeddingFirst ? 0 : D}u] = embedding[token + i] * a * embeddingGain[i];
    joined[to + ${embeddingFirst ? D : 0}u] = hidden[state + i] * b * hiddenGain[i];
  }`,
});

/**
 * Keeps hidden states of rows from `first` on, `shift` positions after their own: the output of the last layer, or what
 * the norm makes of it.
 */
export const keepHidden = (D: number, eps: number, isNormed: boolean): Program => ({
  name: `Decode keep ${D} ${eps} ${isNormed}`,
  tensors: { rows: 'u32', x: 'f32', gain: 'f32', hidden: 'f32' },
  numbers: { M: 'u32', first: 'u32', shift: 'u32' },
  workgroupSize: lanes,
  declarations: sumOverLanes(lanes),
  code: `  let start = (u.first + group) * ${D}u;
  let row = (u.first + group) * ${rowWords}u;
  var squares = 0.0;
  for (var i = lane; i < ${D}u; i += ${lanes}u) { squares += x[start + i] * x[start + i]; }
  let scale = 1.0 / sqrt(sumOverLanes(squares, lane) / ${D}.0 + ${eps});
  if (rows[row + 3u] == 1u) {
    let to = (rows[row + 2u] * u.M + rows[row + 1u] + u.shift) * ${D}u;
    for (var i = lane; i < ${D}u; i += ${lanes}u) {
      hidden[to + i] = x[start + i]${isNormed ? ' * scale * gain[i]' : ''};
    }
  }`,
});

/** Copies rows of sequences, of which one and the other have other lengths. */
export const copySequences: Program = {
  name: 'Decode copy sequences',
  tensors: { source: 'f32', copied: 'f32' },
  numbers: { size: 'u32', length: 'u32', step: 'u32' },
  workgroupSize: 256,
  code: `  let i = group * 256u + lane;
  if (i < u.size) { copied[(i / u.length) * u.step + i % u.length] = source[i]; }`,
};

/** Copies the first numbers of a sequence to another one. */
export const copySequence: Program = {
  name: 'Decode copy sequence',
  tensors: { all: 'f32' },
  numbers: { size: 'u32', source: 'u32', goal: 'u32' },
  workgroupSize: 256,
  code: `  let i = group * 256u + lane;
  if (i < u.size) { all[u.goal + i] = all[u.source + i]; }`,
};
