// The page: brings the bundle up to date where there is network, scans, and shows what `check` says. It sends nothing that was scanned.

import { applyDelta, isOlder, readBundle } from "./bundle.js";
import { check } from "./check.js";
import { ofAMoment } from "./code.js";
import { loadReader, look } from "./scan.js";
import { keep, keepUnless, kept } from "./store.js";
import { clockAhead } from "./time.js";

const $ = (id) => document.getElementById(id);
const RENEW_EVERY = 10 * 60e3;
let bundle = null;
let ahead = null; // seconds by which this clock was ahead when the server last signed a time; null where it never did
let words = { reasons: {}, questions: {}, results: {} };
let stop = () => {};

// -- small pieces of the page: texts only, never markup ------------------------------------------------------------

function piece(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) made.setAttribute(key, value);
  made.append(...children.filter((one) => one !== null));
  return made;
}

const both = (zh, en) => [zh, " ", piece("span", { lang: "en" }, en)];

const SHAPES = {
  valid: ["M3 32a29 29 0 1 0 58 0a29 29 0 1 0-58 0Z", "m18 33 10 10 19-22"],
  valid_conditions_unmet: ["M32 3 61 32 32 61 3 32Z", "M32 18v18M32 42v5"],
  not_valid: ["M20 3h24l17 17v24L44 61H20L3 44V20Z", "m21 21 22 22M43 21 21 43"],
  cannot_decide: ["M10 4h44a6 6 0 0 1 6 6v44a6 6 0 0 1-6 6H10a6 6 0 0 1-6-6V10a6 6 0 0 1 6-6Z", "M24 25c0-11 17-11 17 0 0 7-9 7-9 14M32 46v4"],
};

function shape(overall) {
  const space = "http://www.w3.org/2000/svg";
  const made = document.createElementNS(space, "svg");
  made.setAttribute("viewBox", "0 0 64 64");
  made.setAttribute("aria-hidden", "true");
  SHAPES[overall].forEach((d, place) => {
    const path = document.createElementNS(space, "path");
    path.setAttribute("d", d);
    if (place) path.setAttribute("class", "mark");
    made.append(path);
  });
  return made;
}

function beijing(text) {
  return new Date(Date.parse(text) + 8 * 3600e3).toISOString().slice(0, 16).replace("T", " ");
}

function ago(seconds) {
  const hours = seconds / 3600;
  const minutes = Math.round(seconds / 60);
  if (hours < 1) return [`${minutes} 分钟前`, minutes === 1 ? "1 minute old" : `${minutes} minutes old`];
  return hours < 48 ? [`${hours.toFixed(1)} 小时前`, `${hours.toFixed(1)} hours old`] : [`${Math.round(hours / 24)} 天前`, `${Math.round(hours / 24)} days old`];
}

// -- the bundle ----------------------------------------------------------------------------------------------------

async function fetched(address, cache = "no-cache") {
  const answer = await fetch(address, { cache, credentials: "omit" });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer;
}

// The keeper's key comes from our own host; with it every bundle is opened, whether it came just now or is one that was kept.
async function renew() {
  const keeper = await (await fetched("keeper")).json();
  const known = await kept("keeper");
  let newer = null;
  if (bundle && known?.public_key === keeper.public_key) {
    try {
      const text = await (await fetched(`bundle/delta?since=${encodeURIComponent(bundle.as_of)}`)).text();
      newer = await applyDelta(bundle, text, keeper);
    } catch {
      newer = null; // too old, or more than the lists is new
    }
  }
  newer ??= await readBundle(await (await fetched("bundle")).text(), keeper);
  await compareClock(keeper, newer.book);
  if (isOlder(newer, bundle)) throw new Older();
  const before = await keepUnless(isOlder, "bundle", newer);
  if (isOlder(newer, before)) {
    bundle = before; // which another window has fetched
    throw new Older();
  }
  await keep("keeper", keeper);
  bundle = newer;
}

class Older extends Error {}

// The clock is compared at each renewal; without a new answer the last comparison stands.
async function compareClock(keeper, book) {
  try {
    ahead = await clockAhead(async (nonce) => (await fetched(`time?nonce=${nonce}`, "no-store")).text(), keeper, book);
    await keep("ahead", ahead);
  } catch {
    // no answer, or one that was signed for another question
  }
}

