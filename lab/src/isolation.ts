// Threads need a page that is cross-origin isolated. Where the server sends no headers for that, a service worker adds
// them, and the page is loaded again once.

const tried = 'tinyseek-lab-isolation';
const patienceMilliseconds = 3000;

/** True where the page is about to be loaded again. */
export async function isolate(): Promise<boolean> {
  if (crossOriginIsolated || !('serviceWorker' in navigator)) return false;
  try {
    if (sessionStorage.getItem(tried) !== null) return false;
    await navigator.serviceWorker.register(new URL('isolation.js', document.baseURI));
    const isReady = await Promise.race([
      navigator.serviceWorker.ready.then(() => true),
      new Promise<boolean>((resolve) => setTimeout(() => resolve(false), patienceMilliseconds)),
    ]);
    if (!isReady) return false;
    sessionStorage.setItem(tried, 'yes');
  } catch {
    return false;
  }
  location.reload();
  return true;
}
