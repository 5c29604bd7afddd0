// Which text is kept out of training: whole documents, and where those do not add up to the share, the end of a long
// one.

import { cutText } from './cut-text.ts';
import type { DocumentSource } from './documents.ts';
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

/** What a first reading finds. */
interface Survey {
  /** The hash of each document, in order. */
  readonly hashes: readonly number[];
  /** The length of each document, by hash: equal documents have one entry. */
  readonly lengths: ReadonlyMap<number, number>;
}

/** What becomes of the documents, by hash: those of neither kind are for training. */
interface Plan {
  readonly heldOut: ReadonlySet<number>;
  /** The document whose end is held out, and where that begins; null if none is cut. */
  readonly cut: { readonly hash: number; readonly target: number; readonly length: number } | null;
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
  const survey = await surveyDocuments(source, seed, remarks, onRead);
  const plan = planSplit(survey, fraction);
  const side = (isHeldOut: boolean): DocumentSource => ({
    isTokenised: source.isTokenised,
    read: () => readSide(source, survey.hashes, plan, isHeldOut),
  });
  return { train: side(false), heldOut: side(true), ...measure(survey, plan) };
}

async function surveyDocuments(
  source: DocumentSource,
  seed: number,
  remarks: Remarks | undefined,
  onRead: ((length: number) => Promise<void>) | undefined,
): Promise<Survey> {
  const hashes: number[] = [];
  const lengths = new Map<number, number>();
  let hash = startHash32();
  let length = 0;
  const endDocument = () => {
    if (length === 0) return;
    const key = hash.finish();
    hashes.push(key);
    if (!lengths.has(key)) lengths.set(key, length);
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
  return { hashes, lengths };
}

function planSplit({ lengths }: Survey, fraction: number): Plan {
  const inOrder = [...lengths].sort(([a], [b]) => a - b);
  const share = fraction * inOrder.reduce((sum, [, length]) => sum + length, 0);
  let missing = share;
  const heldOut = new Set<number>();
  for (const [hash, length] of inOrder) {
    if (length > missing || heldOut.size === lengths.size - 1) continue;
    heldOut.add(hash);
    missing -= length;
  }
  if (missing <= tolerance * share) return { heldOut, cut: null };
  const others = [...lengths].filter(([hash]) => !heldOut.has(hash));
  const [hash, length] = others.reduce((a, b) => (b[1] > a[1] ? b : a), others[0]!);
  const wanted = Math.max(1, Math.round(missing));
  return { heldOut, cut: length < 2 ? null : { hash, target: Math.max(1, length - wanted), length } };
}

function measure({ hashes, lengths }: Survey, { heldOut, cut }: Plan): { heldOutLength: number; length: number } {
  const heldOutOf = (hash: number) => {
    if (heldOut.has(hash)) return lengths.get(hash)!;
    return hash === cut?.hash ? cut.length - cut.target : 0;
  };
  return {
    heldOutLength: hashes.reduce((sum, hash) => sum + heldOutOf(hash), 0),
    length: hashes.reduce((sum, hash) => sum + lengths.get(hash)!, 0),
  };
}

async function* readSide(
  source: DocumentSource,
  hashes: readonly number[],
  { heldOut, cut }: Plan,
  isHeldOut: boolean,
): AsyncGenerator<Piece> {
  let document = -1;
  let offset = 0;
  for await (const piece of source.read()) {
    if (piece.isStart) {
      document++;
      offset = 0;
    }
    const hash = hashes[document]!;
    if (hash === cut?.hash) yield* partOf(piece, offset, cut, isHeldOut);
    else if (heldOut.has(hash) === isHeldOut) yield piece;
    offset += piece.content.length;
  }
}

/** The part of a piece of the document that is cut, `offset` characters after its beginning. */
function partOf(
  { content, isStart }: Piece,
  offset: number,
  { target, length }: { readonly target: number; readonly length: number },
  isHeldOut: boolean,
): Piece[] {
  const end = offset + content.length;
  if (target >= end) return isHeldOut ? [] : [{ content, isStart }];
  if (target <= offset) return isHeldOut ? [{ content, isStart: target === offset }] : [];
  const at =
    typeof content === 'string'
      ? cutText(content, target - offset, length - target, { hasBefore: !isStart, hasAfter: end < length })
      : target - offset;
  return isHeldOut ? [{ content: content.slice(at), isStart: true }] : [{ content: content.slice(0, at), isStart }];
}
