// Keeps the page itself, so that it opens without network. Bundles lie in IndexedDB and are fetched by the page; a signed time is kept nowhere.

const NAME = "offline-page-2";
const CORE = ["./", "app.js", "bytes.js", "code.js", "bundle.js", "time.js", "check.js", "store.js", "scan.js", "offline.css", "manifest.json", "words.json", "/style.css"];
const READER = ["zxing/reader/index.js", "zxing/share.js", "zxing/zxing_reader.wasm"];

self.addEventListener("install", (event) => {
  const filled = caches.open(NAME).then(async (cache) => {
    await cache.addAll(CORE);
    await cache.addAll(READER).catch(() => null); // a server without the reader still serves a page to paste into
  });
  event.waitUntil(filled.then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const others = caches.keys().then((names) => Promise.all(names.filter((name) => name !== NAME).map((name) => caches.delete(name))));
  event.waitUntil(others.then(() => self.clients.claim()));
});

// What is kept is answered at once and renewed beside, so that the next opening has it new.
self.addEventListener("fetch", (event) => {
  const address = new URL(event.request.url);
  const ours = [...CORE, ...READER].map((name) => new URL(name, self.registration.scope).pathname);
  if (event.request.method !== "GET" || address.origin !== self.location.origin || !ours.includes(address.pathname)) return;
  event.respondWith((async () => {
    const cache = await caches.open(NAME);
    const held = await cache.match(event.request, { ignoreSearch: true });
    const renewed = fetch(event.request).then((answer) => {
      if (answer.ok) cache.put(event.request, answer.clone());
      return answer;
    });
    if (!held) return renewed;
    event.waitUntil(renewed.catch(() => null));
    return held;
  })());
});
