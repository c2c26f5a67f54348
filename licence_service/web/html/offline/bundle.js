// The trust bundle and its deltas (docs/offline.md): opened only with the keeper's key, compared with the digests that they name.

import { Bad, canonical, fromBase64url, inflated, numbers, pointKey, sha256, verified } from "./bytes.js";

export const LIST_BYTES = 2 ** 18; // 2**20 places of two bits
const PLACES = 2 ** 20;
const PARTS = ["issuers", "types", "rule_packs"];

export async function openedJws(text, typ, form, keeper) {
  const parts = text.trim().split(".");
  if (parts.length !== 3) throw new Bad("not a bundle");
  const json = (part) => JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(fromBase64url(part)));
  const head = json(parts[0]);
  if (head.alg !== "ES256" || head.typ !== typ || head.kid !== keeper.kid || Object.keys(head).length !== 3) throw new Bad("not a bundle of this keeper");
  const signed = new TextEncoder().encode(`${parts[0]}.${parts[1]}`);
  if (!(await verified(await pointKey(keeper.public_key), fromBase64url(parts[2]), signed))) throw new Bad("the signature is wrong");
  const said = json(parts[1]);
  if (said.format !== form) throw new Bad("of another form");
  return said;
}

function daysOf(text) {
  const found = new Map();
  const said = numbers(fromBase64url(text));
  let index = -1;
  for (let at = 0; at < said.length; at += 2) {
    index += said[at];
    if (!said[at] || index >= PLACES || at + 1 >= said.length) throw new Bad("a place that there is not");
    found.set(index, said[at + 1]);
  }
  return found;
}

// What is absent must not read as fresh, or as no conditions.
const judges = (type) => Number.isInteger(type.index) && Number.isInteger(type.freshness_hours) && type.freshness_hours > 0 && typeof type.conditions === "boolean";

const sayPurposes = (issuer) => issuer.code_keys.every(({ purposes }) => purposes === undefined || Array.isArray(purposes));

// Read a bundle: `lists` and `lapses` (last days of suspensions, since 1970-01-01) by the number of the list.
export async function readBundle(text, keeper) {
  const said = await openedJws(text, "trust-bundle+jws", "trust-bundle/1", keeper);
  if (!said.types.every(judges)) throw new Bad("a type without what it is judged by");
  if (!said.issuers.every(sayPurposes)) throw new Bad("a key whose purposes are no list");
  const lists = new Map(), lapses = new Map();
  for (const one of said.lists) {
    const places = await inflated(fromBase64url(one.lst), LIST_BYTES);
    if ((await sha256(places)) !== one.sha256) throw new Bad("a list is not the one that was signed");
    lists.set(one.number, places);
    lapses.set(one.number, daysOf(one.lapses));
  }
  const { book, as_of, signed_at, issuers, types, rule_packs } = said;
  return { book, as_of, signed_at, issuers, types, rule_packs, lists, lapses };
}

// No device goes back to an older status: what ended meanwhile would be good again. A text that is no instant is older than any.
export const isOlder = (bundle, than) => Boolean(than) && !(Date.parse(bundle.as_of) >= Date.parse(than.as_of));

// Return the bundle after a delta; a delta of anything else, or one that leads back, is refused, and the whole bundle is wanted.
export async function applyDelta(before, text, keeper) {
  const said = await openedJws(text, "trust-bundle-delta+jws", "trust-bundle-delta/1", keeper);
  if (said.since !== before.as_of || said.book !== before.book) throw new Bad("of another bundle");
  if (isOlder(said, before)) throw new Bad("it leads back to an older bundle");
  for (const name of PARTS) {
    if ((await sha256(new TextEncoder().encode(canonical(before[name])))) !== said.parts[name]) throw new Bad("more than the lists is new");
  }
  const lists = new Map(before.lists), lapses = new Map(before.lapses);
  for (const row of said.lists) {
    const was = lists.get(row.number) ?? new Uint8Array(LIST_BYTES);
    const now = Uint8Array.from(was);
    let index = -1;
    for (const number of numbers(fromBase64url(row.changes))) {
      index += Math.floor(number / 4);
      if (number < 4 || index >= PLACES) throw new Bad("a place that there is not");
      const shift = (index & 3) * 2;
      now[index >> 2] = (now[index >> 2] & ~(3 << shift)) | ((number & 3) << shift);
    }
    if ((await sha256(was)) !== row.from || (await sha256(now)) !== row.to) throw new Bad("of other lists");
    const days = new Map(lapses.get(row.number) ?? []);
    for (const [place, day] of daysOf(row.lapses)) {
      if (day) days.set(place, day);
      else days.delete(place);
    }
    lists.set(row.number, now);
    lapses.set(row.number, days);
  }
  return { ...before, as_of: said.as_of, signed_at: said.signed_at, lists, lapses };
}

// Return the status of a place (0 valid, 1 ended, 2 suspended, 3 superseded); null where the device does not know it.
export function statusAt(bundle, list, index) {
  const places = bundle.lists.get(list);
  return places && index < PLACES ? (places[index >> 2] >> ((index & 3) * 2)) & 3 : null;
}