const NO_TROUBLE = ["", ""];
const NOT_RENEWED = ["（未能更新）", " (could not be renewed)"];
const ROLLED_BACK = ["（服务器给出的资料更旧，未采用）", " (the server gave older data, which were not taken)"];

function showAge(trouble = NO_TROUBLE) {
  const place = $("age");
  if (!bundle) {
    const said = both("本机没有离线资料，请联网打开一次。", "This device has no offline data; open the page once with network.");
    place.replaceChildren(...said);
    place.className = "age old";
    return;
  }
  const [zh, en] = ago(Math.max(0, Date.now() / 1000 - (ahead ?? 0) - Date.parse(bundle.as_of) / 1000));
  place.replaceChildren(...both(`状态资料截至 ${beijing(bundle.as_of)}，${zh}${trouble[0]}`, `Status as of ${beijing(bundle.as_of)} Beijing time, ${en}${trouble[1]}`));
  place.className = trouble === NO_TROUBLE ? "age" : "age old";
  $("official").textContent = new URL(bundle.book).hostname;
}

async function upToDate() {
  try {
    await renew();
    showAge();
  } catch (bad) {
    showAge(bad instanceof Older ? ROLLED_BACK : NOT_RENEWED);
  }
}

// -- the verdict ---------------------------------------------------------------------------------------------------

async function judge(text) {
  if (!bundle) return showAge();
  const path = ofAMoment(text, bundle.book);
  if (path) return lead(path);
  const now = Date.now() / 1000;
  const found = await check(text, bundle, now, ahead === null ? null : now - ahead);
  const [zh, en] = ago(found.status.age_seconds);
  const stale = found.status.stale ? ["，已超过时限", ", older than allowed"] : ["", ""];
  const when = both(
    `状态资料截至 ${beijing(found.status.as_of)}（${zh}${stale[0]}）`, `Status as of ${beijing(found.status.as_of)} Beijing time (${en}${stale[1]})`,
  );
  const band = piece(
    "section", { class: `band ${found.overall}`, "aria-label": "核验结论 Verdict", "data-overall": found.overall }, shape(found.overall),
    piece("div", {}, piece("h2", { tabindex: "-1" }, ...both(found.headline.zh, found.headline.en)), piece("p", { class: "when" }, ...when)),
  );
  const parts = [band, foreign(found), clockError(found), specimen(found), compare(found), facts(found), five(found)];
  $("verdict").replaceChildren(...parts.filter(Boolean));
  band.querySelector("h2").focus();
  band.scrollIntoView({ block: "start" });
}

// What is shown on a screen, or lent, is answered by the register; the page that this leads to has one button and uses nothing up.
function lead(path) {
  const link = piece("a", { class: "door", href: path }, ...both("联网核验这个码", "Check this code with the register"));
  const words = path.startsWith("/D/") ? both("这是屏幕上的亮证码", "This is a code on a holder's screen") : both("这是授权用证码", "This is a code of a lending");
  const band = piece(
    "section", { class: "band cannot_decide", "aria-label": "核验结论 Verdict", "data-overall": "cannot_decide" }, shape("cannot_decide"),
    piece("div", {}, piece("h2", { tabindex: "-1" }, ...words), piece("p", {}, ...both("须联网核验。", "It is checked with network."))),
  );
  $("verdict").replaceChildren(band, piece("section", { class: "card" }, link));
  band.querySelector("h2").focus();
}

function foreign({ host }) {
  if (!host.foreign) return null;
  return piece(
    "section", { class: "card" }, piece("h2", {}, ...both("二维码指向的网址", "The code leads to")), piece("p", { class: "host" }, host.foreign),
    piece("p", {}, ...both(`官方网址只有 ${host.official}。不要打开该网址，不要填写任何内容。`, `The only official site is ${host.official}. Do not open the other one and type nothing there.`)),
  );
}

function clockError({ clock_wrong_by_seconds: wrong }) {
  if (wrong === null) return null;
  const minutes = Math.round(Math.abs(wrong) / 60);
  return piece("p", { class: "notice" }, ...both(`本机时钟${wrong < 0 ? "慢" : "快"}约 ${minutes} 分钟，请校准后联网打开本页，再核验。`, `This device's clock is about ${minutes} minutes ${wrong < 0 ? "slow" : "fast"}; set it right, open this page with network, and check again.`));
}

