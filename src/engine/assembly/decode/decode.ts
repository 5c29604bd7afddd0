// Passes of a decoder: a few tokens of one or more sequences through the whole model, in one call.

import { attendRows } from './attention';
import { chooseExperts, feedForward, sortByExpert } from './experts';
import { DecodeJob, DecodeLayer, DecodeModel, decodeJob } from './model';
import { product } from './product';
import { cacheRows, compressedWidth, dropUnread, embedRows, finishRows, inputNormRows, joinRows, routerRows } from './rows';

export { packPanels, panelWidth } from './product';

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
  product(job.model.joined, 2 * job.model.hidden, job.model.project, job.model.x, job.model.hidden, count, false);
  runLayer(job, job.model.layerCount, true);
  return finish(job, job.model.headNorm, logits);
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
  product(model.normed, model.hidden, layer.compress, model.compressed, compressedWidth(model), job.count, false);
  cacheRows(job);
  if (isLast) dropUnread(job);
  const count = job.count;
  if (count == 0) return;
  attendRows(job);
  product(model.values, model.heads * model.value, layer.output, model.x, model.hidden, count, true);
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
  if (wanted) product(model.normed, model.hidden, model.head, logits, model.vocabulary, wanted, false);
  return wanted;
}
