// Threads need a page that is cross-origin isolated. Where the server sends no headers for that, a service worker adds
// them, and the page is loaded again once.

const tried = 'tinyseek-lab-isolation';

/** True where the page is about to be loaded again. */
export async function isolate(): Promise<boolean> {
  if (crossOriginIsolated || !('serviceWorker' in navigator) || sessionStorage.getItem(tried) !== null) return false;
  try {
    await navigator.serviceWorker.register(new URL('isolation.js', document.baseURI));
    await navigator.serviceWorker.ready;
  } catch {
    return false;
  }
  sessionStorage.setItem(tried, 'yes');
  location.reload();
  return true;
}