function specimen({ licence }) {
  return licence?.specimen ? piece("p", { class: "specimen" }, piece("strong", {}, "样本　不具法律效力"), " ", piece("span", { lang: "en" }, "SPECIMEN, without legal effect")) : null;
}

// A genuine code copied onto another paper is caught only by comparing (STANDARDS §6.6).
function compare({ licence }) {
  if (!licence) return null;
  const differs = piece("button", { type: "button", class: "differs" }, ...both("不一致", "It differs"));
  const same = piece("button", { type: "button" }, ...both("一致", "It is the same"));
  const said = piece("p", { role: "status" });
  differs.addEventListener("click", () => {
    said.replaceChildren(...both("不要接受：二维码真实，但不属于这份证件。", "Do not accept it: the code is genuine, but belongs to another paper."));
    said.className = "notice";
  });
  same.addEventListener("click", () => said.replaceChildren(...both("已核对。", "Compared.")));
  return piece(
    "section", { class: "card compare" }, piece("h2", {}, ...both("证件（车辆、船舶、本人）上写的是这个吗？", "Does the paper (vehicle, vessel, person) say this?")),
    piece("p", { class: "value" }, licence.compare), same, differs, said,
  );
}

function facts({ licence }) {
  if (!licence) return null;
  const rows = [
    ["证照类型", "Type", licence.type ? `${licence.type.zh} ${licence.type.en}` : "？"], ["发证机关", "Issuer", `${licence.issuer.zh} ${licence.issuer.en}`],
    ["有效期", "Term", `${licence.valid_from} — ${licence.valid_to ?? "长期 open-ended"}`], ["版本", "Version", String(licence.version)],
    ["条件日期", "Conditions until", licence.conditions_until ?? "—"], ["暂扣至", "Suspended until", licence.suspended_until],
  ].filter(([, , value]) => value !== null);
  return piece("section", { class: "card" }, piece("dl", {}, ...rows.map(([zh, en, value]) => piece("div", {}, piece("dt", {}, ...both(zh, en)), piece("dd", {}, value)))));
}

function five({ answers }) {
  const rows = Object.entries(answers).map(([name, one]) => {
    const reasons = one.reasons.map((code) => both(words.reasons[code]?.zh ?? code, words.reasons[code]?.en ?? "")).map((said) => piece("p", {}, ...said));
    const result = words.results[one.result] ?? { zh: one.result, en: "" };
    const question = words.questions[name] ?? { zh: name, en: "" };
    return piece(
      "li", { class: one.result, "data-question": name }, piece("span", { class: "word" }, result.zh),
      piece("div", {}, piece("strong", {}, ...both(question.zh, question.en)), " ", piece("span", { lang: "en" }, `(${result.en})`), ...reasons),
    );
  });
  return piece("section", { class: "card" }, piece("h2", {}, ...both("五项结论", "Five answers")), piece("ul", { class: "answers" }, ...rows));
}

// -- the camera ----------------------------------------------------------------------------------------------------

function say(zh, en) {
  $("trouble").hidden = false;
  $("trouble").replaceChildren(...both(zh, en));
}

function ended() {
  $("camera").hidden = $("stop").hidden = true;
  $("scan").hidden = false;
}

async function scan() {
  $("trouble").hidden = true;
  if (!(await loadReader())) {
    return say("本服务器未安装扫码组件（licence-service parcels build）；请粘贴二维码内容。", "This server has no code reader (licence-service parcels build); paste what the code says.");
  }
  $("camera").hidden = $("stop").hidden = false;
  $("scan").hidden = true;
  try {
    stop = await look($("camera"), (text) => {
      ended();
      judge(text);
    });
  } catch {
    ended();
    say("无法使用相机；请允许使用相机，或粘贴二维码内容。", "The camera cannot be used; allow it, or paste what the code says.");
  }
}

$("scan").addEventListener("click", scan);
$("stop").addEventListener("click", () => {
  stop();
  ended();
});
$("typed").addEventListener("submit", (event) => {
  event.preventDefault();
  judge($("text").value);
});

async function begin() {
  navigator.serviceWorker?.register("sw.js");
  words = await fetched("words.json").then((answer) => answer.json()).catch(() => words);
  bundle = (await kept("bundle")) ?? null;
  ahead = (await kept("ahead")) ?? null;
  if (bundle) showAge();
  await upToDate();
  addEventListener("online", upToDate);
  setInterval(upToDate, RENEW_EVERY);
  document.body.dataset.ready = "yes";
}

begin();
