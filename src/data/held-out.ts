// Which text is kept out of training: whole documents, and where those do not add up to the share, the end of a long
// one.

import { cutText } from './cut-text.ts';
import type { DocumentSource } from './documents.ts';
import { NumberList } from './number-list.ts';
import type { Piece } from './pieces.ts';
import { startHash32 } from './random.ts';
import type { Remarks } from './remarks.ts';

export interface HeldOutSplit {
  readonly train: DocumentSource;
  readonly heldOut: DocumentSource;
  /** Characters of the held-out text, or its tokens if the documents are token ids. */
  readonly heldOutLength: number;
  /** Characters, or tokens, of all documents. */
  readonly length: number;
}

/** What a first reading finds of each document, in order. Corpora have millions of them: numbers, not objects. */
interface Survey {
  readonly hashes: Float64Array;
  readonly lengths: Float64Array;
}

/** A document whose end is held out, and where that begins. */
interface Cut {
  readonly target: number;
  readonly length: number;
}

/** What becomes of documents with a hash; those with another one are for training. */
interface Plan {
  readonly heldOut: ReadonlySet<number>;
  /** Null if no document is cut. */
  readonly cut: (Cut & { readonly hash: number }) | null;
}

const sideOf = { training: 0, heldOut: 1, both: 2 } as const;

/** What becomes of each document, in order. */
interface Sides {
  readonly sides: Uint8Array;
  /** Of the documents that are on both sides, which are all equal; null if there are none. */
  readonly cut: Cut | null;
}

/** A share of the asked length that may be missing before a document is cut to fill it. */
const tolerance = 0.2;

/**
 * Splits documents by a seeded hash of their text or ids, so that equal documents land on the same side.
 *
 * In the order of their hashes, documents are held out while they fit into `fraction` of the length. If more than a
 * fifth of that is missing then, because documents are few or of very different lengths, the longest of the others is
 * cut, and its end is held out: a text at the paragraph nearest to the right length, or else at a line, a word or a
 * character.
 *
 * Reads all documents once; what it finds worth knowing is added to `remarks`.
 */
export async function splitHeldOut(
  source: DocumentSource,
  fraction: number,
  seed: number,
  { remarks, onRead }: { readonly remarks?: Remarks; readonly onRead?: (length: number) => Promise<void> } = {},
): Promise<HeldOutSplit> {
  const { sides, lengths } = divide(await surveyDocuments(source, seed, remarks, onRead), fraction);
  const side = (isHeldOut: boolean): DocumentSource => ({
    isTokenised: source.isTokenised,
    read: () => readSide(source, sides, isHeldOut),
  });
  return { train: side(false), heldOut: side(true), ...lengths };
}

/** Keeps one byte of each document; the survey can go. */
function divide(survey: Survey, fraction: number): { readonly sides: Sides; readonly lengths: Lengths } {
  const plan = planSplit(survey, fraction);
  const sides = new Uint8Array(survey.hashes.length);
  for (const [document, hash] of survey.hashes.entries()) {
    if (plan.heldOut.has(hash)) sides[document] = sideOf.heldOut;
    else if (hash === plan.cut?.hash) sides[document] = sideOf.both;
  }
  return { sides: { sides, cut: plan.cut }, lengths: measure(survey, { sides, cut: plan.cut }) };
}

async function surveyDocuments(
  source: DocumentSource,
  seed: number,
  remarks: Remarks | undefined,
  onRead: ((length: number) => Promise<void>) | undefined,
): Promise<Survey> {
  const hashes = new NumberList();
  const lengths = new NumberList();
  let hash = startHash32();
  let length = 0;
  const endDocument = () => {
    if (length === 0) return;
    hashes.push(hash.finish());
    lengths.push(length);
  };
  for await (const { content, isStart } of source.read(remarks)) {
    if (isStart) {
      endDocument();
      hash = startHash32(seed, 'held-out', '');
      length = 0;
    }
    hash.add(typeof content === 'string' ? content : content.join(' '));
    length += content.length;
    await onRead?.(content.length);
  }
  endDocument();
  return { hashes: hashes.toArray(), lengths: lengths.toArray() };
}

/** The first of each kind of equal documents, in the order of their hashes. */
function distinctDocuments({ hashes }: Survey): Uint32Array {
  const order = new Uint32Array(hashes.length).map((_, document) => document);
  order.sort((a, b) => hashes[a]! - hashes[b]! || a - b);
  return order.filter((document, i) => i === 0 || hashes[document] !== hashes[order[i - 1]!]);
}

function planSplit(survey: Survey, fraction: number): Plan {
  const { hashes, lengths } = survey;
  const documents = distinctDocuments(survey);
  const share = fraction * documents.reduce((sum, document) => sum + lengths[document]!, 0);
  let missing = share;
  const heldOut = new Set<number>();
  for (const document of documents) {
    if (lengths[document]! > missing || heldOut.size === documents.length - 1) continue;
    heldOut.add(hashes[document]!);
    missing -= lengths[document]!;
  }
  if (missing <= tolerance * share) return { heldOut, cut: null };
  const longest = documents
    .filter((document) => !heldOut.has(hashes[document]!))
    .reduce((a, b) => (lengths[b]! > lengths[a]! || (lengths[b] === lengths[a] && b < a) ? b : a));
  const length = lengths[longest]!;
  const target = Math.max(1, length - Math.max(1, Math.round(missing)));
  return { heldOut, cut: length < 2 ? null : { hash: hashes[longest]!, target, length } };
}

type Lengths = Pick<HeldOutSplit, 'heldOutLength' | 'length'>;

function measure({ lengths }: Survey, { sides, cut }: Sides): Lengths {
  let [heldOutLength, total] = [0, 0];
  for (const [document, length] of lengths.entries()) {
    total += length;
    if (sides[document] === sideOf.heldOut) heldOutLength += length;
    else if (sides[document] === sideOf.both) heldOutLength += length - cut!.target;
  }
  return { heldOutLength, length: total };
}

async function* readSide(source: DocumentSource, { sides, cut }: Sides, isHeldOut: boolean): AsyncGenerator<Piece> {
  let document = -1;
  let offset = 0;
  for await (const piece of source.read()) {
    if (piece.isStart) {
      document++;
      offset = 0;
    }
    const side = sides[document];
    if (side === sideOf.both) yield* partOf(piece, offset, cut!, isHeldOut);
    else if ((side === sideOf.heldOut) === isHeldOut) yield piece;
    offset += piece.content.length;
  }
}

/** The part of a piece of the document that is cut, `offset` characters after its beginning. */
function partOf({ content, isStart }: Piece, offset: number, { target, length }: Cut, isHeldOut: boolean): Piece[] {
  const end = offset + content.length;
  if (target >= end) return isHeldOut ? [] : [{ content, isStart }];
  if (target <= offset) return isHeldOut ? [{ content, isStart: target === offset }] : [];
  const at =
    typeof content === 'string'
      ? cutText(content, target - offset, length - target, { hasBefore: !isStart, hasAfter: end < length })
      : target - offset;
  return isHeldOut ? [{ content: content.slice(at), isStart: true }] : [{ content: content.slice(0, at), isStart }];
}
