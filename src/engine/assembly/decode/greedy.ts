// Greedy decoding of one sequence, many tokens in one call: nothing between two passes goes through JavaScript. With an
// MTP module each pass also runs the token that the module drafted.

import { decodeMain, decodeMtp } from './decode';
import { DecodeGreedy, DecodeModel, DecodeRow } from './layout';
import { largestOf } from '../shared/softmax-row';

/**
 * Runs `token` and the tokens that follow it, until `count` are chosen, into `tokens` [count]; beside each, in `drafts`,
 * what was drafted in its place, or -1. Afterwards `position`, `token`, `previous` and `mtpLength` are those of the next
 * call.
 *
 * Returns how many were chosen, or -1 where no logit is a number. With drafts that may be one less than `count`: there
 * would be no room for a draft beside the last one, and the module would fall behind.
 */
export function decodeGreedy(start: usize): i32 {
  const run = changetype<DecodeGreedy>(start);
  const vocabulary = changetype<DecodeModel>(run.main).vocabulary;
  let made = 0;
  while (made < run.count) {
    const hasRoom = run.count - made > 1;
    if (run.draft && !hasRoom && made > 0) return made;
    const draft = run.draft && hasRoom ? draftNext(run) : -1;
    mainRow(run, 0, run.token);
    if (draft >= 0) mainRow(run, 1, draft);
    decodeMain(run.main, run.rows, draft < 0 ? 1 : 2, run.logits);
    let token = mostLikely(run.logits, vocabulary);
    if (token < 0) return -1;
    choose(run, made++, token, draft);
    if (token != draft) continue;
    token = mostLikely(run.logits + ((<usize>vocabulary) << 2), vocabulary);
    if (token < 0) return -1;
    choose(run, made++, token, -1);
  }
  return made;
}

function choose(run: DecodeGreedy, index: i32, token: i32, draft: i32): void {
  store<i32>(run.tokens + (<usize>index << 2), token);
  store<i32>(run.drafts + (<usize>index << 2), draft);
  run.previous = run.token;
  run.token = token;
  run.position++;
}

/** Row `ahead` of a pass of the main model: `token`, so many positions after the last that has run. */
function mainRow(run: DecodeGreedy, ahead: i32, token: i32): void {
  const position = run.position + ahead;
  const row = rowAt(run, ahead, token, position, true);
  row.hiddenIn = 0;
  row.hiddenOut = run.hidden ? hiddenAt(run, position) : 0;
}

/** What the module predicts to follow `token`; it runs the positions that it has not seen. */
function draftNext(run: DecodeGreedy): i32 {
  const last = run.position - 1;
  const first = run.mtpLength;
  for (let position = first; position <= last; position++) {
    const isLast = position == last;
    const row = rowAt(run, position - first, isLast ? run.token : run.previous, position, isLast);
    row.hiddenIn = hiddenAt(run, position);
    row.hiddenOut = 0;
  }
  decodeMtp(run.draft, run.rows, last - first + 1, run.logits);
  run.mtpLength = run.position;
  return mostLikely(run.logits, changetype<DecodeModel>(run.draft).vocabulary);
}

function rowAt(run: DecodeGreedy, index: i32, token: i32, position: i32, wantsLogits: bool): DecodeRow {
  const row = changetype<DecodeRow>(run.rows + <usize>index * offsetof<DecodeRow>());
  row.token = token;
  row.position = position;
  row.cache = run.cache;
  row.layerBytes = run.layerBytes;
  row.wantsLogits = wantsLogits ? 1 : 0;
  return row;
}

@inline
function hiddenAt(run: DecodeGreedy, position: i32): usize {
  const width = changetype<DecodeModel>(run.main).hidden;
  return run.hidden + (<usize>((position - run.hiddenFrom) * width) << 2);
}

/** The first token with the largest logit; -1 if none is a number. */
export function mostLikely(logits: usize, size: i32): i32 {
  const largest = largestOf(logits, size);
  if (largest == -Infinity) return -1;
  let i = 0;
  while (load<f32>(logits + (<usize>i << 2)) != largest) i++;
  return i;
}
