// Bytes as they are written in codes, lists and bundles: base64url, LEB128, zlib, SHA-256, canonical JSON.

export class Bad extends Error {}

export function fromBase64url(text) {
  if (!/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) throw new Bad("not base64url");
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (one) => one.charCodeAt(0));
}

export function hex(bytes) {
  return Array.from(bytes, (one) => one.toString(16).padStart(2, "0")).join("");
}

export async function sha256(bytes) {
  return hex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}

// A zlib stream that holds exactly `size` bytes; one that holds more is not read to its end.
export async function inflated(content, size) {
  const out = new Uint8Array(size);
  const reader = new Blob([content]).stream().pipeThrough(new DecompressionStream("deflate")).getReader();
  let filled = 0;
  for (;;) {
    const { done, value } = await reader.read().catch(() => { throw new Bad("not a zlib stream"); });
    if (done) break;
    if (filled + value.length > size) {
      await reader.cancel();
      throw new Bad("more than one list");
    }
    out.set(value, filled);
    filled += value.length;
  }
  if (filled !== size) throw new Bad("not a whole list");
  return out;
}

export function numbers(bytes) {
  const found = [];
  let number = 0, shift = 0;
  for (const byte of bytes) {
    number += (byte & 0x7f) * 2 ** shift;
    shift += 7;
    if (shift > 28) throw new Bad("a number that is too large");
    if (byte < 0x80) {
      found.push(number);
      number = shift = 0;
    }
  }
  if (shift) throw new Bad("cut off");
  return found;
}

// RFC 8785 for what JSON.parse gave: JavaScript writes numbers and texts as the standard asks.
export function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  return `{${Object.keys(value).sort().map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(",")}}`;
}

const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n; // n of P-256

export function pointKey(point) {
  return crypto.subtle.importKey("raw", fromBase64url(point), { name: "ECDSA", namedCurve: "P-256" }, false, ["verify"]);
}

// ES256 with low s only, so that nobody makes a second signature out of a first one.
export async function verified(key, signature, data) {
  if (signature.length !== 64 || BigInt(`0x${hex(signature.slice(32))}`) > ORDER / 2n) return false;
  return crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, key, signature, data);
}
