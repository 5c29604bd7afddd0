/** Of a corpus the page reads as much, in characters: enough for a short run, and tokenised within seconds. */
const mostCharacters = 1_250_000;

/** The documents of a corpus that the page reads. The build puts no more of it beside the page. */
export function beginningOf(documents: readonly string[]): string[] {
  let characters = 0;
  return documents.filter((text) => {
    const isRead = characters < mostCharacters;
    characters += text.length;
    return isRead;
  });
}
