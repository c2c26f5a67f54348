// The server's time, signed for one question alone (docs/offline.md): by how much the device's clock is wrong (SH-05).

import { Bad } from "./bytes.js";
import { openedJws } from "./bundle.js";

const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/;
const LONGEST = 60; // seconds between question and answer: a slower answer says too little of the clock

// Read a time that was signed for this book and nonce, in seconds since 1970; an older answer is refused.
export async function readTime(text, keeper, book, nonce) {
  const said = await openedJws(text, "server-time+jws", "server-time/1", keeper);
  const at = INSTANT.test(said.time) ? Date.parse(said.time) / 1000 : NaN;
  if (said.book !== book || said.nonce !== nonce || !Number.isFinite(at)) throw new Bad("a time that was signed for another question");
  return at;
}

// Ask for the time (`ask` gets a nonce and gives the answer's text); return how many seconds the device's clock is ahead.
export async function clockAhead(ask, keeper, book) {
  const drawn = String.fromCharCode(...crypto.getRandomValues(new Uint8Array(16)));
  const nonce = btoa(drawn).replaceAll("+", "-").replaceAll("/", "_").slice(0, 22);
  const before = Date.now() / 1000;
  const text = await ask(nonce);
  const after = Date.now() / 1000;
  const server = await readTime(text, keeper, book, nonce);
  if (!(after >= before && after - before <= LONGEST)) throw new Bad("too slow, or the clock was moved meanwhile");
  return (before + after) / 2 - server;
}
