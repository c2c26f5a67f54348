// The judgement: a bundle, a code and a clock become five answers. The twin of licence_service/offline.py, which says why.

import { Bad } from "./bytes.js";
import { statusAt } from "./bundle.js";
import { kidOf, messageIn, opened, presented } from "./code.js";

const ALLOWANCE = 5 * 60; // seconds that a clock may be wrong by
const QUESTIONS = ["authentic", "current", "in_force", "conditions", "shown"];
const [INVALID, SUSPENDED, SUPERSEDED] = [1, 2, 3];

const say = (no, name, question, result, ...reasons) => ({ no, name, question, result, reasons });
const seal = (result, ...reasons) => say(2, "seal", "authentic", result, ...reasons);
const seconds = (text) => Date.parse(text) / 1000;
const beijingDay = (at) => Math.floor((at + 8 * 3600) / 86400); // since 1970-01-01
const forLicences = ({ purposes }) => purposes === undefined || purposes.includes("licence"); // a key that names none is for all (SE-04)
const isoDay = (day) => (day === null ? null : new Date(day * 86400e3).toISOString().slice(0, 10));

// `at` is the device's clock in seconds since 1970, `serverTime` one that the server signed just now, where there is one.
export async function check(text, bundle, at, serverTime = null) {
  const clock = { at, day: beijingDay(at), wrongBy: wrongBy(at, bundle, serverTime) };
  const { digits, host } = presented(text.trim(), bundle.book);
  if (host !== null) return verdict(bundle, clock, [seal("no", "foreign-host")], { host });
  const keys = new Map(bundle.issuers.flatMap((one) => one.code_keys.filter(forLicences).map((key) => [key.kid, key.public_key])));
  let found;
  try {
    const message = messageIn(digits);
    const kid = kidOf(message);
    if (kid !== null && !keys.has(kid)) return verdict(bundle, clock, [seal("unknown", "key-not-listed")]);
    found = await opened(message, keys);
  } catch (bad) {
    if (bad instanceof Bad || bad instanceof TypeError) return verdict(bundle, clock, [seal("no", "code-not-genuine")]);
    throw bad;
  }
  const { kid, facts } = found;
  const issuer = bundle.issuers.find((one) => one.index === facts.issuer);
  if (!issuer || !issuer.code_keys.some((one) => one.kid === kid)) return verdict(bundle, clock, [seal("no", "code-at-odds")]);
  const type = bundle.types.find((one) => one.index === facts.type) ?? null;
  const stale = type === null || age(bundle, clock) > type.freshness_hours * 3600;
  const genuine = seal("yes", "code-genuine", ...(issuer.specimen ? ["specimen"] : []));
  return verdict(bundle, clock, [genuine, ...checks(facts, bundle, clock, type, stale)], { stale, licence: licence(facts, bundle, issuer, type) });
}

function wrongBy(at, bundle, serverTime) {
  if (serverTime !== null && Math.abs(at - serverTime) > ALLOWANCE) return Math.trunc(at - serverTime);
  const signed = seconds(bundle.signed_at);
  return at < signed - ALLOWANCE ? Math.trunc(at - signed) : null;
}

// By the right time where the clock is known to be wrong.
const age = (bundle, clock) => Math.max(clock.at - (clock.wrongBy ?? 0) - seconds(bundle.as_of), 0);

function checks(facts, bundle, clock, type, stale) {
  const doubt = clock.wrongBy !== null ? "clock-error" : stale ? "status-stale" : null;
  const status = statusAt(bundle, facts.list, facts.index);
  const last = bundle.lapses.get(facts.list)?.get(facts.index) ?? null;
  const said = [version(status, doubt), right(status, last, clock, doubt), dates(facts, clock)];
  return [...said, conditions(facts, type, clock, said.some((one) => one.result === "no"))];
}

function version(status, doubt) {
  const current = (result, ...reasons) => say(4, "version", "current", result, ...reasons);
  if (status === null) return current("unknown", "status-absent");
  if (status === SUPERSEDED) return current("no", "listed-superseded"); // by a newer version, or reported lost
  if (status === INVALID) return current("not_asked");
  return doubt ? current("unknown", doubt) : current("yes", "current-version");
}

function right(status, last, clock, doubt) {
  const force = (result, ...reasons) => say(5, "right", "in_force", result, ...reasons);
  if (status === null) return force("unknown", "status-absent");
  if (status === INVALID) return force("no", "listed-invalid");
  if (status === SUPERSEDED) return force("unknown", "ask-newer-version");
  const lapsed = status === SUSPENDED && last !== null && clock.day > last && clock.wrongBy === null;
  const said = lapsed ? ["suspension-lapsed"] : status === SUSPENDED ? ["suspended"] : [];
  if (doubt) return force("unknown", ...said, doubt);
  return status === SUSPENDED && !lapsed ? force("no", ...said) : force("yes", ...said, "in-force");
}

