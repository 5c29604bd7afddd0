// Passes of a decoder: a few tokens of one or more sequences through the whole model, in one call.

import { attendRows } from './attention';
import { chooseExperts, feedForward, sortByExpert } from './experts';
import { DecodeJob, DecodeLayer, DecodeModel, decodeJob } from './model';
import { product } from './product';
import { cacheRows, compressedWidth, dropUnread, embedRows, finishRows, inputNormRows, joinRows, routerRows } from './rows';

export { drawTokens } from './draw';
export { blockScales, packNarrow } from './pack-narrow';
export { packPanels, panelWidth } from './product';
export { packedBytes } from './weights';

/**
 * Runs rows (`DecodeRow`, `count` of them) through the main model. The rows of a sequence are in order of their
 * positions.
 *
 * Returns how many rows wanted logits; they are in `logits` [wanted, vocabulary].
 */
export function decodeMain(model: usize, rows: usize, count: i32, logits: usize): i32 {
  const job = begin(model, rows, count);
  embedRows(job);
  const last = job.model.layerCount - 1;
  for (let layer = 0; layer <= last; layer++) runLayer(job, layer, layer == last);
  return finish(job, job.model.norm, logits);
}

/** The same with the MTP module: a row reads the hidden state at `hiddenIn` and the token that follows it. */
export function decodeMtp(model: usize, rows: usize, count: i32, logits: usize): i32 {
  const job = begin(model, rows, count);
  joinRows(job);
  projectRows(job);
  runLayer(job, job.model.layerCount, true);
  return finish(job, job.model.headNorm, logits);
}

/** x = the projection of `joined`. */
function projectRows(job: DecodeJob): void {
  const model = job.model;
  product(model.joined, 2 * model.hidden, model.project, model.plainFormat, model.x, model.hidden, job.count, false);
}

function begin(model: usize, rows: usize, count: i32): DecodeJob {
  const job = decodeJob();
  job.model = changetype<DecodeModel>(model);
  job.rows = rows;
  job.count = count;
  return job;
}

/**
 * x = the output of a layer, whose entries of the cache it writes. Behind the last layer only what is read is computed.
 */
function runLayer(job: DecodeJob, index: i32, isLast: bool): void {
  const model = job.model;
  const rows = job.rows;
  const layer = changetype<DecodeLayer>(model.layers + <usize>index * offsetof<DecodeLayer>());
  job.layer = layer;
  job.layerIndex = index;
  inputNormRows(job);
  const width = compressedWidth(model);
  product(model.normed, model.hidden, layer.compress, model.format, model.compressed, width, job.count, false);
  cacheRows(job);
  if (isLast) dropUnread(job);
  const count = job.count;
  if (count == 0) return;
  attendRows(job);
  const inputs = model.heads * model.value;
  product(model.values, inputs, layer.output, model.format, model.x, model.hidden, count, true);
  routerRows(job);
  let busy = 0;
  if (layer.router) {
    chooseExperts(model, layer, count);
    busy = sortByExpert(model, count);
    begin(changetype<usize>(model), rows, count);
    job.layer = layer;
    job.layerIndex = index;
  }
  feedForward(job, busy);
}

function finish(job: DecodeJob, norm: usize, logits: usize): i32 {
  const model = job.model;
  const wanted = finishRows(job, norm);
  if (wanted) {
    product(model.normed, model.hidden, model.head, model.plainFormat, logits, model.vocabulary, wanted, false);
  }
  return wanted;
}
