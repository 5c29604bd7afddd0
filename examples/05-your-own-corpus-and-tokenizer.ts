// Example 5: from a folder of text files to batches, with a tokenizer trained on them.
//
// It teaches the way of text into a model: files become documents, documents become tokens, and tokens are packed into
// rows of equal length with an end token after each document. Some documents are held out for evaluation; neither the
// model nor the tokenizer is trained on those.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDataset } from 'tinyseek';

const tmp = mkdtempSync(join(tmpdir(), 'tinyseek-'));
const folder = join(tmp, 'sea-stories');
mkdirSync(folder);
const starts = ['The tide comes in', 'The ship sets sail', 'The whale dives deep', 'The anchor is weighed'];
const ends = ['under a clear sky', 'while the wind is rising', 'before the storm', 'as the rain stops'];
const stories = starts.flatMap((start) => ends.map((end) => `${start} ${end}.\nNobody on the shore is watching.\n`));
for (const [i, story] of stories.entries()) writeFileSync(join(folder, `${i}.txt`), story);

const dataset = await createDataset({
  data: folder,
  tokenizer: 'bpe:300', // 256 bytes, five special tokens, 39 merges of frequent neighbours
  seqLen: 48,
  seed: 0,
  heldOutFraction: 0.2,
  cacheDir: null,
});
const { tokenizer } = dataset;
console.log(`domain ${dataset.domains.join()}: ${dataset.trainTokens} tokens to train on`);

const learned = Array.from({ length: tokenizer.vocabSize }, (_, id) => id).filter((id) => tokenizer.byteLength(id) > 1);
console.log(`\n${learned.length} tokens of more than one byte, in the order they were learned:`);
console.log(learned.map((id) => JSON.stringify(tokenizer.decode([id]))).join(' '));

console.log(
  '\nText like the corpus needs fewer tokens. Any text survives, even a letter whose bytes become two tokens (�):',
);
for (const text of ['The whale dives before the storm.', 'Llamas prefer dry hay!', 'naïve ☂ 鯨']) {
  const ids = tokenizer.encode(text);
  const bytesPerToken = (Buffer.byteLength(text) / ids.length).toFixed(2);
  const roundTrip = tokenizer.decode(ids) === text ? 'same again' : 'LOST';
  const pieces = Array.from(ids, (id) => tokenizer.decode([id])).join('|');
  console.log(`  ${bytesPerToken} bytes per token, ${roundTrip}: ${pieces}`);
}

const { ids, documentIds, batchSize, seqLen } = dataset.trainBatch(0, 3);
console.log(
  `\nA batch has ${batchSize} rows of ${seqLen} tokens, and one token more that is only a label. By document:`,
);
for (let row = 0; row < batchSize; row++) {
  const [from, to] = [row * (seqLen + 1), (row + 1) * (seqLen + 1)];
  const [rowIds, rowDocuments] = [ids.subarray(from, to), documentIds.subarray(from, to)];
  for (const document of new Set(rowDocuments)) {
    const tokens = rowIds.filter((_, i) => rowDocuments[i] === document);
    const end = tokens.some((id) => id === tokenizer.eosTokenId) ? ' <end>' : '';
    console.log(`  row ${row}, document ${document}: ${JSON.stringify(tokenizer.decode(tokens))}${end}`);
  }
}

console.log('\nHeld out:');
console.log(dataset.heldOutText(0).trimEnd().replaceAll(/^/gm, '  '));
rmSync(tmp, { recursive: true });

console.log('\nNext: point `data` at a folder of yours, or at several sources with weights: `notes:2,moby-dick:1`.');