function dates(facts, clock) {
  const day = (result, reason) => say(6, "dates", "in_force", result, reason);
  if (clock.wrongBy !== null) return day("unknown", "clock-error");
  if (clock.day < facts.validFrom) return day("no", "pending-effect");
  if (facts.validTo !== null && clock.day > facts.validTo) return day("no", "expired");
  return day("yes", "within-dates");
}

function conditions(facts, type, clock, over) {
  const met = (result, ...reasons) => say(7, "conditions", "conditions", result, ...reasons);
  if (over) return met("not_asked");
  if (facts.conditionsUntil !== null) {
    if (clock.wrongBy !== null) return met("unknown", "clock-error");
    return clock.day > facts.conditionsUntil ? met("no", "condition-overdue") : met("yes", "condition-date-ahead");
  }
  return type && !type.conditions ? met("not_asked", "no-conditions") : met("unknown", "conditions-unknown");
}

function answersOf(all) {
  const answers = {};
  for (const question of QUESTIONS) {
    const mine = all.filter((one) => one.question === question);
    const result = ["no", "unknown", "yes"].find((one) => mine.some((each) => each.result === one)) ?? "not_asked";
    answers[question] = { result, reasons: [...new Set(mine.filter((one) => one.result === result).flatMap((one) => one.reasons))] };
  }
  return answers;
}

function overallOf(answers) {
  const [authentic, current, force] = ["authentic", "current", "in_force"].map((name) => answers[name].result);
  if ([authentic, current, force].includes("no")) return "not_valid";
  if (authentic !== "yes" || force !== "yes" || QUESTIONS.some((name) => answers[name].result === "unknown")) return "cannot_decide";
  return answers.conditions.result === "no" ? "valid_conditions_unmet" : "valid";
}

function headline(overall, answers, asOf, host) {
  const when = new Date((seconds(asOf) + 8 * 3600) * 1000).toISOString().slice(0, 16).replace("T", " ");
  if (host !== null) return { zh: `不是官方网址：${host}`, en: `Not the official site: ${host}` };
  if (answers.authentic.result !== "yes") {
    return overall === "not_valid" ? { zh: "不是真实的证照码", en: "Not a genuine licence code" } : { zh: "无法判定", en: "Cannot be decided" };
  }
  if (overall === "not_valid") return { zh: `证照码真实，但不能使用（状态截至 ${when}）`, en: `Genuine, but not valid (status as of ${when})` };
  if (overall === "valid_conditions_unmet") {
    return { zh: `真实；状态截至 ${when} 有效，但条件已过期`, en: `Genuine, in force as of ${when}, but a condition is overdue` };
  }
  if (overall === "valid") return { zh: `真实；状态截至 ${when} 有效`, en: `Genuine, in force as of ${when}` };
  if (answers.in_force.result === "yes" && answers.current.result === "yes") {
    return { zh: `真实；状态截至 ${when} 有效；条件不明`, en: `Genuine, in force as of ${when}; conditions unknown` };
  }
  return { zh: `证照码真实；目前状态不明（状态资料截至 ${when}）`, en: `Genuine; its state now is not known (status as of ${when})` };
}

function verdict(bundle, clock, asked, { stale = false, host = null, licence = null } = {}) {
  const beside = [say(3, "document", "authentic", "not_asked", "compare-with-paper"), say(8, "showing", "shown", "not_asked", "live-showing-not-asked")];
  const register = say(1, "register", "authentic", "not_asked", "register-not-asked");
  const all = [register, ...asked, ...(licence ? beside : [])].sort((one, other) => one.no - other.no);
  const answers = answersOf(all);
  const overall = overallOf(answers);
  return {
    overall, headline: headline(overall, answers, bundle.as_of, host), clock_wrong_by_seconds: clock.wrongBy, answers, licence,
    status: { as_of: bundle.as_of, age_seconds: Math.trunc(age(bundle, clock)), stale },
    host: { official: new URL(bundle.book).hostname, foreign: host },
    checks: all.map(({ no, name, result, reasons }) => ({ no, name, result, reasons })),
  };
}

function licence(facts, bundle, issuer, type) {
  return {
    licence_id: facts.licenceId, version: facts.version, type: type && { name: type.name, zh: type.zh, en: type.en },
    issuer: { code: issuer.code, zh: issuer.zh, en: issuer.en }, specimen: issuer.specimen, compare: facts.compare,
    valid_from: isoDay(facts.validFrom), valid_to: isoDay(facts.validTo), conditions_until: isoDay(facts.conditionsUntil),
    suspended_until: isoDay(bundle.lapses.get(facts.list)?.get(facts.index) ?? null),
  };
}
