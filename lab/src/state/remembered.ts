// Short texts that the browser remembers for the page. Where it keeps nothing for a page, nothing is remembered.

export function remembered(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

export function remember(key: string, text: string): void {
  try {
    localStorage.setItem(key, text);
  } catch {
    // The page goes on without it.
  }
}
