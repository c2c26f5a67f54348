// The code on paper (docs/formats.md §3): an address, its digits, a COSE_Sign1 with a map of claims.

import { Bad, hex, pointKey, verified } from "./bytes.js";

const PATH = "/Q/1";
const MOST_DIGITS = 1200;
const OF_A_MOMENT = /^\/(D\/1[0-9]{1,1200}|L\/[0-9A-Z-]{1,60})$/; // shown on a screen, or lent (docs/formats.md §16, §17)
const HEAD = "8449a201260444"; // what stands before the kid

// Return the digits, and the host where the address is not ours; the host is told, never followed.
export function presented(text, book) {
  const prefix = `${book}${PATH}`.toUpperCase();
  // Other letters, too, have our letters for capitals: only ASCII can be our address.
  if (/^[\x20-\x7e]*$/.test(text) && text.toUpperCase().startsWith(prefix)) return { digits: text.slice(prefix.length), host: null };
  if (/^[0-9]+$/.test(text)) return { digits: text, host: null };
  return { digits: "", host: named(text, new URL(book).hostname) };
}

// Return the path of our own address for what is shown on a screen or lent: who else had it, and how it stands, only the register knows.
export function ofAMoment(text, book) {
  const said = text.trim().toUpperCase();
  const path = /^[\x20-\x7e]*$/.test(text) && said.startsWith(book.toUpperCase()) ? said.slice(book.length) : "";
  return OF_A_MOMENT.test(path) ? path : null;
}

// The site of an address as it may be shown; with scheme and port where it has our name and is not ours all the same.
function named(text, official) {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text) || !URL.canParse(text)) return null;
  const { hostname, host, protocol } = new URL(text);
  if (!hostname) return null;
  return (hostname === official ? `${protocol}//${host}` : hostname).slice(0, 253);
}

export function messageIn(digits) {
  if (!/^[1-9][0-9]*$/.test(digits) || digits.length > MOST_DIGITS) throw new Bad("not the digits of a code");
  let text = BigInt(digits).toString(16);
  if (text.length % 2) text = `0${text}`;
  const bytes = Uint8Array.from(text.match(/../g), (one) => parseInt(one, 16));
  if (bytes[0] !== 1) throw new Bad("not the digits of a code");
  return bytes.slice(1);
}

// Return the four bytes that name the key, in hexadecimal; null where the message does not begin as ours do.
export function kidOf(message) {
  return hex(message.slice(0, 7)) === HEAD && message.length > 11 ? hex(message.slice(7, 11)) : null;
}

// Check the signature and return the claims; `keys` are public points by kid.
export async function opened(message, keys) {
  const kid = kidOf(message);
  const size = message[13];
  if (kid === null || message[11] !== 0xa0 || message[12] !== 0x58 || size < 24 || message.length !== 14 + size + 66) throw new Bad("not one of ours");
  const payload = message.slice(14, 14 + size);
  if (message[14 + size] !== 0x58 || message[15 + size] !== 0x40) throw new Bad("not one of ours");
  const protectedHead = message.slice(2, 11);
  const signed = Uint8Array.from([0x84, 0x6a, ...new TextEncoder().encode("Signature1"), 0x49, ...protectedHead, 0x40, 0x58, size, ...payload]);
  if (!keys.has(kid) || !(await verified(await pointKey(keys.get(kid)), message.slice(16 + size), signed))) throw new Bad("the signature is wrong");
  return { kid, facts: factsIn(payload) };
}

function factsIn(payload) {
  const reader = new Reader(payload);
  const claims = reader.value();
  if (!reader.atEnd() || !(claims instanceof Map)) throw new Bad("not the claims of a licence");
  for (const key of [1, 2, 3, 4, 5, 7, 8, 9]) if (!claims.has(key)) throw new Bad("not the claims of a licence");
  const days = [claims.get(5), claims.get(6) ?? null, claims.get(11) ?? null];
  return {
    type: claims.get(1), issuer: claims.get(2), licenceId: claims.get(3), version: claims.get(4), list: claims.get(7)[0], index: claims.get(7)[1],
    compare: claims.get(9), validFrom: days[0], validTo: days[1], conditionsUntil: days[2], // days since 1970-01-01
  };
}

// As much of CBOR (RFC 8949) as the claims use: whole numbers, bytes, texts, arrays, maps.
class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }

  atEnd() {
    return this.at === this.bytes.length;
  }

  value(depth = 0) {
    const first = this.take(1)[0];
    const size = this.size(first & 31);
    if (depth > 3) throw new Bad("too deep");
    switch (first >> 5) {
      case 0: return size;
      case 1: return -1 - size;
      case 2: return this.take(size);
      case 3: return new TextDecoder("utf-8", { fatal: true }).decode(this.take(size));
      case 4: return Array.from({ length: Math.min(size, 99) }, () => this.value(depth + 1));
      case 5: return new Map(Array.from({ length: Math.min(size, 99) }, () => [this.value(depth + 1), this.value(depth + 1)]));
      default: throw new Bad("not the claims of a licence");
    }
  }

  size(said) {
    if (said < 24) return said;
    if (said > 26) throw new Bad("not the claims of a licence");
    return this.take(2 ** (said - 24)).reduce((sum, byte) => sum * 256 + byte, 0);
  }

  take(count) {
    const part = this.bytes.slice(this.at, this.at + count);
    if (part.length !== count) throw new Bad("cut off");
    this.at += count;
    return part;
  }
}
