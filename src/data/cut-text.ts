// Where a text is best cut in two, near a given place.

/** What lies around a piece of a text: the two parts must not be blank. */
interface Around {
  readonly hasBefore: boolean;
  readonly hasAfter: boolean;
}

/** A part of the length behind the cut that the cut may be away from its target. */
const tolerance = 0.25;

/**
 * The end of the paragraph nearest to `target`; of the line, the word or the character where no paragraph, line or word
 * ends near enough: within a quarter of `restLength`, the length of all that follows the target.
 */
export function cutText(text: string, target: number, restLength: number, around: Around): number {
  for (const separator of [/\n\s*\n/g, /\n/g, /\s/g]) {
    const end = nearestEnd(text, separator, target, around);
    if (end !== undefined && Math.abs(end - target) <= tolerance * restLength) return end;
  }
  return nearestEnd(text, /[^\uD800-\uDBFF]/g, target, around) ?? target;
}

/** The end of a separator nearest to the target, with text on both sides of it; undefined if there is none. */
function nearestEnd(text: string, separator: RegExp, target: number, around: Around): number | undefined {
  let best: number | undefined;
  for (const match of text.matchAll(separator)) {
    const end = match.index + match[0].length;
    if (best !== undefined && Math.abs(end - target) >= Math.abs(best - target)) {
      if (end > target) break;
      continue;
    }
    const isInside =
      (around.hasBefore || text.slice(0, end).trim() !== '') && (around.hasAfter || text.slice(end).trim() !== '');
    if (isInside) best = end;
  }
  return best;
}
