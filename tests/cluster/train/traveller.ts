// A rank whose tokens travel to experts and back; a thread of the test beside it.

import { parentPort, workerData } from 'node:worker_threads';
import { roadsOf } from '../../../src/cluster/experts/roads.ts';
import { float32Rows } from '../../../src/cluster/experts/row-format.ts';
import {
  fromExperts,
  gatesFromExperts,
  gatesToExperts,
  planTravel,
  toExperts,
} from '../../../src/cluster/experts/travel.ts';
import { Mailbox } from '../../../src/cluster/ranks/mailbox.ts';
import { placeOf } from '../../../src/cluster/ranks/places.ts';
import { nanoModel } from '../../train/nano.ts';

/** What a rank saw. */
export interface Traveller {
  /** Pairs of tokens and experts here. */
  readonly arrived: string[];
  /** What came back for each token. */
  readonly back: number[];
  readonly gates: number[];
  /** Sent to other nodes for the tokens themselves. */
  readonly bytesOfTokens: number;
}

const { wiring, layout, tokens, K } = workerData;
const mailbox = new Mailbox(wiring);
const { rank } = mailbox;
const config = { ...nanoModel, nRoutedExperts: 8, nGroup: 2, topkGroup: 2, numExpertsPerTok: K };
const roads = roadsOf(mailbox, placeOf(rank, layout), layout, config);
const N = tokens.length / K;
const own = Float32Array.from({ length: N }, (_, n) => 10 * rank + n + 1);

const travel = planTravel(roads, Int32Array.from(tokens), K);
const before = mailbox.sentBetweenNodes;
const here = toExperts(travel, own, 1, float32Rows);
const bytesOfTokens = mailbox.sentBetweenNodes - before;
const experts = Array.from(travel.expertOf, (e) => e + roads.firstExpert);
const back = fromExperts(
  travel,
  here.map((value, i) => value * (experts[i]! + 1)),
  1,
  float32Rows,
);
const gates = gatesToExperts(
  travel,
  Float32Array.from(tokens, (_, i) => 100 * own[Math.floor(i / K)]! + (i % K)),
);
const gatesBack = gatesFromExperts(
  travel,
  gates.map((gate) => 2 * gate),
);
const seen: Traveller = {
  arrived: experts.map((e, i) => `token ${here[i]} expert ${e}`),
  back: [...back],
  gates: [...gatesBack],
  bytesOfTokens,
};
parentPort!.postMessage(seen);
